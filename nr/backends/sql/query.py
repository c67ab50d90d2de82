"""Samples from the rows of a query: streamed, checked, and all observed or none.

The query runs on a connection of its own with a cursor on the server, so that memory
holds one batch however many rows there are; the samples are written meanwhile, in one
transaction that is committed behind the last row. Where there is only one connection (a
caller's, or SQLite in memory) both use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.exc import DBAPIError

from nr.engine import Net, parse
from nr.errors import ValuesError
from nr.fields import pack_rows

if TYPE_CHECKING:
    from nr.backends.sql.store import Store

_BATCH_BYTES = 1 << 22
_NUMBERS = {int, float, bool, Decimal}
_QUERY = re.compile(r"(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table)\b", re.I | re.S)
_Ask = Callable[..., sa.CursorResult[Any]]
_Quote = Callable[[str], str]


def observe_query(
    store: Store,
    key: bytes,
    sql: str,
    target: str | Sequence[str],
    to: str | None,
    parameters: Mapping[str, Any] | None,
    progress: bool,
    replace: bool,
    by: str | None = None,
) -> tuple[int, int]:
    """As ``Network.observe_query`` says."""
    from tqdm.auto import tqdm

    _check(sql, target, parameters)
    dataset = [to.encode()] if to else []
    targets = [target] if isinstance(target, str) else list(target)
    with (
        store.streaming() as (ask, within),
        closing(tqdm(unit="row", disable=not progress)) as bar,
    ):
        net, _ = within.header(key)
        with closing(_asked(ask, sql, parameters)) as result:
            quote = store.engine.dialect.identifier_preparer.quote
            names = list(result.keys())
            columns: _Columns | _Named = (
                _Columns(names, targets, net, quote) if net.shape.row else _Named(names, by)
            )
            if replace:
                within.drop_samples(key, parse([b"NR.CLEAR", key, *dataset]))
            counts = within.header(key)[0].shape.lengths
            for number, rows in enumerate(result.partitions(columns.batch)):
                for samples in columns.samples(rows, number * columns.batch):
                    words = [b"NR.OBSERVE", key, *samples, *dataset]
                    train, test = cast(list[int], within.observe(key, parse(words)))
                    counts = train, test
                bar.update(len(rows))
        return counts


def _check(sql: Any, target: Any, parameters: Any) -> None:
    """Raises ValuesError. A statement that only begins like a query is the database's to refuse."""
    if not isinstance(sql, str):
        raise ValuesError(f"ERR the query is SQL as text, not {type(sql).__name__}")
    if not _QUERY.match(sql):
        raise _writes(sql)
    if "\0" in sql or sql != sql.encode(errors="replace").decode():
        raise ValuesError(f"ERR the query holds what is no text: {sql!r:.60}")
    names = isinstance(target, str) or (
        isinstance(target, Sequence) and all(isinstance(name, str) for name in target)
    )
    if not names:
        raise ValuesError(
            f"ERR the target is the name of a column, or a list of them, not {target!r}"
        )
    if parameters is not None and not isinstance(parameters, Mapping):
        kind = type(parameters).__name__
        raise ValuesError(f"ERR parameters are a dict of names and values, not {kind}")
    for name in sa.text(sql).compile().params:
        if name not in (parameters or {}):
            raise ValuesError(
                f"ERR the query has :{name}, of which parameters say no value (a colon of the "
                "query's own is written \\:)"
            )


def _writes(sql: str) -> ValuesError:
    return ValuesError(f"ERR a query is needed that only reads (SELECT ...), not {sql!r:.60}")


def _asked(ask: _Ask, sql: str, parameters: Mapping[str, Any] | None) -> sa.CursorResult[Any]:
    try:
        return ask(sa.text(sql), dict(parameters or {}))
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_READONLY":
            raise _writes(sql) from error
        raise


