"""Running: outputs and classes of inputs, in whatever form they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nr import fields
from nr.calls.networks import info
from nr.calls.samples import BULK, chunked, fitting
from nr.calls.steps import Call, Long, size_of, work
from nr.engine import Net
from nr.sparse import blocks, is_sparse
from nr.values import matrix, table

Runner: TypeAlias = Callable[[bytes], Net]
"""From a key to the network, where networks run in this process."""


def run(key: bytes, x: Any, runner: Runner | None, ignore_extra: bool = False) -> Call[Any]:
    """As ``Network.run``."""
    if is_sparse(x):
        return (yield from _by_blocks(run, key, x, runner, ignore_extra))
    x = yield from fitting(key, x, ignore_extra)
    if (yield from _is_named(key, x)):
        return (yield from _run_named(key, x))
    net, rows, single = yield from _rows(key, x, runner)
    if net:
        found = yield lambda: net.run(rows).astype(np.float64)
    else:
        replies = yield from _replies(key, "NR.RUN", rows)
        found = yield work(partial(_joined, replies, len(rows)), len(rows))
    return found[0] if single else found


def classify(key: bytes, x: Any, runner: Runner | None, ignore_extra: bool = False) -> Call[Any]:
    """As ``Network.classify``."""
    if is_sparse(x):
        return (yield from _by_blocks(classify, key, x, runner, ignore_extra))
    x = yield from fitting(key, x, ignore_extra)
    if (yield from _is_named(key, x)):
        return (yield from _classify_named(key, x))
    net, rows, single = yield from _rows(key, x, runner)
    if net:
        found = yield lambda: net.classify(rows).astype(np.int64)
    else:
        replies = yield from _replies(key, "NR.CLASS", rows)
        found = np.array([*_flat(replies)], np.int64)
    return int(found[0]) if single else found


def _by_blocks(
    how: Callable[..., Call[Any]], key: bytes, x: Any, runner: Runner | None, ignore_extra: bool
) -> Call[NDArray[Any]]:
    """A sparse matrix, of which no more than a block of rows is made dense at once."""
    parts = yield Long(partial(blocks, x))
    found = []
    while (block := (yield Long(partial(next, parts, None)))) is not None:
        found.append((yield from how(key, block, runner, ignore_extra)))
    return np.concatenate(found)


# ---- numbers ----


def _rows(
    key: bytes, x: Any, runner: Runner | None
) -> Call[tuple[Net | None, NDArray[np.float32], bool]]:
    """The network where it runs here, the inputs as a matrix, and whether x was one row."""
    rows = yield work(partial(matrix, x, "inputs", "column"), size_of(x))
    net = (yield partial(runner, key)) if runner else None
    width = net.inputs if net else (yield from info(key)).layout[0]
    return net, table(np.atleast_2d(rows), width, "inputs"), rows.ndim == 1


def _replies(key: bytes, command: str, rows: NDArray[np.float32]) -> Call[list[Any]]:
    """To rows, which go in blobs."""
    chunks, replies = chunked(rows, BULK), []
    while chunk := (yield work(partial(next, chunks, None), rows.size)):
        replies.append((yield command, key, "FP32", chunk))
    return replies


def _joined(blobs: list[bytes], rows: int) -> NDArray[np.float64]:
    return np.frombuffer(b"".join(blobs), "<f4").reshape(rows, -1).astype(np.float64)


# ---- values by name ----


def _is_named(key: bytes, x: Any) -> Call[bool]:
    """Whether these are values by name; a frame may also be numbers in their order."""
    if fields.is_row(x):
        return True
    if not fields.is_table(x):
        return False
    return type(x) is list or bool((yield from info(key)).fields)


def _run_named(key: bytes, x: Any) -> Call[Any]:
    replies = yield from _named_replies(key, "NR.RUN", x)
    if fields.is_row(x):
        return fields.outputs(replies[0])
    return (yield work(lambda: fields.like(x, [*map(fields.outputs, _flat(replies))]), size_of(x)))


def _classify_named(key: bytes, x: Any) -> Call[Any]:
    replies = yield from _named_replies(key, "NR.CLASS", x)
    if fields.is_row(x):
        return fields.text(replies[0])
    return (yield work(lambda: fields.like(x, [*map(fields.text, _flat(replies))]), size_of(x)))


def _named_replies(key: bytes, command: str, x: Any) -> Call[list[Any]]:
    blobs, replies = fields.blobs(x), []
    while blob := (yield work(partial(next, blobs, None), size_of(x))):
        replies.append((yield (command, key, *blob)))
    return replies


def _flat(replies: list[Any]) -> Iterator[Any]:
    return (part for reply in replies for part in reply)
