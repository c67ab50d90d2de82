"""Commands that were interrupted: the next one gets its own reply, and no lock stays."""

import gc
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import pytest
from drivers import DRIVERS, Driver, Options, mariadb, redis_kind
from interrupts import Alarm, interrupt, points

import nr

# An exception that comes while an object is freed goes nowhere, which Python warns of.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

# "decoding" is a client of the caller's. fakeredis cannot be interrupted: its own locks stay.
ALL = [driver for driver in DRIVERS if "fakeredis" not in driver.__name__]
ALL.append(redis_kind("decoding"))


@contextmanager
def connected(options: Options) -> Iterator[nr.Database]:
    """... and what was interrupted while it was made is freed in the test, not behind the last."""
    try:
        with nr.connect(**options) as db:
            yield db
    finally:
        for _ in range(3):
            gc.collect()


@pytest.fixture(params=ALL, ids=lambda driver: driver.__name__)
def db(request: pytest.FixtureRequest) -> Iterator[nr.Database]:
    driver: Driver = request.param
    with connected(driver(request)) as db:
        yield db


@pytest.fixture(params=ALL, ids=lambda driver: driver.__name__)
def plain(request: pytest.FixtureRequest) -> Iterator[nr.Database]:
    """... MariaDB without TLS, which PyMySQL prepares anew for each connection, for milliseconds.

    A connection follows nearly every interrupt; with TLS hardly anything else got to run.
    """
    options = request.param(request)
    if request.param is mariadb:
        options["url"] += "&ssl_disabled=1"
    with connected(options) as db:
        yield db


class Nets:
    """Two networks, whose replies tell one command from another."""

    def __init__(self, db: nr.Database) -> None:
        self.db = db
        self.one = db.create("one", "regressor", [1, 1], seed=1)
        self.two = db.create("two", "classifier", [2, 5], dataset=50, test=10, seed=2)
        self.one.observe([7], [8], to="train")
        self.two.observe([1, 2], 3, to="train")
        self.outputs = self.two.run([1, 2]).tolist()

    def often(self) -> list[Callable[[], object]]:
        return [lambda: self.one.observe([7], [8], to="train"), lambda: self.two.run([1, 2])]

    def seldom(self) -> list[Callable[[], object]]:
        return [
            self.one.info,
            self.two.dump,
            lambda: self.one.observe_many([[7]] * 3, [[8]] * 3, to="train"),
            self.one.reset,
            lambda: self.db.execute("NR.DEL", "new"),
            lambda: self.db.create("new", "regressor", [1, 1]),
            lambda: list(self.db),
        ]

    def check(self) -> None:
        """Each reply is that of its command, and whoever comes next may write."""
        assert self.two.info().layout == (2, 5)
        assert self.one.run([1]).shape == (1,)
        assert self.two.run([1, 2]).tolist() == self.outputs
        assert self.two.observe([1, 2], 4, to="test")[0] == 1


def interrupt_all(nets: Nets, call: Callable[[], object], times: int) -> None:
    """At so many of its points, by an alarm and by Ctrl-C in turn."""
    with suppress(nr.CommandError):  # NR.CREATE's key may be there
        total = points(call)
        for at in range(1, total + 1, max(1, total // times)):
            with suppress(nr.Error):
                interrupt(call, at, Alarm if at % 2 else KeyboardInterrupt)
            nets.check()


def test_an_interrupted_command_leaves_nothing_to_the_next_one(
    db: nr.Database, request: pytest.FixtureRequest
) -> None:
    server = {"mariadb", "postgresql"} & {request.node.callspec.id}  # connecting takes long
    nets = Nets(db)
    for call in nets.often():
        interrupt_all(nets, call, 20 if server else 80)
    for call in nets.seldom():
        interrupt_all(nets, call, 2 if server else 8)


@pytest.mark.soak
def test_a_command_may_be_interrupted_anywhere(plain: nr.Database) -> None:
    nets = Nets(plain)
    for call in nets.often() + nets.seldom():
        interrupt_all(nets, call, 500)


class Alarms:
    """Raised every 0.1 to 2 ms, wherever a call is at."""

    def __init__(self) -> None:
        self.raised = 0
        self._calling = self._on = False
        self._random = random.Random(1)

    def _next(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._random.uniform(1e-4, 2e-3))

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._on:
            self._next()
        if self._calling and frame and frame.f_code.co_filename != __file__:
            self.raised += 1
            raise Alarm

    def attempt(self, call: Callable[[], object], expected: object = None) -> None:
        """Calls it; a reply that comes is the one that is expected."""
        self._calling = True
        reply = expected
        try:
            reply = call()
        except (Alarm, nr.Error):
            pass
        finally:
            self._calling = False
        assert expected is None or reply == expected

    @contextmanager
    def running(self) -> Iterator[None]:
        before = signal.signal(signal.SIGALRM, self._handle)
        self._on = True
        self._next()
        try:
            yield
        finally:
            self._on = False  # first: a handler that runs late would set the timer again,
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)  # and so end the process


@pytest.mark.soak
def test_ten_thousand_alarms(
    plain: nr.Database, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "decoding" in request.node.callspec.id:
        pytest.skip("a client of the caller's packs its SELECT itself, where hiredis crashes")
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    db, nets, alarms = plain, Nets(plain), Alarms()
    replies = {
        lambda: db.execute("NR.GETDATA", "one", "TRAIN", 0): db.execute(
            "NR.GETDATA", "one", "TRAIN", 0
        ),
        lambda: nets.two.run([1, 2]).tolist(): nets.outputs,
        lambda: nets.two.info().layout: (2, 5),
    }
    while alarms.raised < 10_000:
        until = alarms.raised + 50
        with alarms.running():
            while alarms.raised < until:
                for call in nets.often() + nets.seldom():
                    alarms.attempt(call)
                    for known, reply in replies.items():
                        alarms.attempt(known, reply)
        nets.check()
