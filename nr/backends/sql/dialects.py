"""What differs between SQLite, PostgreSQL and MariaDB, and nothing else.

One frozen value a database: its clock, how a transaction that writes and one that
reads consistently begin, which errors are worth another try, and how it takes many
rows. Everything else is SQLAlchemy's business.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from nr.errors import BackendError

Begin = Callable[[sa.Connection], None]
Change = Callable[[sa.Connection, str, Any], int]
Place = tuple[int, int, int]  # network, dataset, slot
MOVED = ("format", "train_len", "test_len", "random", "observed", "new", "ordered", "losses")
"""The columns of a header that observing changes."""

STATE = ("format", "train_len", "test_len", "observed", "new", "trainevery", "drift", "revision")
"""Those that tell whether somebody else was here, of whatever observing goes by."""


def change_by_text(connection: sa.Connection, sql: str, values: Any) -> int:
    """Runs a statement of the driver's own text; replies how many rows it changed."""
    return connection.exec_driver_sql(sql, values).rowcount


@dataclass(frozen=True)
class Dialect:
    """How to speak to one kind of database."""

    extra: str
    """The extra of this package that installs its driver."""
    clock: sa.ColumnElement[float]
    """Seconds since 1970 by the database's clock, also amidst a transaction."""
    now: sa.ColumnElement[Any]
    begin_write: Begin
    """Also within a caller's transaction, where it must do no harm."""
    begin_snapshot: Begin
    transient: Callable[[BaseException], bool]
    """Whether a transaction that failed so may go through when it is tried again."""
    upsert: Callable[[sa.Table], sa.Insert]
    """An INSERT of samples that replaces those in the same slots."""
    append: Callable[[sa.Connection, sa.Table, Place, NDArray[np.float32]], None]
    """Inserts many rows into slots that follow each other, faster than INSERT one by one."""
    autocommits: Callable[[Any], bool] = lambda raw: False
    """Whether a connection of the driver's ends a transaction with each statement."""
    placing_one: Callable[[sa.Table, sa.Table, sa.Dialect], str] | None = None
    """``placing`` and the upsert of one sample in one statement, where there is such."""
    meet: Begin = lambda connection: None
    """Once for each connection of the driver's, before it is used."""
    change: Change = change_by_text
    """Runs a statement of the driver's own text; replies how many rows it changed."""
    reading: Callable[[sa.Connection], AbstractContextManager[None]] = lambda connection: (
        nullcontext()
    )
    """Meanwhile, a statement that writes fails at once on this connection."""
    streams_beside: bool = True
    """Whether a connection can write while it streams the rows of a query."""
    read_options: Mapping[str, Any] = field(default_factory=dict)
    """Of the connection for a single SELECT."""
    skips_locked: Callable[[sa.Dialect], bool] = lambda dialect: False
    """Whether a SELECT can leave out the rows that others have locked."""
    hasten: Begin = lambda connection: None
    """Amidst a transaction that may as well be lost in a crash of the database's machine."""
    hastened: sa.ColumnElement[Any] | None = None
    """The same as a value of a statement that is a transaction by itself, and locks, changes and
    reads rows of several tables; None: there is no such statement."""
    wake: Callable[[str, sa.ColumnElement[str]], sa.ColumnElement[Any]] | None = None
    """Tells those who listen to a channel something, once the transaction is committed."""

    def isolate(self, connection: sa.Connection) -> None:
        """Before a transaction begins, which an engine of the caller's may do without."""
        if self.autocommits(connection.connection.driver_connection):
            connection.execution_options(isolation_level="READ COMMITTED")


def placing(networks: sa.Table) -> sa.Update:
    """Moves a header on, if it still is what it was."""
    was = [networks.c[name] == sa.bindparam(f"was_{name}") for name in STATE]
    new: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in MOVED}
    mine = networks.c.id == sa.bindparam("id_"), networks.c.key == sa.bindparam("key_")
    return sa.update(networks).where(*mine, *was).values(new)


def upsert_one(dialect: Dialect, samples: sa.Table) -> sa.Insert:
    """The upsert of one sample, its columns as parameters of their names."""
    values: dict[str, Any] = {column.name: sa.bindparam(column.name) for column in samples.c}
    return dialect.upsert(samples).values(values)


def dialect_of(database: str) -> Dialect:
    """By name and driver, as ``postgresql+psycopg``. Raises BackendError for all but three."""
    known = {
        "sqlite+pysqlite": SQLITE,
        "postgresql+psycopg": POSTGRESQL,
        "mysql+pymysql": MARIADB,
        "mariadb+pymysql": MARIADB,
    }
    if found := known.get(database):
        return found
    raise BackendError(
        f"no support for {database}: sqlite, postgresql+psycopg and mysql+pymysql are known"
    )


