import contextlib
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from time import monotonic

import pytest

import nr
from nr.backends.memory import Memory
from nr.calls.trainings import Course
from nr.commands.local import Local
from nr.contracts.store import Lease
from nr.database import connect
from nr.engine import Net, Outcome
from nr.trainings import Workers

ENDLESS = {"maxtime": 0}
GONE = "^ERR the training of net was dropped: its network was deleted or replaced$"
RESET = "^ERR the training of net was dropped: its network was reset$"


@pytest.fixture
def db(backend: nr.backends.Backend) -> nr.Database:
    return nr.Database(backend)


@pytest.fixture
def line() -> Iterator[nr.Database]:
    """A database with one worker, so that trainings wait in line."""
    with nr.connect("memory://", executor=Workers(1)) as db:
        yield db


def network(db: nr.Database, name: str = "net") -> nr.Network:
    net = db.create(name, "regressor", [2, 3, 1], normalize=True, dataset=50, test=10, seed=1)
    net.observe_many([[1, 2], [4, 5], [3, 3], [0, 9], [7, 5], [3, 1]], [3, 9, 6, 9, 12, 4])
    return net


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        threading.Event().wait(0.01)
    return condition()


# ---- the contract ----


def test_a_second_training_while_one_runs_is_refused(db: nr.Database) -> None:
    net = network(db)
    first = net.train(**ENDLESS)
    with pytest.raises(nr.CommandError, match=r"^ERR neural network training already in progress$"):
        net.train()
    assert first.running
    first.stop()
    assert first.wait()
    net.train(maxcycles=2).wait()


def test_33_trainings_at_once_all_end_and_none_is_lost(db: nr.Database) -> None:
    nets = [network(db, f"net{i}") for i in range(33)]
    trainings = [net.train(maxcycles=200, maxtime=0) for net in nets]
    infos = [training.result() for training in trainings]
    assert [info.cycles for info in infos] == [200] * 33
    assert not any(info.training for info in infos)
    assert len({net.run([1, 1])[0] for net in nets}) == 1
    assert db.execute("NR.THREADS") == []


def test_trainings_in_line_count_as_training(line: nr.Database) -> None:
    first = network(line, "first").train(**ENDLESS)
    second = network(line, "second").train(maxcycles=5)
    assert second.running
    assert line["second"].info().training
    assert [str(text).split()[2] for text in line.execute("NR.THREADS")] == [
        "key=first",
        "key=second",
    ]
    with pytest.raises(nr.CommandError, match="already in progress"):
        line["second"].train()
    assert not second.wait(0.05)
    first.stop()
    assert second.result().cycles == 5


def test_stop_takes_a_training_out_of_the_line(line: nr.Database) -> None:
    first = network(line, "first").train(**ENDLESS)
    second = network(line, "second").train(**ENDLESS)
    assert second.stop()
    assert second.wait()
    assert not second.stop()
    assert line["second"].info().cycles == 0
    assert first.running
    line["second"].train(maxcycles=3)
    first.stop()
    assert eventually(lambda: line["second"].info().cycles == 3)


def test_what_is_deleted_in_line_is_never_trained(line: nr.Database) -> None:
    first = network(line, "first").train(**ENDLESS)
    second = network(line, "second").train(**ENDLESS)
    del line["second"]
    again = network(line, "second").train(maxcycles=4)
    assert not second.running
    first.stop()
    assert again.result().cycles == 4


def test_a_training_learns_from_what_is_there_when_it_begins(line: nr.Database) -> None:
    """... and copies nothing while it waits in line."""
    alone = network(line, "alone")
    alone.observe([100, 100], -5, to="train")
    alone.train(maxcycles=9, maxtime=0).wait()
    first = network(line, "first").train(**ENDLESS)
    net = network(line)
    training = net.train(maxcycles=9, maxtime=0)
    net.observe([100, 100], -5, to="train")
    first.stop()
    training.wait()
    assert net.run([1, 1]) == alone.run([1, 1])
    assert net.info().train_len == 6


def test_reset_drops_a_running_training(db: nr.Database) -> None:
    net = network(db)
    training = net.train(**ENDLESS)
    assert eventually(lambda: (training.progress() or nr.Progress()).cycles > 0)
    net.reset()
    assert not training.running
    assert training.progress() is None
    assert net.info().cycles == 0
    before = net.run([1, 1])
    net.train(maxcycles=3).wait()
    assert net.info().cycles == 3
    assert net.run([1, 1]) != before


