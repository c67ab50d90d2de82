"""The tables, as the code at hand wants them; migrations/ brings a database there.

A network is one row of header columns that people can query, arrays in parts
(weights, and the course of the last training), and a row a sample. The core's
header is a map: its keys are the names of the columns here, so that ``header.py``
needs no second list.

Weights lie in a table of their own, because a database writes a row as a whole:
beside them, every sample that moved a length on would write the weights, too. The
points of ``history`` are in ``arrays`` as well, exactly; the table is for people,
its view joins the name on.
"""

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from nr.errors import BackendError

HEAD = "0005"
"""The revision of the migrations that this code works with."""

NO_LOSSES = "0 0 0 0 0"  # of samples that were scored
KEY_BYTES = 2000  # what an index of PostgreSQL and of MariaDB takes for sure
_KEY = sa.LargeBinary().with_variant(mysql.VARBINARY(KEY_BYTES), "mysql", "mariadb")
_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_REAL: Any = sa.Double()
_ID = sa.BigInteger()
_TIME = sa.DateTime(timezone=True)


@dataclass(frozen=True)
class Schema:
    """The tables under one prefix, in one schema of the database."""

    prefix: str
    name: str | None
    networks: sa.Table
    arrays: sa.Table
    samples: sa.Table
    history: sa.Table
    trainings: sa.Table

    @property
    def parts(self) -> tuple[sa.Table, ...]:
        """All that belongs to a network and goes with it."""
        return (self.arrays, self.samples, self.history, self.trainings)

    @property
    def channel(self) -> str:
        """By which workers are woken, where a database can."""
        return f"{self.prefix}orders"

    @property
    def version_table(self) -> str:
        """Where Alembic notes the revision."""
        return f"{self.prefix}version"


def tables(prefix: str, name: str | None) -> Schema:
    """The tables of a prefix, ``nr_`` by default, in a schema (None: the connection's own).

    Raises BackendError for what would be no part of a table's name everywhere.
    """
    if not isinstance(prefix, str) or not re.fullmatch(r"\w{0,40}", prefix, re.ASCII):
        raise BackendError(f"a prefix is up to 40 letters, digits and _, not {prefix!r:.60}")
    if name is not None and not isinstance(name, str):
        raise BackendError(f"a schema is text, not {type(name).__name__}")
    metadata = sa.MetaData(schema=name)
    networks = _networks(prefix, metadata)

    def part(table: str, *columns: sa.Column[Any], **options: Any) -> sa.Table:
        owner = sa.ForeignKey(networks.c.id, ondelete="CASCADE")
        network = sa.Column("network_id", _ID, owner, primary_key=True, autoincrement=False)
        return sa.Table(prefix + table, metadata, network, *columns, **_options(**options))

    return Schema(
        prefix,
        name,
        networks,
        arrays=part(
            "arrays",
            sa.Column("array", sa.String(16), primary_key=True),
            sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("data", _BLOB, nullable=False),
        ),
        samples=part(
            "samples",
            sa.Column("dataset", sa.SmallInteger, primary_key=True, autoincrement=False),
            sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("data", _BLOB, nullable=False),
            sqlite_with_rowid=False,
        ),
        history=part(
            "history",
            sa.Column("point", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("cycle", _REAL),
            sa.Column("train_error", _REAL),
            sa.Column("test_error", _REAL),
            sa.Column("class_errors", _REAL),
        ),
        trainings=part(
            "trainings",
            sa.Column("token", sa.String(32), nullable=False),
            sa.Column("started", _REAL, nullable=False),
            sa.Column("deadline", _REAL, nullable=False),
            sa.Column("stop", sa.Boolean, nullable=False),
            sa.Column("maxtime", _ID, nullable=False),
            sa.Column("maxcycles", _ID, nullable=False),
            sa.Column("cycles", _ID, nullable=False),
            sa.Column("train_error", _REAL, nullable=False),
            sa.Column("test_error", _REAL, nullable=False),
            sa.Column("class_errors", _REAL, nullable=False),
            sa.Column("attempt", sa.Integer, nullable=False, server_default="3"),
            sa.Column("autostop", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("backtrack", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("plain", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("queued", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("worker", sa.String(255), nullable=False, server_default=""),
        ),
    )


def _networks(prefix: str, metadata: sa.MetaData) -> sa.Table:
    def column(name: str, kind: Any) -> sa.Column[Any]:
        return sa.Column(name, kind, nullable=False)

    return sa.Table(
        f"{prefix}networks",
        metadata,
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("key", _KEY, nullable=False, unique=True),
        column("name", sa.Text()),
        column("created_at", _TIME),
        sa.Column("trained_at", _TIME),
        column("format", sa.Integer()),
        column("revision", _ID),
        column("resets", _ID),
        column("kind", sa.String(16)),
        column("layout", sa.String(640)),
        column("normalize", sa.Boolean()),
        column("classic", sa.Boolean()),
        column("seed", _ID),
        column("activation", sa.String(16)),
        column("loss", sa.String(16)),
        column("optimizer", sa.String(16)),
        sa.Column("learnrate", _REAL),
        sa.Column("l2", _REAL),
        sa.Column("batch", _ID),
        sa.Column("patience", _ID),
        sa.Column("threads", _ID),
        sa.Column("members", _ID),
        column("class_weights", sa.String(16)),
        column("train_maxlen", _ID),
        column("test_maxlen", _ID),
        column("train_len", _ID),
        column("test_len", _ID),
        column("random", sa.String(80)),
        column("trained", sa.Boolean()),
        column("total_steps", _ID),
        column("total_cycles", _ID),
        column("total_ms", _ID),
        column("train_error", _REAL),
        column("test_error", _REAL),
        column("class_errors", _REAL),
        column("overfitting", sa.Boolean()),
        column("ended_by", sa.String(16)),
        sa.Column("trainings", _ID, nullable=False, server_default="0"),
        sa.Column("last_training", sa.String(255), nullable=False, server_default="never"),
        sa.Column("schema_revision", _ID, nullable=False, server_default="0"),
        sa.Column("trainevery", _ID, nullable=False, server_default="0"),  # -1: AUTO
        sa.Column("observed", _ID, nullable=False, server_default="0"),
        sa.Column("new", _ID, nullable=False, server_default="0"),
        sa.Column("ordered", _ID, nullable=False, server_default="0"),
        sa.Column("drift", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("losses", sa.String(120), nullable=False, server_default=NO_LOSSES),
        column("more", sa.Text()),
        **_options(),
    )


def _options(**options: Any) -> dict[str, Any]:
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", **options}
