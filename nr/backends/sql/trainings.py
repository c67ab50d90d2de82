"""Orders placed, taken, merged and stopped: what needs the lock of the network's row."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from nr.backends.sql import header, taking
from nr.backends.sql.dialects import Dialect
from nr.backends.sql.orders import LIMITS, Orders, left_to_workers, order_of
from nr.backends.sql.rows import Rows
from nr.backends.sql.statements import Statements, Text
from nr.backends.sql.transactions import Transactions
from nr.backends.sql.watching import told
from nr.contracts.store import ABANDONED, ATTEMPTS, REPLACED, STOPPED, Lease, Limits, Standing
from nr.engine import Net, Outcome
from nr.errors import CommandError, TrainingError


class Trainings:
    """The trainings of the networks of one schema."""

    def __init__(
        self,
        orders: Orders,
        statements: Statements,
        transactions: Transactions,
        rows: Rows,
        dialect: Dialect,
    ) -> None:
        self._orders = orders
        self._sql = statements
        self._do = transactions
        self._rows = rows
        self._dialect = dialect

    def merge(self, trained: Net, lease: Lease) -> bool:
        def work(connection: sa.Connection) -> bool:
            before = self._rows.locked(connection, lease.key)
            if before["id"] != lease.nn_id or not self._orders.holds(connection, lease):
                return False
            return self.end(connection, before, trained)

        return self._do.write(work)

    def end(self, connection: sa.Connection, before: dict[str, Any], trained: Net) -> bool:
        """Takes the order of a locked network away, and merges what came of it."""
        net = self._rows.assemble(before)
        if not net.merge(trained):
            return False
        self._orders.drop(connection, before["id"])
        more = {}
        if net.shape.revision != before["revision"]:
            self._sql.put_trained(connection, net)
            more["trained_at"] = self._dialect.now
        self._sql.change(connection, before, header.fields(net), **more)
        return True

    def tell(
        self, connection: sa.Connection, before: dict[str, Any], outcome: Outcome, why: str
    ) -> None:
        """Takes the order of a locked network away, and says why it came to nothing."""
        self.end(connection, before, self._rows.assemble(before).unlearned(outcome, why))

    def due(self, connection: sa.Connection, key: bytes, net: Net, queued: bool) -> bool:
        """Places an order that samples have made due, unless one stands; the row is locked."""
        free = not self._orders.standing(connection, net.shape.id)[0]
        if free:
            self._orders.place(connection, key, net, Limits.due(queued), False)
        return free

    def order(self, key: bytes, limits: Limits, held: bool = True) -> Lease | None:
        if self._do.bound:
            raise CommandError("ERR no training within a transaction: it would hold it open")
        if not held and self._place_at_once(key, limits):
            return None

        def work(connection: sa.Connection) -> Lease | None:
            before = self._rows.locked(connection, key)
            standing, attempt, _ = self._orders.standing(connection, before["id"])
            if standing is Standing.WAITS and attempt:
                self.tell(connection, before, Outcome.DROPPED, REPLACED)
                before = self._rows.locked(connection, key)
            elif standing:
                raise TrainingError
            return self._orders.place(connection, key, self._rows.assemble(before), limits, held)

        return self._do.write(work)

    def _place_at_once(self, key: bytes, limits: Limits) -> bool:
        """``order`` in one statement (taking.py); False, and nothing done, where that cannot."""
        statement = self._sql.ordering
        if not statement:
            return False
        values = {"key": key, "told": told(key), **left_to_workers(limits)}
        return self._alone(statement, values) is not None

    def _alone(self, statement: Text, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """The row of a statement that is a transaction by itself."""
        return self._do.at_once(lambda raw: statement.alone(raw, values))

    def take(self, key: bytes, queued: bool) -> Lease | None:
        if self._do.bound:
            return None
        if queued and self._sql.taking:
            lease, further = self._take_at_once(self._sql.taking, key)
            if not further:
                return lease

        def work(connection: sa.Connection) -> Lease | None:
            # Lost in a crash, the order waits again, and its token tells who has taken it since.
            self._dialect.hasten(connection)
            before = (self._rows.free if queued else self._rows.locked)(connection, key)
            if before is None:  # another worker is at it
                return None
            standing, attempt, left = self._orders.standing(connection, before["id"])
            if standing is not Standing.WAITS or (left and not queued):
                return None
            if attempt >= ATTEMPTS:
                self.tell(connection, before, Outcome.FAILED, ABANDONED)
                return None
            return self._orders.take(connection, key, self._rows.assemble(before))

        return self._do.write(work)

    def _take_at_once(self, statement: Text, key: bytes) -> tuple[Lease | None, bool]:
        """``take`` in one statement (taking.py); whether there is more to do than that can."""
        token = secrets.token_hex(16)
        row = self._alone(statement, taking.values(key, token))
        if row is None:  # the network is gone, or another worker is at it
            return None, False
        _, before, attempt, *more = list(row)
        if attempt is None:
            return None, before is not None and before >= ATTEMPTS
        limits, found = more[: len(LIMITS)], more[len(LIMITS) :]
        return Lease(order_of(key, header.ordered(*found), attempt, limits), token), False

    def give_back(self, lease: Lease) -> None:
        self._do.write(lambda connection: self._orders.let_wait(connection, lease))

    def stop(self, key: bytes) -> bool:
        def work(connection: sa.Connection) -> bool:
            before = self._rows.locked(connection, key)
            standing, _, _ = self._orders.standing(connection, before["id"])
            if standing is Standing.HELD:
                self._orders.ask_to_stop(connection, before["id"])
            elif standing is Standing.WAITS:
                self.tell(connection, before, Outcome.KEPT, STOPPED)
            return bool(standing)

        return self._do.write(work)
