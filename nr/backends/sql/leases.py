"""Trainings as leases: rows with a deadline, by the database's own clock.

A lease is held until its deadline, which its owner moves on every second. A process that
was killed moves nothing, and the row means nothing any more ``LIFETIME`` seconds later;
whoever trains next removes it. Holding is asked for under the lock of the network's row
when a training is merged, so a trainer that was thought dead, and wakes up, merges nothing.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from nr.backends.sql.dialects import Dialect
from nr.backends.sql.schema import Schema
from nr.backends.sql.transactions import Transactions
from nr.backends.store import Lease, Running, State
from nr.engine import Progress
from nr.errors import TrainingError

LIFETIME = 8.0  # seconds


class Leases:
    """The trainings of one schema."""

    def __init__(self, schema: Schema, dialect: Dialect, transactions: Transactions) -> None:
        self._networks = schema.networks
        self._table = schema.trainings
        self._clock = dialect.clock
        self._do = transactions
        self._living = self._table.c.deadline > dialect.clock

    def _mine(self, lease: Lease) -> sa.ColumnElement[bool]:
        c = self._table.c
        return sa.and_(c.network_id == lease.nn_id, c.token == lease.token, self._living)

    def take(
        self, connection: sa.Connection, key: bytes, id: int, maxcycles: int, maxtime: int
    ) -> Lease:
        """For whoever holds the lock of the network's row. Raises TrainingError."""
        c = self._table.c
        if connection.scalar(sa.select(c.token).where(c.network_id == id, self._living)):
            raise TrainingError
        self.drop(connection, id)
        lease = Lease(key, id, secrets.token_hex(16))
        limits = {"maxtime": min(maxtime, 2**63 - 1), "maxcycles": min(maxcycles, 2**63 - 1)}
        connection.execute(
            sa.insert(self._table).values(
                network_id=id,
                token=lease.token,
                started=self._clock,
                deadline=self._clock + LIFETIME,
                stop=False,
                **limits,
                **_columns(Progress()),
            )
        )
        return lease

    def holds(self, connection: sa.Connection, lease: Lease) -> bool:
        held = sa.select(self._table.c.token).where(self._mine(lease))
        return connection.scalar(held.with_for_update()) is not None

    def renew(self, lease: Lease, progress: Progress) -> State:
        def work(connection: sa.Connection) -> State:
            moved = {"deadline": self._clock + LIFETIME, **_columns(progress)}
            update = sa.update(self._table).where(self._mine(lease)).values(moved)
            if not connection.execute(update).rowcount:
                return State.LOST
            stop = sa.select(self._table.c.stop).where(self._table.c.network_id == lease.nn_id)
            return State.STOP if connection.scalar(stop) else State.RUN

        return self._do.write(work)

    def release(self, lease: Lease) -> None:
        c = self._table.c
        mine = sa.and_(c.network_id == lease.nn_id, c.token == lease.token)
        delete = sa.delete(self._table).where(mine)
        self._do.write(lambda connection: connection.execute(delete))

    def all(self) -> list[Running]:
        c = self._table.c
        statement = (
            sa.select(
                self._networks.c.key,
                *(c[name] for name in ("network_id", "maxtime", "maxcycles", *_PROGRESS)),
            )
            .join_from(self._table, self._networks)
            .where(self._living)
            .order_by(c.started)
        )
        found = self._do.read(lambda connection: list(connection.execute(statement)))
        return [
            Running(key, id, 0, maxtime, maxcycles, Progress.heard(*progress))
            for key, id, maxtime, maxcycles, *progress in found
        ]

    def stop(self, connection: sa.Connection, id: int) -> bool:
        where = sa.and_(self._table.c.network_id == id, self._living)
        update = sa.update(self._table).where(where).values(stop=True)
        return bool(connection.execute(update).rowcount)

    def drop(self, connection: sa.Connection, id: int) -> None:
        connection.execute(sa.delete(self._table).where(self._table.c.network_id == id))


_PROGRESS = ("cycles", "train_error", "test_error", "class_errors")


def _columns(progress: Progress) -> dict[str, float]:
    return {name: getattr(progress, name) for name in _PROGRESS}
