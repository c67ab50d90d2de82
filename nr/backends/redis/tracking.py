"""Networks kept here until the server says that they changed: no round trip to run one.

Redis calls it client-side caching (CLIENT TRACKING). A key is read on a connection of
its own, and the server then announces the key's next change (a write, a rename, an
expiry, an eviction, FLUSHALL) on another one, where a thread listens. redis-py has
such a cache too; it was not used because it takes no server but Redis 7.4 and later,
and as long for a hit as for half a round trip.

What is kept is right as of a moment ago: a change is seen when its announcement
arrives. A connection that breaks, or does not answer for some seconds, empties
all. A key with a time to live is not kept: its end is announced late.
"""

import logging
import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any
from weakref import WeakSet

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from nr.engine import Net

_log = logging.getLogger("nr")
_CHANNEL = b"__redis__:invalidate"
_BEAT = 1.0  # seconds between two signs of life
_DEAD = 4.0  # seconds without one
_MOST = 4096  # networks


class Tracked:
    """Networks by key, each until its key changes."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._nets: dict[bytes, Net] = {}
        self.get: Callable[[bytes], Net | None] = self._nets.get
        self._begin()
        _alive.add(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._reader: Any = None
        self._asked: dict[bytes, object] = {}  # since when a key is followed, as an object
        self._nets.clear()

    def fetch(self, key: bytes, read: Callable[[bytes], Net]) -> Net:
        """The network, read from the server, and kept where its key can be followed."""
        with self._lock:
            self._start()
            asked = self._ask(key)
        net = read(key)
        with self._lock:
            # It has not changed since it was asked for. Somebody else may have asked for it
            # again after a change, and has a newer one.
            if asked and self._asked.get(key) is asked:
                self._nets[key] = net
        return net

    def _ask(self, key: bytes) -> object | None:
        """From now on the server announces the key's change. None where it will not."""
        reader, self._reader = self._reader, None  # interrupted, it is not used again
        if not reader:
            return None
        try:
            if len(self._asked) >= _MOST:
                self._clear()
            asked = self._asked.setdefault(key, object())
            reader.send_command("PTTL", key)
            forever = bool(reader.read_response() == -1)
        except (RedisError, OSError):
            self._give_up(reader)
            return None
        except BaseException:
            self._give_up(reader)
            raise
        self._reader = reader
        return asked if forever else None

    def drop(self, key: bytes) -> None:
        """We have changed it ourselves."""
        with self._lock:
            self._asked.pop(key, None)
            self._nets.pop(key, None)

    def _clear(self) -> None:
        with self._lock:
            self._asked.clear()
            self._nets.clear()

    # ---- the listening thread ----

    def _start(self) -> None:
        if not self._thread or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._follow, name="nr changes", daemon=True)
            self._thread.start()

    def _connect(self) -> Any:
        options = dict(self._pool.connection_kwargs)
        options |= {"protocol": 2, "decode_responses": False, "retry": Retry(NoBackoff(), 0)}
        options |= {"socket_timeout": _DEAD, "health_check_interval": 0}
        for unknown_to_it in ("maint_notifications_config", "cache", "cache_config"):
            options.pop(unknown_to_it, None)
        connection = self._pool.connection_class(**options)
        connection.connect()
        return connection

    def _follow(self) -> None:
        while not self._closing.is_set():
            listener = None
            try:
                listener = self._listen()
                self._hear(listener)
            except (RedisError, OSError) as error:
                if not self._closing.is_set():
                    _log.warning("changes cannot be followed, every run asks: %s", error)
            finally:
                with self._lock:
                    self._stop_reading()
                if listener:
                    listener.disconnect()
            self._closing.wait(_BEAT)

    def _listen(self) -> Any:
        listener = self._connect()
        listener.send_command("CLIENT", "ID")
        number = listener.read_response()
        listener.send_command("SUBSCRIBE", _CHANNEL)
        listener.read_response()
        reader = self._connect()
        reader.send_command("CLIENT", "TRACKING", "ON", "REDIRECT", number)
        reader.read_response()
        with self._lock:
            self._reader = reader
        return listener

    def _stop_reading(self) -> None:
        reader, self._reader = self._reader, None
        self._give_up(reader)

    def _give_up(self, reader: Any) -> None:
        """Nothing is announced any more that was asked for by it."""
        self._clear()
        if reader:
            reader.disconnect()

    def _hear(self, listener: Any) -> None:
        heard = beat = monotonic()
        while not self._closing.is_set():
            if listener.can_read(timeout=_BEAT / 4):
                message = listener.read_response()
                heard = monotonic()
                if message[0] == b"message":
                    self._changed(message[2])
            elif monotonic() - heard > _DEAD:
                raise ConnectionError("the server does not answer")
            if monotonic() - beat > _BEAT:
                listener.send_command("PING")
                self._check_reader()
                beat = monotonic()

    def _check_reader(self) -> None:
        """Without the connection that asked, nothing is announced any more."""
        with self._lock:
            if not self._reader:
                raise ConnectionError("the connection broke")
            self._reader.send_command("PING")
            self._reader.read_response()

    def _changed(self, keys: list[bytes] | None) -> None:
        if keys is None:  # all: FLUSHALL, FLUSHDB, or too many to remember
            self._clear()
            return
        for key in keys:
            self.drop(bytes(key))

    def close(self) -> None:
        self._closing.set()
        if self._thread:
            self._thread.join(_DEAD)
        self._clear()


_alive: WeakSet[Tracked] = WeakSet()


def _after_fork_in_child() -> None:
    for tracked in list(_alive):  # the thread that hears of changes is the parent's
        tracked._begin()


os.register_at_fork(after_in_child=_after_fork_in_child)
