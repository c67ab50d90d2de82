"""Trainings as orders: rows with a deadline, by the database's own clock.

An order is held until its deadline, which its holder moves on every second. A process that
was killed moves nothing: ``LIFETIME`` seconds later the order waits again, for whoever takes
it, and gets another token. So the token alone tells a holder whether the order is still its own,
also when the deadline has passed and nobody was there to take it. All but renewing and looking
happens under the lock of the network's row.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nr.backends.sql.dialects import Dialect
from nr.backends.sql.schema import Schema
from nr.backends.sql.transactions import Transactions
from nr.backends.sql.watching import told
from nr.contracts.store import Lease, Limits, Order, Running, Standing, State, worker
from nr.engine import Net, Progress

LIFETIME = 8.0  # seconds that a lease lasts

LIMITS = ("maxcycles", "maxtime", "autostop", "backtrack", "plain", "queued")
_PROGRESS = ("cycles", "train_error", "test_error", "class_errors")


class Orders:
    """The trainings of one schema."""

    def __init__(self, schema: Schema, dialect: Dialect, transactions: Transactions) -> None:
        self._networks = schema.networks
        self._table = schema.trainings
        self._clock = dialect.clock
        self._wake, self._channel = dialect.wake, schema.channel
        self._do = transactions

    @staticmethod
    def held(table: sa.Table, clock: sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
        """Whether an order's holder is alive. Nobody sets a deadline further off than that."""
        deadline = table.c.deadline
        return sa.and_(deadline > clock, deadline <= clock + LIFETIME)

    def _mine(self, lease: Lease) -> sa.ColumnElement[bool]:
        return sa.and_(self._table.c.network_id == lease.nn_id, self._table.c.token == lease.token)

    # ---- under the lock of the network's row ----

    def standing(self, connection: sa.Connection, id: int) -> tuple[Standing, int, bool]:
        """Whether there is an order, how often it was taken, and whether it is for workers."""
        c = self._table.c
        held = self.held(self._table, self._clock)
        found = sa.select(c.attempt, held, c.queued).where(c.network_id == id)
        row = connection.execute(found).first()
        if row is None:
            return Standing.NONE, 0, False
        return Standing.HELD if row[1] else Standing.WAITS, row[0], bool(row[2])

    def place(
        self, connection: sa.Connection, key: bytes, net: Net, limits: Limits, held: bool
    ) -> Lease | None:
        """Where there is no order."""
        shape = net.shape
        order = Order(key, shape.id, shape.revision, shape.trainings, limits, int(held))
        row = left_to_workers(limits) | {"network_id": shape.id, "started": self._clock}
        if held:
            deadline = self._clock + LIFETIME
            row |= {"deadline": deadline, "attempt": order.attempt, "worker": worker()}
        statement = sa.insert(self._table).values(row)
        if self._wake and not held:
            statement = statement.returning(self._wake(self._channel, sa.literal(told(key))))
        connection.execute(statement)
        return Lease(order, row["token"]) if held else None

    def _tell(self, connection: sa.Connection, key: bytes) -> None:
        """Wakes workers, once this is committed."""
        if self._wake:
            connection.execute(sa.select(self._wake(self._channel, sa.literal(told(key)))))

    def take(self, connection: sa.Connection, key: bytes, net: Net) -> Lease:
        """For an order that waits, and was not taken too often."""
        c = self._table.c
        mine = c.network_id == net.shape.id
        columns = [c.attempt, *(c[name] for name in LIMITS)]
        attempt, *limits = connection.execute(sa.select(*columns).where(mine)).one()
        shape = net.shape
        of = shape.id, shape.revision, shape.trainings
        lease = Lease(order_of(key, of, attempt + 1, limits), secrets.token_hex(16))
        order = lease.order
        values = {"token": lease.token, "attempt": order.attempt, "worker": worker()[:255]}
        deadline = self._clock + LIFETIME
        connection.execute(sa.update(self._table).where(mine).values(deadline=deadline, **values))
        return lease

    def holds(self, connection: sa.Connection, lease: Lease) -> bool:
        held = sa.select(self._table.c.token).where(self._mine(lease))
        return connection.scalar(held.with_for_update()) is not None

    def ask_to_stop(self, connection: sa.Connection, id: int) -> None:
        update = sa.update(self._table).where(self._table.c.network_id == id)
        connection.execute(update.values(stop=True))

    def drop(self, connection: sa.Connection, id: int) -> None:
        connection.execute(sa.delete(self._table).where(self._table.c.network_id == id))

    def let_wait(self, connection: sa.Connection, lease: Lease) -> None:
        """As if it had not been taken, if the holder still has it."""
        attempt = self._table.c.attempt - 1
        values = {"token": secrets.token_hex(16), "deadline": 0, "attempt": attempt}
        update = sa.update(self._table).where(self._mine(lease))
        if connection.execute(update.values(values | _columns(Progress()))).rowcount:
            self._tell(connection, lease.key)

    # ---- of themselves ----

    def renew(self, lease: Lease, progress: Progress) -> State:
        def work(connection: sa.Connection) -> State:
            moved = {"deadline": self._clock + LIFETIME, **_columns(progress)}
            update = sa.update(self._table).where(self._mine(lease)).values(moved)
            if not connection.execute(update).rowcount:
                return State.LOST
            stop = sa.select(self._table.c.stop).where(self._table.c.network_id == lease.nn_id)
            return State.STOP if connection.scalar(stop) else State.RUN

        return self._do.write(work)

    def withdraw(self, lease: Lease) -> None:
        delete = sa.delete(self._table).where(self._mine(lease))
        self._do.write(lambda connection: connection.execute(delete))

    def waiting(self, most: int | None = None) -> list[bytes]:
        """The keys of networks whose orders wait, oldest first, so many of them at most."""
        c, held = self._table.c, self.held(self._table, self._clock)
        waits = sa.select(c.network_id, c.started).where(sa.not_(held))
        oldest = waits.order_by(c.started).limit(most).subquery()  # before networks are looked up
        joined = sa.select(self._networks.c.key).join(
            oldest, oldest.c.network_id == self._networks.c.id
        )
        statement = joined.order_by(oldest.c.started)
        return self._do.read(lambda connection: list(connection.scalars(statement)))

    def all(self) -> list[Running]:
        c, held = self._table.c, self.held(self._table, self._clock)
        statement = (
            sa.select(
                self._networks.c.key,
                *(c[name] for name in ("network_id", "worker", "attempt")),
                held,
                *(c[name] for name in (*LIMITS, *_PROGRESS)),
            )
            .join_from(self._table, self._networks)
            .order_by(c.started)
        )
        found = self._do.read(lambda connection: list(connection.execute(statement)))
        return [
            Running(
                key,
                id,
                0,
                _limits(values[:6]),
                Progress.heard(*values[6:]),
                Standing.HELD if held else Standing.WAITS,
                worker,
                attempt,
            )
            for key, id, worker, attempt, held, *values in found
        ]


def order_of(
    key: bytes, network: tuple[int, int, int], attempt: int, limits: Sequence[Any]
) -> Order:
    """Of a network's id, revision and number of trainings, by the columns of ``LIMITS``."""
    return Order(key, *network, _limits(limits), attempt)


def left_to_workers(limits: Limits) -> dict[str, Any]:
    """The columns of an order that nobody has taken yet, but for its network and its time."""
    return {
        "token": secrets.token_hex(16),
        "deadline": 0,
        "stop": False,
        "attempt": 0,
        "worker": "",
        **{name: getattr(limits, name) for name in LIMITS},
        **_columns(Progress()),
    }


def _limits(values: Sequence[Any]) -> Limits:
    maxcycles, maxtime, *flags = values
    return Limits(maxcycles, maxtime, *map(bool, flags))


def _columns(progress: Progress) -> dict[str, Any]:
    return {name: getattr(progress, name) for name in _PROGRESS}
