"""An order that is placed, or taken, in one statement, where the database has such.

How soon an idle worker begins goes by how often both ask the database. Step by step that is eight
times: the transaction's beginning, the network's id, its row and the lock, the order, its limits,
the change, the end. PostgreSQL does all of it in one statement, which is a transaction by itself.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nr.backends.sql import orders
from nr.backends.sql.dialects import Dialect
from nr.backends.sql.schema import Schema
from nr.contracts.store import ATTEMPTS, worker

NETWORK = ("format", "id", "revision", "trainings")
"""What an order is of. Fifty columns more would take longer than the statement."""

_FREE = sa.literal_column(str(ATTEMPTS), sa.Integer())
_ONE = sa.literal_column("1", sa.Integer())


def taking(schema: Schema, dialect: Dialect) -> sa.Select[Any] | None:
    """Locks a network by its key, unless another has the lock, and takes its order, if that waits.

    A row of how often it was taken before, if there is an order; then, where it was taken now, the
    attempt and the limits; at last the columns of the header that ``NETWORK`` names. None
    where the database has no such statement.
    """
    if dialect.hastened is None:
        return None
    networks, table, clock = schema.networks, schema.trainings, dialect.clock
    of_key = networks.c.key == sa.bindparam("key")
    columns = [networks.c[name] for name in NETWORK]
    found = sa.select(*columns).where(of_key).with_for_update(skip_locked=True).cte("found")
    mine = table.c.network_id == found.c.id
    deadline = clock + sa.bindparam("lifetime", type_=sa.Double())
    held = sa.and_(table.c.deadline > clock, table.c.deadline <= deadline)
    given: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in ("token", "worker")}
    update = sa.update(table).where(mine, sa.not_(held), table.c.attempt < _FREE)
    update = update.values(attempt=table.c.attempt + _ONE, deadline=deadline, **given)
    told = ("attempt", *orders.LIMITS)
    taken = update.returning(*(table.c[name] for name in told)).cte("taken")
    before = sa.select(table.c.attempt).where(mine).scalar_subquery()
    now, header = (taken.c[name] for name in told), (found.c[name] for name in NETWORK)
    both = found.outerjoin(taken, sa.true())
    return sa.select(dialect.hastened, before, *now, *header).select_from(both)


def ordering(schema: Schema, dialect: Dialect) -> sa.Insert | None:
    """Places an order of a network, by its key, for whoever takes it, and wakes who listens.

    No row, and nothing done, where one stands or there is no such network. The parameters are the
    columns of the order. None where the database has no such statement.
    """
    if dialect.hastened is None or dialect.wake is None:
        return None
    networks, table = schema.networks, schema.trainings
    of_key = networks.c.key == sa.bindparam("key")
    found = sa.select(networks.c.id).where(of_key).with_for_update().cte("found")
    given: dict[str, Any] = {
        c.name: sa.bindparam(c.name, type_=c.type) for c in table.c if c.name != "network_id"
    }
    given["started"] = dialect.clock
    insert = postgresql.insert(table).from_select(
        ["network_id", *given], sa.select(found.c.id, *given.values())
    )
    wake = dialect.wake(schema.channel, sa.bindparam("told", type_=sa.Text()))
    return insert.on_conflict_do_nothing().returning(wake)


def values(key: bytes, token: str) -> dict[str, Any]:
    """The parameters of the statement."""
    mine = {"new_token": token, "new_worker": worker()[:255]}
    return {"key": key, "lifetime": orders.LIFETIME, **mine}
