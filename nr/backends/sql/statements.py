"""What the store says to the database, each statement made once.

Observing one sample is the store's busiest moment, and running asks for a version each
time: what they say is kept as text, which SQLAlchemy need not recognise anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from math import isfinite
from typing import Any, cast

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import bindparam

from nr.backends.sql import header
from nr.backends.sql.alone import alone
from nr.backends.sql.dialects import MOVED, STATE, Change, Dialect, Place, placing, upsert_one
from nr.backends.sql.orders import Orders
from nr.backends.sql.schema import Schema
from nr.backends.sql.taking import ordering, taking
from nr.engine import FINDINGS, Command, Net, parse

ARRAYS = ("weights", "history", *FINDINGS)
"""What a training brings; all else in the table of arrays is kept as it is."""

_SLOTS = 500  # in one statement
_PART = 1 << 22  # bytes of an array in one row: a packet of MariaDB's holds 16 MB
Slots = NDArray[np.int64]  # 2 * slot + dataset of each row
_POINT = ("cycle", "train_error", "test_error", "class_errors")
NOT_HEADER = ("key", "name", "created_at", "trained_at")


class Text:
    """A statement as the driver's own text, its parameters by position or by name."""

    def __init__(self, text: str, order: Sequence[str] | None = None) -> None:
        self._text = text
        self._order = order

    @classmethod
    def of(cls, statement: Any, dialect: sa.Dialect) -> Text:
        compiled = statement.compile(dialect=dialect)
        return cls(str(compiled), compiled.positiontup)

    def run(self, connection: sa.Connection, **values: Any) -> sa.CursorResult[Any]:
        return connection.exec_driver_sql(self._text, self._bound(values))

    def change(self, connection: sa.Connection, change: Change, values: dict[str, Any]) -> int:
        """How many rows it has changed."""
        return change(connection, self._text, self._bound(values))

    def alone(self, raw: Any, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """Its row, as a transaction by itself, on a connection of PostgreSQL's driver."""
        before, raw.autocommit = raw.autocommit, True  # no BEGIN, which is a way to the server
        row: tuple[Any, ...] | None = raw.execute(self._text, values).fetchone()
        raw.autocommit = before
        return row

    def _bound(self, values: dict[str, Any]) -> Any:
        return values if self._order is None else tuple([values[name] for name in self._order])

    def run_many(self, connection: sa.Connection, **columns: Iterable[Any]) -> None:
        """Once for each row of the parameters, which come as columns."""
        rows = zip(*(columns[name] for name in self._order or columns), strict=True)
        many = list(rows) if self._order else [dict(zip(columns, row, strict=True)) for row in rows]
        connection.exec_driver_sql(self._text, many)

    def blobs(self, connection: sa.Connection, **values: Any) -> list[bytes]:
        """Those of a SELECT of one column. Of the driver's own cursor, for their number."""
        cursor = self.run(connection, **values).cursor
        assert cursor is not None
        return [row[0] for row in cursor.fetchall()]


class Statements:
    """The statements of one schema in one dialect."""

    def __init__(self, schema: Schema, dialect: Dialect, engine: sa.Engine) -> None:
        self.schema = schema
        self._dialect = dialect

        def text(statement: Any) -> Text:
            return Text.of(statement, engine.dialect)

        networks, trainings, samples = schema.networks, schema.trainings, schema.samples
        self.names = [c.name for c in networks.columns if c.name not in NOT_HEADER]
        columns = [networks.c[name] for name in self.names]
        by_key = networks.c.key == bindparam("key")
        self.header = text(sa.select(*columns).where(by_key))
        # By id, as placing does: two ways to lock the same row would meet in deadlocks.
        by_id = networks.c.id == bindparam("id")
        self.locked = text(sa.select(*columns).where(by_id).with_for_update())
        skipping = sa.select(*columns).where(by_id).with_for_update(skip_locked=True)
        take = taking(schema, dialect)
        self.taking = text(take) if take is not None else None
        place = ordering(schema, dialect)
        self.ordering = text(place) if place is not None else None
        self.unlocked = text(skipping) if dialect.skips_locked(engine.dialect) else None
        version = networks.c.id, networks.c.revision, networks.c.schema_revision
        self._version = sa.select(*version).where(by_key)
        self.version = text(self._version)
        held = sa.cast(Orders.held(trainings, dialect.clock), sa.Integer)
        of_it = trainings.c.network_id == networks.c.id
        order = sa.select(held).where(of_it).scalar_subquery()  # NULL: none
        self.info = sa.select(*columns, order).where(by_key)
        self._placed = text(placing(networks))
        self._place_one = (
            Text(dialect.placing_one(networks, samples, engine.dialect))
            if dialect.placing_one
            else None
        )
        self._place_alone = alone(networks, samples, engine.dialect)
        values: dict[str, Any] = {column.name: bindparam(column.name) for column in samples.c}
        self._insert = text(sa.insert(samples).values(values))
        self._upsert = text(upsert_one(dialect, samples))
        of_dataset = sa.select(samples.c.data).where(
            samples.c.network_id == bindparam("id"), samples.c.dataset == bindparam("dataset")
        )
        self._rows = text(of_dataset.order_by(samples.c.slot))
        within = samples.c.slot >= bindparam("first"), samples.c.slot < bindparam("behind")
        self._range = text(of_dataset.where(*within).order_by(samples.c.slot))
        size = of_dataset.with_only_columns(sa.func.sum(sa.func.length(samples.c.data)))
        self._range_size = text(size.where(*within))
        self.row = of_dataset.where(samples.c.slot == bindparam("slot"))

    def by(self, dialect: Dialect) -> Statements:
        """The same statements, on connections of another dialect of the same database."""
        statements = copy(self)
        statements._dialect = dialect
        return statements

    # ---- samples ----

    def place(
        self,
        connection: sa.Connection,
        key: bytes,
        before: dict[str, Any],
        after: dict[str, Any],
        slots: Slots,
        rows: bytes,
    ) -> bool:
        """Moves a header on and writes the rows, one after the other, into their slots.

        False, and nothing done, where the header is no longer what it was before.
        """
        id = before["id"]
        moved = {
            "id_": id,
            "key_": key,
            **_state(_WAS, before),
            **_state(_NEW, after),
        }
        (slot, dataset), one = divmod(int(slots[0]), 2), len(slots) == 1
        row = {"network_id": id, "dataset": dataset, "slot": slot, "data": rows}
        change = self._dialect.change
        if one and self._place_one:
            return self._place_one.change(connection, change, moved | row) > 0
        if self._placed.change(connection, change, moved) != 1:
            return False
        if one:
            self._upsert.change(connection, change, row)
        else:
            table = np.frombuffer(rows, "<f4").reshape(len(slots), -1)
            self.put(connection, id, slots, table, (before["train_len"], before["test_len"]))
        return True

    def place_alone(
        self,
        raw: Any,
        key: bytes,
        before: dict[str, Any],
        after: dict[str, Any],
        slot: int,
        row: bytes,
    ) -> bool:
        """``place`` of one row as a transaction, on a connection of the driver's (alone.py)."""
        id = before["id"]
        values = {
            "id_": id, "key_": key,
            "network_id": id, "dataset": slot & 1, "slot": slot >> 1, "data": row,
        }  # fmt: skip
        for state, fields in (_WAS, before), (_NEW, after):  # no dict beside, thousands of times
            for as_, name, write in state:
                values[as_] = write(fields[name]) if write else fields[name]
        return self._place_alone(raw, values)

    def put(
        self,
        connection: sa.Connection,
        network: int,
        slots: Slots,
        rows: NDArray[np.float32],
        lengths: tuple[int, int],
    ) -> None:
        """Writes rows into slots; those from ``lengths`` on are new, and follow each other."""
        for dataset, length in enumerate(lengths):
            here = np.flatnonzero(slots & 1 == dataset)
            numbers = slots[here] >> 1
            new = numbers >= length
            if new.any():
                last = np.empty(numbers.max() + 1 - length, np.int64)
                last[numbers[new] - length] = here[new]  # a slot may be drawn twice
                self._append(connection, (network, dataset, length), rows[last])
            if not new.all():
                latest = dict(zip(numbers[~new].tolist(), here[~new].tolist(), strict=True))
                self._replace(connection, network, dataset, latest, rows)

    def _append(self, connection: sa.Connection, place: Place, rows: NDArray[np.float32]) -> None:
        if len(rows) > 1:
            self._dialect.append(connection, self.schema.samples, place, rows)
        else:
            network, dataset, slot = place
            data = rows.tobytes()
            self._insert.run(connection, network_id=network, dataset=dataset, slot=slot, data=data)

    def _replace(
        self,
        connection: sa.Connection,
        network: int,
        dataset: int,
        latest: dict[int, int],
        rows: NDArray[np.float32],
    ) -> None:
        """``latest`` are slots, and the row of each."""
        self._upsert.run_many(
            connection,
            network_id=[network] * len(latest),
            dataset=[dataset] * len(latest),
            slot=list(latest),
            data=[rows[at].tobytes() for at in latest.values()],
        )

    def samples(self, connection: sa.Connection, network: int, dataset: int) -> list[bytes]:
        """The rows or records of a dataset."""
        return self._rows.blobs(connection, id=network, dataset=dataset)

    def series(
        self, connection: sa.Connection, network: int, head: bytes
    ) -> tuple[int | None, bytes]:
        """The slot and the record of a forecaster's series; None and b"": there is none."""
        table = self.schema.samples.c
        here = table.network_id == network, self._begins(head)
        row = connection.execute(sa.select(table.slot, table.data).where(*here)).first()
        return (None, b"") if row is None else (row.slot, bytes(row.data))

    def latest(self, connection: sa.Connection, key: bytes, head: bytes) -> sa.Row[Any] | None:
        """A network's version, and a series of it where there is one."""
        networks, samples = self.schema.networks, self.schema.samples
        of_it = samples.c.network_id == networks.c.id
        with_it = self._version.add_columns(samples.c.data)
        joined = networks.outerjoin(samples, sa.and_(of_it, self._begins(head)))
        return connection.execute(with_it.select_from(joined), {"key": key}).first()

    def _begins(self, head: bytes) -> sa.ColumnElement[bool]:
        """Whether a sample is the series whose record begins so."""
        table = self.schema.samples.c
        begin = sa.func.substr(table.data, 1, len(head))
        return sa.and_(table.dataset == 0, begin == sa.literal(head, sa.LargeBinary))

    def range(self, connection: sa.Connection, network: int, command: Command) -> list[bytes]:
        """Those of NR.GETDATA's range. Raises CommandError where they are too many bytes."""
        where = {"id": network, "dataset": command.dataset}
        rows = {"first": command.number, "behind": command.until}
        size = self._range_size.run(connection, **where, **rows).scalar()
        command.check_range(int(size or 0))
        return self._range.blobs(connection, **where, **rows)

    def sizes(self, connection: sa.Connection, network: int, dataset: int, slots: list[int]) -> int:
        """How many bytes the records in these slots have, where there are any."""
        table, found = self.schema.samples.c, 0
        here = table.network_id == network, table.dataset == dataset
        for at in range(0, len(slots), _SLOTS):
            size = sa.func.sum(sa.func.length(table.data))
            within = table.slot.in_(slots[at : at + _SLOTS])
            found += int(connection.scalar(sa.select(size).where(*here, within)) or 0)
        return found

    def put_records(
        self, connection: sa.Connection, network: int, dataset: int, records: dict[int, bytes]
    ) -> None:
        """Writes records of any length into slots, instead of those that are there."""
        if records:
            self._upsert.run_many(
                connection,
                network_id=[network] * len(records),
                dataset=[dataset] * len(records),
                slot=list(records),
                data=list(records.values()),
            )

    def cut(self, connection: sa.Connection, network: int, dataset: int, length: int) -> None:
        """Drops the samples of a dataset behind its first ones."""
        table = self.schema.samples
        here = table.c.network_id == network, table.c.dataset == dataset
        connection.execute(sa.delete(table).where(*here, table.c.slot >= length))

    # ---- arrays and history ----

    def arrays(self, connection: sa.Connection, network: int) -> dict[str, bytes]:
        """By name: the weights and the course of a training, and other parts as they are kept."""
        table = self.schema.arrays.c
        parts = sa.select(table.array, table.data).where(table.network_id == network)
        found: dict[str, list[bytes]] = {}
        for name, data in connection.execute(parts.order_by(table.array, table.part)):
            found.setdefault(name, []).append(data)
        return {name: b"".join(data) for name, data in found.items()}

    def put_trained(self, connection: sa.Connection, net: Net) -> None:
        """Writes the weights and the course of a training, instead of others."""
        network, points = net.shape.id, _points(net)
        self.drop_trained(connection, network)
        arrays = {"weights": net.weights(), "history": net.history()}
        self.put_kept(connection, network, arrays | net.findings())
        rows = [
            {"network_id": network, "point": number, **dict(zip(_POINT, point, strict=True))}
            for number, point in enumerate(points)
        ]
        if rows:
            connection.execute(sa.insert(self.schema.history), rows)

    def put_kept(self, connection: sa.Connection, network: int, arrays: dict[str, bytes]) -> None:
        """Writes arrays, or parts that are kept as they are, that were not there."""
        parts = [
            {"network_id": network, "array": name, "part": number, "data": data[at : at + _PART]}
            for name, data in arrays.items()
            for number, at in enumerate(range(0, len(data), _PART))
        ]
        for part in parts:  # one packet each
            connection.execute(sa.insert(self.schema.arrays), part)

    def drop_trained(self, connection: sa.Connection, network: int) -> None:
        history = self.schema.history
        self.drop_arrays(connection, network, ARRAYS)
        connection.execute(sa.delete(history).where(history.c.network_id == network))

    def drop_arrays(self, connection: sa.Connection, network: int, names: Sequence[str]) -> None:
        arrays = self.schema.arrays
        of_it = arrays.c.network_id == network, arrays.c.array.in_(names)
        connection.execute(sa.delete(arrays).where(*of_it))

    # ---- headers ----

    def insert(self, connection: sa.Connection, header_: dict[str, Any], **more: Any) -> None:
        """A new header."""
        values = {**header.all_columns(header_, self.names), **more}
        connection.execute(sa.insert(self.schema.networks).values(values))

    def change(
        self, connection: sa.Connection, before: dict[str, Any], after: dict[str, Any], **more: Any
    ) -> None:
        """Writes those columns of a header that have changed."""
        was, now = (header.all_columns(fields, self.names) for fields in (before, after))
        values = {name: value for name, value in now.items() if value != was[name]} | more
        if values:
            networks = self.schema.networks
            connection.execute(
                sa.update(networks).where(networks.c.id == before["id"]).values(values)
            )


def _points(net: Net) -> list[list[float | None]]:
    """NR.HISTORY, with NULL where there is no number."""
    reply = net.execute(parse([b"NR.HISTORY", b"key"]))
    points = cast(list[list[float | None]], reply)
    return [
        [value if value is not None and isfinite(value) else None for value in point]
        for point in points
    ]


_WAS = [(f"was_{name}", name, header.writing(name)) for name in STATE]
_NEW = [(f"new_{name}", name, header.writing(name)) for name in MOVED]


def _state(names: list[tuple[str, str, Any]], fields: dict[str, Any]) -> dict[str, Any]:
    """The values of columns that observing compares, or writes, as parameters."""
    return {as_: write(fields[name]) if write else fields[name] for as_, name, write in names}
