"""The first tables: networks, arrays, samples, history, trainings, and a view."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

_KEY = sa.LargeBinary().with_variant(mysql.VARBINARY(2000), "mysql", "mariadb")
_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_ID = sa.BigInteger()
_REAL: Any = sa.Double()
_TIME = sa.DateTime(timezone=True)


def upgrade(prefix: str, schema: str | None) -> None:
    def create(table: str, *columns: sa.Column[Any], **options: Any) -> None:
        # Not there yet, but for MariaDB, whose tables outlive a migration that was cut off.
        again = op.get_bind().dialect.name == "mysql"
        options |= {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
        op.create_table(prefix + table, *columns, schema=schema, if_not_exists=again, **options)

    def part(table: str, *columns: sa.Column[Any], **options: Any) -> None:
        networks = f"{schema}.{prefix}networks" if schema else f"{prefix}networks"
        owner = [sa.ForeignKey(f"{networks}.id", ondelete="CASCADE")]
        if table == "samples" and postgresql:
            owner = []  # _trigger instead
        network = sa.Column("network_id", _ID, *owner, primary_key=True, autoincrement=False)
        create(table, network, *columns, **options)

    postgresql = op.get_bind().dialect.name == "postgresql"

    create("networks", *_networks())
    part(
        "arrays",
        sa.Column("array", sa.String(16), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", _BLOB, nullable=False),
    )
    part(
        "samples",
        sa.Column("dataset", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", _BLOB, nullable=False),
        sqlite_with_rowid=False,
    )
    part(
        "history",
        sa.Column("point", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("cycle", _REAL),
        sa.Column("train_error", _REAL),
        sa.Column("test_error", _REAL),
        sa.Column("class_errors", _REAL),
    )
    part(
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
    )
    _view(prefix, schema)
    if postgresql:
        _trigger(prefix, schema)


def _networks() -> list[sa.Column[Any]]:
    def column(name: str, kind: Any) -> sa.Column[Any]:
        return sa.Column(name, kind, nullable=False)

    return [
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
        column("more", sa.Text()),
    ]


def _name(schema: str | None, table: str) -> str:
    quote = op.get_bind().dialect.identifier_preparer.quote
    return (f"{quote(schema)}." if schema else "") + quote(table)


def _view(prefix: str, schema: str | None) -> None:
    networks, history = (_name(schema, prefix + table) for table in ("networks", "history"))
    create = "CREATE VIEW" if op.get_bind().dialect.name == "sqlite" else "CREATE OR REPLACE VIEW"
    op.execute(
        f"{create} {_name(schema, prefix + 'training_history')} AS "
        "SELECT n.name, n.id AS network_id, h.point, h.cycle, h.train_error, h.test_error, "
        f"h.class_errors FROM {networks} n JOIN {history} h ON h.network_id = n.id"
    )


def _trigger(prefix: str, schema: str | None) -> None:
    """What ON DELETE CASCADE would do for samples.

    PostgreSQL checks a foreign key row by row: COPY of samples takes three times as long
    with one. Samples are only ever written under the lock of their network's row, so there
    is nothing to check; a trigger that runs once a DELETE is all that is needed.
    """
    networks, samples = (_name(schema, prefix + table) for table in ("networks", "samples"))
    function = _name(schema, f"{prefix}delete_samples")
    op.execute(
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"DELETE FROM {samples} s USING gone WHERE s.network_id = gone.id; "
        "RETURN NULL; END $$"
    )
    trigger = op.get_bind().dialect.identifier_preparer.quote(f"{prefix}delete_samples")
    op.execute(
        f"CREATE TRIGGER {trigger} AFTER DELETE ON {networks} REFERENCING OLD TABLE AS gone "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )
