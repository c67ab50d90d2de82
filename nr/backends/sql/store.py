"""The store in a database: each verb of it one transaction.

What changes a network first locks the row of its header, so that whoever comes next
waits, on one network only. The header is then made the core's again, without samples;
the core decides (where samples go, what an option means), and what it changed is
written back: observing touches the header and the slots of its samples, nothing else.

Reading takes no locks. ``runner`` keeps the weights of the networks it ran last and
asks for their version, by one indexed SELECT, before each use.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from nr.backends.recent import Recent
from nr.backends.sql import header
from nr.backends.sql.awaited import dialect_of_connection
from nr.backends.sql.dialects import Dialect
from nr.backends.sql.observing import Observing
from nr.backends.sql.orders import LIFETIME, Orders
from nr.backends.sql.query import observe_query
from nr.backends.sql.remembered import REMEMBERED, version_of
from nr.backends.sql.rows import Rows, there
from nr.backends.sql.schema import KEY_BYTES, Schema
from nr.backends.sql.statements import CHECKPOINT, Statements
from nr.backends.sql.trainings import Trainings
from nr.backends.sql.transactions import Again, Bound, Transactions
from nr.backends.sql.watching import Listener
from nr.backends.watching import Polling
from nr.contracts.store import (
    OLDEST,
    Bulk,
    Lease,
    Limits,
    Matches,
    Running,
    Samples,
    Standing,
    State,
    Watch,
)
from nr.engine import Command, Net, Progress, Reply, records, series
from nr.engine.texts import beginning
from nr.errors import BackendError, BusyError, CommandError, NotFoundError


class Store:
    """Networks in the tables of one schema. Threads may share it."""

    shared = True
    bulk = Bulk()
    renewal = 1.0
    patience = LIFETIME

    def __init__(
        self,
        engine: sa.Engine,
        dialect: Dialect,
        schema: Schema,
        transactions: Transactions,
        statements: Statements | None = None,
    ) -> None:
        self.engine = engine
        self.queues = False
        self.due: Callable[[bytes], None] = lambda key: None
        self._dialect = dialect
        self._schema = schema
        self._do = transactions
        self._sql = statements or Statements(schema, dialect, engine)
        self._orders = Orders(schema, dialect, transactions)
        self._rows = Rows(self._sql, transactions)
        self._runners: Recent[bytes, Net] = Recent(REMEMBERED)
        self._observing = Observing(
            self._sql, transactions, self._rows, self._place_due, self._runners
        )
        self._trainings = Trainings(self._orders, self._sql, transactions, self._rows, dialect)

    def using(self, connection: sa.Connection) -> Store:
        """The same networks, within the transaction of a caller's connection."""
        if not isinstance(connection, sa.Connection):
            kind = type(connection).__name__
            raise BackendError(f"using takes a Connection of SQLAlchemy, not {kind}")
        dialect = dialect_of_connection(connection)
        if connection.dialect.name != self.engine.dialect.name:
            raise BackendError(
                f"the connection is to {connection.dialect.name}, and the networks are in "
                f"{self.engine.dialect.name}"
            )
        if dialect.autocommits(connection.connection.driver_connection):
            raise BackendError(
                "the connection is in AUTOCOMMIT, so that there is no transaction to take part in: "
                "connection.execution_options(isolation_level='READ COMMITTED') makes one"
            )
        return self._within(connection, dialect)

    def _within(self, connection: sa.Connection, dialect: Dialect, apart: bool = True) -> Store:
        bound = Bound(connection, dialect, apart)
        store = Store(self.engine, dialect, self._schema, bound, self._sql.by(dialect))
        store.queues = self.queues
        return store

    @contextmanager
    def streaming(self) -> Iterator[tuple[Callable[..., sa.CursorResult[Any]], Store]]:
        """What asks a query, and the store within a transaction that goes on meanwhile."""
        with self._do.streaming() as (reader, writer):
            stream = reader is not writer or self._dialect.streams_beside

            def ask(*query: Any) -> sa.CursorResult[Any]:
                with self._dialect.reading(reader):
                    return reader.execute(*query, execution_options={"stream_results": stream})

            yield ask, self._within(writer, self._dialect, apart=False)

    def observe_query(
        self,
        key: bytes,
        sql: str,
        target: str | Sequence[str],
        to: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        progress: bool = False,
        replace: bool = False,
        by: str | None = None,
    ) -> tuple[int, int]:
        """All rows of a query as samples, or none."""
        return observe_query(self, key, sql, target, to, parameters, progress, replace, by)

    # ---- networks ----

    def new_id(self) -> int:
        return 1 + secrets.randbelow(2**53 - 1)

    def create(self, key: bytes, net: Net, replace: bool = False) -> None:
        if len(key) > KEY_BYTES:
            raise CommandError(f"ERR a key of more than {KEY_BYTES} bytes, which no index takes")

        def work(connection: sa.Connection) -> None:
            networks = self._schema.networks
            if replace:
                self._delete(connection, [key])
            elif connection.scalar(sa.select(networks.c.id).where(networks.c.key == key)):
                raise BusyError
            try:
                self._insert(connection, key, net)
            except IntegrityError as error:  # someone else was faster
                if self._do.bound and not replace:
                    raise BusyError from error
                raise Again from error

        self._do.write(work)

    def _insert(self, connection: sa.Connection, key: bytes, net: Net) -> None:
        id = net.shape.id
        name = key.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
        self._sql.insert(
            connection, header.fields(net), key=key, name=name, created_at=self._dialect.now
        )
        if net.weights():
            self._sql.put_trained(connection, net)
        self._sql.put_kept(connection, id, net.kept())
        if not net.row:
            for dataset in range(2):
                numbered = enumerate(records.split(net.rows(dataset)))
                self._sql.put_records(connection, id, dataset, dict(numbered))
            return
        for dataset, length in enumerate(net.shape.lengths):
            rows = np.frombuffer(net.rows(dataset), "<f4").reshape(length, net.shape.row)
            slots = 2 * np.arange(length) + dataset
            self._sql.put(connection, id, slots, rows, (0, 0))

    def header(self, key: bytes) -> tuple[Net, Standing]:
        *values, held = self._do.read(
            lambda connection: there(connection.execute(self._sql.info, {"key": key}).first())
        )
        standing = {None: Standing.NONE, 0: Standing.WAITS, 1: Standing.HELD}[held]
        return self._rows.assemble(self._rows.fields(values)), standing

    def runner(self, key: bytes) -> Net:
        version = self._do.read(lambda connection: self._rows.version(connection, key))
        known = self._runners.get(key)
        if known and version_of(known) == version:
            return known
        net = self._do.snapshot(lambda c: self._rows.read(c, key))
        self._runners.put(key, net)
        return net

    def snapshot(self, key: bytes) -> Net:
        return self._do.snapshot(lambda connection: self._rows.read(connection, key, samples=True))

    def observe(self, key: bytes, command: Command) -> Reply:
        def samples(net: Net) -> bytes:
            rows = net.samples(command)
            net.count_rounded(command)
            return rows

        return self.put(key, samples, command.dataset)

    def put(self, key: bytes, samples: Samples, dataset: int) -> Reply:
        reply, due = self._observing.put(key, samples, dataset)
        if due:
            self.due(key)
        return reply

    def _place_due(self, connection: sa.Connection, key: bytes, net: Net) -> bool:
        return self._trainings.due(connection, key, net, self.queues)

    def forecast(self, key: bytes, command: Command) -> Reply:
        """With the steps comes the weights' version: one round trip, where these are known."""
        net = self._runners.get(key)
        while True:
            net = net if net and net.step else self.runner(key)
            if not net.step:
                return net.execute(command)
            head = series.head(net, command)
            version, record = self._do.read(partial(self._rows.series, key=key, head=head))
            if version == version_of(net):
                return series.forecast(net, command, record)
            net = None

    def sample(self, key: bytes, command: Command) -> Reply:
        def work(connection: sa.Connection) -> tuple[Net, bytes | None]:
            net = self._rows.assemble(self._rows.header(connection, key))
            if command.number >= net.shape.lengths[command.dataset]:
                return net, None
            where = {"id": net.shape.id, "dataset": command.dataset, "slot": command.number}
            return net, there(connection.execute(self._sql.row, where).first())[0]

        net, row = self._do.snapshot(work)
        return None if row is None else net.sample_reply(row)

    def samples(self, key: bytes, command: Command) -> Reply:
        def work(connection: sa.Connection) -> tuple[Net, list[bytes]]:
            net = self._rows.assemble(self._rows.header(connection, key))
            return net, self._sql.range(connection, net.shape.id, command)

        net, found = self._do.snapshot(work)
        return net.range_reply(b"".join(found) if net.row else records.joined(found))

    def change(self, key: bytes, command: Command) -> Reply:
        def work(connection: sa.Connection) -> Reply:
            before = self._rows.locked(connection, key)
            net = self._rows.assemble(before)
            reply = net.execute(command)
            if command.spec.name == "NR.RESET":
                self._sql.drop_trained(connection, before["id"])
                self._orders.drop(connection, before["id"])
                self._sql.change(connection, before, header.fields(net), trained_at=None)
            else:
                self._sql.change(connection, before, header.fields(net))
            return reply

        return self._do.write(work)

    def drop_samples(self, key: bytes, command: Command) -> Reply:
        def work(connection: sa.Connection) -> Reply:
            before = self._rows.locked(connection, key)
            if command.spec.name == "NR.CLEAR":
                net = self._rows.assemble(before)
                reply = net.execute(command)
            else:
                net = self._rows.read(connection, key, samples=True)
                reply = self._forget(connection, net, command)
            for dataset, length in enumerate(net.shape.lengths):
                self._sql.cut(connection, before["id"], dataset, length)
            self._sql.drop_arrays(connection, before["id"], ("background", CHECKPOINT))
            self._sql.change(connection, before, header.fields(net))
            return reply

        return self._do.write(work)

    def _forget(self, connection: sa.Connection, net: Net, command: Command) -> Reply:
        """Writes those samples again that come to lie elsewhere."""
        datasets = [records.split(net.rows(dataset)) if not net.row else [] for dataset in range(2)]
        reply = net.execute(command)
        for dataset, before in enumerate(datasets):
            kept = records.split(net.rows(dataset)) if not net.row else []
            moved = {slot: now for slot, now in enumerate(kept) if now != before[slot]}
            self._sql.put_records(connection, net.shape.id, dataset, moved)
        return reply

    def delete(self, keys: list[bytes]) -> int:
        return self._do.write(lambda connection: self._delete(connection, keys))

    def _delete(self, connection: sa.Connection, keys: list[bytes]) -> int:
        networks = self._schema.networks
        found = []
        for key in sorted(set(keys)):
            with suppress(NotFoundError):
                row = self._rows.lock(connection, key)
                header.check_format(row.format)
                found.append(row.id)
        for id in found:
            for part in self._schema.parts:  # SQLite's foreign keys may be switched off
                connection.execute(sa.delete(part).where(part.c.network_id == id))
            connection.execute(sa.delete(networks).where(networks.c.id == id))
        return len(found)

    def keys(self, pattern: bytes = b"*") -> list[bytes]:
        """By the index of the keys: those that are like the pattern lie together there."""
        key = self._schema.networks.c.key
        plain, whole = beginning(pattern)
        statement = sa.select(key)
        if whole:
            statement = statement.where(key == plain)
        elif plain:
            statement = statement.where(key >= plain)
            if least := plain.rstrip(b"\xff"):  # that is greater than all that begin so
                statement = statement.where(key < least[:-1] + bytes([least[-1] + 1]))
        return self._do.read(lambda connection: list(connection.scalars(statement)))

    # ---- orders ----

    def order(self, key: bytes, limits: Limits, held: bool = True) -> Lease | None:
        return self._trainings.order(key, limits, held)

    def take(self, key: bytes, queued: bool = True) -> Lease | None:
        return self._trainings.take(key, queued)

    def give_back(self, lease: Lease) -> None:
        self._trainings.give_back(lease)

    def watch(self, matches: Matches | None) -> Watch:
        waiting = partial(self._orders.waiting, OLDEST if matches is None else None)
        if self._dialect.wake is None:
            return Polling(waiting, matches)
        listener = Listener(self.engine, self._schema.channel)
        return Polling(waiting, matches, listener.rest, listener.close)

    def keep(self, lease: Lease, checkpoint: bytes) -> None:
        self._trainings.keep(lease, checkpoint)

    def renew(self, lease: Lease, progress: Progress) -> State:
        return self._orders.renew(lease, progress)

    def merge(self, trained: Net, lease: Lease) -> bool:
        return self._trainings.merge(trained, lease)

    def withdraw(self, lease: Lease) -> None:
        self._orders.withdraw(lease)

    def orders(self) -> list[Running]:
        return self._orders.all()

    def stop(self, key: bytes) -> bool:
        return self._trainings.stop(key)

    def close(self) -> None:
        self._runners.clear()
        self._observing.forget()
        self._do.close()
