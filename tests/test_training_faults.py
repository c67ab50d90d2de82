"""What may go wrong with trainings: stores that fail, executors, memory, and processes that end."""

import contextlib
import logging
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from training_calls import ENDLESS, eventually, has_cycles, network

import nr
from nr.backends.memory import Memory
from nr.commands.local import Local
from nr.contracts.store import Lease
from nr.database import connect
from nr.engine import Net, Outcome
from nr.trainings import Workers


@pytest.fixture
def db(backend: nr.backends.Backend) -> nr.Database:
    return nr.Database(backend)


def test_threads_may_share_a_database(db: nr.Database) -> None:
    """Whatever they do at once, every command replies or refuses."""
    blob = network(db, "origin").dump()
    lines = [
        "NR.CREATE net REGRESSOR 2 3 -> 1 DATASET 9 TEST 4",
        "NR.OBSERVE net 1 2 -> 3",
        "NR.TRAIN net MAXCYCLES 50",
        "NR.RUN net 1 2",
        "NR.INFO net",
        "NR.THREADS",
        "NR.WAIT net 1",
        "NR.STOP net",
        "NR.RESET net",
        "NR.DUMP net",
        "NR.DEL net",
    ]
    escaped: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for i in range(300):
                with contextlib.suppress(nr.CommandError):
                    db.execute(lines[(i * 7 + i // 11 + offset) % len(lines)])
                with contextlib.suppress(nr.CommandError):
                    db["net"].run([1, 2])
                if i % 17 == offset:
                    db.restore("net", blob, replace=True)
        except BaseException as error:
            escaped.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert escaped == []
    assert db["origin"].dump() == blob


def full(monkeypatch: pytest.MonkeyPatch) -> nr.Database:
    """Over a store that has no room for weights, but for a line of text."""
    store = Memory()
    real = store.merge

    def merge(trained: Net, lease: Lease) -> bool:
        if trained.outcome[0] is Outcome.MERGED:
            raise nr.BackendError("the disk is full")
        return real(trained, lease)

    monkeypatch.setattr(store, "merge", merge)
    return nr.Database(Local(store))


def test_a_training_that_cannot_be_merged_is_told_and_frees_its_network(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with full(monkeypatch) as db, caplog.at_level(logging.ERROR, "nr"):
        training = network(db).train(maxcycles=2, autostop=False)
        for wait in training.wait, lambda: db.execute("NR.WAIT net 0"):
            with pytest.raises(nr.CommandError, match="training of net failed: the disk is full"):
                wait()
        info = db["net"].info()
        assert (info.training, info.last_training) == (False, "failed: the disk is full")
        assert (info.cycles, info.ended_by) == (0, "never")
    assert "the training of b'net' failed: the disk is full" in caplog.text


def test_an_outage_shorter_than_the_lease_costs_a_training_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Memory()
    monkeypatch.setattr(store, "patience", 60.0)
    monkeypatch.setattr(store, "renewal", 0.01)
    refused: dict[str, int] = {}

    def outage(name: str) -> None:
        real = getattr(store, name)

        def call(*args: object) -> object:
            refused[name] = refused.get(name, 0) + 1
            if refused[name] <= 3:
                raise nr.BackendError("the store restarts")
            return real(*args)

        monkeypatch.setattr(store, name, call)

    for verb in "snapshot", "merge":
        outage(verb)
    with nr.Database(Local(store)) as db:
        assert network(db).train(maxcycles=2, autostop=False).result(60).cycles == 2
        assert not db["net"].info().training
    assert refused == {"snapshot": 4, "merge": 4}
    assert caplog.text == ""


def test_an_outage_that_outlasts_the_lease_is_told_and_leaves_the_order(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The lease has run out with the merge: to note the failure is tried once."""
    store = Memory()
    calls: list[Outcome] = []

    def merge(trained: Net, lease: Lease) -> bool:
        calls.append(trained.outcome[0])
        raise nr.BackendError("the store is gone")

    monkeypatch.setattr(store, "merge", merge)
    with nr.Database(Local(store)) as db:
        training = network(db).train(maxcycles=2, autostop=False)
        with pytest.raises(nr.CommandError, match="the training of net failed: the store is gone"):
            training.wait(60)
        assert db["net"].info().training
    assert calls == [Outcome.MERGED, Outcome.FAILED]
    assert "the training of b'net' failed: the store is gone" in caplog.text
    assert "what became of the training of b'net' cannot be noted: the store is" in caplog.text


def test_trainings_run_on_any_executor_of_threads() -> None:
    with ThreadPoolExecutor(2) as executor:
        with connect("memory://", executor=executor) as db:
            assert network(db).train(maxcycles=7, autostop=False).result(60).cycles == 7
        assert executor.submit(int, 3).result() == 3  # it is the caller's


def test_an_executor_that_was_shut_down_is_an_error() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with connect("memory://", executor=executor) as db:
        net = network(db)
        with pytest.raises(nr.BackendError, match="the executor takes no trainings"):
            net.train()
        assert not net.info().training


def test_what_is_no_executor_of_threads_is_refused() -> None:
    refused = pytest.raises(TypeError, match=r"of a ProcessPoolExecutor cannot .*ThreadPoolExecut")
    with ProcessPoolExecutor(1) as executor, refused:
        nr.connect("memory://", executor=executor)
    with pytest.raises(TypeError, match=r"an executor is a ThreadPoolExecutor.* not 4"):
        connect("memory://", executor=4)  # type: ignore[arg-type]


def test_a_failed_training_is_told_to_those_who_wait(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(trainer: object, ms: int) -> bool:
        raise RuntimeError("a cosmic ray")

    monkeypatch.setattr("nr.engine.Trainer.step", fail)
    with connect("memory://") as db:
        training = network(db).train()
        for _ in range(2):
            with pytest.raises(nr.CommandError, match=r"^ERR the training of net failed: a cosmic"):
                training.wait(60)
        assert not db["net"].info().training
        db["net"].reset()
        assert db.execute("NR.WAIT net 0") == 1
    assert "the training of b'net' failed" in caplog.text


def test_closing_stops_trainings_and_keeps_what_they_reached(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Memory()
    closed: list[int] = []
    store.close = lambda: closed.append(1)  # type: ignore[method-assign]
    db = nr.Database(Local(store))
    trainings = [network(db, name).train(**ENDLESS) for name in "abc"]
    assert eventually(lambda: has_cycles(trainings[0]))
    db.close()
    assert closed == [1]
    assert store.orders() == []
    assert store.snapshot(b"a").shape.revision == 1
    for name in "abc":
        assert f"closing stopped the training of b'{name}': " in caplog.text


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    db = nr.connect("memory://")
    network(db).train(maxcycles=2, autostop=False).wait()
    db.close()
    assert eventually(lambda: set(threading.enumerate()) <= before)


def test_workers_end_with_what_they_worked_for() -> None:
    before = set(threading.enumerate())
    workers = Workers(2)
    assert workers.submit(pow, 2, 5).result() == 32
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result()
    del workers
    assert eventually(lambda: set(threading.enumerate()) <= before)


def python(code: str) -> str:
    """Runs a program by itself; it must end, by itself, in peace. What it says at its end."""
    setup = (
        "import os, sys, time, nr\n"
        "def begun(training):\n"
        "    while not (progress := training.progress()) or not progress.cycles: time.sleep(0.01)\n"
        "db = nr.connect('memory://')\n"
        "nets = [db.create(str(i), 'regressor', [1, 1], seed=1) for i in range(4)]\n"
        "for net in nets: net.observe([1], 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", setup + code], timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_process_ends_amidst_trainings_and_says_so() -> None:
    said = python(
        "first, *_ = [net.train(timeout=0, autostop=False) for net in nets]\nbegun(first)"
    ).splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        f"closing stopped the training of b'{number}'" for number in range(4)
    ]
    assert said[0].endswith(": what it reached is merged")


def test_a_forked_child_has_the_networks_and_no_training() -> None:
    said = python(
        "training = nets[0].train(timeout=0, autostop=False)\n"
        "begun(training)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    assert not training.running and db.execute('NR.THREADS') == []\n"
        "    assert nets[1].train(maxcycles=3, autostop=False).result().cycles == 3\n"
        "    assert nets[0].info().cycles == 0\n"
        "    sys.exit(0)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert training.running\n"
    )
    assert said == "closing stopped the training of b'0': what it reached is merged\n"


def test_a_training_without_memory_is_told_to_those_who_wait(
    db: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(db.backend, "store"):
        pytest.skip("trains in the server: test_module_training.py has it")
    net = network(db)
    net.train(maxcycles=3, autostop=False).wait()
    before = net.run([3, 4]), net.info().cycles
    with monkeypatch.context() as patch:
        patch.setattr("nr.engine.Trainer.finish", no_memory)
        training = net.train(maxcycles=3, autostop=False)
        for _ in range(2):
            for wait in training.wait, training.result, lambda: training.wait(0):
                with pytest.raises(nr.CommandError) as told:
                    wait()
                assert str(told.value) == "ERR the training of net failed: out of memory"
    assert (net.run([3, 4]), net.info().cycles) == before
    info = net.info()
    assert (info.ended_by, info.last_training) == ("cycles", "failed: out of memory")
    assert net.train(maxcycles=3, autostop=False).wait()
    assert net.info().cycles == before[1] + 3


def no_memory(*_: object) -> Net:
    raise nr.EngineError("ERR out of memory")
