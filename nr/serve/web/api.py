"""What all handlers work on: the database, and how to ask it without holding up the loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

import nr
import nr.aio
from nr.aio.drivers import Driver
from nr.calls import Call, drive, running
from nr.contracts.capabilities import RunsHere, capability
from nr.engine import Reply
from nr.serve.web.counting import Numbers
from nr.serve.web.once import Once
from nr.serve.web.options import Options, User

_T = TypeVar("_T")


class InThreads:
    """Runs calls on a database that blocks, in threads."""

    def __init__(self, db: nr.Database) -> None:
        self.backend: Any = db.backend

    async def drive(self, call: Call[_T]) -> _T:
        return await asyncio.to_thread(drive, self.backend, call)

    async def execute(self, argv: list[bytes]) -> Reply:
        reply: Reply = await asyncio.to_thread(partial(self.backend.execute, *argv))
        return reply

    async def close(self) -> None:
        """The database is its owner's to close."""


@dataclass
class Api:
    """A database, served."""

    driver: Driver
    options: Options
    numbers: Numbers = field(default_factory=Numbers)
    streams: int = 0
    """How many listen to events."""
    closing: bool = False
    """Whether those are to end."""
    once: Once = field(default_factory=Once)
    """What is asked once, however often it is sent."""
    tools: Any = None
    """Those of assistants, from when they are first asked for."""

    def __post_init__(self) -> None:
        runs = capability(self.driver.backend, RunsHere)
        self.runner: running.Runner | None = runs.runner if runs else None
        """From a key to what runs here; None where networks run elsewhere."""

    async def do(self, call: Call[_T]) -> _T:
        """Takes the steps of a call; what may block does so in a thread."""
        return await self.driver.drive(call)


def driver_of(db: nr.Database | nr.aio.Database) -> Driver:
    """What runs the calls of either."""
    return db.driver if isinstance(db, nr.aio.Database) else InThreads(db)


def command(*argv: Any) -> Call[Any]:
    """One command as a call."""
    return (yield argv)


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
