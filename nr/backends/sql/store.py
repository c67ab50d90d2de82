"""The store in a database: each verb of it one transaction.

What changes a network first locks the row of its header, so that whoever comes next
waits, on one network only. The header is then made the core's again, without samples;
the core decides (where samples go, what an option means), and what it changed is
written back: observing touches the header and the slots of its samples, nothing else.

Who observes alone need not read the header, either: it is what this process left. It is
moved on only where the row still says so (``placing``), which locks it as well; where
somebody else was here, the row is locked and read first, until we are alone again.

Reading takes no locks. ``runner`` keeps the weights of the networks it ran last and
asks for their version, by one indexed SELECT, before each use.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from nr import forks
from nr.backends.sql import header
from nr.backends.sql.dialects import STATE, Dialect, dialect_of
from nr.backends.sql.orders import LIFETIME, Orders
from nr.backends.sql.query import observe_query
from nr.backends.sql.schema import KEY_BYTES, Schema
from nr.backends.sql.statements import ARRAYS, Statements
from nr.backends.sql.transactions import Again, Bound, Transactions
from nr.backends.store import (
    ABANDONED,
    ATTEMPTS,
    REPLACED,
    STOPPED,
    Bulk,
    Lease,
    Limits,
    Running,
    Samples,
    Standing,
    State,
)
from nr.engine import Command, Net, Outcome, Progress, Reply, records
from nr.errors import (
    BackendError,
    BusyError,
    CommandError,
    FormatError,
    NotFoundError,
    TrainingError,
)

_T = TypeVar("_T")
_KEPT = 256  # networks of which something is remembered


@dataclass(frozen=True)
class _Known:
    """A network's header as this process left it, and whether nobody else observed since."""

    net: Net
    fields: dict[str, Any]
    alone: bool


