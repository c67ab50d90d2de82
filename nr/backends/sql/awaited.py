"""What is different on a connection of SQLAlchemy's that is awaited (``run_sync``).

Its own cursors and the driver's connection cannot be used as those that block can: what goes
past SQLAlchemy takes another way here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from nr.backends.sql.dialects import (
    POSTGRESQL,
    SQLITE,
    Begin,
    Change,
    Dialect,
    Place,
    change_by_text,
    copied,
    dialect_of,
)
from nr.errors import BackendError

_WAYS = {  # of other drivers
    "postgresql+asyncpg": "postgresql+psycopg is asynchronous, too: create_async_engine"
    "('postgresql+psycopg://...')",
}


def dialect_of_connection(connection: sa.Connection) -> Dialect:
    """By database, driver, and whether it is awaited. Raises BackendError for what is not known."""
    kind = connection.dialect
    name = f"{kind.name}+{kind.driver}"
    if not getattr(kind, "is_async", False):
        return dialect_of(name)
    if found := _AWAITED.get(name):
        return found
    known = " and ".join(_AWAITED)
    way = _WAYS.get(name) or f"{known} take part in a transaction that is awaited"
    raise BackendError(f"no support for {name} here: {way}")


# ---- SQLite ----


def _begin_sqlite(connection: sa.Connection) -> None:
    if not connection.in_transaction():
        connection.begin()
    if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _reading_sqlite(connection: sa.Connection) -> Iterator[None]:
    before = connection.exec_driver_sql("PRAGMA query_only").scalar()
    connection.exec_driver_sql("PRAGMA query_only=1")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA query_only={before}")


# ---- PostgreSQL ----


def _append_postgresql(
    connection: sa.Connection, table: sa.Table, place: Place, rows: NDArray[np.float32]
) -> None:
    from sqlalchemy.util import await_only  # of an extra of SQLAlchemy's, which the caller has

    sql, parts = copied(connection, table, place, rows)
    raw: Any = connection.connection.driver_connection

    async def append() -> None:
        async with raw.cursor() as cursor, cursor.copy(sql) as copy:
            for part in parts:
                await copy.write(part)

    await_only(append())


_BEGIN_SQLITE: Begin = _begin_sqlite
_BY_TEXT: Change = change_by_text
_AWAITED = {
    "sqlite+aiosqlite": replace(
        SQLITE,
        begin_write=_BEGIN_SQLITE,
        change=_BY_TEXT,
        reading=_reading_sqlite,
    ),
    "postgresql+psycopg": replace(POSTGRESQL, append=_append_postgresql),
}
