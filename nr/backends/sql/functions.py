"""Networks as functions of SQLite's SQL: nr_run, nr_class and nr_sample.

They read the tables on the very connection that runs the query, so they see what it sees,
a transaction of its own too. SQLAlchemy stays out of it: it would begin and roll back on a
connection that is not its own. The weights are kept, and their version is asked for at each
call: one look into an index, of a file that is open anyway.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import sqlalchemy as sa

from nr import fields
from nr.backends.recent import Recent
from nr.backends.sql import header
from nr.backends.sql.schema import tables
from nr.backends.sql.statements import ARRAYS, CHECKPOINT, NOT_HEADER
from nr.engine import Net, Reply, parse
from nr.errors import BackendError, CommandError, Error, NotFoundError
from nr.packing import packed

_log = logging.getLogger("nr")
_KEPT = 16  # networks of a connection
_Value = int | float | str | bytes | None


def register(connection: Any, prefix: str) -> None:
    """As ``nr.sqlite_functions`` says."""
    raw = connection
    if isinstance(connection, sa.Connection):
        raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise BackendError(f"a connection to SQLite is needed, not {type(connection).__name__}")
    runners = _Runners(raw, prefix)

    def run(key: _Value, *inputs: _Value) -> _Value:
        net = runners.net(key)
        if not net.row:
            return json.dumps(fields.outputs(_asked(net, "NR.RUN", key, inputs)))
        if None in inputs:
            return None
        outputs = net.run(_row(inputs))[0].astype(float).tolist()
        return outputs[0] if len(outputs) == 1 else json.dumps(outputs)

    def classify(key: _Value, *inputs: _Value) -> _Value:
        net = runners.net(key)
        if not net.row:
            return fields.text(_asked(net, "NR.CLASS", key, inputs))
        return None if None in inputs else int(net.classify(_row(inputs))[0])

    def sample(key: _Value, data: _Value) -> _Value:
        if not isinstance(data, bytes):
            raise CommandError(f"ERR the column data of a sample is needed, not {data!r:.40}")
        return _said(runners.net(key).sample_reply(data))

    for name, function in (("nr_run", run), ("nr_class", classify), ("nr_sample", sample)):
        raw.create_function(name, -1, _logged(name, function))


class _Runners:
    """The networks that a connection has run, as they are now."""

    def __init__(self, raw: sqlite3.Connection, prefix: str) -> None:
        self._raw = raw
        networks = tables(prefix, None).networks
        self._names = [c.name for c in networks.columns if c.name not in NOT_HEADER]

        def quoted(name: str) -> str:
            return '"' + name.replace('"', '""') + '"'

        table, arrays = quoted(networks.name), quoted(f"{prefix}arrays")
        self._version = f"SELECT id, revision, schema_revision FROM {table} WHERE key = ?"
        columns = ", ".join(map(quoted, self._names))
        self._header = f"SELECT {columns} FROM {table} WHERE id = ?"
        unread = ", ".join(f"'{name}'" for name in (*ARRAYS, CHECKPOINT) if name != "weights")
        self._arrays = (
            f"SELECT array, data FROM {arrays} WHERE network_id = ? AND array NOT IN ({unread}) "
            "ORDER BY array, part"
        )
        self._known: Recent[tuple[int, int, int], Net] = Recent(_KEPT)

    def net(self, key: _Value) -> Net:
        """The network under a key, text or a blob. Raises NotFoundError."""
        version = self._rows(self._version, _bytes(key))
        if not version:
            raise NotFoundError
        found = self._known.get(version[0])
        if found is None:
            found = self._read(version[0][0])
            self._known.put(version[0], found)
        return found

    def _read(self, id: int) -> Net:
        known = header.header_of(self._names, self._rows(self._header, id)[0])
        parts: dict[str, bytes] = {}
        for name, data in self._rows(self._arrays, id):
            parts[name] = parts.get(name, b"") + data
        weights = parts.pop("weights", b"") if known["trained"] else None
        return Net.assemble(header.packed(known), weights, kept=parts.values())

    def _rows(self, sql: str, value: _Value) -> list[Any]:
        with closing(self._raw.execute(sql, (value,))) as cursor:
            return cursor.fetchall()


def _row(inputs: tuple[_Value, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    for value in inputs:
        if not isinstance(value, int | float):
            raise CommandError(f"ERR {value!r:.40} is not a number: encode it in the query")
    with np.errstate(all="ignore"):  # the network refuses an infinity
        return np.array([inputs], np.float32)


def _asked(net: Net, command: str, key: _Value, inputs: tuple[_Value, ...]) -> Any:
    """The reply of a network with fields to names and values in turn; NULL is missing."""
    names = [name for name in inputs[::2] if isinstance(name, str)]
    if 2 * len(names) != len(inputs):
        raise CommandError(
            f"ERR {fields.text(key)} has fields: give their names and values in turn, as "
            f"'age', 33, not {', '.join(map(repr, inputs)):.60}"
        )
    for name in names:
        if names.count(name) > 1:
            raise CommandError(f"ERR field {name} is given twice: once is needed")
    row = dict(zip(names, inputs[1::2], strict=True))
    words = [command.encode(), _bytes(key), b"MSGPACK", packed(row)]
    return net.execute(parse(words))


def _bytes(key: _Value) -> Any:
    return key.encode() if isinstance(key, str) else key


def _said(reply: Reply) -> str:
    """NR.GETDATA's reply as JSON: values by field, or inputs and outputs."""
    found: list[Any] = reply  # type: ignore[assignment]
    if isinstance(found[0], list):
        return json.dumps(dict(zip(("inputs", "outputs"), found, strict=True)))
    return json.dumps(fields.values(found))


def _logged(name: str, function: Callable[..., _Value]) -> Callable[..., _Value]:
    """SQLite says that a function failed, and not why; the log does."""

    def call(*arguments: _Value) -> _Value:
        try:
            return function(*arguments)
        except (Error, sqlite3.Error, TypeError) as error:
            _log.error("%s(%s): %s", name, ", ".join(map(repr, arguments[:1])), error)
            raise

    return call
