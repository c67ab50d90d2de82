"""Connections of ours: one supply for all that a client does.

redis-py's own pool was not used for three reasons. A command may be interrupted at any
moment (Ctrl-C, the exception of an alarm's handler), and a connection that still owes a
reply would give it to the next command: here a connection knows what it owes, and only
one that owes nothing is used again. A connection that was lost that way stays counted
there for ever; here the supply counts what exists. And its locks may be held by another
thread at a fork; here there are none, since appending to a list and popping from it are one step.

Connections are made anew in the child of a fork.
"""

from __future__ import annotations

import gc
import os
import re
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from time import monotonic, sleep
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import ref

from redis import exceptions
from redis.connection import Connection, ConnectionPool, parse_url
from redis.sentinel import SentinelConnectionPool

from nr.errors import BackendError

_pack: Callable[[Any], bytes] | None
try:
    from hiredis import pack_command as _pack
except ImportError:
    _pack = None

_WAIT = 5.0  # seconds for a connection, where there are as many as there may be
_TooMany: type[Exception] = getattr(exceptions, "MaxConnectionsError", exceptions.ConnectionError)


def plain(argument: Any) -> bytes:
    """An argument of a command as bytes.

    hiredis 3.5 crashes where a signal's handler raises while it makes text of a number.
    """
    if isinstance(argument, bytes):
        return argument
    if isinstance(argument, str):
        return argument.encode()
    if isinstance(argument, int):
        return b"%d" % argument
    return bytes(argument) if isinstance(argument, bytearray | memoryview) else b"%a" % argument


class _Packer:
    """Packs a command as hiredis does, of bytes alone."""

    def __init__(self, pack: Callable[[Any], bytes]) -> None:
        self._pack = pack

    def pack(self, *argv: Any) -> list[bytes]:
        first, *rest = [one if one.__class__ is bytes else plain(one) for one in argv]
        return [self._pack((*first.split(), *rest))]


class Whole:
    """What each connection of ours has besides: it knows whether it can be used again."""

    _ready = False  # the connection was made, and all was said that begins it
    _owed = 0  # replies that were asked for and not read
    _commands = 1  # in what is sent next
    _sock: Any

    def __init__(self, **options: Any) -> None:
        if _pack:
            options.setdefault("command_packer", _Packer(_pack))
        super().__init__(**options)

    @property
    def whole(self) -> bool:
        return self._ready and not self._owed

    def connect(self) -> None:
        if self._ready:
            return
        if self._sock:  # interrupted while it was made
            self.disconnect()
        super().connect()  # type: ignore[misc]
        self._ready = True

    def disconnect(self, *args: Any, **options: Any) -> None:
        self._ready = False
        super().disconnect(*args, **options)  # type: ignore[misc]
        self._owed = 0

    def pack_commands(self, commands: Iterable[Any]) -> Any:
        several = list(commands)
        self._commands = len(several)
        return super().pack_commands(several)  # type: ignore[misc]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        commands, self._commands = self._commands, 1
        if not self._sock:
            self.connect()
        if check_health:
            self.check_health()  # type: ignore[attr-defined]
        self._owed += commands
        super().send_packed_command(command, check_health=False)  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            reply = super().read_response(*args, **options)  # type: ignore[misc]
        except exceptions.ResponseError:  # a reply as well
            self._owed -= 1
            raise
        self._owed -= 1
        return reply


@cache
def _whole(kind: type) -> type:
    return kind if issubclass(kind, Whole) else type(kind.__name__, (Whole, kind), {})


def _nobody() -> Callable[[], None]:
    """What stands for a connection that is not made yet; each is another one."""
    return lambda: None


class _Place:
    """A place in the line for a connection, and what was handed over there."""

    def __init__(self) -> None:
        self.given: list[Any] = []


