"""What all handlers work on: the database, and how to ask it without holding up the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

import nr
from nr.backends.memory import Memory
from nr.calls import Call, drive
from nr.contracts.capabilities import RunsHere, capability
from nr.errors import Error
from nr.serve.web.counting import Numbers
from nr.serve.web.options import InThread, Options, User

_T = TypeVar("_T")
_SHORT = 1024  # bytes of a body whose rows are few
_LONG_WORK = 1 << 16  # parameters of a network that takes a thread


@dataclass
class Api:
    """A database, served."""

    db: nr.Database
    in_thread: InThread
    options: Options
    numbers: Numbers
    streams: int = 0
    """How many listen to events."""
    closing: bool = False
    """Whether those are to end."""

    def __post_init__(self) -> None:
        runs = capability(self.db.backend, RunsHere)
        in_memory = capability(self.db.backend, Memory)
        self._runner = runs.runner if runs and in_memory else None

    async def do(self, call: Call[_T]) -> _T:
        """Takes the steps of a call in a thread."""
        result: _T = await self.in_thread(drive, self.db.backend, call)
        return result

    def is_quick(self, key: bytes, size: int) -> bool:
        """Whether running so many bytes of rows takes no longer than a thread would to begin.

        Over other stores than memory a network may have changed, which takes a question.
        """
        if self._runner is None or size > _SHORT:
            return False
        try:
            return self._runner(key).shape.params <= _LONG_WORK
        except Error:  # the thread tells it
            return False


def key_of(request: Request) -> bytes:
    """The key that a path names; any bytes, as ``%HH``."""
    return unquote_to_bytes(request.path_params["key"])


def path_of(key: bytes) -> str:
    """The path of a network, for requests."""
    return f"/networks/{quote(key, safe='')}"


def may_use(request: Request, key: bytes) -> bool:
    """Whether who asks may use this network."""
    user: User | None = request.scope.get("nr.user")
    return user is None or user.may_use(key)
