"""Engines: from a URL, or the caller's own; and how connections of ours are set up."""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, suppress
from threading import Lock, RLock
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import StaticPool

from nr import forks
from nr.backends.sql.dialects import Dialect, dialect_of
from nr.backends.sql.supply import IDLE, RESTED, Supply
from nr.backends.sql.transactions import explaining
from nr.errors import BackendError

_DRIVERS = {  # what a URL without a driver, or with MariaDB's own name, means here
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
}
_SQLITE = {  # what a URL may say behind its "?"; SQLAlchemy ignores all else
    "cached_statements",
    "check_same_thread",
    "detect_types",
    "isolation_level",
    "timeout",
    "uri",
}
_BUSY = 30.0  # seconds that SQLite waits for another writer
_locking = Lock()
_locks: WeakKeyDictionary[sa.Engine, AbstractContextManager[object]] = WeakKeyDictionary()


def engine_of(url: str) -> sa.Engine:
    """The engine of a URL."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise BackendError(f"not a URL of a database: {error}") from error
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    dialect, kind = dialect_of(parsed.drivername), parsed.get_backend_name()
    if kind == "sqlite" and not parsed.query.keys() <= _SQLITE and "uri" not in parsed.query:
        raise BackendError(
            f"not options of SQLite: {', '.join(sorted(parsed.query.keys() - _SQLITE))} (there "
            f"are: {', '.join(sorted(_SQLITE))})"
        )
    try:
        with explaining():
            return _sqlite(parsed) if kind == "sqlite" else _server(parsed, kind)
    except ImportError as error:
        raise BackendError(
            f"{kind} needs more than is installed ({error}): pip install 'nr[{dialect.extra}]'"
        ) from error


def dialect_of_engine(engine: sa.Engine) -> Dialect:
    """Raises BackendError for a database that is none of the three."""
    return dialect_of(f"{engine.dialect.name}+{engine.dialect.driver}")


def lock_of(engine: sa.Engine) -> AbstractContextManager[object] | None:
    """What guards the one connection that all threads of an engine share, if they do.

    One lock an engine, not one a store: several stores may rest in a caller's engine.
    """
    if not isinstance(engine.pool, StaticPool):
        return None
    with _locking:
        return _locks.setdefault(engine, RLock())


def _sqlite(url: sa.URL) -> sa.Engine:
    memory = url.database in (None, "", ":memory:")
    options: dict[str, Any] = {"connect_args": {"timeout": _BUSY, "check_same_thread": False}}
    if memory:
        options["connect_args"]["factory"] = _Lasting
    engine = sa.create_engine(url, poolclass=StaticPool if memory else Supply, **options)
    if memory:
        _keep(engine)
    sa.event.listen(engine, "connect", _pragmas)
    sa.event.listen(engine, "close", _unlock)
    sa.event.listen(engine, "checkin", _rested)
    _engines.add(engine)
    return engine


class _Lasting(sqlite3.Connection):
    """A database in memory, which SQLAlchemy would close, and so lose, where it is interrupted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._given: set[str] = set()

    def close(self) -> None:
        self.rollback()

    def create_function(self, name: str, *rest: Any, **options: Any) -> None:
        """Those of SQLAlchemy once: it gives them to a connection whenever it connects."""
        if name not in self._given:
            super().create_function(name, *rest, **options)
        if name in ("regexp", "floor"):
            self._given.add(name)

    def end(self) -> None:
        super().close()


def _keep(engine: sa.Engine) -> None:
    """Whenever a connection is made, it is the one that there is."""
    kept: list[_Lasting] = []

    def connect(dialect: Any, record: object, args: Any, options: Any) -> _Lasting:
        if not kept:
            kept.append(dialect.connect(*args, **options))
        return kept[0]

    def end(engine: sa.Engine) -> None:
        while kept:
            kept.pop().end()

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "engine_disposed", end)


def _pragmas(connection: Any, record: object) -> None:
    # In WAL mode readers and the writer do not wait for each other. FULL, and not the
    # NORMAL that is usual with it: a sample that was acknowledged survives a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _unlock(connection: Any, record: object) -> None:
    with suppress(sqlite3.Error):  # closed already
        connection.rollback()  # an open cursor would keep the file locked


def _server(url: sa.URL, kind: str) -> sa.Engine:
    options: dict[str, Any] = {"poolclass": Supply}
    if threshold := url.query.get("prepare_threshold"):
        url = url.difference_update_query(["prepare_threshold"])
        options["connect_args"] = {"prepare_threshold": _threshold(threshold)}
    if kind == "mysql":
        # Locks no gaps between rows, so that writers seldom meet. And no ROLLBACK, a way to
        # the server, when a connection comes back after its COMMIT.
        options |= {"isolation_level": "READ COMMITTED", "pool_reset_on_return": None}
    engine = sa.create_engine(url, **options)
    sa.event.listen(engine, "checkin", _rested)
    sa.event.listen(engine, "checkout", _awake)
    _engines.add(engine)
    return engine


def _threshold(given: Any) -> int | None:
    """psycopg's option, which takes no text. Raises BackendError."""
    if given in ("none", "None"):
        return None
    if isinstance(given, str) and given.isascii() and given.isdigit():
        return int(given)
    raise BackendError(f"prepare_threshold is a number or none, not {given!r:.40}")


# A server that was restarted leaves dead connections in the pool. SQLAlchemy's own ping
# before each use costs a way to the server and back; a connection that was used a moment
# ago can do without.


def _rested(connection: object, record: Any) -> None:
    record.info[RESTED] = monotonic()


def _awake(connection: Any, record: Any, proxy: Any) -> None:
    if monotonic() - record.info.get(RESTED, monotonic()) < IDLE:
        return
    try:
        dialect = proxy._pool._dialect
        alive = dialect.do_ping(connection)
    except Exception:
        alive = False
    if not alive:
        raise DisconnectionError


# A connection must not be used on both sides of a fork, and one to a file of SQLite not even be
# there: what SQLite knows of a file's locks is copied along.

_engines: WeakSet[sa.Engine] = WeakSet()


def _before_fork() -> None:
    for engine in list(_engines):
        if engine.dialect.name == "sqlite" and isinstance(engine.pool, Supply):
            engine.pool.dispose()


def _after_fork_in_child() -> None:
    for engine in list(_engines):
        if not isinstance(engine.pool, StaticPool):
            engine.dispose(close=False)


forks.at_rest(_before_fork)
os.register_at_fork(after_in_child=_after_fork_in_child)
