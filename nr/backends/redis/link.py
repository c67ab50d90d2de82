"""The way to the server: scripts, retries, and what is made of errors.

Connections, retries and backoff are redis-py's. Two things are added. A server that
has become a replica (READONLY) is left, as a new connection may lead to the new
master. And writes are numbered (see scripts/writers.lua), because redis-py sends a
command again when it does not know what became of it.
"""

import os
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from time import sleep
from typing import Any, NoReturn

from redis.client import NEVER_DECODE
from redis.exceptions import (
    MasterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from nr.errors import BackendError, CommandError, refusal

ERRORS = (RedisError, RedisClusterException)
_MOVING = (ReadOnlyError, MasterDownError, TryAgainError)
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # seconds for a failover to end


@dataclass(frozen=True)
class Script:
    source: bytes
    sha: str


@cache
def script(name: str) -> Script:
    """A script of ours, after what it shares with the others."""
    parts = {"announce": []}.get(name, ["common"])
    if name in ("observe", "change", "stop"):
        parts = [*parts, "writers"]
    folder = files("nr.backends.redis") / "scripts"
    source = b"\n".join((folder / f"{part}.lua").read_bytes() for part in [*parts, name])
    return Script(source, sha1(source).hexdigest())


class Link:
    """A redis-py client, and its commands with our errors. Threads and forks may share it."""

    def __init__(self, client: Any, owned: bool) -> None:
        self.client = client
        self._owned = owned
        self._writers = Writers()

    def do(self, *command: Any, **options: Any) -> Any:
        """One command, its reply as bytes. Raises CommandError (WRONGTYPE) and BackendError."""
        try:
            return self._patiently(command, options)
        except ERRORS as error:
            _fail(error)

    def call(self, name: str, key: bytes, *argv: Any) -> list[Any]:
        """A script on one key; its reply. Raises the CommandError it replies, BackendError."""
        wanted = script(name)
        try:
            try:
                reply = self._patiently(("EVALSHA", wanted.sha, 1, key, *argv), {})
            except NoScriptError:  # a new server, or SCRIPT FLUSH
                reply = self._patiently(("EVAL", wanted.source, 1, key, *argv), {})
        except ERRORS as error:
            _fail(error)
        if isinstance(reply[0], bytes):
            raise refusal(reply[0].decode("utf-8", "replace"))
        return list(reply)

    def write(self, name: str, key: bytes, *argv: Any) -> list[Any]:
        """``call`` for a script that is not to be made twice."""
        with self._writers.next() as numbered:
            return self.call(name, key, *numbered, *argv)

    def hashes(self) -> set[bytes]:
        """The keys of all hashes, on all nodes."""
        options: dict[str, Any] = {NEVER_DECODE: True}
        try:
            return set(self.client.scan_iter(count=1000, _type="hash", **options))
        except ERRORS as error:
            _fail(error)

    def numbered(self, keys: list[bytes], field: str) -> list[bytes]:
        """Those of the keys whose hash has a number as that field, in one round trip."""
        pipeline = self.client.pipeline(transaction=False)
        for key in keys:
            pipeline.hget(key, field)
        try:
            found = pipeline.execute(raise_on_error=False)
        except ERRORS as error:
            _fail(error)
        pairs = zip(keys, found, strict=True)
        return [key for key, value in pairs if isinstance(value, str | bytes) and value.isdigit()]

    def _patiently(self, command: tuple[Any, ...], options: dict[str, Any]) -> Any:
        for pause in _PAUSES:
            try:
                return self.client.execute_command(*command, **options, **{NEVER_DECODE: True})
            except _MOVING:
                if pool := getattr(self.client, "connection_pool", None):
                    pool.disconnect(inuse_connections=False)
                sleep(pause)
        return self.client.execute_command(*command, **options, **{NEVER_DECODE: True})

    def close(self) -> None:
        if self._owned:
            self.client.close()


def _fail(error: Exception) -> NoReturn:
    if isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE"):
        raise CommandError(str(error)) from error
    raise BackendError(f"Redis: {error or type(error).__name__}") from error


class Writers:
    """Names for writers, each with one write on its way at a time."""

    def __init__(self) -> None:
        self._idle: deque[tuple[bytes, int]] = deque()
        self._pid = os.getpid()

    @contextmanager
    def next(self) -> Iterator[tuple[bytes, int]]:
        """A writer's name and its next number. One whose write failed is not used again."""
        if self._pid != os.getpid():  # those are the parent's
            self._idle, self._pid = deque(), os.getpid()
        try:
            name, number = self._idle.pop()
        except IndexError:
            name, number = secrets.token_urlsafe(8).encode(), 0
        try:
            yield name, number + 1
        except BackendError:
            raise
        except CommandError:
            self._idle.append((name, number + 1))
            raise
        self._idle.append((name, number + 1))