class _Kept(Generic[_T]):
    """What is remembered of the networks used last. Threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _T] = {}
        self._lock = forks.inner(Lock())

    def get(self, key: bytes) -> _T | None:
        return self._kept.get(key)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def keep(self, key: bytes, value: _T) -> None:
        with self._lock:
            self._kept.pop(key, None)  # the latest go behind
            self._kept[key] = value
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]


class Store:
    """Networks in the tables of one schema. Threads may share it."""

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
        self._dialect = dialect
        self._schema = schema
        self._do = transactions
        self._sql = statements or Statements(schema, dialect, engine)
        self._orders = Orders(schema, dialect, transactions)
        self._runners: _Kept[Net] = _Kept()
        self._known: _Kept[_Known] = _Kept()

    def using(self, connection: sa.Connection) -> Store:
        """The same networks, within the transaction of a caller's connection."""
        if not isinstance(connection, sa.Connection):
            kind = type(connection).__name__
            raise BackendError(f"using takes a Connection of SQLAlchemy, not {kind}")
        dialect_of(f"{connection.dialect.name}+{connection.dialect.driver}")
        if connection.dialect.name != self.engine.dialect.name:
            raise BackendError(
                f"the connection is to {connection.dialect.name}, and the networks are in "
                f"{self.engine.dialect.name}"
            )
        if self._dialect.autocommits(connection.connection.driver_connection):
            raise BackendError(
                "the connection is in AUTOCOMMIT, so that there is no transaction to take part in: "
                "connection.execution_options(isolation_level='READ COMMITTED') makes one"
            )
        return self._within(connection)

    def _within(self, connection: sa.Connection, apart: bool = True) -> Store:
        bound = Bound(connection, self._dialect, apart)
        return Store(self.engine, self._dialect, self._schema, bound, self._sql)

    @contextmanager
    def streaming(self) -> Iterator[tuple[Callable[..., sa.CursorResult[Any]], Store]]:
        """What asks a query, and the store within a transaction that goes on meanwhile."""
        with self._do.streaming() as (reader, writer):
            stream = reader is not writer or self._dialect.streams_beside

            def ask(*query: Any) -> sa.CursorResult[Any]:
                with self._dialect.reading(reader):
                    return reader.execute(*query, execution_options={"stream_results": stream})

            yield ask, self._within(writer, apart=False)

    def observe_query(
        self,
        key: bytes,
        sql: str,
        target: str | Sequence[str],
        to: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        progress: bool = False,
    ) -> tuple[int, int]:
        """All rows of a query as samples, or none."""
        return observe_query(self, key, sql, target, to, parameters, progress)

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
            lambda connection: _there(connection.execute(self._sql.info, {"key": key}).first())
        )
        standing = {None: Standing.NONE, 0: Standing.WAITS, 1: Standing.HELD}[held]
        return self._assemble(self._fields(values)), standing

    def runner(self, key: bytes) -> Net:
        version = self._do.read(lambda connection: self._version(connection, key))
        known = self._runners.get(key)
        if known and (known.shape.id, known.shape.revision) == version:
            return known
        net = self._do.snapshot(lambda c: self._read(c, key))
        self._runners.keep(key, net)
        return net

    def _version(self, connection: sa.Connection, key: bytes) -> tuple[int, int]:
        row = _there(self._sql.version.run(connection, key=key).first())
        return header.version(*row)

    def snapshot(self, key: bytes) -> Net:
        return self._do.snapshot(lambda connection: self._read(connection, key, samples=True))

    def _read(self, connection: sa.Connection, key: bytes, samples: bool = False) -> Net:
        fields = self._locked(connection, key) if self._do.bound else self._header(connection, key)
        id = fields["id"]
        parts: dict[str, Any] = {}
        if samples or fields["trained"]:
            arrays = self._sql.arrays(connection, id)
            parts = {name: arrays.pop(name, b"") for name in ARRAYS if fields["trained"]}
            parts["kept"] = list(arrays.values())
        if samples:
            join = records.joined if fields.get("records") == "variable" else b"".join
            for dataset, name in enumerate(("train", "test")):
                if fields[f"{name}_len"]:
                    parts[name] = join(self._sql.samples(connection, id, dataset))
        return self._assemble(fields, **parts)

    def observe(self, key: bytes, command: Command) -> Reply:
        def samples(net: Net) -> bytes:
            rows = net.samples(command)
            net.count_rounded(command)
            return rows

        return self.put(key, samples, command.dataset)

    def put(self, key: bytes, samples: Samples, dataset: int) -> Reply:
        reply, known = self._do.write(lambda c: self._put(c, key, samples, dataset))
        self._known.keep(key, known)
        return reply

    def _put(
        self, connection: sa.Connection, key: bytes, samples: Samples, dataset: int
    ) -> tuple[Reply, _Known]:
        known = self._known.get(key)
        if known and known.alone:
            with suppress(CommandError):  # it may be another network by now
                after = self._place(connection, key, known, samples, dataset)
                if after:
                    return _lengths(after), after
        fields = self._locked(connection, key)
        undisturbed = known is None or _same(known.fields, fields)
        before = _Known(self._assemble(fields), fields, alone=undisturbed)
        if not before.net.row:
            after = self._place_records(connection, before, samples, dataset)
            return _lengths(after), after
        after = self._place(connection, key, before, samples, dataset)
        assert after
        return _lengths(after), after

    def _place(
        self,
        connection: sa.Connection,
        key: bytes,
        before: _Known,
        samples: Samples,
        dataset: int,
    ) -> _Known | None:
        """The header after more rows; None if it was another one before."""
        net = before.net.clone()
        rows = samples(net)
        slots = net.place(len(rows) // (4 * net.row), dataset)
        after = replace(before, net=net, fields=header.fields(net))
        moved = self._sql.place(connection, key, before.fields, after.fields, slots, rows)
        if moved and after.fields["rounded"] != before.fields.get("rounded", 0):
            # Rarely: it has no column of its own.
            self._sql.change(connection, before.fields, after.fields)
        return after if moved else None

    def _place_records(
        self, connection: sa.Connection, before: _Known, samples: Samples, dataset: int
    ) -> _Known:
        """The header, whose row is locked, after more records: they are weighed as well."""
        net, id = before.net.clone(), before.fields["id"]
        found = records.split(samples(net))
        latest = dict(zip(net.place(len(found), dataset).tolist(), found, strict=True))
        for which in range(2):
            here = {place >> 1: record for place, record in latest.items() if place & 1 == which}
            replaced = self._sql.sizes(connection, id, which, list(here))
            net.weigh(which, sum(map(len, here.values())), replaced)
            self._sql.put_records(connection, id, which, here)
        fields = header.fields(net)
        self._sql.change(connection, before.fields, fields)
        return _Known(net, fields, alone=False)

    def sample(self, key: bytes, command: Command) -> Reply:
        def work(connection: sa.Connection) -> tuple[Net, bytes | None]:
            net = self._assemble(self._header(connection, key))
            if command.number >= net.shape.lengths[command.dataset]:
                return net, None
            where = {"id": net.shape.id, "dataset": command.dataset, "slot": command.number}
            return net, _there(connection.execute(self._sql.row, where).first())[0]

        net, row = self._do.snapshot(work)
        return None if row is None else net.sample_reply(row)

    def change(self, key: bytes, command: Command) -> Reply:
        def work(connection: sa.Connection) -> Reply:
            before = self._locked(connection, key)
            net = self._assemble(before)
            reply = net.execute(command)
            if command.spec.name == "NR.RESET":
                self._sql.drop_trained(connection, before["id"])
                self._orders.drop(connection, before["id"])
                self._sql.change(connection, before, header.fields(net), trained_at=None)
            else:
                self._sql.change(connection, before, header.fields(net))
            return reply

        return self._do.write(work)

    def merge(self, trained: Net, lease: Lease) -> bool:
        def work(connection: sa.Connection) -> bool:
            before = self._locked(connection, lease.key)
            if before["id"] != lease.nn_id or not self._orders.holds(connection, lease):
                return False
            return self._end(connection, before, trained)

        return self._do.write(work)

    def _end(self, connection: sa.Connection, before: dict[str, Any], trained: Net) -> bool:
        """Takes the order of a locked network away, and merges what came of it."""
        net = self._assemble(before)
        if not net.merge(trained):
            return False
        self._orders.drop(connection, before["id"])
        more = {}
        if net.shape.revision != before["revision"]:
            self._sql.put_trained(connection, net)
            more["trained_at"] = self._dialect.now
        self._sql.change(connection, before, header.fields(net), **more)
        return True

    def _tell(
        self, connection: sa.Connection, before: dict[str, Any], outcome: Outcome, why: str
    ) -> None:
        """Takes the order of a locked network away, and says why it came to nothing."""
        self._end(connection, before, self._assemble(before).unlearned(outcome, why))

    def delete(self, keys: list[bytes]) -> int:
        return self._do.write(lambda connection: self._delete(connection, keys))

    def _delete(self, connection: sa.Connection, keys: list[bytes]) -> int:
        networks = self._schema.networks
        found = []
        for key in sorted(set(keys)):
            with suppress(NotFoundError):
                row = self._lock(connection, key)
                header.check_format(row.format)
                found.append(row.id)
        for id in found:
            for part in self._schema.parts:  # SQLite's foreign keys may be switched off
                connection.execute(sa.delete(part).where(part.c.network_id == id))
            connection.execute(sa.delete(networks).where(networks.c.id == id))
        return len(found)

    def keys(self) -> list[bytes]:
        statement = sa.select(self._schema.networks.c.key)
        return self._do.read(lambda connection: list(connection.scalars(statement)))

    # ---- headers ----

    def _header(self, connection: sa.Connection, key: bytes) -> dict[str, Any]:
        return self._fields(_there(self._sql.header.run(connection, key=key).first()))

    def _locked(self, connection: sa.Connection, key: bytes) -> dict[str, Any]:
        return self._fields(self._lock(connection, key))

    def _lock(self, connection: sa.Connection, key: bytes) -> sa.Row[Any]:
        for _ in range(2):  # who waited for a network that was then replaced finds the new one
            id = self._version(connection, key)[0]
            row = self._sql.locked.run(connection, id=id).first()
            if row is not None:
                return row
        raise NotFoundError

    def _fields(self, values: Any) -> dict[str, Any]:
        try:
            return header.header_of(self._sql.names, values)
        except (TypeError, ValueError) as error:
            raise BackendError(f"the header of a network is damaged: {error}") from error

    def _assemble(self, fields: dict[str, Any], **parts: Any) -> Net:
        try:
            return Net.assemble(header.packed(fields), **parts)
        except FormatError:
            raise
        except CommandError as error:
            raise BackendError(f"the rows of a network are damaged: {error}") from error

    # ---- orders ----

    def order(self, key: bytes, limits: Limits, held: bool = True) -> Lease | None:
        if self._do.bound:
            raise CommandError("ERR no training within a transaction: it would hold it open")

        def work(connection: sa.Connection) -> Lease | None:
            before = self._locked(connection, key)
            standing, attempt = self._orders.standing(connection, before["id"])
            if standing is Standing.WAITS and attempt:
                self._tell(connection, before, Outcome.DROPPED, REPLACED)
                before = self._locked(connection, key)
            elif standing:
                raise TrainingError
            return self._orders.place(connection, key, self._assemble(before), limits, held)

        return self._do.write(work)

    def take(self, key: bytes) -> Lease | None:
        if self._do.bound:
            return None

        def work(connection: sa.Connection) -> Lease | None:
            before = self._locked(connection, key)
            standing, attempt = self._orders.standing(connection, before["id"])
            if standing is not Standing.WAITS:
                return None
            if attempt >= ATTEMPTS:
                self._tell(connection, before, Outcome.FAILED, ABANDONED)
                return None
            return self._orders.take(connection, key, self._assemble(before))

        return self._do.write(work)

    def renew(self, lease: Lease, progress: Progress) -> State:
        return self._orders.renew(lease, progress)

    def withdraw(self, lease: Lease) -> None:
        self._orders.withdraw(lease)

    def orders(self) -> list[Running]:
        return self._orders.all()

    def stop(self, key: bytes) -> bool:
        def work(connection: sa.Connection) -> bool:
            before = self._locked(connection, key)
            standing, _ = self._orders.standing(connection, before["id"])
            if standing is Standing.HELD:
                self._orders.ask_to_stop(connection, before["id"])
            elif standing is Standing.WAITS:
                self._tell(connection, before, Outcome.KEPT, STOPPED)
            return bool(standing)

        return self._do.write(work)

    def close(self) -> None:
        self._runners.clear()
        self._known.clear()
        self._do.close()


def _lengths(known: _Known) -> Reply:
    return [known.fields["train_len"], known.fields["test_len"]]


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[name] == b[name] for name in ("id", *STATE))


def _there(row: Any) -> Any:
    if row is None:
        raise NotFoundError
    return row
