"""Trainings: starting one, and following it to its end, whoever carries it out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from nr.calls import words
from nr.calls.networks import configure, info
from nr.calls.steps import Call, Pause
from nr.commands.arguments import arguments
from nr.commands.info import Info, parse_progress
from nr.contracts.capabilities import Job, TrainsHere, capability
from nr.engine import Outcome, Progress
from nr.errors import CommandError, NotFoundError, StillTrainingError
from nr.trainings import GONE, RESET, Ended, refused

if TYPE_CHECKING:
    from tqdm import tqdm

_TICK = 0.2  # seconds between two looks of the progress bar
_UNLIMITED = 10_000  # milliseconds that a training without limits takes at most
_LOOK = 1.0  # seconds between two looks whether it still runs


def train(
    backend: object,
    key: bytes,
    maxcycles: int | None,
    maxtime: int | None,
    autostop: bool | None,
    backtrack: bool | None,
) -> Call[Course]:
    """As ``Network.train``."""
    now = yield from info(key)
    limits = {"maxcycles": maxcycles, "maxtime": maxtime}
    given = {word: value for word, value in limits.items() if value is not None}
    tested = now.test_len > 0 or now.type == "forecaster"  # by the latest steps of its series
    if autostop is None:
        autostop = tested and not (given and (yield from _is_classic(key)))
    if backtrack is None:
        backtrack = autostop
    if tested and not (given or autostop or backtrack):
        given["maxtime"] = _UNLIMITED  # alone, NR.TRAIN would be AUTOSTOP BACKTRACK
    asked = words.options({**given, "autostop": autostop, "backtrack": backtrack})
    argv = arguments(("NR.TRAIN", key, *asked))
    return (yield from _started(backend, argv, now, maxcycles or 0))


def _is_classic(key: bytes) -> Call[bool]:
    return bool((yield from configure(key, {}))["classic"])


def start(backend: object, argv: Sequence[bytes], maxcycles: int) -> Call[Course]:
    """Starts the training of an NR.TRAIN."""
    before = yield from info(argv[1])
    return (yield from _started(backend, argv, before, maxcycles))


def _started(backend: object, argv: Sequence[bytes], before: Info, maxcycles: int) -> Call[Course]:
    key = argv[1]
    trains = capability(backend, TrainsHere)
    if trains:
        job: Job | None = yield partial(trains.train, *argv)
        if job:
            return Course(key, before, maxcycles, job.lease.order.number, job)
    else:
        yield tuple(argv)
    now = yield from info(key)  # another one may have ended since we asked first
    return Course(key, before, maxcycles, now.trainings - (not now.training))


_AHEAD = 64  # trainings that are started before the first of them has ended


def train_all(
    backend: object, pattern: bytes, progress: bool
) -> Call[dict[str, Info | CommandError]]:
    """As ``Database.train_all``."""
    from tqdm.auto import tqdm

    keys: list[bytes] = yield "NR.LIST", pattern
    found: dict[str, Info | CommandError] = {}
    begun: deque[Course] = deque()
    with tqdm(total=len(keys), unit="network", disable=not progress) as bar:
        for key in keys:
            try:
                begun.append((yield from train(backend, key, None, None, None, None)))
            except CommandError as error:
                found[words.name_of(key)] = error
                bar.update()
            if len(begun) == _AHEAD:
                yield from _end(begun.popleft(), found, bar)
        while begun:
            yield from _end(begun.popleft(), found, bar)
    return {name: found[name] for name in map(words.name_of, keys)}


def _end(course: Course, found: dict[str, Info | CommandError], bar: tqdm[Any]) -> Call[None]:
    name = words.name_of(course.key)
    try:
        found[name] = yield from course.result(None)
    except CommandError as error:
        found[name] = error
    bar.update()


class Course:
    """What a ``Training`` knows of itself, and its calls."""

    def __init__(
        self, key: bytes, before: Info, maxcycles: int, number: int, job: Job | None = None
    ) -> None:
        self.key = key
        self._before = before
        self._maxcycles = maxcycles
        self._number = number
        self._job = job
        self._ended = False

    def running(self) -> Call[bool]:
        """As ``Training.running``."""
        if job := self._job_done():
            self._ended = job.outcome is not None
        if not self._ended:
            try:
                self._ended = not self._is_training((yield from info(self.key)))
            except NotFoundError:
                self._ended = True
        return not self._ended

    def _is_training(self, now: Info) -> bool:
        return now.training and now.id == self._before.id and now.trainings == self._number

    def _job_done(self) -> Job | None:
        """Our job, once this process has done with it: another may carry the order out then."""
        return self._job if self._job and self._job.done.is_set() else None

    def progress(self) -> Call[Progress | None]:
        """As ``Training.progress``."""
        if not (yield from self.running()):
            return None
        if self._job and not self._job_done():
            return self._job.progress()
        lines = yield ("NR.THREADS",)
        return dict(parse_progress(str(line)) for line in lines).get(self._before.id)

    def wait(self, timeout: float | None, progress: bool) -> Call[bool]:
        """As ``Training.wait``."""
        limit = float("inf") if timeout is None else words.seconds(timeout)
        if not progress:
            return (yield from self._wait(limit))
        from tqdm.auto import tqdm

        end, name = monotonic() + limit, words.name_of(self.key)
        with tqdm(total=self._maxcycles or None, unit="cycle", desc=name) as bar:
            while not (yield from self._wait(min(_TICK, max(0.0, end - monotonic())))):
                self._show(bar, (yield from self.progress()))
                if monotonic() >= end:
                    return False
            self._show(bar, (yield from self.reached()))
        return True

    def result(self, timeout: float | None) -> Call[Info]:
        """As ``Training.result``."""
        if not (yield from self.wait(timeout, False)):
            raise StillTrainingError(f"the training of {words.name_of(self.key)} still runs")
        return (yield from info(self.key))

    def stop(self) -> Call[bool]:
        """As ``Training.stop``."""
        if not (yield from self.running()):
            return False
        return bool((yield "NR.STOP", self.key))

    def _wait(self, limit: float) -> Call[bool]:
        end = monotonic() + limit
        while (yield from self.running()):
            left = end - monotonic()
            if left <= 0:
                return False
            job = None if self._job_done() else self._job
            yield Pause(self.key, min(left, _LOOK), job)
        if error := refused(self.key, (yield from self._outcome())):
            raise error
        return True

    def _outcome(self) -> Call[Ended]:
        """What became of it."""
        if (job := self._job_done()) and job.outcome:
            return job.outcome
        try:
            now = yield from info(self.key)
        except NotFoundError:
            return GONE
        if now.id != self._before.id:
            return GONE
        kind, _, why = now.last_training.partition(": ")
        outcome = Outcome[kind.upper()]
        return RESET if outcome is Outcome.NEVER else (outcome, why)

    def reached(self) -> Call[Progress | None]:
        """How far it came, once it has ended; None where its network is gone."""
        try:
            now = yield from info(self.key)
        except NotFoundError:
            return None
        cycles = max(0, now.cycles - self._before.cycles)
        return Progress(cycles, now.train_error, now.test_error, now.class_errors or 0.0)

    # ---- the bar ----

    def _show(self, bar: tqdm[Any], now: Progress | None) -> None:
        if now:
            bar.n = max(bar.n, now.cycles)
            self._errors(bar, now.train_error, now.test_error, now.class_errors)

    def _errors(self, bar: tqdm[Any], train: float, test: float, classes: float) -> None:
        shown = {"loss": f"{train:.4g}", "test": f"{test:.4g}"}
        if self._before.type == "classifier":
            shown["errors"] = f"{classes:.1f}%"
        bar.set_postfix(shown)
        bar.refresh()
