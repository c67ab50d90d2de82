"""How often a network's fields were changed: who keeps networks to run them asks for it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade(prefix: str, schema: str | None) -> None:
    def add(table: str, name: str, kind: Any, default: Any) -> None:
        # MariaDB's tables outlive a migration that was cut off.
        there = sa.inspect(op.get_bind()).get_columns(prefix + table, schema)
        if name not in [column["name"] for column in there]:
            column = sa.Column(name, kind, nullable=False, server_default=default)
            op.add_column(prefix + table, column, schema=schema)

    add("networks", "schema_revision", sa.BigInteger, "0")
