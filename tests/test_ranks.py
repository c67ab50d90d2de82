"""A training that several processes share comes to the bits of one process alone.

The ranks of these tests speak through pipes; ``make soak`` has them speak by MPI (test_ranks_soak).
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
from dumps import opened
from ranks_by_pipes import Pipes, ranks
from shared_networks import GENERATORS, NETWORKS, TRAINING, alone, plain

import nr
from nr.contracts.capabilities import CarriesOut, needed
from nr.engine import Net, parse
from nr.trainings import jobs
from nr.trainings.ranks import Leader

Makes = Callable[[nr.Database], nr.Network]


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings take no time at all, so that dumps may be compared whole."""
    monkeypatch.setattr(jobs, "monotonic", lambda: 0.0)


@contextmanager
def shared(group: Pipes, large: int = 0, **more: Any) -> Iterator[nr.Database]:
    """A store whose trainings a group shares: all steps, by whole sums below ``large`` bytes."""
    leader = Leader(group, long=0, large=large)
    with nr.connect("memory://", **more) as db:
        needed(db.backend, CarriesOut, "").trainings.makes = leader
        try:
            yield db
        finally:
            leader.end()


Dump = tuple[dict[str, Any], dict[str, tuple[int, bytes]]]


def trained(db: nr.Database, makes: Makes, **limits: Any) -> Dump:
    """The dump, but for the network's id."""
    net = makes(db)
    net.train(**(limits or TRAINING)).wait()
    header, parts = opened(net.dump())
    return {**header, "id": 0}, parts


def trained_by_one(makes: Makes, **limits: Any) -> Dump:
    with nr.connect("memory://") as db:
        return trained(db, makes, **limits)


@pytest.mark.parametrize("makes", NETWORKS, ids=lambda makes: makes.__name__)
def test_two_ranks_come_to_the_bits_of_one(makes: Makes) -> None:
    limits = {"maxcycles": 8} if makes in GENERATORS else TRAINING
    with ranks(2) as group, shared(group, 1 << 40) as db:
        assert trained(db, makes, **limits) == trained_by_one(makes, **limits)


@pytest.mark.parametrize("size", [1, 3, 4])
def test_any_number_of_ranks_adds_up_in_pieces(size: int) -> None:
    with ranks(size) as group, shared(group) as db:
        assert trained(db, alone) == trained_by_one(alone)
        del db["net"]
        assert trained(db, plain) == trained_by_one(plain)


def test_ranks_stop_together() -> None:
    with ranks(2) as group, shared(group) as db:
        net = alone(db)
        training = net.train(maxcycles=10**9, timeout=0)
        while not training.progress().cycles:
            pass
        training.stop()
        training.wait()
        assert net.info().ended_by == "stop"
        assert net.train(**TRAINING).wait()


def test_maxtime_is_rank_0s(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(10**6))
    monkeypatch.setattr(jobs, "monotonic", lambda: float(next(seconds)))
    with ranks(2) as group, shared(group) as db:
        net = alone(db)
        net.train(timeout=5).wait()
        assert net.info().ended_by == "time"
        assert net.info().cycles < 10


def test_what_a_rank_cannot_train_is_an_error_of_the_training() -> None:
    with ranks(2) as group, shared(group) as db:
        empty = db.create("empty", "regressor", [1, 1])
        leader = needed(db.backend, CarriesOut, "").trainings.makes
        snapshot = Net.load(empty.dump(), 0)
        with pytest.raises(nr.BackendError, match=r"rank 0 of 2 cannot train: ERR .* is empty"):
            leader(snapshot, parse([b"NR.TRAIN", b"empty"]))
        assert plain(db).train(**TRAINING).wait()


def raises(text: str) -> AbstractContextManager[object]:
    return pytest.raises(nr.CommandError, match=text)


def large(db: nr.Database) -> nr.Network:
    """Of steps that are long without further ado."""
    net = db.create("net", "regressor", [30, 40, 2], seed=5, members=1, dataset=20000)
    x = np.random.default_rng(1).normal(size=(20000, 30)).astype(np.float32)
    net.observe_many(x, x[:, :2], to="train")
    return net


def test_what_one_machine_has_no_memory_for_several_ranks_have() -> None:
    """And the error says how many of them it takes."""
    limits: dict[str, Any] = {"maxcycles": 2, "autostop": False}
    with nr.connect("memory://") as db:
        memory = 2 * Net.load(large(db).dump(), 0).training_bytes(3)
    refused = (
        r"take \d+ bytes, .*, or share it among 3 ranks \(mpirun -n 3 nr train\), of which each"
    )
    with nr.connect("memory://", memory=memory) as db, raises(refused):
        large(db).train(**limits)
    refused = r"take \d+ bytes on each rank, .*, or share it among 3 ranks"
    with ranks(2) as group, shared(group, memory=memory) as db, raises(refused):
        large(db).train(**limits)
    with ranks(3) as group, shared(group, memory=memory) as db:
        assert trained(db, large, **limits) == trained_by_one(large, **limits)


def test_a_rank_that_is_lost_ends_the_training_and_changes_nothing() -> None:
    with ranks(3) as group, shared(group) as db:
        net = alone(db)
        before = net.run(np.zeros(30))
        training = net.train(maxcycles=10**9, timeout=0)
        while not training.progress().cycles:
            pass
        pid = group.processes[1].pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(nr.CommandError, match="failed: all ranks have ended"):
            training.wait()
        assert np.array_equal(net.run(np.zeros(30)), before)
