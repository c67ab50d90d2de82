"""A server with the module: commands go there as they are, replies come back as they would here.

Nothing runs in this process, unless it is a worker (orders.py). ``Module`` waits for a reply,
``awaited.Module`` awaits it.
"""

from __future__ import annotations

from concurrent.futures import Executor
from threading import Lock
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nr.backends.module import replies
from nr.backends.module.orders import ServerOrders
from nr.backends.redis.supply import Supply, options_of
from nr.contracts.store import Store
from nr.engine import Reply
from nr.errors import BackendError, CommandError
from nr.trainings import Trainings


def connect(
    url: str,
    executor: Executor | None = None,
    *,
    memory: int | None = None,
    trainings: str = "here",
    **options: Any,
) -> Module:
    """``redis+module://[user:password@]host:port/db``, or ``rediss+module://`` over TLS.

    ``options`` are those of ``redis.Redis``. Raises BackendError where the server cannot be
    reached or has no module loaded. Trainings are the server's: an ``executor`` is refused,
    and so is ``memory``.
    """
    refuse_to_train(executor, memory)
    defaults = {"protocol": 3, "retry": Retry(NoBackoff(), 0), "socket_timeout": None}
    ours = {"decode_responses": False}
    try:
        found = options_of(url.replace("+module", "", 1), defaults | options, ours)
        module = Module(redis.Redis.from_pool(Supply(**found)), trainings == "queue")
    except (ValueError, TypeError) as error:
        raise BackendError(f"not a URL of a server: {error}") from error
    try:
        module.check()
    except (ValueError, TypeError) as error:
        raise BackendError(f"not the options of a connection: {error}") from error
    except BaseException:
        module.close()
        raise
    return module


def refuse_to_train(executor: Executor | None, memory: int | None) -> None:
    """Raises BackendError for what is for trainings here."""
    for name, given in (("executor", executor), ("memory", memory)):
        if given is not None:
            raise BackendError(f"redis+module:// trains in the server: it takes no {name}")


class Module:
    """A Backend that forwards. Threads may share it: each has a connection for its command.

    A command is sent once and, should the connection break, not again: it may have been done.
    """

    def __init__(self, client: redis.Redis, queue: bool = False) -> None:
        self._client = client
        self._queue = queue
        self._closed = False
        self._db = int(client.connection_pool.connection_kwargs.get("db") or 0)
        self._lock = Lock()
        self._trainings: Trainings | None = None

    def execute(self, *argv: bytes) -> Reply:
        """Runs one command. Raises CommandError, BackendError or EngineError."""
        read = replies.reader(argv)
        return read(argv, self._send(*(replies.queued(argv) if self._queue else argv)))

    @property
    def trainings(self) -> Trainings:
        """Those that this process carries out for the server, as a worker."""
        with self._lock:
            if self._trainings is None:
                orders = ServerOrders(self._send, self._db)
                self._trainings = Trainings(cast(Store, orders))  # as much of it as they need
            return self._trainings

    def check(self) -> None:
        """Raises BackendError where the server does not have the module."""
        try:
            reply = self._send(*replies.CHECK)
        except CommandError as error:
            raise BackendError(f"the server refused: {error}") from error
        replies.check(reply)

    def close(self) -> None:
        """Gives its connections back. Trainings run on, in the server."""
        if self._trainings is not None:
            self._trainings.close()
        self._closed = True
        self._client.close()

    def _send(self, *argv: bytes) -> Any:
        if self._closed:
            raise BackendError("the connection is closed")
        with replies.explaining():
            return self._client.execute_command(*argv)  # type: ignore[no-untyped-call]
