"""A training whose worker is lost goes on from where it was, to the bits of one undisturbed.

In short in every run; ``make soak`` kills workers at random moments, twenty times on each store.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from drivers import DRIVERS, MEMORY, Options
from dumps import opened
from test_workers_soak import begun, leases, quick_leases  # noqa: F401  (leases: a fixture)

import nr
from nr.contracts.store import Lease, Standing, Store
from nr.engine import Trainer
from nr.trainings import checkpoints, jobs
from nr.trainings.checkpoints import Checkpoints
from nr.waiting import worker_of

NAMES = {"sqlite", "postgresql", "mariadb", "redis-protocol3"}
LIMITS: dict[str, Any] = {"maxcycles": 40, "autostop": True, "backtrack": True, "timeout": 0}
Dump = tuple[dict[str, Any], dict[str, tuple[int, bytes]]]


@pytest.fixture(params=[one for one in DRIVERS if one.__name__ in NAMES], ids=lambda o: o.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    found: Options = request.param(request)
    return found


@pytest.fixture
def db(options: Options) -> Iterator[nr.Database]:
    with nr.connect(**options, trainings="queue") as db:
        yield db


def made(db: nr.Database, rows: int = 400) -> nr.Network:
    kinds = {"customer": "key", "x": "vector(6)", "y": "number"}
    more: dict[str, Any] = {"hidden": [100], "members": 8, "patience": 10**6}
    net = db.create("net", "regressor", kinds, target="y", seed=1, dataset=rows, **more)
    random_ = np.random.default_rng(1)
    x = random_.normal(size=(rows, 6)).astype(np.float32)
    net.observe_many(
        [
            {"customer": f"c{i}", "x": row.tolist(), "y": float(np.tanh(row[0]) + row[1] / 2)}
            for i, row in enumerate(x)
        ]
    )
    return net


def told(net: nr.Network) -> Dump:
    """The dump, but for what is of this store, and of time."""
    header, parts = opened(net.dump())
    return {**header, "id": 0, "total_ms": 0, "observed": 0}, parts


def store_of(db: nr.Database) -> Store:
    store: Store = db.backend.store  # type: ignore[attr-defined]
    return store


@pytest.fixture
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> Dump:
    monkeypatch.setattr(jobs, "monotonic", lambda: 0.0)
    with nr.connect("memory://") as db:
        net = made(db)
        net.train(**LIMITS).wait()
        return told(net)


def half_trained(db: nr.Database) -> tuple[Lease, bytes]:
    """The order of a training, taken and given back, and where it was."""
    store = store_of(db)
    db["net"].train(**LIMITS)
    lease = store.take(b"net")
    assert lease
    snapshot, command = store.snapshot(b"net"), lease.order.limits.command(b"net")
    trainer = Trainer(snapshot, command)
    trainer.step(0)
    saved = trainer.save(Trainer.digest(snapshot, command), 0)
    store.keep(lease, saved)
    store.give_back(lease)
    return lease, saved


def kept(db: nr.Database) -> bytes:
    return store_of(db).snapshot(b"net").checkpoint


def goes_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets how long each training that is resumed had run, milliseconds."""
    found: list[int] = []
    resume = Checkpoints.resume

    def noted(self: Checkpoints, trainer: Trainer) -> int:
        before = trainer.progress().cycles
        elapsed = resume(self, trainer)
        found.append(trainer.progress().cycles - before)
        return elapsed

    monkeypatch.setattr(Checkpoints, "resume", noted)
    return found


def test_a_training_goes_on(
    db: nr.Database, undisturbed: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed = goes_on(monkeypatch)
    net = made(db)
    _, saved = half_trained(db)
    assert kept(db) == saved
    assert b"".join(data for _, data in opened(net.dump())[1].values()).find(saved[:64]) < 0
    assert nr.run_waiting(db) == 1
    assert resumed[0] > 0
    assert told(net) == undisturbed
    assert kept(db) == b""


def test_with_another_sample_it_begins_again(
    db: nr.Database, undisturbed: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed = goes_on(monkeypatch)
    net = made(db)
    half_trained(db)
    net.observe({"customer": "new", "x": [1, 2, 3, 4, 5, 6], "y": 9})
    assert nr.run_waiting(db) == 1
    assert resumed == [0]
    assert told(net) != undisturbed


ENDS: dict[str, Callable[[nr.Database], object]] = {
    "clear": lambda db: db["net"].clear("test"),
    "forget": lambda db: db["net"].forget({"customer": "c3"}),
    "reset": lambda db: db["net"].reset(),
    "stop": lambda db: db.backend.execute(b"NR.STOP", b"net"),
    "replace": lambda db: db.restore("net", db["net"].dump(), replace=True),
}


@pytest.mark.parametrize("end", ENDS)
def test_it_goes_with_the_order_and_with_samples(db: nr.Database, end: str) -> None:
    made(db)
    half_trained(db)
    ENDS[end](db)
    assert kept(db) == b""


def test_who_has_lost_the_order_keeps_nothing(db: nr.Database) -> None:
    net = made(db)
    lease, saved = half_trained(db)
    store_of(db).keep(lease, saved + b"more")
    assert kept(db) == saved
    store_of(db).stop(b"net")
    store_of(db).keep(lease, saved)
    assert kept(db) == b""
    del db["net"]
    made(db)
    assert (kept(db), net.info().training) == (b"", False)


def test_what_is_damaged_begins_again(db: nr.Database, undisturbed: Dump) -> None:
    net = made(db)
    _, saved = half_trained(db)
    lease = store_of(db).take(b"net")
    assert lease
    store_of(db).keep(lease, saved[:-1] + bytes([saved[-1] ^ 1]))
    store_of(db).give_back(lease)
    assert nr.run_waiting(db) == 1
    assert told(net) == undisturbed


def test_it_is_kept_now_and_then(db: nr.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store, times = store_of(db), []
    keep = store.keep
    monkeypatch.setattr(store, "keep", lambda *given: (times.append(monotonic()), keep(*given)))
    monkeypatch.setattr(checkpoints, "SHARE", 1.0)
    made(db).train(maxcycles=10**9, timeout=0)
    db.backend.trainings.pause = 0.05  # type: ignore[attr-defined]
    with worker_of(db, 1, None) as worker:
        job = db.backend.trainings.take(b"net")  # type: ignore[attr-defined]
        end = monotonic() + 60
        while len(times) < 3 and monotonic() < end:
            sleep(0.01)
        assert kept(db)
        job.stop()
        job.done.wait()
        worker.end()
    assert len(times) >= 3
    assert kept(db) == b""


# ---- killed ----


def work(options: Options) -> None:
    quick_leases()
    with nr.connect(**options) as db, worker_of(db, 1, None) as worker:
        db.backend.trainings.pause = 0.1
        worker.work()


@pytest.mark.soak
def test_workers_are_killed_at_random_moments(options: Options) -> None:
    chance = random.Random(1)
    limits = LIMITS | {"maxcycles": 600}
    with nr.connect("memory://", memory=MEMORY) as memory:
        made(memory, 1200).train(**limits).wait()
        wanted = told(memory["net"])
    for _ in range(20):
        with nr.connect(**options, trainings="queue") as db:
            net = made(db, 1200)
            training = net.train(**limits)
            worker = begun(work, options)
            while store_of(db).header(b"net")[1] is not Standing.HELD:
                sleep(0.02)
            sleep(chance.uniform(0.1, 1.2))
            assert worker.pid
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
            other = begun(work, options)
            training.wait()
            other.terminate()
            other.join(60)
            assert told(net) == wanted
            del db["net"]
