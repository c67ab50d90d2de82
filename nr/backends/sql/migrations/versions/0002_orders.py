"""Trainings become orders, and networks say what became of the last one.

A training that stands there already is one of the version before: what it was asked to do
is not written down, so it goes, and its process merges nothing. If such a process trains
still, its rows count as taken too often. A header that has the columns of format 2 is of
format 2.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade(prefix: str, schema: str | None) -> None:
    def add(table: str, name: str, kind: Any, default: Any) -> None:
        # MariaDB's tables outlive a migration that was cut off.
        there = sa.inspect(op.get_bind()).get_columns(prefix + table, schema)
        if name not in [column["name"] for column in there]:
            column = sa.Column(name, kind, nullable=False, server_default=default)
            op.add_column(prefix + table, column, schema=schema)

    op.execute(sa.delete(sa.table(prefix + "trainings", schema=schema)))
    add("trainings", "attempt", sa.Integer, "3")
    add("trainings", "autostop", sa.Boolean, sa.false())
    add("trainings", "backtrack", sa.Boolean, sa.false())
    add("networks", "trainings", sa.BigInteger, "0")
    add("networks", "last_training", sa.String(255), "never")
    ended_by, trained = sa.column("ended_by", sa.String), sa.column("trained", sa.Boolean)
    last = sa.column("last_training", sa.String)
    columns = ended_by, trained, last, sa.column("format", sa.Integer)
    networks = sa.table(prefix + "networks", *columns, schema=schema)
    outcome = sa.case(
        (ended_by == "memory", "failed: out of memory"),
        (sa.or_(trained, ended_by != "never"), "merged"),
        else_="never",
    )
    op.execute(sa.update(networks).values(last_training=outcome, format=2))