def test_a_network_created_anew_is_left_alone(db: nr.Database) -> None:
    training = network(db).train(**ENDLESS)
    del db["net"]
    with pytest.raises(nr.CommandError, match=GONE):
        training.wait(5)
    net = network(db)
    before = net.run([1, 1])
    assert not training.running
    assert not training.stop()
    assert net.run([1, 1]) == before
    assert net.info().cycles == 0


def test_stop_keeps_what_was_reached(db: nr.Database) -> None:
    net = network(db)
    before = net.run([1, 1])
    training = net.train(**ENDLESS)
    assert eventually(lambda: (training.progress() or nr.Progress()).cycles > 0)
    assert training.stop()
    info = training.result()
    assert info.cycles > 0
    assert info.ended_by == "stop"
    assert net.run([1, 1]) != before


def test_a_later_training_is_not_taken_for_an_earlier_one(db: nr.Database) -> None:
    net = network(db)
    first = net.train(maxcycles=3)
    assert eventually(lambda: net.info().cycles == 3 and not net.info().training)
    second = net.train(**ENDLESS)
    assert second.running
    assert not first.running
    assert not first.stop()
    assert first.wait(0)
    assert first.progress() is None
    assert second.running
    second.stop()
    assert second.wait()


def test_an_ended_training_leaves_room_for_the_next(db: nr.Database) -> None:
    net = network(db)
    for _ in range(20):
        training = net.train(maxcycles=1)
        while training.running:
            pass
    assert net.info().cycles == 20


def test_options_configured_meanwhile_stay(db: nr.Database) -> None:
    net = network(db)
    training = net.train(**ENDLESS)
    net.configure(l2=0.25)
    training.stop()
    training.wait()
    assert net.configure()["l2"] == 0.25


def test_time_ends_a_training(db: nr.Database) -> None:
    info = network(db).train(maxtime=30).result()
    assert info.ended_by == "time"
    assert 0.03 <= info.seconds < 10


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "ERR Can't start training: the training dataset is empty"),
        ({"autostop": True}, "ERR Can't start training: the training dataset is empty"),
    ],
)
def test_nothing_to_train_on(db: nr.Database, options: dict[str, bool], text: str) -> None:
    net = db.create("net", "regressor", [1, 1])
    with pytest.raises(nr.CommandError, match=text):
        net.train(**options)  # type: ignore[arg-type]
    assert not net.info().training


def test_autostop_needs_a_testing_dataset(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], test=0)
    net.observe([1], 2)
    with pytest.raises(nr.CommandError, match="ERR Can't start training with AUTOSTOP option"):
        net.train(autostop=True)
    net.train(maxcycles=1).wait()


def test_autostop_ends_a_training(db: nr.Database) -> None:
    net = db.create("net", "classifier", [1, 8, 2], seed=1)
    net.observe_many(range(40), [i * 7919 % 13 % 2 for i in range(40)])
    info = net.train(autostop=True, backtrack=True, maxtime=0).result()
    assert info.ended_by == "autostop"
    assert info.overfitting


# ---- waiting ----


def test_wait_gives_up_after_its_time(db: nr.Database) -> None:
    training = network(db).train(**ENDLESS)
    assert not training.wait(0)
    assert not training.wait(0.02)
    with pytest.raises(TimeoutError):
        training.result(0.02)
    training.stop()
    assert training.wait(60)
    assert training.wait(0)


def test_a_bar_shows_loss_and_errors(db: nr.Database, capsys: pytest.CaptureFixture[str]) -> None:
    net = db.create("flowers", "classifier", [1, 2, 2], seed=1)
    net.observe_many(range(30), [i % 2 for i in range(30)])
    net.train(maxcycles=20, maxtime=0).wait()
    assert net.train(maxcycles=3001, maxtime=0).wait(progress=True)
    shown = capsys.readouterr().err
    for part in ("flowers", "3001/3001", "loss=", "test=", "errors="):
        assert part in shown


