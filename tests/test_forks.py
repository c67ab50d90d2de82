"""Forks while other threads are at work: no child waits for a thread that it does not have."""

import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from drivers import DRIVERS, Driver
from redis_private import until

import nr
from nr import forks

# fakeredis is a server in this process, whose locks are its own.
FORKING = [driver for driver in DRIVERS if "fakeredis" not in driver.__name__]


@pytest.fixture(params=FORKING, ids=lambda driver: driver.__name__)
def db(request: pytest.FixtureRequest) -> Iterator[nr.Database]:
    driver: Driver = request.param
    with nr.connect(**driver(request)) as db:
        yield db


def work(net: nr.Network) -> None:
    net.observe([1, 2], 3, to="train")
    assert net.run([1, 2]).shape == (5,)
    assert net.info().layout == (2, 5)
    assert net.name in list(net.db)  # type: ignore[call-overload]


@contextmanager
def at_work(net: nr.Network, threads: int) -> Iterator[None]:
    ended, failed = threading.Event(), []

    def go_on() -> None:
        try:
            while not ended.is_set():
                work(net)
        except BaseException as error:
            failed.append(error)

    started = [threading.Thread(target=go_on) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in started:
            thread.join()
    assert failed == []


def fork(net: nr.Network) -> int:
    """A child that does what the threads do; its status."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)  # kills one that hangs
        try:
            work(net)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("count", [10, pytest.param(500, marks=pytest.mark.soak)])
def test_forks_beside_four_threads(db: nr.Database, count: int) -> None:
    net = db.create("net", "classifier", [2, 5], dataset=50, test=10, seed=2)
    with at_work(net, 4):
        assert [fork(net) for _ in range(count)] == [0] * count


def test_a_fork_comes_before_whoever_takes_a_lock_again() -> None:
    """Threads that hardly ever leave their lock to others kept it waiting for up to a minute."""
    lock = forks.outer(threading.RLock())
    children: list[int] = []

    def go_on() -> None:
        if (child := os.fork()) == 0:
            os._exit(0)
        children.append(child)

    forker = threading.Thread(target=go_on)
    with lock:
        forker.start()
        until(lambda: forks._wanted)
    forks.give_way()
    assert not forks._wanted
    assert lock.acquire(blocking=False)
    lock.release()
    forker.join()
    assert os.waitpid(children[0], 0)[1] == 0


@pytest.mark.parametrize("count", [50, pytest.param(2000, marks=pytest.mark.soak)])
def test_two_threads_fork_at_once(count: int) -> None:
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", [2, 5], seed=2)
        statuses: list[int] = []

        def go_on() -> None:
            statuses.extend(fork(net) for _ in range(count))

        other = threading.Thread(target=go_on)
        with at_work(net, 2):
            other.start()
            go_on()
            other.join()
        assert statuses == [0] * 2 * count