class _Named:
    """The columns of a query as fields: the network says which it has, and of what kinds."""

    batch = 1000

    def __init__(self, names: list[str], by: str | None) -> None:
        self._names = names
        self._by = by
        if by is not None and by not in names:
            raise ValuesError(f"ERR the query has no column {by!r}, it has: {', '.join(names)}")

    def samples(self, rows: Sequence[sa.Row[Any]], _: int) -> Iterator[tuple[bytes, ...]]:
        """Rows as the words of a command, or of one for each series."""
        named = [dict(zip(self._names, row, strict=True)) for row in rows]
        if self._by is None:
            yield b"MSGPACK", pack_rows(named)
            return
        series: dict[str, list[dict[str, Any]]] = {}
        for row in named:
            series.setdefault(str(row.pop(self._by)), []).append(row)
        for name, steps in series.items():
            yield b"FOR", name.encode("utf-8", "surrogateescape"), b"MSGPACK", pack_rows(steps)


class _Columns:
    """The columns of a query: which are inputs, which outputs, and their rows as samples."""

    def __init__(self, names: list[str], targets: list[str], net: Net, quote: _Quote) -> None:
        self._names = names
        self._quote = quote
        missing = [name for name in targets if name not in names]
        if missing:
            raise ValuesError(
                f"ERR the query has no column {missing[0]!r}, it has: {', '.join(names)}"
            )
        for name in targets:
            if names.count(name) > 1:
                raise ValuesError(f"ERR the query has {names.count(name)} columns named {name!r}")
        inputs = [at for at, name in enumerate(names) if name not in targets]
        self._order = inputs + [names.index(name) for name in targets]
        shape = net.shape
        outputs = shape.row - shape.inputs
        if (len(inputs), len(targets)) != (shape.inputs, outputs):
            raise ValuesError(
                f"ERR the query has {len(inputs)} columns beside {len(targets)} as target, the "
                f"network takes {shape.inputs} inputs and {outputs} as target"
            )
        self.batch = max(1, min(1000, _BATCH_BYTES // (4 * len(names))))

    def samples(self, rows: Sequence[sa.Row[Any]], start: int) -> Iterator[tuple[bytes, ...]]:
        """Rows as the words of a command."""
        yield b"FP32", self._floats(rows, start).tobytes()

    def _floats(self, rows: Sequence[sa.Row[Any]], start: int) -> NDArray[np.float32]:
        """Shape (n, inputs + outputs). Raises ValuesError, which names column and row."""
        table = np.empty((len(rows), len(self._names)), np.float64)
        for at, values in enumerate(zip(*rows, strict=True)):
            if not {type(value) for value in values} <= _NUMBERS:
                raise self._refusal(at, *_first_bad(values, start))
            table[:, at] = values
        with np.errstate(all="ignore"):
            floats = table[:, self._order].astype("<f4")
        for row, column in np.argwhere(~np.isfinite(floats))[:1]:
            at = self._order[column]
            raise self._refusal(at, start + row, rows[row][at])
        return floats

    def _refusal(self, at: int, row: int, value: Any) -> ValuesError:
        name = self._names[at]
        return ValuesError(f"ERR column {name!r}, row {row}: {_advice(self._quote(name), value)}")


def _first_bad(values: Iterable[Any], start: int) -> tuple[int, Any]:
    rows = enumerate(values, start)
    return next((row, value) for row, value in rows if type(value) not in _NUMBERS)


def _advice(name: str, value: Any) -> str:
    if value is None:
        return (
            f"NULL is no number. Leave such rows out (WHERE {name} IS NOT NULL) or fill them "
            f"(COALESCE({name}, 0) AS {name})"
        )
    if isinstance(value, str):
        short = value.isprintable() and len(value) < 40
        literal = "'{}'".format(value.replace("'", "''")) if short else "..."
        return (
            f"{value!r:.40} is text, and a network takes numbers. Encode it in the query, each "
            f"category a column (CASE {name} WHEN {literal} THEN 1 ELSE 0 END AS {name}), "
            f"or for a class id (CASE {name} WHEN {literal} THEN 0 WHEN ... THEN 1 END AS "
            f"{name})"
        )
    if type(value) not in _NUMBERS:
        return f"a {type(value).__name__} is no number: turn it into one in the query"
    if value != value:
        return (
            f"NaN is no number. Leave such rows out (WHERE {name} <> 'NaN') or fill them "
            f"(COALESCE(NULLIF({name}, 'NaN'), 0) AS {name})"
        )
    shown = float(value) if isfinite(float(value)) else f"{value:.6g}"
    return f"{shown} does not fit 32 bits: scale it in the query"
