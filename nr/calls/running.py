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
from nr.commands.arguments import Argument
from nr.commands.explanation import Explanation, Which, parse_explanation
from nr.engine import Net
from nr.sparse import blocks, is_sparse
from nr.values import matrix, table

Runner: TypeAlias = Callable[[bytes], Net]
"""From a key to the network, where networks run in this process."""


def run(
    key: bytes,
    x: Any,
    runner: Runner | None,
    ignore_extra: bool = False,
    interval: float | None = None,
) -> Call[Any]:
    """As ``Network.run``."""
    if is_sparse(x):
        return (yield from _by_blocks(lambda part: run(key, part, runner, interval=interval), x))
    x = yield from fitting(key, x, ignore_extra)
    sure = _option("INTERVAL", interval)
    if (yield from _is_named(key, x)):
        return (yield from _run_named(key, x, sure))
    net, rows, single = yield from _rows(key, x, None if sure else runner)
    if net:
        found = yield lambda: net.run(rows).astype(np.float64)
    else:
        replies = yield from _replies(key, "NR.RUN", rows, sure)
        each = (-1, 3) if sure else (-1,)
        found = yield work(partial(_joined, replies, len(rows), each), len(rows))
    return found[0] if single else found


def classify(
    key: bytes,
    x: Any,
    runner: Runner | None,
    ignore_extra: bool = False,
    sure: float | None = None,
) -> Call[Any]:
    """As ``Network.classify``."""
    if is_sparse(x):
        return (yield from _by_blocks(lambda part: classify(key, part, runner, sure=sure), x))
    x = yield from fitting(key, x, ignore_extra)
    least = _option("SURE", sure)
    if (yield from _is_named(key, x)):
        return (yield from _classify_named(key, x, least))
    net, rows, single = yield from _rows(key, x, None if least else runner)
    if net:
        found = yield lambda: net.classify(rows).astype(np.int64)
    else:
        replies = yield from _replies(key, "NR.CLASS", rows, least)
        found = np.array([*_flat(replies)], object if least else np.int64)
    return (None if found[0] is None else int(found[0])) if single else found


def _option(word: str, value: float | None) -> tuple[Argument, ...]:
    return () if value is None else (word, value)


def _by_blocks(how: Callable[[Any], Call[Any]], x: Any) -> Call[NDArray[Any]]:
    """A sparse matrix, of which no more than a block of rows is made dense at once."""
    parts = yield Long(partial(blocks, x))
    found = []
    while (block := (yield Long(partial(next, parts, None)))) is not None:
        found.append((yield from how(block)))
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


def _replies(
    key: bytes, command: str, rows: NDArray[np.float32], options: tuple[Argument, ...]
) -> Call[list[Any]]:
    """To rows, which go in blobs."""
    chunks, replies = chunked(rows, BULK), []
    while chunk := (yield work(partial(next, chunks, None), rows.size)):
        replies.append((yield (command, key, "FP32", chunk, *options)))
    return replies


def _joined(blobs: list[bytes], rows: int, each: tuple[int, ...]) -> NDArray[np.float64]:
    return np.frombuffer(b"".join(blobs), "<f4").reshape(rows, *each).astype(np.float64)


# ---- values by name ----


def _is_named(key: bytes, x: Any) -> Call[bool]:
    """Whether these are values by name; a frame may also be numbers in their order."""
    if fields.is_row(x):
        return True
    if not fields.is_table(x):
        return False
    return type(x) is list or bool((yield from info(key)).fields)


def _run_named(key: bytes, x: Any, sure: tuple[Argument, ...]) -> Call[Any]:
    replies = yield from named_replies(key, "NR.RUN", x, sure)
    if fields.is_row(x):
        return fields.outputs(replies[0])
    read = _bounds if sure and hasattr(x, "columns") else fields.outputs
    return (yield work(lambda: fields.like(x, [*map(read, _flat(replies))]), size_of(x)))


def _classify_named(key: bytes, x: Any, sure: tuple[Argument, ...]) -> Call[Any]:
    replies = yield from named_replies(key, "NR.CLASS", x, sure)
    if fields.is_row(x):
        return _class_of(replies[0])
    return (yield work(lambda: fields.like(x, [*map(_class_of, _flat(replies))]), size_of(x)))


def _class_of(reply: Any) -> str | None:
    """NR.CLASS' reply for one sample: None where it is less sure than was asked for."""
    return None if reply is None else fields.text(reply)


def _bounds(reply: list[Any]) -> dict[str, float]:
    """NR.RUN's reply for one sample with INTERVAL, as columns of a frame."""
    found: dict[str, float] = {}
    for name, (lower, value, upper) in fields.outputs(reply).items():
        found |= {f"{name}_lower": lower, name: value, f"{name}_upper": upper}
    return found


def named_replies(
    key: bytes, command: str, x: Any, options: tuple[Argument, ...]
) -> Call[list[Any]]:
    blobs, replies = fields.blobs(x), []
    while blob := (yield work(partial(next, blobs, None), size_of(x))):
        replies.append((yield (command, key, *blob, *options)))
    return replies


def _flat(replies: list[Any]) -> Iterator[Any]:
    return (part for reply in replies for part in reply)


# ---- what an answer rests on ----


def explain(
    key: bytes, row: Any, top: int | None, of: Which, ignore_extra: bool = False
) -> Call[Explanation]:
    """As ``Network.explain``."""
    row = yield from fitting(key, row, ignore_extra)
    options: list[Argument] = [] if top is None else ["TOP", top]
    if of is not None:
        classes = (yield from info(key)).type == "classifier"
        options += ["CLASS" if classes else "OUTPUT", of]
    return parse_explanation((yield ("NR.EXPLAIN", key, *_said(row), *options)))


def _said(row: Any) -> tuple[Argument, ...]:
    if fields.is_row(row) or (type(row) is list and row and fields.is_row(row[0])):
        return next(fields.blobs(row))
    return "FP32", np.asarray(matrix(row, "inputs", "column"), "<f4").tobytes()