def _number(code: str) -> sa.ColumnElement[float]:
    return sa.literal_column(code, sa.Double())


# ---- SQLite ----


def _change_sqlite(connection: sa.Connection, sql: str, values: Any) -> int:
    """By the driver's own cursor: SQLite takes less time for a row than SQLAlchemy would."""
    try:
        cursor = connection.connection.driver_connection.execute(sql, values)  # type: ignore[union-attr]
    except sqlite3.Error as error:
        raise DBAPIError(sql, None, error) from error
    return int(cursor.rowcount)


def _sqlite_begin(statement: str) -> Begin:
    def begin(connection: sa.Connection) -> None:
        # A caller's engine may begin by itself, by an event, as SQLAlchemy's manual shows.
        if not connection.in_transaction():
            connection.begin()
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            _change_sqlite(connection, statement, ())

    return begin


_PACKET = 1 << 20  # bytes of samples in one statement


def _blocks(rows: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The rows in blocks of bounded size, and where each begins."""
    step = max(1, _PACKET // (4 * rows.shape[1]))
    for at in range(0, len(rows), step):
        yield at, rows[at : at + step]


def _append_sqlite(
    connection: sa.Connection, table: sa.Table, place: Place, rows: NDArray[np.float32]
) -> None:
    """Hands over one blob, which SQLite itself cuts into rows."""
    (network, dataset, slot), width = place, rows.shape[1] * 4
    name = connection.dialect.identifier_preparer.format_table(table)
    for at, block in _blocks(rows):
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
            f"INSERT INTO {name} (network_id, dataset, slot, data) "
            "SELECT ?, ?, ? + i, substr(?, 1 + i * ?, ?) FROM n",
            (len(block), network, dataset, slot + at, block.tobytes(), width, width),
        )


@contextmanager
def _reading_sqlite(connection: sa.Connection) -> Iterator[None]:
    raw: Any = connection.connection.driver_connection
    [before] = raw.execute("PRAGMA query_only").fetchone()
    raw.execute("PRAGMA query_only=1")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA query_only={before}")


def _sqlite_transient(error: BaseException) -> bool:
    # SQLITE_BUSY itself comes after the busy timeout, which was the try.
    return getattr(error, "sqlite_errorname", "") in ("SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED")


def _upsert_sqlite(table: sa.Table) -> sa.Insert:
    insert = sqlite.insert(table)
    return insert.on_conflict_do_update(set_={"data": insert.excluded.data})


SQLITE = Dialect(
    extra="sql",
    clock=_number("((julianday('now') - 2440587.5) * 86400.0)"),
    now=sa.func.current_timestamp(),
    begin_write=_sqlite_begin("BEGIN IMMEDIATE"),
    begin_snapshot=_sqlite_begin("BEGIN"),
    transient=_sqlite_transient,
    upsert=_upsert_sqlite,
    append=_append_sqlite,
    change=_change_sqlite,
    reading=_reading_sqlite,
)

# ---- PostgreSQL ----


def _nothing(connection: sa.Connection) -> None:
    pass


def _meet_postgresql(connection: sa.Connection) -> None:
    """Prepares no statements where a pooler such as PgBouncer lies between.

    It hands each transaction to another process of the server, which knows nothing of what was
    prepared in the last one. It cannot be asked whether it is there; but the process that
    answers is another one than the one that was named when the connection was made.
    """
    info = connection.info
    if "nr_met" in info:
        return
    raw: Any = connection.connection.driver_connection
    found = raw.pgconn.exec_(b"SELECT pg_backend_pid()").get_value(0, 0)
    if found is not None:  # else in a transaction that has failed
        info["nr_met"] = True
        if int(found) != raw.pgconn.backend_pid:
            raw.prepare_threshold = None


def _repeatable_read(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _hasten_postgresql(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")


def _postgresql_transient(error: BaseException) -> bool:
    # serialization_failure, deadlock_detected, lock_not_available
    return getattr(error, "sqlstate", None) in ("40001", "40P01", "55P03")


def _upsert_postgresql(table: sa.Table) -> sa.Insert:
    insert = postgresql.insert(table)
    key = list(table.primary_key.columns)
    return insert.on_conflict_do_update(index_elements=key, set_={"data": insert.excluded.data})


def _place_one_postgresql(networks: sa.Table, samples: sa.Table, dialect: sa.Dialect) -> str:
    moved = placing(networks).returning(networks.c.id).cte("moved")
    row = sa.select(
        moved.c.id,
        *(sa.bindparam(name, type_=samples.c[name].type) for name in ("dataset", "slot", "data")),
    )
    insert = _upsert_postgresql(samples)
    columns = ["network_id", "dataset", "slot", "data"]
    return str(insert.from_select(columns, row).compile(dialect=dialect))


_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def copied(
    connection: sa.Connection, table: sa.Table, place: Place, rows: NDArray[np.float32]
) -> tuple[str, Iterator[bytes]]:
    """COPY in its binary form, whose rows are of one width here: numpy lays them out."""
    width = rows.shape[1] * 4
    form = np.dtype(f">i2, >i4, >i8, >i4, >i2, >i4, >i4, >i4, V{width}")
    form.names = ("columns", "l0", "network", "l1", "dataset", "l2", "slot", "l3", "data")
    name = connection.dialect.identifier_preparer.format_table(table)

    def parts() -> Iterator[bytes]:
        yield _COPY_HEAD
        for at, block in _blocks(rows):
            lines = np.empty(len(block), form)
            lines["columns"] = 4
            lines["l0"], lines["l1"], lines["l2"], lines["l3"] = 8, 2, 4, width
            lines["network"], lines["dataset"], first = place
            lines["slot"] = np.arange(first + at, first + at + len(block))
            lines["data"] = np.ascontiguousarray(block).view(f"V{width}")[:, 0]
            yield lines.tobytes()
        yield b"\xff\xff"

    sql = f"COPY {name} (network_id, dataset, slot, data) FROM STDIN (FORMAT BINARY)"
    return sql, parts()


def _append_postgresql(
    connection: sa.Connection, table: sa.Table, place: Place, rows: NDArray[np.float32]
) -> None:
    sql, parts = copied(connection, table, place, rows)
    with closing(connection.connection.cursor()) as cursor, cursor.copy(sql) as copy:
        for part in parts:
            copy.write(part)


POSTGRESQL = Dialect(
    extra="postgresql",
    clock=_number("extract(epoch from clock_timestamp())::float8"),
    now=sa.func.now(),
    begin_write=_nothing,
    begin_snapshot=_repeatable_read,
    transient=_postgresql_transient,
    upsert=_upsert_postgresql,
    autocommits=lambda raw: bool(raw.autocommit),
    meet=_meet_postgresql,
    placing_one=_place_one_postgresql,
    read_options={"isolation_level": "AUTOCOMMIT"},  # no BEGIN, and no way to the server for it
    append=_append_postgresql,
    skips_locked=lambda dialect: True,
    hasten=_hasten_postgresql,
    hastened=sa.literal_column("set_config('synchronous_commit', 'off', true)", sa.Text()),
    wake=lambda channel, told: sa.cast(
        sa.func.pg_notify(sa.literal_column(f"'{channel}'"), told), sa.Text()
    ),
)

# ---- MariaDB ----


def _mariadb_transient(error: BaseException) -> bool:
    # lock wait timeout, deadlock, record has changed since last read
    return bool(error.args) and error.args[0] in (1205, 1213, 1020)


def _upsert_mariadb(table: sa.Table) -> sa.Insert:
    insert = mysql.insert(table)
    return insert.on_duplicate_key_update(data=insert.inserted.data)


def _skips_locked_mariadb(dialect: sa.Dialect) -> bool:
    oldest = (10, 6) if getattr(dialect, "is_mariadb", False) else (8,)
    return tuple(dialect.server_version_info or ()) >= oldest


def _place_one_mariadb(networks: sa.Table, samples: sa.Table, dialect: sa.Dialect) -> str:
    move, write = (
        statement.compile(dialect=dialect)
        for statement in (placing(networks), upsert_one(MARIADB, samples))
    )
    # Replies how many rows it changed altogether: none where the header was another one.
    return f"BEGIN NOT ATOMIC {move}; IF ROW_COUNT() = 1 THEN {write}; END IF; END"


def _append_mariadb(
    connection: sa.Connection, table: sa.Table, place: Place, rows: NDArray[np.float32]
) -> None:
    """One INSERT of many rows, of digits and hex digits alone."""
    (network, dataset, slot), width = place, rows.shape[1] * 8
    name = connection.dialect.identifier_preparer.format_table(table)
    for at, block in _blocks(rows):
        digits, first = block.tobytes().hex(), slot + at
        values = ",".join(
            [
                f"({network},{dataset},{first + i},0x{digits[i * width : (i + 1) * width]})"
                for i in range(len(block))
            ]
        )
        sql = f"INSERT INTO {name} (network_id, dataset, slot, data) VALUES {values}"
        connection.exec_driver_sql(sql)


MARIADB = Dialect(
    extra="mariadb",
    clock=_number("(timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) / 1e6)"),
    now=sa.func.utc_timestamp(),
    begin_write=_nothing,
    begin_snapshot=_repeatable_read,
    transient=_mariadb_transient,
    upsert=_upsert_mariadb,
    autocommits=lambda raw: bool(raw.get_autocommit()),
    placing_one=_place_one_mariadb,
    streams_beside=False,
    append=_append_mariadb,
    skips_locked=_skips_locked_mariadb,
)
