"""The steps that a call is made of, and the driver that takes them in the thread at hand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeAlias, TypeVar

from nr.commands.arguments import Argument, arguments
from nr.contracts import Backend
from nr.contracts.capabilities import Job
from nr.errors import NotFoundError

_T = TypeVar("_T")
_MUCH = 1000  # of whatever is counted: less is done in less than a millisecond
Command: TypeAlias = "tuple[Argument, ...]"


class Whole(tuple[Argument, ...]):
    """A command whose outcome decides what is to be undone: it is waited for, even if cancelled."""

    __slots__ = ()


@dataclass(frozen=True)
class Pause:
    """A wait until the training of a network ends, ``seconds`` at most. Nothing is sent back."""

    key: bytes
    seconds: float
    job: Job | None
    """The training, where this process carries it out."""

    @property
    def command(self) -> Command:
        """What waits as long, whoever carries the training out."""
        return "NR.WAIT", self.key, ceil(self.seconds * 1000)


@dataclass(frozen=True)
class Long:
    """Work that takes long, which an event loop should leave to a thread."""

    work: Callable[[], Any]

    def __call__(self) -> Any:
        return self.work()


Step: TypeAlias = "Command | Callable[[], Any] | Pause"
"""A command, whose reply is sent back; a pause; or a function, what it returns is sent back: work,
and what a backend can do besides commands."""

Call: TypeAlias = Generator[Step, Any, _T]
"""Steps to a result."""


def work(function: Callable[[], Any], size: int) -> Callable[[], Any]:
    """Work on so many numbers, rows or bytes as a step."""
    return Long(function) if size > _MUCH else function


def size_of(values: Any) -> int:
    """About how many numbers these are, or rows of them; 0 for what cannot say it."""
    try:
        return int(getattr(values, "size", 0) or len(values))
    except Exception:
        return 0


@dataclass(frozen=True)
class Done:
    """A call has come to its end."""

    result: Any


def drive(backend: Backend, call: Call[_T]) -> _T:
    """Takes all steps of a call; returns its result, or raises its error."""
    while isinstance(step := advance(backend, call), Pause):
        _pause(backend, step)
    result: _T = step.result
    return result


def advance(backend: Backend, call: Call[Any]) -> Pause | Done:
    """Takes the steps of a call up to its next pause, or to its end."""
    try:
        step = call.send(None)
        while not isinstance(step, Pause):
            try:
                reply = step() if callable(step) else backend.execute(*arguments(step))
            except BaseException as error:
                step = call.throw(error)
            else:
                step = call.send(reply)
    except StopIteration as end:
        return Done(end.value)
    return step


def _pause(backend: Backend, pause: Pause) -> None:
    if pause.job:
        pause.job.done.wait(pause.seconds)
        return
    with suppress(NotFoundError):  # the call looks itself
        backend.execute(*arguments(pause.command))
