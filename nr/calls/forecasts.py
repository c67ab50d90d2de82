"""Forecasters: series in, forecasts out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nr import fields
from nr.calls.networks import fields_of
from nr.calls.steps import Call, size_of, work
from nr.commands.arguments import Argument
from nr.errors import ValuesError


def observe_series(
    key: bytes, frame: Any, time: str | None, value: str | None, by: str | None
) -> Call[dict[str, int]]:
    """As ``Network.observe_series``."""
    if not hasattr(frame, "columns"):
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
) -> list[tuple[str | None, Any]]:
    """The series of a frame, oldest steps first, with the fields' columns alone."""
    time, value, by = columns
    for column in columns:
        if column is not None and column not in frame.columns:
            shown = ", ".join(map(str, frame.columns))
            raise ValuesError(f"ERR the frame has no column {column!r}, it has: {shown:.200}")
    if time is not None:
        frame = frame.sort_values(time, kind="stable")
    groups = [(None, frame)] if by is None else frame.groupby(by, sort=False)
    return [
        (None if by is None else str(of), _only(part, value, names, outputs)) for of, part in groups
    ]


def _only(frame: Any, value: str | None, names: list[str], outputs: list[str]) -> Any:
    if value is not None:
        if len(outputs) != 1:
            raise ValuesError(
                "ERR value names the column of one output: name the columns as the outputs, "
                f"which are {', '.join(outputs)}"
            )
        frame = frame.drop(columns=[name for name in outputs if name != value and name in frame])
        frame = frame.rename(columns={value: outputs[0]})
    return frame[[name for name in names if name in frame.columns]]


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
