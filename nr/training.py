"""A training seen from the client: wait for it, watch it, stop it."""

from __future__ import annotations

from typing import TypeVar

from nr.calls import Call, drive
from nr.calls.trainings import Course
from nr.commands.info import Info
from nr.contracts import Backend
from nr.engine import Progress

_T = TypeVar("_T")


class Training:
    """What ``Network.train`` returns. The training runs on, whether it is kept or not.

    A later training of the network is another one: by the number of trainings of the
    network that had ended before.
    """

    def __init__(self, backend: Backend, course: Course) -> None:
        self._backend = backend
        self._course = course

    def _do(self, call: Call[_T]) -> _T:
        return drive(self._backend, call)

    @property
    def key(self) -> bytes:
        """Of its network."""
        return self._course.key

    @property
    def running(self) -> bool:
        """Whether it runs, or waits in line."""
        return self._do(self._course.running())

    def progress(self) -> Progress | None:
        """Its cycles, errors a sample and wrong classes in per cent so far; None at the end."""
        return self._do(self._course.progress())

    def wait(self, timeout: float | None = None, progress: bool = False) -> bool:
        """Whether it has ended, at the latest ``timeout`` seconds from now; None waits for ever.

        Raises CommandError, which says why, if it failed, or was dropped as its network was
        reset, replaced or deleted.

        With ``progress`` a bar shows cycles, loss and errors meanwhile. Interrupting
        (KeyboardInterrupt) ends the wait, not the training.
        """
        return self._do(self._course.wait(timeout, progress))

    def result(self, timeout: float | None = None) -> Info:
        """Waits, and says what has become of the network.

        Raises StillTrainingError (a TimeoutError) after ``timeout`` seconds, NotFoundError if
        it was deleted, and CommandError if the training failed.
        """
        return self._do(self._course.result(timeout))

    def stop(self) -> bool:
        """Ends it; False where it had ended. Does not wait.

        What it has reached is kept, unless it began afresh and what was there before is better.
        """
        return self._do(self._course.stop())
