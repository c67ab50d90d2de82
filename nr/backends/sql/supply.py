"""Connections of an engine of ours.

SQLAlchemy's own pool was not used for two reasons. Whoever is interrupted (Ctrl-C, the
exception of an alarm's handler) may leave a connection that is amidst a transaction or owes
the reply to a statement: here only a connection that came to rest is used again, and every
other one is closed. And one that was lost on the way stays counted there: here the
supply counts what exists. It takes no locks, which another thread may hold at a fork.
"""

from __future__ import annotations

import gc
from threading import RLock, get_ident, local
from time import monotonic, sleep
from typing import Any
from weakref import ref

import sqlalchemy as sa
from sqlalchemy.exc import TimeoutError

from nr import forks

_MOST = 15  # connections
_WAIT = 30.0  # seconds for one
IDLE = 1.0  # seconds in the pool after which a connection is tried before use
RESTED = "nr_rested"  # of a connection's info: when it was given back
_BUSY = "nr_busy"  # of a record's info: the thread of ours that has it, or True


class _Mine(local):
    def __init__(self) -> None:
        self.lock = RLock()
        self.file = forks.outer(RLock())


mine = _Mine()
"""What each thread holds while it speaks to a database: ``lock``, and of SQLite ``file`` too.

No fork takes place meanwhile: SQLite keeps the locks of a file in the process as well, where a
child would find them held for good.
"""


def begun(connection: sa.Connection) -> None:
    """A verb of this thread's uses it, and closes it should it be interrupted."""
    record = connection.connection.record_info
    if record is not None and _BUSY in record:
        record[_BUSY] = get_ident()


def rested(connection: sa.Connection) -> None:
    """Rolls back what was not committed, and gives a connection back to be used again."""
    connection.rollback()
    if not connection.invalidated:
        record = connection.connection.record_info
        if record is not None:
            record.pop(_BUSY, None)
    connection.close()


class Supply(sa.Pool):
    """A pool as SQLAlchemy wants it: who finds all connections at work waits for one."""

    def __init__(self, creator: Any, **options: Any) -> None:
        super().__init__(creator, **options)
        self._idle: list[Any] = []
        self._living: set[ref[Any]] = set()

    def _do_get(self) -> Any:
        end = monotonic() + _WAIT
        while True:
            try:
                record = self._idle.pop()
                break
            except IndexError:
                if len(self._living) < _MOST:
                    record = self._create_connection()
                    self._living.add(ref(record, self._living.discard))
                    break
            if monotonic() > end:
                raise TimeoutError(f"all of {_MOST} connections are at work for {_WAIT:g} s")
            gc.collect(0)  # those that were lost
            sleep(0.001)
        record.record_info[_BUSY] = True
        return record

    def borrow(self) -> Any:
        """A connection as it was given back a moment ago, past what a checkout does; or None."""
        try:
            record = self._idle.pop()
        except IndexError:
            return None
        if record.dbapi_connection is None or not self._fresh(record):
            self._idle.append(record)
            return None
        record.record_info[_BUSY] = get_ident()
        return record

    def _fresh(self, record: Any) -> bool:
        rested: float = record.info.get(RESTED, 0.0)
        return monotonic() - rested < IDLE and record.starttime > self._invalidate_time

    def give_back(self, record: Any) -> None:
        """One that was borrowed, and has ended its transaction."""
        record.record_info.pop(_BUSY, None)
        record.info[RESTED] = monotonic()
        self._idle.append(record)

    def drop(self, record: Any) -> None:
        """One that was borrowed, and came to no rest."""
        self._living.discard(ref(record))
        record.close()

    def reap(self) -> None:
        """Closes what this thread was interrupted at, and again while it closed that."""
        for one in list(self._living):
            record = one()
            if record is not None and record.record_info.get(_BUSY) == get_ident():
                record.close()

    def _do_return_conn(self, record: Any) -> None:
        if record.record_info.get(_BUSY) or record.dbapi_connection is None:
            self._living.discard(ref(record))
            record.close()
        else:
            self._idle.append(record)

    def dispose(self) -> None:
        while self._idle:
            record = self._idle.pop()
            self._living.discard(ref(record))
            record.close()

    def recreate(self) -> Supply:
        return Supply(
            self._creator,
            recycle=self._recycle,
            echo=self.echo,
            logging_name=self._orig_logging_name,
            reset_on_return=self._reset_on_return,
            pre_ping=self._pre_ping,
            _dispatch=self.dispatch,
            dialect=self._dialect,
        )

    def status(self) -> str:
        return f"{len(self._living)} connections, {len(self._idle)} of them idle"
