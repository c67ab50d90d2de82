"""What the store says to the database, each statement made once.

Observing one sample is the store's busiest moment, so its four statements are kept
as text (``Text``): SQLAlchemy then need not recognise them anew each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import bindparam

from nr.backends.sql import header
from nr.backends.sql.dialects import Dialect, Slots
from nr.backends.sql.schema import Schema

_FEW = 100  # rows that an INSERT takes as fast as COPY would
_PART = 1 << 22  # bytes of an array in one row: a packet of MariaDB's holds 16 MB
NOT_HEADER = ("key", "name", "created_at", "trained_at")


class Text:
    """A statement as the driver's own text, its parameters by position or by name."""

    def __init__(self, statement: Any, dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup

    def run(self, connection: sa.Connection, **values: Any) -> sa.CursorResult[Any]:
        return connection.exec_driver_sql(self._text, self._bound(values))

    def run_many(self, connection: sa.Connection, rows: list[tuple[Any, ...]], *names: str) -> None:
        """Once a row, whose values are the parameters of these names."""
        if self._order is None:
            connection.exec_driver_sql(self._text, [dict(zip(names, r, strict=True)) for r in rows])
        elif tuple(self._order) == names:
            connection.exec_driver_sql(self._text, rows)
        else:
            at = [names.index(name) for name in self._order]
            connection.exec_driver_sql(self._text, [tuple(row[i] for i in at) for row in rows])

    def _bound(self, values: dict[str, Any]) -> Any:
        return values if self._order is None else tuple(values[name] for name in self._order)


_ROW = ("network_id", "dataset", "slot", "data")


class Statements:
    """The statements of one schema in one dialect."""

    def __init__(self, schema: Schema, dialect: Dialect, engine: sa.Engine) -> None:
        self.schema = schema
        self._dialect = dialect
        t, networks, trainings = schema, schema.networks, schema.trainings
        self.names = [c.name for c in networks.columns if c.name not in NOT_HEADER]
        by_key = networks.c.key == bindparam("key")
        columns = [networks.c[name] for name in self.names]
        self.header = Text(sa.select(*columns).where(by_key), engine.dialect)
        self.locked = Text(sa.select(*columns).where(by_key).with_for_update(), engine.dialect)
        self.version = Text(
            sa.select(networks.c.id, networks.c.revision).where(by_key), engine.dialect
        )
        training = sa.exists().where(
            trainings.c.network_id == networks.c.id, trainings.c.deadline > dialect.clock
        )
        self.info = sa.select(*columns, training).where(by_key)
        changed = {c: bindparam(f"new_{c}") for c in ("train_len", "test_len", "random")}
        self.placed = Text(
            sa.update(networks).where(networks.c.id == bindparam("id_")).values(changed),
            engine.dialect,
        )
        values = {name: bindparam(name) for name in _ROW}
        self.insert = Text(sa.insert(t.samples).values(values), engine.dialect)
        self.upsert = Text(dialect.upsert(t.samples).values(values), engine.dialect)
        self.rows = (
            sa.select(t.samples.c.data)
            .where(
                t.samples.c.network_id == bindparam("id"),
                t.samples.c.dataset == bindparam("dataset"),
                t.samples.c.slot < bindparam("length"),
            )
            .order_by(t.samples.c.slot)
        )
        self.row = sa.select(t.samples.c.data).where(
            t.samples.c.network_id == bindparam("id"),
            t.samples.c.dataset == bindparam("dataset"),
            t.samples.c.slot == bindparam("slot"),
        )

    # ---- samples ----

    def put(
        self,
        connection: sa.Connection,
        network: int,
        slots: Slots,
        rows: NDArray[np.float32],
        lengths: tuple[int, int],
    ) -> None:
        """Writes rows into slots; those from ``lengths`` on are new."""
        last = {place: at for at, place in enumerate(slots)}  # a slot may be drawn twice
        new = [place for place in last if place[1] >= lengths[place[0]]]
        old = [place for place in last if place[1] < lengths[place[0]]]
        if old:
            self._write(connection, self.upsert, network, old, rows[[last[p] for p in old]])
        if len(new) >= _FEW and self._dialect.bulk:
            at = rows if len(new) == len(rows) else rows[[last[p] for p in new]]
            self._dialect.bulk(connection, self.schema.samples, network, new, at)
        elif new:
            self._write(connection, self.insert, network, new, rows[[last[p] for p in new]])

    def _write(
        self,
        connection: sa.Connection,
        statement: Text,
        network: int,
        slots: Slots,
        rows: NDArray[np.float32],
    ) -> None:
        blob, width = rows.tobytes(), rows.shape[1] * 4
        parts = [
            (network, dataset, slot, blob[at * width : (at + 1) * width])
            for at, (dataset, slot) in enumerate(slots)
        ]
        if len(parts) == 1:
            statement.run(connection, **dict(zip(_ROW, parts[0], strict=True)))
        else:
            statement.run_many(connection, parts, *_ROW)

    def samples(self, connection: sa.Connection, network: int, dataset: int, length: int) -> bytes:
        """The rows of a dataset, one after the other."""
        found = connection.execute(self.rows, {"id": network, "dataset": dataset, "length": length})
        return b"".join(found.scalars())

    # ---- arrays and history ----

    def array(self, connection: sa.Connection, network: int, name: str) -> bytes:
        """An array from its parts; empty where it is not there."""
        table = self.schema.arrays.c
        parts = sa.select(table.data).where(table.network_id == network, table.array == name)
        return b"".join(connection.scalars(parts.order_by(table.part)))

    def put_trained(
        self, connection: sa.Connection, network: int, weights: bytes, course: bytes
    ) -> None:
        """Writes the weights and the course of a training, instead of others."""
        self.drop_trained(connection, network)
        parts = [
            {"network_id": network, "array": name, "part": number, "data": data[at : at + _PART]}
            for name, data in (("weights", weights), ("history", course))
            for number, at in enumerate(range(0, len(data), _PART))
        ]
        for part in parts:  # one packet each
            connection.execute(sa.insert(self.schema.arrays), part)
        points = np.frombuffer(course, "<f4").reshape(-1, 4).astype(np.float64)
        names = ("cycle", "train_error", "test_error", "class_errors")
        rows = [
            {"network_id": network, "point": number, **dict(zip(names, values, strict=True))}
            for number, values in enumerate(
                [value if np.isfinite(value) else None for value in point]
                for point in points.tolist()
            )
        ]
        if rows:
            connection.execute(sa.insert(self.schema.history), rows)

    def drop_trained(self, connection: sa.Connection, network: int) -> None:
        for table in (self.schema.arrays, self.schema.history):
            connection.execute(sa.delete(table).where(table.c.network_id == network))

    # ---- headers ----

    def change(
        self,
        connection: sa.Connection,
        before: dict[str, Any],
        after: dict[str, Any],
        **more: Any,
    ) -> None:
        """Writes those columns of a header that have changed."""
        changed = {name: value for name, value in after.items() if value != before[name]}
        values = {**header.columns(changed), **more}
        if values:
            networks = self.schema.networks
            connection.execute(
                sa.update(networks).where(networks.c.id == before["id"]).values(values)
            )
