"""Orders, on every driver: who carries them out, what outlives whom, and what is told."""

import logging
import threading
from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

import numpy as np
import pytest
from drivers import DRIVERS
from orders import LIMITS, set_deadline
from redis_private import until

import nr
from nr.backends import Backend
from nr.backends.memory import Memory
from nr.commands.local import Local
from nr.contracts.store import ATTEMPTS, Lease, Limits, Standing, State
from nr.engine import Net, Outcome, Progress, Trainer
from nr.trainings import Workers

ENDLESS = {"timeout": 0, "autostop": False}
WAITS = "waits"
LOCAL = [driver for driver in DRIVERS if driver.__name__ != "module"]
TIMED = [driver for driver in LOCAL if driver.__name__ != "memory"]
"""Those whose leases run out."""


@pytest.fixture
def db(backend: Backend) -> nr.Database:
    return nr.Database(backend)


@pytest.fixture(params=LOCAL, ids=lambda driver: driver.__name__)
def local(request: pytest.FixtureRequest) -> Iterator[nr.Database]:
    """Every driver that trains in this process."""
    with nr.connect(**request.param(request)) as db:
        yield db


@pytest.fixture(params=TIMED, ids=lambda driver: driver.__name__)
def timed(request: pytest.FixtureRequest) -> Iterator[nr.Database]:
    with nr.connect(**request.param(request)) as db:
        yield db


def store_of(db: nr.Database) -> Any:
    return db.backend.store  # type: ignore[attr-defined]


def standing(db: nr.Database) -> Standing:
    found: Standing = store_of(db).header(b"net")[1]
    return found


def network(db: nr.Database, rows: int = 240) -> nr.Network:
    """Learns when two numbers have the same sign."""
    net = db.create("net", "classifier", [2, 8, 2], seed=1, dataset=rows, test=rows // 2)
    X = np.random.default_rng(1).uniform(-1, 1, (rows, 2))
    net.observe_many(X, X[:, 0] * X[:, 1] > 0)
    return net


def slow(net: nr.Network) -> nr.Network:
    """Whose next training gets nowhere, however long it takes."""
    net.configure(optimizer="sgd", learnrate=1e-6, patience=1_000_000)
    return net


def started(training: nr.Training) -> None:
    until(lambda: (training.progress() or Progress()).cycles > 0)


def awaited(db: nr.Database) -> Callable[[], bool]:
    """Whether somebody has asked NR.WAIT since, and knows for which order."""
    if not hasattr(db.backend, "store"):
        client = db.backend._client  # type: ignore[attr-defined]
        return lambda: client.info("clients")["blocked_clients"] > 0
    store, asked = store_of(db), threading.Event()
    real = store.header

    def header(key: bytes) -> Any:
        found = real(key)
        if threading.current_thread().name == WAITS:
            asked.set()
        return found

    store.header = header
    return asked.is_set


# ---- a network that works is never made worse ----


def known(net: nr.Network) -> Any:
    """All that is known of a network, but how many trainings have ended, and how."""
    info = {name: value for name, value in vars(net.info()).items() if "training" not in name}
    metrics = net.metrics()
    assert metrics
    return info, str(metrics), net.history().tobytes(), net.run([[0.5, 0.5], [1, -1]]).tobytes()


def test_a_retraining_that_is_cut_short_leaves_the_network_as_it_was(db: nr.Database) -> None:
    net = network(db)
    assert net.info().last_training == "never"
    net.train().wait()
    assert (net.info().last_training, net.info().trainings) == ("merged", 1)
    before = known(slow(net))
    stopped = net.train(autostop=True, timeout=0)
    stopped.stop()
    assert stopped.wait()
    assert net.info().last_training.startswith("kept: stopped ")
    assert known(net) == before
    late = net.train(autostop=True, timeout=0.001)
    assert late.wait()
    assert net.info().last_training.startswith("kept: out of time at a testing error of 0.")
    assert net.info().last_training.endswith(" of the weights in place")
    assert known(net) == before
    assert net.info().trainings == 3
    net.configure(optimizer="rprop", learnrate=None, patience=None)
    net.train().wait()  # by itself: afresh, from the same samples
    assert net.info().last_training == "merged"
    assert net.info().test_error == before[0]["test_error"]


def test_what_is_reached_first_is_kept_whatever_ended_it(db: nr.Database) -> None:
    net = network(db)
    training = net.train(**ENDLESS)
    started(training)
    training.stop()
    assert training.wait()
    info = net.info()
    assert (info.last_training, info.ended_by) == ("merged", "stop")
    assert info.cycles > 0


def test_closing_in_a_retraining_leaves_the_network_as_it_was(
    local: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    net = network(local)
    net.train().wait()
    before = known(slow(net))
    other = nr.Database(Local(store_of(local)))
    other["net"].train(autostop=True, timeout=0)
    other.backend._host.trainings.close()  # type: ignore[attr-defined]
    assert known(net) == before
    assert net.info().last_training.startswith("kept: stopped ")
    said = "closing stopped the training of b'net': nothing changed, stopped "
    assert said in caplog.text


# ---- what is told to those who wait ----


def test_what_becomes_of_the_network_is_told_as_an_error(db: nr.Database) -> None:
    net = network(db)
    training = net.train(**ENDLESS)
    net.reset()
    with pytest.raises(nr.CommandError) as told:
        training.wait(60)
    assert str(told.value) == "ERR the training of net was dropped: its network was reset"
    training = net.train(**ENDLESS)
    blob = net.dump()
    db.restore("net", blob, replace=True)
    with pytest.raises(nr.CommandError) as told:
        training.wait(60)
    gone = "ERR the training of net was dropped: its network was deleted or replaced"
    assert str(told.value) == gone
    training = net.train(**ENDLESS)
    del db["net"]
    with pytest.raises(nr.CommandError) as told:
        training.wait(60)
    assert str(told.value) == gone


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (lambda db: db.execute("NR.STOP net"), 1),
        (lambda db: db.execute("NR.RESET net"), "its network was reset"),
        (lambda db: db.execute("NR.DEL net"), "its network was deleted or replaced"),
    ],
)
def test_wait_tells_another_client_what_became_of_the_order_that_stood(
    db: nr.Database, end: Callable[[nr.Database], Any], told: Any
) -> None:
    started(network(db).train(**ENDLESS))
    replies: list[Any] = []
    waits = awaited(db)

    def wait() -> None:
        try:
            replies.append(db.execute("NR.WAIT net 0"))
        except nr.CommandError as error:
            replies.append(str(error))

    thread = threading.Thread(target=wait, name=WAITS)
    thread.start()
    until(waits)
    end(db)
    thread.join(60)
    assert replies == [told if told == 1 else f"ERR the training of net was dropped: {told}"]


