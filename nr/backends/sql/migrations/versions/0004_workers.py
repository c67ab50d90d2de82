"""Orders say who carries them out, and networks count their samples.

Of a network that is there nobody has counted: at least what it keeps was observed.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade(prefix: str, schema: str | None) -> None:
    def add(table: str, name: str, kind: Any, default: Any) -> None:
        # MariaDB's tables outlive a migration that was cut off.
        there = sa.inspect(op.get_bind()).get_columns(prefix + table, schema)
        if name not in [column["name"] for column in there]:
            column = sa.Column(name, kind, nullable=False, server_default=default)
            op.add_column(prefix + table, column, schema=schema)

    add("trainings", "plain", sa.Boolean, sa.false())
    add("trainings", "queued", sa.Boolean, sa.false())
    add("trainings", "worker", sa.String(255), "")
    for name in ("trainevery", "observed", "new", "ordered"):
        add("networks", name, sa.BigInteger, "0")
    names = ("observed", "train_len", "test_len")
    columns = [sa.column(name, sa.BigInteger) for name in names]
    networks = sa.table(prefix + "networks", *columns, schema=schema)
    kept = networks.c.train_len + networks.c.test_len
    op.execute(sa.update(networks).values(observed=kept))
