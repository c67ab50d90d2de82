"""One sample as a transaction by itself, on the driver's own connection.

Nothing happens more often. SQLAlchemy's connection, its statements and its transactions take
longer for one row than SQLite does, and a transaction of several statements has two more ways to
a server, its beginning and its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from nr.backends.sql.dialects import MARIADB, POSTGRESQL, SQLITE, placing, upsert_one

Values = Mapping[str, Any]
Alone = Callable[[Any, Values], bool]
"""Places a sample by these values; False, and nothing done, where the header is another one.

The values are ``id_`` and ``key_``, ``was_...`` and ``new_...`` of the header's columns, and those
of the sample's.
"""


def alone(networks: sa.Table, samples: sa.Table, dialect: sa.Dialect) -> Alone:
    """As the database of a dialect of SQLAlchemy's does it."""
    return _ALONE[dialect.name](networks, samples, dialect)


def _sqlite(networks: sa.Table, samples: sa.Table, dialect: sa.Dialect) -> Alone:
    move, write = (
        statement.compile(dialect=dialect)
        for statement in (placing(networks), upsert_one(SQLITE, samples))
    )
    moves, writes = str(move), str(write)
    moved, written = (itemgetter(*(one.positiontup or ())) for one in (move, write))

    def place(raw: Any, values: Values) -> bool:
        if raw.in_transaction:  # of a caller's, who has one connection
            return False
        raw.execute("BEGIN IMMEDIATE")
        if raw.execute(moves, moved(values)).rowcount != 1:
            raw.rollback()
            return False
        raw.execute(writes, written(values))
        raw.commit()
        return True

    return place


def _postgresql(networks: sa.Table, samples: sa.Table, dialect: sa.Dialect) -> Alone:
    assert POSTGRESQL.placing_one
    sql = POSTGRESQL.placing_one(networks, samples, dialect)

    def place(raw: Any, values: Values) -> bool:
        before, raw.autocommit = raw.autocommit, True  # as in Text.alone
        placed: bool = raw.execute(sql, values).rowcount > 0
        raw.autocommit = before
        return placed

    return place


def _mariadb(networks: sa.Table, samples: sa.Table, dialect: sa.Dialect) -> Alone:
    assert MARIADB.placing_one
    begin, end = "BEGIN NOT ATOMIC ", "END"
    work = MARIADB.placing_one(networks, samples, dialect).removeprefix(begin).removesuffix(end)
    sql = f"{begin}START TRANSACTION; {work}COMMIT; {end}"

    def place(raw: Any, values: Values) -> bool:
        return bool(raw.query(sql % {name: _literal(value) for name, value in values.items()}))

    return place


def _literal(value: int | str | bytes) -> int | str:
    """In MariaDB's SQL: numbers as they are, all else in hex digits, which need no quoting."""
    if isinstance(value, int):
        return value
    return f"x'{(value.encode() if isinstance(value, str) else value).hex()}'"


_ALONE = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mariadb, "mariadb": _mariadb}