class Supply(ConnectionPool):
    """A pool as redis-py wants it, and ``take`` for those in a hurry.

    Who finds all ``max_connections`` at work waits for one.
    """

    def __init__(self, connection_class: Any = Connection, **options: Any) -> None:
        super().__init__(connection_class=_whole(connection_class), **options)

    def reset(self) -> None:
        """Forgets all connections: they are a parent's, or there are none yet."""
        self._created_connections = 0  # of no use here, as the next but one
        self._available_connections: list[Any] = []
        self._in_use_connections: set[Any] = set()
        self._living: set[Callable[[], Any]] = set()
        self._line: deque[_Place] = deque()
        self.pid = os.getpid()

    def take(self) -> Any:
        """A connection, maybe one that must be made yet, or that the server has closed."""
        if self.pid != os.getpid():
            self.reset()
        try:
            return self._available_connections.pop()
        except IndexError:
            return self._new() or self._next()

    def _new(self) -> Any:
        """A connection that is to be made; None where there are as many as there may be.

        Its place is taken before they are counted: of threads that come together some may
        find none and look again, but never do more of them find one than there are.
        """
        place = _nobody()
        self._living.add(place)
        try:
            if len(self._living) > self.max_connections:
                return None
            connection = self.connection_class(**self.connection_kwargs)
            self._living.add(ref(connection, self._living.discard))
            return connection
        finally:
            self._living.discard(place)

    def _next(self) -> Any:
        end = monotonic() + _WAIT
        late = end - 0.9 * _WAIT
        mine = _Place()
        self._line.append(mine)
        try:
            while True:
                for given in mine.given, self._available_connections:
                    with suppress(IndexError):
                        return given.pop()
                if connection := self._new():
                    return connection
                if monotonic() > end:
                    raise _TooMany(
                        f"all of max_connections={self.max_connections} are at work for {_WAIT:g} s"
                    )
                if monotonic() > late:
                    late = end
                    gc.collect()  # those that were lost
                sleep(0.001)
        finally:
            with suppress(ValueError):
                self._line.remove(mine)
            if mine.given:  # handed over while we took another one
                self.release(mine.given.pop())

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connection that is made and that the server has not closed."""
        connection = self.take()
        try:
            connection.connect()
            try:
                stale = connection.can_read()  # nothing is owed: what comes is no reply
            except (exceptions.ConnectionError, exceptions.TimeoutError, OSError):
                stale = True
            if stale:
                connection.disconnect()
                connection.connect()
        except (exceptions.RedisError, OSError):
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Takes a connection back, and closes one that cannot be used again."""
        if connection.whole and self.owns_connection(connection):
            try:
                self._line.popleft().given.append(connection)  # who waits longest is next
            except IndexError:
                self._available_connections.append(connection)
        else:
            self._living.discard(ref(connection))
            connection.disconnect()

    def all(self) -> list[Any]:
        """Those that exist, at work or not."""
        return [found for one in list(self._living) if (found := one()) is not None]

    def disconnect(self, inuse_connections: bool = True) -> None:
        for connection in self.all() if inuse_connections else list(self._available_connections):
            connection.disconnect()

    def _get_free_connections(self) -> list[Any]:
        return list(self._available_connections)

    def _get_in_use_connections(self) -> set[Any]:
        return set(self.all()) - set(self._available_connections)


class SentinelSupply(SentinelConnectionPool, Supply):
    """Connections to whichever server is the master."""

    def reset(self) -> None:
        Supply.reset(self)
        self.proxy.reset()  # type: ignore[no-untyped-call]


def options_of(url: str, given: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """What a URL says, before what was given, behind what is ours to say.

    Raises BackendError where its path is no number of a database, which redis-py passes over.
    """
    found: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    path = unquote(urlsplit(url).path)
    if "path" not in found and not re.fullmatch(r"/?|/[0-9]{1,9}/?", path):
        raise BackendError(
            f"the path of a URL is the number of a database, as in redis://host/0, not {path!r}"
        )
    return given | found | ours
