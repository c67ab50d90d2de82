"""What is counted of samples that are scored before they are kept, and whether they are."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade(prefix: str, schema: str | None) -> None:
    def add(name: str, kind: Any, default: Any) -> None:
        # MariaDB's tables outlive a migration that was cut off.
        there = sa.inspect(op.get_bind()).get_columns(prefix + "networks", schema)
        if name not in [column["name"] for column in there]:
            column = sa.Column(name, kind, nullable=False, server_default=default)
            op.add_column(prefix + "networks", column, schema=schema)

    add("drift", sa.Boolean, sa.false())
    add("losses", sa.String(120), "0 0 0 0 0")
