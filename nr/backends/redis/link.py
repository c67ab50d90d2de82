"""The way to the server: scripts, retries, and what is made of errors.

Connections, retries and backoff are redis-py's. Three things are added. A server that
has become a replica (READONLY) is left, as a new connection may lead to the new
master. Writes are numbered (see scripts/writers.lua), because redis-py sends a command
again when it does not know what became of it. And a client that is ours alone keeps
its connections at hand: fetching one from redis-py's pool for each command takes as long
as the rest of the command.
"""

import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from itertools import islice
from time import sleep
from typing import Any, NoReturn

from redis.client import NEVER_DECODE
from redis.exceptions import (
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from nr import errors
from nr.backends.redis.supply import Supply, plain
from nr.errors import BackendError, CommandError, refusal

ERRORS = (RedisError, RedisClusterException)
_MOVING = (ReadOnlyError, MasterDownError, TryAgainError)
_PARTS = {  # what each script needs before it
    "announce": (),
    "change": ("common", "fields", "writers"),
    "create": ("common", "fields"),
    "clear": ("common", "writers"),
    "delete": ("common",),
    "forget": ("common", "writers"),
    "give_back": ("common", "orders"),
    "merge": ("common", "fields", "orders"),
    "extend": ("common", "writers", "due", "series"),
    "latest": ("common", "series"),
    "observe": ("common", "writers", "due", "random", "drift"),
    "observe_row": ("random", "unwatched"),
    "observe_watched": ("random", "drift", "observe_row"),
    "order": ("common", "orders"),
    "range": ("common",),
    "read": ("common", "orders"),
    "keep": ("common", "orders"),
    "renew": ("common", "orders"),
    "stop": ("common", "orders", "writers"),
    "take": ("common", "orders"),
    "withdraw": (),
    "withdraw_order": ("common", "orders"),
}
_TEXTS = ("NO_SUCH_KEY", "BUSY", "TRAINING")  # of nr.errors, which scripts reply
_READING = {"latest", "range", "read"}  # scripts that write nothing
_BATCH = 1000  # keys looked at in one round trip
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # seconds for a failover to end


@dataclass(frozen=True)
class Script:
    source: bytes
    sha: bytes


@cache
def script(name: str) -> Script:
    """A script of ours, after what it shares with others."""
    folder = files("nr.backends.redis") / "scripts"
    source = b"\n".join((folder / f"{part}.lua").read_bytes() for part in [*_PARTS[name], name])
    for text in _TEXTS:
        source = source.replace(b"@" + text.encode(), getattr(errors, text).encode())
    return Script(source, sha1(source).hexdigest().encode())


class Link:
    """A redis-py client, and its commands with our errors. Threads and forks may share it."""

    def __init__(self, client: Any, owned: bool) -> None:
        self.client = client
        self._owned = owned
        self._may_only_read = False  # which is found out
        self._writers = Idle(lambda: Writer(secrets.token_urlsafe(8).encode()))
        single = getattr(client, "connection", None)  # all commands on one connection
        self._pool = None if single else getattr(client, "connection_pool", None)
        self._supply = self._pool if isinstance(self._pool, Supply) else None

    def do(self, *command: Any) -> Any:
        """One command, its reply as bytes. Raises CommandError (WRONGTYPE) and BackendError."""
        try:
            return self._patiently(self._execute, command)
        except ERRORS as error:
            _fail(error)

    def call(self, name: str, key: bytes, *argv: Any) -> Any:
        """A script on one key; its reply, a list as a rule.

        Raises the CommandError that it replies, and BackendError.
        """
        only = "_RO" if self._may_only_read and name in _READING else ""
        try:
            try:
                reply = self._evaluate(only, name, key, argv)
            except NoPermissionError:
                if only or name not in _READING:
                    raise
                reply = self._evaluate("_RO", name, key, argv)
                self._may_only_read = True
        except ERRORS as error:
            _fail(error)
        if isinstance(reply[0], bytes):
            raise refusal(reply[0].decode("utf-8", "replace"))
        return reply

    def _evaluate(self, only: str, name: str, key: bytes, argv: tuple[Any, ...]) -> Any:
        """Runs the script; ``only`` is _RO where the user may not write (from Redis 7.0 on)."""
        wanted = script(name)
        try:
            reply = self._patiently(self._send, (f"EVALSHA{only}", wanted.sha, 1, key, *argv))
        except NoScriptError:  # a new server, or SCRIPT FLUSH
            reply = self._patiently(self._send, (f"EVAL{only}", wanted.source, 1, key, *argv))
        return reply

    def write(self, name: str, key: bytes, *argv: Any) -> Any:
        """``call`` for a script that is not to be made twice."""
        writer = self._writers.take()
        writer.number += 1
        try:
            reply = self.call(name, key, writer.name, writer.number, *argv)
        except CommandError:
            self._writers.give(writer)
            raise
        self._writers.give(writer)  # but not where the write may still be on its way
        return reply

    def field(self, key: bytes, name: bytes) -> bytes | None:
        """One field of a hash."""
        try:
            value: bytes | None = self._patiently(self._send, ("HGET", key, name))
        except ERRORS as error:
            _fail(error)
        return value

    def _execute(self, command: tuple[Any, ...]) -> Any:
        name, argv = command[0], tuple(map(plain, command[1:]))
        if not self._pool:
            return self.client.execute_command(name, *argv, **{NEVER_DECODE: True})

        def work(connection: Any) -> Any:
            connection.send_command(name, *argv)
            return self.client.parse_response(connection, name, **{NEVER_DECODE: True})

        return self._on_connection(self._pool, work)

    def _on_connection(self, pool: Any, work: Callable[[Any], Any]) -> Any:
        """Work on a connection of a pool, which gets it back as it was, or closed."""
        connection = pool.get_connection()
        whole = False
        try:
            reply = connection.retry.call_with_retry(
                lambda: work(connection), lambda _: connection.disconnect()
            )
            whole = True
            return reply
        except ERRORS:
            whole = True
            raise
        finally:
            if not whole:  # interrupted: a reply may come yet
                connection.disconnect()
            pool.release(connection)

    def _send(self, command: tuple[Any, ...]) -> Any:
        """The short way of a command whose reply redis-py would leave as it is."""
        if self._supply is None:
            return self._execute(command)
        connection = self._supply.take()

        def send() -> Any:
            connection.connect()  # where it is not; after a failover, elsewhere
            connection.send_packed_command(connection.pack_command(*command))
            return connection.read_response(disable_decoding=True)

        try:
            return connection.retry.call_with_retry(send, lambda _: connection.disconnect())
        finally:
            self._supply.release(connection)

    def _patiently(self, send: Callable[[tuple[Any, ...]], Any], command: tuple[Any, ...]) -> Any:
        for pause in _PAUSES:
            try:
                return send(command)
            except _MOVING:
                self._disconnect()
                sleep(pause)
        return send(command)

    def _disconnect(self) -> None:
        """The next command makes a new connection, which may lead elsewhere."""
        if self._pool:
            self._pool.disconnect(inuse_connections=False)

    def hashes(self, pattern: bytes) -> Iterator[bytes]:
        """The keys of all hashes that are like a pattern, on all nodes; some of them twice."""
        cursor: Any = 0
        while self._pool:
            words = ("MATCH", pattern, "COUNT", _BATCH, "TYPE", "hash")
            cursor, keys = self.do("SCAN", cursor, *words)
            yield from keys
            if int(cursor) == 0:
                return
        options: dict[str, Any] = {"match": pattern, "_type": "hash", NEVER_DECODE: True}
        try:
            yield from self.client.scan_iter(count=_BATCH, **options)
        except ERRORS as error:
            _fail(error)

    def with_field(self, keys: Iterable[bytes], field: str) -> Iterator[tuple[bytes, bytes]]:
        """Those of the keys whose hash has that field, and what it holds."""
        each = iter(keys)
        while part := list(islice(each, _BATCH)):
            try:
                found = self._at_once([("HGET", key, field.encode()) for key in part])
            except ERRORS as error:
                _fail(error)
            for key, value in zip(part, found, strict=True):
                if isinstance(value, str | bytes):
                    yield key, plain(value)

    def _at_once(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        if not self._pool:
            pipeline = self.client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = pipeline.execute(raise_on_error=False)
            return replies

        def work(connection: Any) -> list[Any]:
            connection.send_packed_command(connection.pack_commands(commands))
            return [_read(connection) for _ in commands]

        found: list[Any] = self._on_connection(self._pool, work)
        return found

    def close(self) -> None:
        if self._owned:
            self.client.close()


def _read(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _fail(error: Exception) -> NoReturn:
    if isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE"):
        raise CommandError(str(error)) from error
    hint = ""
    if str(error).lower().startswith("unknown command 'eval"):
        hint = " (it has no scripts; fakeredis has with its extra: pip install 'fakeredis[lua]')"
    raise BackendError(f"Redis: {error or type(error).__name__}{hint}") from error


@dataclass
class Writer:
    """Has one write on its way at a time; each has a higher number."""

    name: bytes
    number: int = 0


class Idle:
    """Things that one thread uses at a time; the one used last is taken first."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._idle: deque[Any] = deque()
        self._pid = os.getpid()

    def take(self) -> Any:
        if self._pid != os.getpid():  # those are the parent's
            self._idle, self._pid = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._make()

    def give(self, thing: Any) -> None:
        self._idle.append(thing)

    def all(self) -> list[Any]:
        return list(self._idle)
