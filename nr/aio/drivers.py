"""How calls are awaited: in threads, over redis.asyncio, or on a connection of SQLAlchemy's.

Whatever is cancelled leaves nothing half done. A call in a thread that has not begun is withdrawn;
one that runs is waited for, so that nothing of it goes on behind its caller's back: each step of a
call is a command, and each command is done as a whole or not at all. A command to the module
loses its connection, and with it the reply that somebody else might read; but what may have to be
undone (``Whole``) is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from nr.calls import Call, Long, Pause, Step, Whole, advance, drive
from nr.commands.arguments import arguments
from nr.contracts import Backend
from nr.contracts.capabilities import Job
from nr.engine import Reply
from nr.errors import BackendError, NotFoundError

_T = TypeVar("_T")
_THREADS = 16  # of a database: so many of its calls run at once, the others wait for one of them
_LOOK = 0.05  # seconds between two looks whether a training has ended


class Driver(Protocol):
    """What runs the calls of a database."""

    @property
    def backend(self) -> object:
        """What may be able to do more than commands."""

    async def drive(self, call: Call[_T]) -> _T:
        """Takes all steps of a call; returns its result, or raises its error."""

    async def execute(self, argv: list[bytes]) -> Reply:
        """Runs one command."""

    async def close(self) -> None:
        """As ``Database.close``."""


class Threads:
    """Calls on a backend that blocks, each in a thread for as long as it takes."""

    def __init__(self, open: Callable[[], Backend]) -> None:
        self._open = open
        self._pool = ThreadPoolExecutor(_THREADS, "nr aio")
        self.backend: Any = None

    async def open(self) -> None:
        """Opens the backend."""
        try:
            self.backend = await self._run(self._open)
        except BaseException:
            self._pool.shutdown(wait=False)
            raise

    async def drive(self, call: Call[_T]) -> _T:
        while isinstance(step := await self._run(partial(advance, self.backend, call)), Pause):
            await self._pause(step)
        result: _T = step.result
        return result

    async def execute(self, argv: list[bytes]) -> Reply:
        reply: Reply = await self._run(partial(self.backend.execute, *argv))
        return reply

    async def close(self) -> None:
        with suppress(BackendError):  # closed already
            await self._run(self.backend.close)
        self._pool.shutdown(wait=False)

    async def _run(self, work: Callable[[], _T]) -> _T:
        """Runs work in a thread. Cancelled, it waits for what has begun."""
        try:
            running = self._pool.submit(copy_context().run, work)
        except RuntimeError as error:
            raise BackendError("the connection is closed") from error
        return await _waited(running)

    async def _pause(self, pause: Pause) -> None:
        """No thread is kept meanwhile."""
        if pause.job:
            await _until_done(pause.job, pause.seconds)
            return
        await asyncio.sleep(min(pause.seconds, _LOOK))
        with suppress(NotFoundError):  # it also takes on what another process has lost
            await self.execute(arguments(replace(pause, seconds=0.001).command))


async def _waited(running: Future[_T]) -> _T:
    awaited = asyncio.wrap_future(running)
    try:
        await asyncio.wait([awaited])
    except asyncio.CancelledError:
        if not running.cancel():
            await _ended(awaited)
        raise
    return awaited.result()


async def _ended(awaited: asyncio.Future[Any]) -> None:
    """Waits for the end of it, however often it is cancelled meanwhile."""
    while not awaited.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([awaited])
    if not awaited.cancelled():
        awaited.exception()  # which nobody asks for any more


async def _whole(work: Coroutine[Any, Any, _T]) -> _T:
    """What comes of work. Cancelled meanwhile, its caller hears of that at the next step."""
    running = asyncio.ensure_future(work)
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        await _ended(running)
        if task := asyncio.current_task():
            task.uncancel()
            task.cancel()
    return running.result()


async def _until_done(job: Job, seconds: float) -> None:
    loop, look = asyncio.get_running_loop(), 0.001
    end = loop.time() + seconds
    while not job.done.is_set() and loop.time() < end:
        await asyncio.sleep(min(look, max(0.0, end - loop.time())))
        look = min(2 * look, _LOOK)


class AsyncBackend(Protocol):
    """A backend that is awaited."""

    async def execute(self, *argv: bytes) -> Reply: ...

    async def close(self) -> None: ...


class Native:
    """Calls on a backend that is awaited itself."""

    def __init__(self, backend: AsyncBackend) -> None:
        self.backend = backend

    async def drive(self, call: Call[_T]) -> _T:
        try:
            step = call.send(None)
            while True:
                try:
                    reply = await self._take(step)
                except BaseException as error:
                    step = call.throw(error)
                else:
                    step = call.send(reply)
        except StopIteration as end:
            result: _T = end.value
            return result

    async def _take(self, step: Step) -> Any:
        if isinstance(step, Pause):
            with suppress(NotFoundError):
                await self.execute(arguments(step.command))
            return None
        if isinstance(step, Long):
            return await asyncio.to_thread(step)
        if isinstance(step, Whole):
            return await _whole(self.execute(arguments(step)))
        return step() if callable(step) else await self.execute(arguments(step))

    async def execute(self, argv: list[bytes]) -> Reply:
        return await self.backend.execute(*argv)

    async def close(self) -> None:
        await self.backend.close()


class Joined:
    """Calls within the transaction of an asynchronous connection of SQLAlchemy's."""

    def __init__(self, connection: Any, backend: Backend) -> None:
        self._connection = connection
        self.backend = backend

    async def drive(self, call: Call[_T]) -> _T:
        result: _T = await self._connection.run_sync(lambda _: drive(self.backend, call))
        return result

    async def execute(self, argv: list[bytes]) -> Reply:
        reply: Reply = await self._connection.run_sync(lambda _: self.backend.execute(*argv))
        return reply

    async def close(self) -> None:
        """The connection is its owner's."""
