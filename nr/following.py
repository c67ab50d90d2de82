"""A training seen from the client: wait for it, watch it, stop it."""

from __future__ import annotations

from contextlib import suppress
from math import ceil, inf
from numbers import Real
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from nr.engine import Outcome, Progress
from nr.errors import ArgumentError, NotFoundError, StillTrainingError
from nr.info import Info, parse_progress
from nr.trainings import GONE, RESET, Ended, refused

if TYPE_CHECKING:
    from tqdm import tqdm

    from nr.network import Network
    from nr.trainings import Job

_TICK = 0.2  # seconds between two looks of the progress bar
_LOOK = 1.0  # seconds between two looks whether it still runs


def seconds(timeout: Any) -> float:
    """A timeout as it was given. Raises ArgumentError for what is no number of seconds."""
    if not isinstance(timeout, Real) or isinstance(timeout, np.timedelta64) or timeout != timeout:
        raise ArgumentError(f"a timeout is a number of seconds, not {timeout!r}")
    try:
        return float(timeout)
    except OverflowError:  # a whole number of hundreds of digits
        return inf if bool(timeout >= 0) else -inf  # type: ignore[operator]


class Training:
    """What ``Network.train`` returns. The training runs on, whether it is kept or not.

    A later training of the network is another one: by ``number``, that of trainings of the
    network that had ended before.
    """

    def __init__(
        self, network: Network, before: Info, maxcycles: int, number: int, job: Job | None = None
    ) -> None:
        self._network = network
        self._before = before
        self._classifier = before.type == "classifier"
        self._maxcycles = maxcycles
        self._number = number
        self._job = job
        self._ended = False

    @property
    def key(self) -> bytes:
        """Of its network."""
        return self._network.key

    @property
    def running(self) -> bool:
        """Whether it runs, or waits in line."""
        if job := self._job_done():
            self._ended = job.outcome is not None
        if not self._ended:
            try:
                self._ended = not self._is_training(self._network.info())
            except NotFoundError:
                self._ended = True
        return not self._ended

    def _is_training(self, now: Info) -> bool:
        return now.training and now.id == self._before.id and now.trainings == self._number

    def _job_done(self) -> Job | None:
        """Our job, once this process has done with it: another may carry the order out then."""
        return self._job if self._job and self._job.done.is_set() else None

    def progress(self) -> Progress | None:
        """Its cycles, errors a sample and wrong classes in per cent so far; None at the end."""
        if not self.running:
            return None
        if self._job and not self._job_done():
            return self._job.progress()
        lines = self._network.db.execute("NR.THREADS")
        assert isinstance(lines, list)
        return dict(parse_progress(str(line)) for line in lines).get(self._before.id)

    def wait(self, timeout: float | None = None, progress: bool = False) -> bool:
        """Whether it has ended, at the latest ``timeout`` seconds from now; None waits for ever.

        Raises CommandError, which says why, if it failed, or was dropped as its network was
        reset, replaced or deleted.

        With ``progress`` a bar shows cycles, loss and errors meanwhile. Interrupting
        (KeyboardInterrupt) ends the wait, not the training.
        """
        if timeout is not None:
            timeout = seconds(timeout)
        if not progress:
            return self._wait(timeout)
        from tqdm.auto import tqdm

        end = monotonic() + timeout if timeout is not None else float("inf")
        bar: tqdm[Any]
        with tqdm(total=self._maxcycles or None, unit="cycle", desc=self._network.name) as bar:
            while not self._wait(min(_TICK, max(0.0, end - monotonic()))):
                self._show(bar, self.progress())
                if monotonic() >= end:
                    return False
            self._show_end(bar)
        return True

    def result(self, timeout: float | None = None) -> Info:
        """Waits, and says what has become of the network.

        Raises StillTrainingError (a TimeoutError) after ``timeout`` seconds, NotFoundError if
        it was deleted, and CommandError if the training failed.
        """
        if not self.wait(timeout):
            raise StillTrainingError(f"the training of {self._network.name} still runs")
        return self._network.info()

    def stop(self) -> bool:
        """Ends it; False where it had ended. Does not wait.

        What it has reached is kept, unless it began afresh and what was there before is better.
        """
        if not self.running:
            return False
        return bool(self._network.db.execute("NR.STOP", self._network.key))

    def _wait(self, timeout: float | None) -> bool:
        end = float("inf") if timeout is None else monotonic() + timeout
        while self.running:
            left = end - monotonic()
            if left <= 0:
                return False
            self._pause(min(left, _LOOK))
        if error := refused(self._network.key, self._outcome()):
            raise error
        return True

    def _outcome(self) -> Ended:
        """What became of it."""
        if (job := self._job_done()) and job.outcome:
            return job.outcome
        try:
            now = self._network.info()
        except NotFoundError:
            return GONE
        if now.id != self._before.id:
            return GONE
        kind, _, why = now.last_training.partition(": ")
        outcome = Outcome[kind.upper()]
        return RESET if outcome is Outcome.NEVER else (outcome, why)

    def _pause(self, seconds: float) -> None:
        """Until it ends, or for so long: it may end elsewhere, its network be deleted ..."""
        if self._job and not self._job_done():
            self._job.done.wait(seconds)
            return
        with suppress(NotFoundError):
            self._network.db.execute("NR.WAIT", self._network.key, ceil(seconds * 1000))

    def _show(self, bar: tqdm[Any], now: Progress | None) -> None:
        if now:
            bar.n = now.cycles
            self._errors(bar, now.train_error, now.test_error, now.class_errors)

    def _show_end(self, bar: tqdm[Any]) -> None:
        try:
            info = self._network.info()
        except NotFoundError:
            return
        bar.n = max(bar.n, info.cycles - self._before.cycles)
        self._errors(bar, info.train_error, info.test_error, info.class_errors or 0.0)

    def _errors(self, bar: tqdm[Any], train: float, test: float, classes: float) -> None:
        shown = {"loss": f"{train:.4g}", "test": f"{test:.4g}"}
        if self._classifier:
            shown["errors"] = f"{classes:.1f}%"
        bar.set_postfix(shown)
        bar.refresh()
