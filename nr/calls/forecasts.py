"""Forecasters: series in, forecasts out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nr import fields, frames
from nr.calls.networks import fields_of
from nr.calls.steps import Call, size_of, work
from nr.commands.arguments import Argument
from nr.errors import ValuesError


def observe_series(
    key: bytes, frame: Any, time: str | None, value: str | None, by: str | None
) -> Call[dict[str, int]]:
    """As ``Network.observe_series``."""
    if not frames.is_frame(frame):
        kind = type(frame).__name__
        raise ValuesError(f"ERR a frame with a column a field is needed, not {kind}")
    known = yield from fields_of(key)
    outputs = [field.name for field in known if field.output]
    names = [field.name for field in known]
    parts = yield work(partial(_parts, frame, (time, value, by), names, outputs), size_of(frame))
    counts: dict[str, int] = {}
    for name, part in parts:
        blobs = fields.blobs(part)
        while blob := (yield work(partial(next, blobs, None), size_of(part))):
            steps, _ = yield ("NR.OBSERVE", key, *of_series(name), *blob)
            counts[name or ""] = steps
    return counts


def of_series(series: object) -> tuple[Argument, ...]:
    """The words that name a series; none for the one without a name."""
    return () if series is None else ("FOR", str(series))


def _parts(
    frame: Any, columns: tuple[str | None, ...], names: list[str], outputs: list[str]
) -> list[tuple[str | None, frames.Table]]:
    """The series of a frame, oldest steps first, with the fields' columns alone."""
    have = frames.names(frame)
    for column in columns:
        if column is not None and column not in have:
            shown = ", ".join(map(str, have))
            raise ValuesError(f"ERR the frame has no column {column!r}, it has: {shown:.200}")
    time, value, by = columns
    kept = {name: name for name in names if name in have}
    if value is not None:
        if len(outputs) != 1:
            raise ValuesError(
                "ERR value names the column of one output: name the columns as the outputs, "
                f"which are {', '.join(outputs)}"
            )
        kept[outputs[0]] = value
    groups = _groups(frame, time, by)
    return [(of, frames.take(frame, kept, rows)) for of, rows in groups]


def _groups(
    frame: Any, time: str | None, by: str | None
) -> list[tuple[str | None, NDArray[np.intp]]]:
    """The numbers of each series' rows, in the order of time; rows of no series are left out."""
    order = np.arange(len(frame))
    if time is not None:
        order = np.argsort(np.asarray(frames.column(frame, time)), kind="stable")
    if by is None:
        return [(None, order)]
    groups: dict[str, list[int]] = {}
    of = np.asarray(frames.column(frame, by), object)
    for row in order.tolist():
        if (series := of[row]) is not None and not fields.is_missing(series):
            groups.setdefault(str(series), []).append(row)
    return [(name, np.array(rows)) for name, rows in groups.items()]


def forecast(key: bytes, series: str | None, interval: float | None) -> Call[Any]:
    """As ``Network.forecast``."""
    found = yield from by_output(key, series, interval)
    return next(iter(found.values())) if len(found) == 1 else found


def by_output(
    key: bytes, series: str | None, interval: float | str | None
) -> Call[dict[str, NDArray[np.float64]]]:
    """A forecast, as ``Network.forecast`` has it, by the names of all outputs."""
    sure: tuple[Argument, ...] = () if interval is None else ("INTERVAL", interval)
    rows = yield ("NR.RUN", key, *of_series(series), *sure)
    names = [fields.text(name) for name in rows[0][::2]]
    columns = zip(*(row[1::2] for row in rows), strict=True)
    return {name: np.array(values) for name, values in zip(names, columns, strict=True)}


def steps(key: bytes, series: str | None) -> Call[dict[str, list[float]]]:
    """The outputs of the steps that are kept of a series, oldest first."""
    outputs = {field.name for field in (yield from fields_of(key)) if field.output}
    number = 0
    while (found := (yield "NR.GETDATA", key, "TRAIN", number)) is not None:
        if fields.text(found[1]) == (series or ""):
            pairs = zip(found[2::2], found[3::2], strict=True)
            named = {fields.text(name): values for name, values in pairs}
            return {name: [float(x) for x in named[name]] for name in named if name in outputs}
        number += 1
    return {}
