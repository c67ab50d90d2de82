"""Samples into their slots: the store's busiest moment.

Who observes alone need not read the header: it is what this process left. It is moved on only
where the row still says so (``placing``), which locks it as well; where somebody else was here,
the row is locked and read first, until we are alone again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from nr.backends.recent import Recent
from nr.backends.sql import header
from nr.backends.sql.dialects import STATE
from nr.backends.sql.remembered import REMEMBERED, Known, version_of
from nr.backends.sql.rows import Rows
from nr.backends.sql.statements import Statements
from nr.backends.sql.transactions import Transactions
from nr.contracts.store import Samples
from nr.engine import Net, Reply, drift, records, series
from nr.errors import CommandError


class Observing:
    """Puts samples into the networks of one schema."""

    def __init__(
        self,
        statements: Statements,
        transactions: Transactions,
        rows: Rows,
        due: Callable[[sa.Connection, bytes, Net], bool],
        runners: Recent[bytes, Net],
    ) -> None:
        self._sql = statements
        self._do = transactions
        self._rows = rows
        self._due = due
        self._runners = runners
        self._known: Recent[bytes, Known] = Recent(REMEMBERED)

    def forget(self) -> None:
        self._known.clear()

    def put(self, key: bytes, samples: Samples, dataset: int) -> tuple[Reply, bool]:
        """NR.OBSERVE's reply, and whether a training is due."""
        known, due = self._put_alone(key, samples, dataset), False
        if known is None:
            known, due = self._do.write(lambda c: self._put(c, key, samples, dataset))
        self._known.put(key, known)
        length = known.fields["train_len"]
        return [known.steps, length] if known.steps else [length, known.fields["test_len"]], due

    def _put_alone(self, key: bytes, samples: Samples, dataset: int) -> Known | None:
        """The header after one more row, the short way (alone.py); None: it takes more."""
        known = self._known.get(key)
        if self._do.bound or not (known and known.alone and known.net.row):
            return None
        net = known.net.clone()
        with suppress(CommandError):  # it may be another network by now
            row = samples(net)
            if len(row) != 4 * net.row:
                return None
            scorer = None
            if header.watched(known.fields):
                scorer = known.scorer or self._scorer(key, known)
                if scorer is None:
                    return None
                drift.judge(net, scorer, row)
            [slot] = net.place(1, dataset).tolist()
            before = known.fields
            fields = {**before, **header.counts(net)}
            if (fields["ordered"], fields["rounded"]) != (before["ordered"], before["rounded"]):
                return None
            place = (key, before, fields, slot, row)
            if self._do.at_once(lambda raw: self._sql.place_alone(raw, *place)):
                return Known(net, fields, alone=True, scorer=scorer)
        return None

    def _scorer(self, key: bytes, known: Known) -> Net | None:
        """The weights of a header, if they are here."""
        found = self._runners.get(key)
        return found if found and version_of(found) == known.version else None

    def _score(
        self, connection: sa.Connection, key: bytes, known: Known, net: Net, samples: bytes
    ) -> None:
        """Counts what samples are to a network that is watched, before they are placed."""
        if header.watched(known.fields):
            found = self._scorer(key, known)
            if found is None:
                found = self._rows.read(connection, key)
                self._runners.put(key, found)
            if version_of(found) == known.version:
                drift.judge(net, found, samples)

    def _put(
        self, connection: sa.Connection, key: bytes, samples: Samples, dataset: int
    ) -> tuple[Known, bool]:
        before, after = self._added(connection, key, samples, dataset)
        due = after.fields["ordered"] - before.fields.get("ordered", 0)
        if due:
            placed = self._due(connection, key, after.net)
            after.net.coalesce(due - placed)
            fields = header.fields(after.net)
            self._sql.change(connection, after.fields, fields)
            after = replace(after, fields=fields)
        return after, bool(due)

    def _added(
        self, connection: sa.Connection, key: bytes, samples: Samples, dataset: int
    ) -> tuple[Known, Known]:
        """What was known before, and what is known after."""
        known = self._known.get(key)
        if known and known.alone:
            with suppress(CommandError):  # it may be another network by now
                after = self._place(connection, key, known, samples, dataset)
                if after:
                    return known, after
        fields = self._rows.locked(connection, key)
        undisturbed = known is None or _same(known.fields, fields)
        before = Known(self._rows.assemble(fields), fields, alone=undisturbed)
        if not before.net.row:
            return before, self._place_records(connection, key, before, samples, dataset)
        after = self._place(connection, key, before, samples, dataset)
        assert after
        return before, after

    def _place(
        self,
        connection: sa.Connection,
        key: bytes,
        before: Known,
        samples: Samples,
        dataset: int,
    ) -> Known | None:
        """The header after more rows; None if it was another one before."""
        net = before.net.clone()
        rows = samples(net)
        self._score(connection, key, before, net, rows)
        slots = net.place(len(rows) // (4 * net.row), dataset)
        after = replace(before, net=net, fields=header.fields(net))
        moved = self._sql.place(connection, key, before.fields, after.fields, slots, rows)
        if moved and after.fields["rounded"] != before.fields.get("rounded", 0):
            # Rarely: it has no column of its own.
            self._sql.change(connection, before.fields, after.fields)
        return after if moved else None

    def _place_records(
        self,
        connection: sa.Connection,
        key: bytes,
        before: Known,
        samples: Samples,
        dataset: int,
    ) -> Known:
        """The header, whose row is locked, after more records: they are weighed as well."""
        net, id = before.net.clone(), before.fields["id"]
        framed = samples(net)
        found = records.split(framed)
        if net.step:
            return self._extend(connection, before, net, found[0])
        self._score(connection, key, before, net, framed)
        latest = dict(zip(net.place(len(found), dataset).tolist(), found, strict=True))
        for which in range(2):
            here = {place >> 1: record for place, record in latest.items() if place & 1 == which}
            replaced = self._sql.sizes(connection, id, which, list(here))
            net.weigh(which, sum(map(len, here.values())), replaced)
            self._sql.put_records(connection, id, which, here)
        fields = header.fields(net)
        self._sql.change(connection, before.fields, fields)
        return Known(net, fields, alone=False)

    def _extend(self, connection: sa.Connection, before: Known, net: Net, steps: bytes) -> Known:
        """The header after more steps of a series."""
        id, head = before.fields["id"], series.head_of(steps)
        slot, record = self._sql.series(connection, id, head)
        if slot is None:
            slot = net.shape.lengths[0]
            series.begin(net)
        grown = series.extended(net, record, steps)
        net.weigh(0, len(grown), len(record))
        series.count(net, (len(steps) - len(head)) // net.step)
        self._sql.put_records(connection, id, 0, {slot: grown})
        fields = header.fields(net)
        self._sql.change(connection, before.fields, fields)
        return Known(net, fields, False, (len(grown) - len(head)) // net.step)


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[name] == b[name] for name in ("id", *STATE))
