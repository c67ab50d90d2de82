"""Workers that are killed amidst their trainings, and processes that observe all at once.

Every order is carried out once in effect, none is lost and none merged twice; as many trainings are
asked for as there are n new samples, whoever observed them. In short in every run, and at length
by ``make soak``.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import msgpack
import pytest
from drivers import DRIVERS, Options
from orders import set_deadline
from redis_server import Server, redis_server

import nr
from nr.backends.redis import store as redis_store
from nr.backends.sql import orders as sql_orders
from nr.backends.sql.store import Store as SqlStore
from nr.contracts.store import ABANDONED, ATTEMPTS, SUSPECT
from nr.trainings import jobs
from nr.waiting import worker_of

NAMES = {"sqlite", "postgresql", "mariadb", "redis-protocol3"}
SHARED = [driver for driver in DRIVERS if driver.__name__ in NAMES]
LEASE = 3.0  # seconds: a worker that stands still for so long has lost its order
PROCESSES = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Size:
    """Of a run: how much, and seconds between two kills."""

    networks: int
    orders: int  # of each network
    cycles: int  # of an order's training, which lasts some 30 ms at most
    workers: int
    kills: int
    pause: float
    observers: int
    observations: int  # of all of them
    every: int


SHORT = Size(6, 5, 200, 2, 2, 0.3, 4, 400, 30)
LONG = Size(40, 50, 30_000, 4, 10**9, 2.0, 8, 5000, 70)
SIZES = [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.soak)]


def quick_leases() -> None:
    sql_orders.LIFETIME, redis_store.LIFETIME = LEASE, int(LEASE * 1000)
    for store in SqlStore, redis_store.Store:
        store.renewal, store.patience = LEASE / 8, LEASE


@pytest.fixture(autouse=True)
def leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_orders, "LIFETIME", LEASE)
    monkeypatch.setattr(redis_store, "LIFETIME", int(LEASE * 1000))
    for store in SqlStore, redis_store.Store:
        monkeypatch.setattr(store, "renewal", LEASE / 8)
        monkeypatch.setattr(store, "patience", LEASE)


def module_outside(request: pytest.FixtureRequest) -> Options:
    """A server whose module has no threads of its own. Its leases last nine seconds."""
    server = Server(redis_server(), request.getfixturevalue("tmp_path"), "THREADS", "0").start()
    request.addfinalizer(server.kill)
    return {"url": server.url()}


@pytest.fixture(params=[*SHARED, module_outside], ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    found: Options = request.param(request)
    return found


def work(options: Options) -> None:
    quick_leases()
    with nr.connect(**options) as db, worker_of(db, 1, None) as worker:
        signal.signal(signal.SIGTERM, lambda *_: worker.end())
        worker.work()


def begun(function: Any, *arguments: Any) -> BaseProcess:
    PROCESSES.set_forkserver_preload(["nr.backends.sql.store", "nr.backends.redis", "nr.waiting"])
    process = PROCESSES.Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


@contextmanager
def workers(options: Options, size: Size) -> Iterator[None]:
    """So many worker processes; one is killed now and then, and another takes its place."""
    running = [begun(work, options) for _ in range(size.workers)]
    over = threading.Event()

    def kill() -> None:
        for _ in range(size.kills):
            if over.wait(size.pause):
                return
            oldest = running.pop(0)
            assert oldest.pid
            os.kill(oldest.pid, signal.SIGKILL)
            oldest.join()
            running.append(begun(work, options))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()
        for process in running:
            process.terminate()
            process.join(60)


def network(db: nr.Database, name: str) -> nr.Network:
    net = db.create(name, "regressor", [1, 3, 1], seed=1, members=1)
    net.observe_many([1, 2, 3], [1, 2, 3])
    return net


def revision(net: nr.Network) -> int:
    header: dict[str, int] = msgpack.unpackb(net.dump())[2]
    return header["revision"]


@pytest.mark.parametrize("size", SIZES)
def test_every_order_is_carried_out_once(options: Options, size: Size) -> None:
    with nr.connect(**options, trainings="queue") as db:
        nets = [network(db, f"n{number}") for number in range(size.networks)]
        left = dict.fromkeys(range(size.networks), size.orders)
        told: list[list[str]] = [[] for _ in nets]  # of each network, what its orders came to
        end = monotonic() + 60 + size.networks * size.orders
        with workers(options, size):
            while left:
                assert monotonic() < end, left
                for number in list(left):
                    info = nets[number].info()
                    if info.training:
                        continue
                    if info.trainings:
                        told[number].append(info.last_training)
                    if not left[number]:
                        del left[number]
                        continue
                    nets[number].train(maxcycles=size.cycles, timeout=0, autostop=False)
                    left[number] -= 1
                sleep(0.01)
        assert db.execute("NR.THREADS") == []
        assert [net.info().trainings for net in nets] == [size.orders] * size.networks
        merged = [one.count("merged") for one in told]
        assert [revision(net) for net in nets] == merged
        assert [net.info().cycles for net in nets] == [size.cycles * number for number in merged]
        lost = [one for each in told for one in each if one != "merged"]
        assert not lost


# ---- TRAINEVERY ----


def observe(options: Options, observations: int) -> None:
    quick_leases()
    with nr.connect(**options, trainings="queue") as db:
        net = db["net"]
        for number in range(observations):
            net.observe(number % 7, number % 7)


@pytest.mark.parametrize("size", SIZES)
def test_as_many_trainings_are_due_as_samples_say(options: Options, size: Size) -> None:
    with nr.connect(**options) as db:
        net = db.create("net", "regressor", [1, 2, 1], seed=1, members=1, trainevery=size.every)
        each = size.observations // size.observers
        observers = [begun(observe, options, each) for _ in range(size.observers)]
        with worker_of(db, 1, None) as worker:
            thread = threading.Thread(target=worker.work)
            thread.start()
            for process in observers:
                process.join()
                assert process.exitcode == 0
            worker.end()
            thread.join()
        info = net.info()
        assert info.observed == size.observations
        assert info.ordered == size.observations // size.every
        assert info.new == size.observations % size.every
        standing = int(info.training)
        assert info.trainings + standing + info.coalesced == info.ordered
        if standing:
            db.execute("NR.STOP net")


# ---- what ends its worker ----


def crash(options: Options) -> None:
    """A worker that its first training ends."""
    jobs.Trainer = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,misc]
    work(options)


def test_a_training_that_ends_its_workers_fails_and_says_why(tmp_path: Path) -> None:
    with nr.connect(f"sqlite:///{tmp_path}/nets.db", trainings="queue") as db:
        net = network(db, "net")
        net.train(maxcycles=3, timeout=0, autostop=False)
        for attempt in range(1, ATTEMPTS + 1):
            worker = begun(crash, {"url": f"sqlite:///{tmp_path}/nets.db"})
            worker.join(60)
            assert worker.exitcode == -signal.SIGKILL
            [line] = db.execute("NR.THREADS")  # type: ignore[misc]
            assert f" attempt={attempt}" in str(line)
            set_deadline(db.backend.store, b"net", -1)  # type: ignore[attr-defined]
        assert nr.run_waiting(db) == 0
        assert net.info().last_training == f"failed: {ABANDONED}"
        assert net.train(maxcycles=3, timeout=0, autostop=False)
        assert nr.run_waiting(db) == 1
        assert net.info().last_training == "merged"


def test_what_was_lost_twice_is_carried_out_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nr.connect(f"sqlite:///{tmp_path}/nets.db", trainings="queue") as db:
        store, trainings = db.backend.store, db.backend.trainings  # type: ignore[attr-defined]
        for name in "abc":
            network(db, name).train(maxcycles=3, timeout=0, autostop=False)
            for _ in range(SUSPECT):
                assert store.take(name.encode())
                set_deadline(store, name.encode(), -1)
        beside, asleep = [], threading.Event()
        take, run = trainings.take, jobs.Job.run

        def taken(key: bytes) -> Any:
            beside.append(len(trainings.running()))
            return take(key)

        def late(job: jobs.Job) -> None:
            assert asleep.wait(60)
            run(job)

        monkeypatch.setattr(trainings, "take", taken)
        monkeypatch.setattr(jobs.Job, "run", late)
        with worker_of(db, 3, None) as worker:
            rest = worker._rest
            monkeypatch.setattr(worker, "_rest", lambda: (asleep.set(), rest()))
            assert worker.work(3, wait=False) == 3
        assert beside == [0, 0, 0]