def test_a_bar_moves_while_it_trains(
    db: nr.Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nr.calls.trainings._TICK", 0.02)
    training = network(db).train(**ENDLESS)
    assert not training.wait(0.3, progress=True)
    training.stop()
    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "errors=" not in shown


def test_an_interrupt_ends_the_wait_and_not_the_training(db: nr.Database) -> None:
    training = network(db).train(**ENDLESS)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        training.wait()
    timer.join()
    assert training.running
    training.stop()


# ---- leases: what other processes see ----


@pytest.fixture
def two() -> Iterator[tuple[nr.Database, nr.Database]]:
    """Two backends on one store, as two processes are, with a quick heart."""
    store = Memory()
    store.renewal = 0.01
    with nr.Database(Local(store)) as one:
        yield one, nr.Database(Local(store))


def test_others_see_a_training_and_its_progress(two: tuple[nr.Database, nr.Database]) -> None:
    here, there = two
    training = network(here).train(**ENDLESS)
    seen = nr.Training(there.backend, Course(b"net", there["net"].info(), 0, 0))
    assert seen.running
    with pytest.raises(nr.CommandError, match="already in progress"):
        there["net"].train()
    assert eventually(lambda: (seen.progress() or nr.Progress()).cycles > 0)
    assert not seen.wait(0.02)
    training.stop()
    assert seen.wait(60)


def test_others_can_stop_a_training(two: tuple[nr.Database, nr.Database]) -> None:
    here, there = two
    training = network(here).train(**ENDLESS)
    assert there.execute("NR.STOP net") == 1
    assert training.result(60).ended_by == "stop"


def test_others_can_reset_what_trains(two: tuple[nr.Database, nr.Database]) -> None:
    here, there = two
    network(here).train(**ENDLESS)
    job = here.backend._host.trainings.get(b"net")  # type: ignore[attr-defined]
    there["net"].reset()
    assert job.done.wait(60)
    assert here["net"].info().cycles == 0
    assert here["net"].train(maxcycles=2).result(60).cycles == 2


# ---- what may go wrong ----


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
        training = network(db).train(maxcycles=2)
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
        assert network(db).train(maxcycles=2).result(60).cycles == 2
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
        training = network(db).train(maxcycles=2)
        with pytest.raises(nr.CommandError, match="the training of net failed: the store is gone"):
            training.wait(60)
        assert db["net"].info().training
    assert calls == [Outcome.MERGED, Outcome.FAILED]
    assert "the training of b'net' failed: the store is gone" in caplog.text
    assert "what became of the training of b'net' cannot be noted: the store is" in caplog.text


def test_trainings_run_on_any_executor_of_threads() -> None:
    with ThreadPoolExecutor(2) as executor:
        with connect("memory://", executor=executor) as db:
            assert network(db).train(maxcycles=7).result(60).cycles == 7
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
    refused = pytest.raises(TypeError, match=r"give a ThreadPoolExecutor.* a ProcessPoolExecutor")
    with ProcessPoolExecutor(1) as executor, refused:
        connect("memory://", executor=executor)
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
    assert eventually(lambda: (trainings[0].progress() or nr.Progress()).cycles > 0)
    db.close()
    assert closed == [1]
    assert store.orders() == []
    assert store.snapshot(b"a").shape.revision == 1
    for name in "abc":
        assert f"closing stopped the training of b'{name}': " in caplog.text


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    db = nr.connect("memory://")
    network(db).train(maxcycles=2).wait()
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
    said = python("for net in nets: net.train(timeout=0)\ntime.sleep(0.2)").splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        f"closing stopped the training of b'{number}'" for number in range(4)
    ]
    assert said[0].endswith(": what it reached is merged")


def test_a_forked_child_has_the_networks_and_no_training() -> None:
    said = python(
        "training = nets[0].train(timeout=0)\n"
        "time.sleep(0.1)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    assert not training.running and db.execute('NR.THREADS') == []\n"
        "    assert nets[1].train(maxcycles=3).result().cycles == 3\n"
        "    assert nets[0].info().cycles == 0\n"
        "    sys.exit(0)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert training.running\n"
    )
    assert said == "closing stopped the training of b'0': what it reached is merged\n"


# ---- failing ----


def test_a_training_without_memory_is_told_to_those_who_wait(
    db: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(db.backend, "store"):
        pytest.skip("trains in the server: test_module_training.py has it")
    net = network(db)
    net.train(maxcycles=3).wait()
    before = net.run([3, 4]), net.info().cycles
    with monkeypatch.context() as patch:
        patch.setattr("nr.engine.Trainer.finish", no_memory)
        training = net.train(maxcycles=3)
        for _ in range(2):
            for wait in training.wait, training.result, lambda: training.wait(0):
                with pytest.raises(nr.CommandError) as told:
                    wait()
                assert str(told.value) == "ERR the training of net failed: out of memory"
    assert (net.run([3, 4]), net.info().cycles) == before
    info = net.info()
    assert (info.ended_by, info.last_training) == ("cycles", "failed: out of memory")
    assert net.train(maxcycles=3).wait()
    assert net.info().cycles == before[1] + 3


def no_memory(*_: object) -> Net:
    raise nr.EngineError("ERR out of memory")
