"""Samples from the rows of a query: streamed, checked, and all observed or none.

The query runs on a connection of its own with a cursor on the server, so that memory
holds one batch however many rows there are; the samples are written meanwhile, in one
transaction that is committed behind the last row. Where there is only one connection (a
caller's, or SQLite in memory) both use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from nr.engine import Net, parse
from nr.errors import ValuesError

if TYPE_CHECKING:
    from nr.backends.sql.store import Store

_BATCH_BYTES = 1 << 22
_NUMBERS = {int, float, bool, Decimal}


def observe_query(
    store: Store,
    key: bytes,
    sql: str,
    target: str | Sequence[str],
    to: str | None,
    parameters: Mapping[str, Any] | None,
    progress: bool,
) -> tuple[int, int]:
    """As ``Network.observe_query`` says."""
    from tqdm.auto import tqdm

    targets = [target] if isinstance(target, str) else list(target)
    with (
        store.streaming() as (ask, within),
        closing(tqdm(unit="row", disable=not progress)) as bar,
    ):
        net, _ = within.header(key)
        counts = net.shape.lengths
        with closing(ask(sa.text(sql), parameters or {})) as result:
            columns = _Columns(list(result.keys()), targets, net)
            for number, rows in enumerate(result.partitions(columns.batch)):
                blob = columns.samples(rows, number * columns.batch).tobytes()
                words = [b"NR.OBSERVE", key, b"FP32", blob, *([to.encode()] if to else [])]
                train, test = cast(list[int], within.observe(key, parse(words)))
                counts = train, test
                bar.update(len(rows))
        return counts


class _Columns:
    """The columns of a query: which are inputs, which outputs, and their rows as samples."""

    def __init__(self, names: list[str], targets: list[str], net: Net) -> None:
        self._names = names
        missing = [name for name in targets if name not in names]
        if missing:
            raise ValuesError(
                f"ERR the query has no column {missing[0]!r}, it has: {', '.join(names)}"
            )
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

    def samples(self, rows: Sequence[sa.Row[Any]], start: int) -> NDArray[np.float32]:
        """Shape (n, inputs + outputs). Raises ValuesError, which names column and row."""
        table = np.empty((len(rows), len(self._names)), np.float64)
        for at, values in enumerate(zip(*rows, strict=True)):
            if not {type(value) for value in values} <= _NUMBERS:
                self._refuse(at, values, start)
            table[:, at] = values
        with np.errstate(over="ignore"):
            floats = table[:, self._order].astype("<f4")
        for row, column in np.argwhere(~np.isfinite(floats))[:1]:
            name = self._names[self._order[column]]
            value = table[row, self._order[column]]
            raise ValuesError(
                f"ERR column {name!r}, row {start + row + 1}: {value} does not fit 32 bits"
            )
        return floats

    def _refuse(self, at: int, values: Iterable[Any], start: int) -> None:
        name = self._names[at]
        row, bad = next(
            (row, value)
            for row, value in enumerate(values, start + 1)
            if type(value) not in _NUMBERS
        )
        raise ValuesError(f"ERR column {name!r}, row {row}: {_advice(name, bad)}")


def _advice(name: str, value: Any) -> str:
    if value is None:
        return (
            f"NULL is no number. Leave such rows out (WHERE {name} IS NOT NULL) or fill them "
            f"(COALESCE({name}, 0) AS {name})"
        )
    if isinstance(value, str | bytes):
        return (
            f"{value!r:.40} is text, and a network takes numbers. Encode it in the query, each "
            f"category a column (CASE {name} WHEN {value!r:.40} THEN 1 ELSE 0 END AS {name}), "
            f"or for a class id (CASE {name} WHEN {value!r:.40} THEN 0 WHEN ... THEN 1 END AS "
            f"{name})"
        )
    return f"a {type(value).__name__} is no number: turn it into one in the query"