def test_a_failure_is_told_in_every_process_until_the_next_training(
    local: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(local)
    net.train(maxcycles=3, autostop=False).wait()
    before = known(net)

    def fail(trainer: object, ms: int) -> bool:
        raise RuntimeError("a cosmic ray")

    with monkeypatch.context() as patch:
        patch.setattr("nr.engine.Trainer.step", fail)
        training = net.train()
        with pytest.raises(nr.CommandError):
            training.wait(60)
    other = nr.Database(Local(store_of(local)))
    for _ in range(2):
        with pytest.raises(nr.CommandError) as told:
            other.execute("NR.WAIT net 0")
        assert str(told.value) == "ERR the training of net failed: a cosmic ray"
    assert other["net"].info().last_training == "failed: a cosmic ray"
    assert known(other["net"]) == before
    other["net"].train(maxcycles=1, autostop=False).wait()
    assert other.execute("NR.WAIT net 0") == 1


# ---- leases ----


def test_a_lease_is_renewed_while_the_network_is_read(timed: nr.Database) -> None:
    """Here it has run out before it is renewed: without that it would stay so."""
    net, store = network(timed), store_of(timed)
    real, renewals = store.snapshot, []

    def slow(key: bytes) -> Net:
        for _ in range(3):
            set_deadline(store, key, -3600)
            until(lambda: store.header(key)[1] is Standing.HELD)
            renewals.append(key)
        return real(key)  # type: ignore[no-any-return]

    store.snapshot, store.renewal = slow, 0.05
    training = net.train(maxcycles=3, autostop=False)
    assert training.result(60).cycles == 3
    assert renewals == [b"net"] * 3


def test_an_expired_lease_that_nobody_took_is_taken_back_and_merged(local: nr.Database) -> None:
    net, store = network(local), store_of(local)
    if isinstance(store, Memory):
        pytest.skip("its leases do not run out")
    lease = store.order(b"net", LIMITS)
    trained = carried_out(store, lease)
    set_deadline(store, b"net", -3600)  # the clock was put forward, or this process stood still
    assert standing(local) is Standing.WAITS
    assert store.renew(lease, Progress()) is State.RUN
    assert standing(local) is Standing.HELD
    set_deadline(store, b"net", -3600)
    assert store.merge(trained, lease)
    assert net.info().cycles == 5
    assert standing(local) is Standing.NONE


def test_who_waits_in_the_same_process_does_not_take_the_order_from_its_worker(
    local: nr.Database,
) -> None:
    store, training = store_of(local), network(local).train(**ENDLESS)
    started(training)
    if isinstance(store, Memory):
        pytest.skip("its leases do not run out")
    set_deadline(store, b"net", -3600)
    assert local.execute("NR.WAIT net 100") == 0
    job = local.backend._host.trainings.get(b"net")  # type: ignore[attr-defined]
    assert store.renew(job.lease, Progress()) is State.RUN
    training.stop()
    assert training.wait(60)


def carried_out(store: Any, lease: Lease) -> Net:
    trainer = Trainer(store.snapshot(b"net"), lease.order.limits.command(b"net"))
    while trainer.step(0):
        pass
    return trainer.finish(0)


def test_a_deadline_further_off_than_a_lease_is_long_has_run_out(local: nr.Database) -> None:
    """A trainer was killed, and the clock put back an hour."""
    net, store = network(local), store_of(local)
    if isinstance(store, Memory):
        pytest.skip("its leases do not run out")
    store.order(b"net", LIMITS)
    set_deadline(store, b"net", 3600)
    assert standing(local) is Standing.WAITS
    assert net.train(maxcycles=2, autostop=False).result().cycles == 2


# ---- orders outlive their workers ----


def test_an_order_without_an_owner_is_for_whoever_waits(local: nr.Database) -> None:
    net, store = network(local), store_of(local)
    limits = Limits(maxcycles=7, maxtime=0, autostop=True, backtrack=True)
    assert store.order(b"net", limits, held=False) is None
    assert net.info().training
    with pytest.raises(nr.CommandError, match="already in progress"):
        net.train()
    (line,) = local.execute("NR.THREADS")  # type: ignore[misc, union-attr]
    assert " maxtime=0 maxcycles=7 " in str(line)
    assert local.execute("NR.WAIT net 0") == 1
    assert (net.info().ended_by, net.info().trainings) == ("cycles", 1)


def test_an_order_that_lost_its_worker_is_carried_out_by_another(
    local: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Who was thought dead is told what became of it all the same."""
    store, cycles = store_of(local), 10**9
    store.renewal = 3600  # only when the test does it
    net = network(local)
    first = net.train(maxcycles=cycles, timeout=0, autostop=False)
    started(first)
    set_deadline(store, b"net", -1)
    other = store.take(b"net")
    assert other.order.attempt == 2
    assert other.order.limits == Limits(cycles, 0, False, False)
    assert store.take(b"net") is None
    job = local.backend._host.trainings.get(b"net")  # type: ignore[attr-defined]
    job.renew()
    assert job.done.wait(60)
    assert job.outcome is None
    assert not first.wait(0.05)
    assert "the training of b'net' is carried out by another worker by now" in caplog.text
    assert store.merge(carried_out(store, store_lease(other)), other)
    assert first.wait(60)
    assert net.info().last_training == "merged"


def store_lease(lease: Lease) -> Lease:
    """The same, with less to do."""
    return Lease(type(lease.order)(**vars(lease.order) | {"limits": LIMITS}), lease.token)


def test_a_training_in_place_of_one_that_was_lost_says_so(
    local: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    store, net = store_of(local), network(local)
    lost = store.order(b"net", LIMITS)
    set_deadline(store, b"net", -1)
    store.order(b"net", LIMITS)
    why = "its worker was lost, and another training was ordered"
    assert net.info().last_training == f"dropped: {why}"
    assert net.info().trainings == 1
    assert store.renew(lost, Progress()) is State.LOST
    assert not store.merge(store.header(b"net")[0].unlearned(Outcome.KEPT, "so"), lost)


def test_an_order_whose_workers_are_lost_five_times_is_done_all_the_same(
    local: nr.Database,
) -> None:
    net, store = network(local), store_of(local)
    store.order(b"net", LIMITS)
    for _ in range(5):
        set_deadline(store, b"net", -1)
        lease = store.take(b"net")
    set_deadline(store, b"net", -1)
    assert lease.order.attempt == 6
    assert local.execute("NR.WAIT net 0") == 1
    info = net.info()
    assert (info.last_training, info.trainings, info.cycles) == ("merged", 1, LIMITS.maxcycles)


def test_an_order_is_taken_ten_times_at_most(local: nr.Database) -> None:
    net, store = network(local), store_of(local)
    store.order(b"net", LIMITS)
    for attempt in range(2, ATTEMPTS + 1):
        set_deadline(store, b"net", -1)
        assert store.take(b"net").order.attempt == attempt
    set_deadline(store, b"net", -1)
    assert net.info().training
    with pytest.raises(nr.CommandError) as told:
        local.execute("NR.WAIT net 0")
    assert str(told.value) == (
        "ERR the training of net failed: "
        "its worker was lost 10 times: it may be this training that ends them"
    )
    assert (net.info().training, net.info().trainings) == (False, 1)
    assert net.train(maxcycles=2, autostop=False).result().cycles == 2


def test_stop_takes_away_an_order_that_waits(local: nr.Database) -> None:
    net, store = network(local), store_of(local)
    store.order(b"net", LIMITS, held=False)
    assert local.execute("NR.STOP net") == 1
    assert local.execute("NR.STOP net") == 0
    assert standing(local) is Standing.NONE
    assert net.info().last_training == "kept: stopped while it waited for a worker"
    assert local.execute("NR.WAIT net 0") == 1


def test_an_order_goes_with_its_network(local: nr.Database) -> None:
    store = store_of(local)
    for end in "NR.RESET net", "NR.DEL net":
        network(local) if "net" not in local else None
        lease = store.order(b"net", LIMITS)
        local.execute(end)
        assert store.renew(lease, Progress()) is State.LOST
        assert store.orders() == []


# ---- what waits in line costs nothing ----


def test_a_trainer_is_made_by_the_worker_that_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Trainer] = []

    def make(*args: Any) -> Trainer:
        made.append(Trainer(*args))
        return made[-1]

    monkeypatch.setattr("nr.trainings.jobs.Trainer", make)
    with nr.connect("memory://", executor=Workers(1)) as db:
        nets = [db.create(f"n{i}", "regressor", [1, 2, 1], seed=1) for i in range(8)]
        for net in nets:
            net.observe_many([1, 2, 3], [1, 2, 3])
        trainings = [net.train(**ENDLESS) for net in nets]
        started(trainings[0])
        assert len(made) == 1
        for training in trainings[1:]:
            training.stop()
            assert training.wait(60)
        assert nets[-1].info().last_training == "kept: stopped before its first cycle"
        assert len(made) == 1


def test_ordering_reads_no_samples(local: nr.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    net, store = network(local), store_of(local)
    asked: list[str] = []
    real = store.snapshot

    def snapshot(key: bytes) -> Net:
        asked.append(threading.current_thread().name)
        return real(key)  # type: ignore[no-any-return]

    store.snapshot = snapshot
    net.train(maxcycles=1, autostop=False).wait()
    assert asked == ["nr"]  # a worker's


def test_trainings_together_take_no_more_than_one_alone_may() -> None:
    """The second waits for the first, and the third for the second, small though it is."""
    with nr.connect("memory://") as db:
        network(db)
        size = store_of(db).header(b"net")[0].training_bytes()
    with nr.connect("memory://", executor=Workers(3), memory=3 * size) as db:
        nets = [db.restore(name, network_of(db, 240).dump()) for name in "ab"]
        small = db.create("small", "regressor", [1, 1], seed=1)
        small.observe(1, 1)
        first, second = (net.train(**ENDLESS) for net in nets)
        third = small.train(maxcycles=1, autostop=False)
        started(first)
        sleep(0.1)
        assert (second.progress(), third.progress()) == (Progress(), Progress())
        first.stop()
        started(second)
        second.stop()
        assert third.wait(60)
        with pytest.raises(nr.CommandError, match="more than half of the memory of"):
            network_of(db, 4000).train()


def network_of(db: nr.Database, rows: int) -> nr.Network:
    db.execute("NR.DEL net")
    return network(db, rows)


def test_a_training_that_waits_for_memory_can_be_stopped() -> None:
    with nr.connect("memory://") as db:
        network(db)
        size = store_of(db).header(b"net")[0].training_bytes()
    with nr.connect("memory://", executor=Workers(2), memory=3 * size) as db:
        net = network(db)
        other = db.restore("other", net.dump())
        first, second = net.train(**ENDLESS), other.train(**ENDLESS)
        started(first)
        assert second.stop()
        assert second.wait(60)
        assert other.info().last_training == "kept: stopped before its first cycle"


def test_what_is_logged_of_a_dropped_training(
    local: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "nr")
    training = network(local).train(**ENDLESS)
    local["net"].reset()
    with pytest.raises(nr.CommandError):
        training.wait(60)
    said = "the training of b'net' was dropped: its network was reset"
    until(lambda: said in caplog.text)
