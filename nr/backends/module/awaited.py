"""A server with the module, awaited: commands over redis.asyncio."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from nr.backends.module import refuse_to_train, replies
from nr.engine import Reply
from nr.errors import BackendError, CommandError

_MOST = 10_000  # connections; each call that waits has one


async def connect(
    url: str,
    executor: Executor | None = None,
    *,
    memory: int | None = None,
    trainings: str = "here",
    **options: Any,
) -> Module:
    """As ``nr.backends.module.connect``, for the event loop that runs."""
    refuse_to_train(executor, memory)
    defaults: dict[str, Any] = {"protocol": 3, "socket_timeout": None, "max_connections": _MOST}
    defaults["retry"] = Retry(NoBackoff(), 0)
    try:
        place = url.replace("+module", "", 1)
        pool = redis.asyncio.ConnectionPool.from_url(place, **defaults | options)
        pool.connection_kwargs["decode_responses"] = False
        module = Module(redis.asyncio.Redis.from_pool(pool), trainings == "queue")
    except (ValueError, TypeError) as error:
        raise BackendError(f"not a URL of a server: {error}") from error
    try:
        await module.check()
    except (ValueError, TypeError) as error:
        raise BackendError(f"not the options of a connection: {error}") from error
    except BaseException:
        await module.close()
        raise
    return module


class Module:
    """A backend that forwards, and is awaited. Tasks may share it, of one event loop.

    A command is sent once and, should the connection break, not again: it may have been done. One
    that is cancelled loses its connection, so that nobody else reads its reply.
    """

    def __init__(self, client: redis.asyncio.Redis, queue: bool = False) -> None:
        self._client = client
        self._queue = queue
        self._closed = False

    async def execute(self, *argv: bytes) -> Reply:
        """Runs one command. Raises CommandError, BackendError or EngineError."""
        read = replies.reader(argv)
        sent = replies.queued(argv) if self._queue else argv
        return read(argv, await self._send(*sent))

    async def check(self) -> None:
        """Raises BackendError where the server does not have the module."""
        try:
            reply = await self._send(*replies.CHECK)
        except CommandError as error:
            raise BackendError(f"the server refused: {error}") from error
        replies.check(reply)

    async def close(self) -> None:
        """Gives its connections back. Trainings run on, in the server."""
        self._closed = True
        await self._client.aclose()

    async def _send(self, *argv: bytes) -> Any:
        if self._closed:
            raise BackendError("the connection is closed")
        with replies.explaining():
            return await self._client.execute_command(*argv)  # type: ignore[no-untyped-call]
