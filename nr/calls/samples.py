"""Samples: adding them, and reading them back."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nr import fields
from nr.calls import evictions, words
from nr.calls.networks import fields_of, info
from nr.calls.steps import Call, Long, size_of, work
from nr.commands.arguments import Argument
from nr.commands.info import Info
from nr.contracts.capabilities import ObservesQueries, TakesBulk, capability, needed
from nr.contracts.store import Bulk
from nr.errors import CommandError, RowError, ValuesError
from nr.sparse import blocks, is_sparse
from nr.values import classes, matrix, table, vector, weights

AMONG_THEM: Any = object()
"""Outputs that are not given: values by name have theirs among them."""

BULK = Bulk()
"""Samples or inputs in one command, where no store says otherwise."""

Counts = tuple[int, int]


def observe(
    backend: object, key: bytes, x: Any, y: Any, to: str | None, weight: float | None = None
) -> Call[Counts]:
    """As ``Network.observe``."""
    counts = yield from _observe(key, x, y, to, weight)
    if evictions.suspected(backend, key, counts):
        yield from evictions.confirm(backend, key)
    return counts


def _observe(key: bytes, x: Any, y: Any, to: str | None, weight: float | None) -> Call[Counts]:
    if fields.is_row(x):
        return (yield from _observe_named(key, x, y, to, weight))
    if weight is not None:
        raise ValuesError(_UNWEIGHED)
    if y is AMONG_THEM:
        raise ValuesError("ERR outputs are missing: net.observe(inputs, outputs)")
    try:
        return (yield from _observed(key, to, *_texts(x), b"->", *_texts(y)))
    except (TypeError, OverflowError, struct.error, CommandError):
        pass  # no plain numbers, or one that is wrong: the long way knows
    inputs, outputs = vector(x, "inputs").tolist(), vector(y, "outputs").tolist()
    return (yield from _observed(key, to, *inputs, "->", *outputs))


def _texts(values: Any) -> list[bytes]:
    """A number, or a list of them, with all their digits: for single rows.

    Raises TypeError, OverflowError or struct.error for anything else.
    """
    if not isinstance(values, list | tuple):
        values = (values,)
    if not {*map(type, values)} <= {int, float}:
        raise TypeError
    struct.pack(f"{len(values)}f", *values)
    return [repr(value).encode() for value in values]


def _observed(key: bytes, to: str | None, *samples: Argument) -> Call[Counts]:
    train, test = yield ("NR.OBSERVE", key, *samples, *words.dataset(to))
    return train, test


_UNWEIGHED = "ERR weights are for samples with names, of networks with fields"


def _observe_named(
    key: bytes, samples: Any, y: Any, to: str | None, counts_for: Any = None
) -> Call[Counts]:
    if y is not None and y is not AMONG_THEM:
        raise ValuesError("ERR samples with names have their outputs among them")
    n = 1 if fields.is_row(samples) else len(samples)
    floats = None if counts_for is None else weights(counts_for, n)
    counts, blobs, at = (0, 0), fields.blobs(samples), 0
    while blob := (yield work(partial(next, blobs, None), size_of(samples))):
        counts = yield from _observed(key, to, *blob, *_weighing(floats, at))
        at += fields.AT_ONCE
    return counts


def _weighing(floats: NDArray[np.float32] | None, first: int) -> tuple[Argument, ...]:
    """What says how much the samples of a command count, the first of which is this one."""
    if floats is None:
        return ()
    some = floats[first : first + fields.AT_ONCE]
    return "WEIGHTS", some.astype("<f4", copy=False).tobytes()


def fitting(key: bytes, values: Any, ignore_extra: bool, outputs: bool = False) -> Call[Any]:
    """The values, with ``ignore_extra`` only those of the network's fields.

    Those that are asked for stay with ``outputs`` alone.
    """
    if not words.flag("ignore_extra", ignore_extra):
        return values
    known = yield from fields_of(key)
    if not known:
        raise ValuesError(
            f"ERR ignore_extra is for networks with fields: {words.name_of(key)} takes numbers in "
            "their order, give it the columns that it has"
        )
    names = {field.name for field in known if outputs or not field.output}
    return (yield work(partial(fields.only, values, names), size_of(values)))


def observe_many(
    backend: object,
    key: bytes,
    X: Any,
    Y: Any,
    to: str | None,
    ignore_extra: bool = False,
    counts_for: Any = None,
) -> Call[Counts]:
    """As ``Network.observe_many``."""
    X = yield from fitting(key, X, ignore_extra, outputs=True)
    now = yield from info(key)
    counts = yield from _observe_all(backend, key, now, X, Y, to, counts_for)
    yield from evictions.compare(backend, key, now, counts, now.train_len + now.test_len)
    return counts


def _observe_all(
    backend: object, key: bytes, now: Info, X: Any, Y: Any, to: str | None, counts_for: Any
) -> Call[Counts]:
    if now.fields:
        return (yield from _observe_named(key, X, Y, to, counts_for))
    if counts_for is not None:
        raise ValuesError(_UNWEIGHED)
    if Y is None:
        raise ValuesError("ERR outputs are missing: net.observe_many(inputs, outputs)")
    takes = capability(backend, TakesBulk)
    chunks = yield Long(partial(_chunks, now, X, Y, takes.bulk if takes else BULK))
    counts = now.train_len, now.test_len
    while chunk := (yield Long(partial(next, chunks, None))):
        counts = yield from _observed(key, to, "FP32", chunk)
    return counts


def _chunks(now: Info, X: Any, Y: Any, bulk: Bulk) -> Iterator[bytes]:
    """Inputs and outputs, or class ids, of plain samples as FP32 blobs; all have been checked."""
    if is_sparse(X):
        rows, parts = X.shape[0], blocks(X, now.layout[0])
    else:
        inputs = table(matrix(X, "inputs", "row"), now.layout[0], "inputs")
        rows, parts = len(inputs), iter([inputs])
    if now.type == "classifier":
        outputs = classes(Y, now.layout[-1])
    else:
        outputs = table(matrix(Y, "outputs", "row"), now.layout[-1], "outputs")
    if rows != len(outputs):
        raise ValuesError(f"ERR {rows} rows of inputs and {len(outputs)} of outputs")
    return _joined(parts, outputs, bulk)


def _joined(
    parts: Iterator[NDArray[np.float32]], outputs: NDArray[np.float32], bulk: Bulk
) -> Iterator[bytes]:
    at = 0
    for inputs in parts:
        yield from chunked(np.hstack([inputs, outputs[at : at + len(inputs)]]), bulk)
        at += len(inputs)


def chunked(rows: NDArray[np.float32], bulk: Bulk) -> Iterator[bytes]:
    """Rows as FP32 blobs of bounded size."""
    step = min(bulk.rows, max(1, bulk.size // (4 * rows.shape[1])))
    for start in range(0, len(rows), step):
        yield rows[start : start + step].astype("<f4", copy=False).tobytes()


def observe_query(
    backend: object,
    key: bytes,
    sql: str,
    target: str | Sequence[str],
    to: str | None,
    parameters: Mapping[str, Any] | None,
    progress: bool,
    replace: bool,
    by: str | None,
) -> Call[Counts]:
    """As ``Network.observe_query``."""
    words.dataset(to)
    swaps = words.flag("replace", replace)
    store = needed(backend, ObservesQueries, "only networks in a database of SQL observe queries")
    query = sql, target, to, parameters, progress, swaps, by
    before = yield from info(key)
    counts: Counts = yield partial(store.observe_query, key, *query)
    lens = {"train": before.train_len, "test": before.test_len}
    stay = sum(n for which, n in lens.items() if not swaps or str(to or which).lower() != which)
    yield from evictions.compare(backend, key, before, counts, stay)
    return counts


def sample(key: bytes, dataset: str, row: int) -> Call[Any]:
    """As ``Network.sample``."""
    found = yield "NR.GETDATA", key, dataset, row
    if found is None:
        name = words.name_of(key)
        raise RowError(f"ERR the {dataset} dataset of {name!r} has no row {row}")
    return _sample(found)


def sample_range(key: bytes, dataset: str, first: int, last: int | None) -> Call[list[Any]]:
    """As ``Network.samples``."""
    if last is not None:
        return [*map(_sample, (yield "NR.GETDATA", key, dataset, first, last))]
    found: list[Any] = []
    step, at = AT_ONCE, first
    while True:
        try:
            some = yield "NR.GETDATA", key, dataset, at, at + step - 1
        except CommandError as error:
            if step == 1 or not str(error).endswith(_FEWER):
                raise
            step = max(1, step // 8)
            continue
        found += map(_sample, some)
        at += step
        if len(some) < step:
            return found


AT_ONCE = 1000
"""Samples read in one step, where their number is not known."""

_FEWER = "at once: ask for fewer rows"


def _sample(found: Any) -> Any:
    """One that NR.GETDATA has replied."""
    if not isinstance(found[0], list):
        return fields.values(found)
    inputs, outputs = found
    return np.array(inputs), np.array(outputs)
