"""`nr observe KEY FILE`: the rows of a file as samples, of a network made for them if need be."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import click
import numpy as np
from tqdm import tqdm

import nr
from nr.cli.files import AT_ONCE, FileError, Row, Source, opened
from nr.commands.options import Dataset
from nr.frames import kind, words

_SAMPLE = re.compile(r"ERR sample (\d+): (?:field (\w+): )?(.*)", re.DOTALL)
_ROW = re.compile(r"ERR (?:inputs|outputs), row (\d+)[^:]*: (.*)", re.DOTALL)
_FLAGS = {"yes", "no", "true", "false"}


def observe_file(
    db: nr.Database,
    key: bytes,
    path: str,
    targets: Sequence[str],
    to: Dataset | None,
    encoding: str,
    quiet: bool,
) -> None:
    """Adds the rows of a file, and says what it did. Raises nr.Error, which names the line.

    Where that fails, rows before have been added; but of a network that was made for the file
    nothing is left.
    """
    source = opened(path, encoding)
    for target in targets:
        if target not in source.columns:
            raise nr.Error(f"{path} has no column {target!r}: {', '.join(source.columns)[:200]}")
    made = key not in db
    net = _created(db, key, source, targets, quiet) if made else db[key]
    try:
        train, test = _observe_all(net, source, targets, to, quiet)
    except BaseException:
        if made:
            del db[key]
        raise
    if not quiet:
        click.echo(f"{net.name} has {train:,} training and {test:,} testing samples.")


def _observe_all(
    net: nr.Network, source: Source, targets: Sequence[str], to: Dataset | None, quiet: bool
) -> tuple[int, int]:
    fields = bool(net.info().fields)
    names = dict(zip(source.columns, words(source.columns), strict=True))
    counts = (0, 0)
    bar = tqdm(total=source.rows, unit=" rows", disable=quiet or not sys.stderr.isatty())
    with bar:
        for lines, rows in source.batches():
            try:
                if fields:
                    named = [{names[c]: value for c, value in row.items()} for row in rows]
                    counts = net.observe_many(named, to=to)
                else:
                    counts = net.observe_many(*_numbers(source, lines, rows, targets), to)
            except nr.CommandError as error:
                columns = {name: column for column, name in names.items()}
                raise _placed(source, lines, columns, error) from error
            bar.update(len(rows))
    return counts


def _placed(
    source: Source, lines: list[int], columns: dict[str, str], error: nr.CommandError
) -> nr.Error:
    """The error with the line of the sample that it is about, if it is about one."""
    if found := _SAMPLE.match(str(error)):
        number, field, why = found.groups()
        return FileError(source.path, lines[int(number)], columns.get(field, field), why)
    if found := _ROW.match(str(error)):
        return FileError(source.path, lines[int(found[1])], None, found[2])
    return error


def _numbers(
    source: Source, lines: list[int], rows: list[Row], targets: Sequence[str]
) -> tuple[list[list[float]], list[list[float]]]:
    """Inputs and outputs of a network without fields: the columns in their order."""
    inputs = [name for name in source.columns if name not in targets]
    found: tuple[list[list[float]], list[list[float]]] = ([], [])
    for line, row in zip(lines, rows, strict=True):
        for columns, table in zip((inputs, targets), found, strict=True):
            table.append([_number(source, line, name, row.get(name)) for name in columns])
    return found


def _number(source: Source, line: int, column: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(np.float32(number)):
        raise FileError(source.path, line, column, f"a number is needed, not {value!r:.60}")
    return number


# ---- a network for it ----


def _created(
    db: nr.Database, key: bytes, source: Source, targets: Sequence[str], quiet: bool
) -> nr.Network:
    """A network whose fields are guessed from the first rows."""
    first = [row for _, row in islice(source.read(), AT_ONCE)]
    names = dict(zip(source.columns, words(source.columns), strict=True))
    columns = {name: _column(first, name) for name in source.columns}
    kinds = {names[name]: kind(column) for name, column in columns.items() if name not in targets}
    regressor = all(_is_measure(columns[name]) for name in targets)
    testing = source.rows // 3
    net = db.create(
        key,
        "regressor" if regressor else "classifier",
        kinds,
        target=[names[name] for name in targets],
        dataset=source.rows - testing,
        test=testing,
    )
    if not quiet:
        what = "regressor" if regressor else "classifier"
        click.echo(f"{net.name} is new, a {what} of {', '.join(targets)}, with the fields")
        width = max(map(len, source.columns))
        for name in source.columns:
            if name not in targets:
                click.echo(f"  {name:{width}}  {kinds[names[name]]}")
    return net


def _is_measure(column: Any) -> bool:
    return column.dtype.kind == "f" and len(np.unique(column[~np.isnan(column)])) > 10


def _column(rows: list[Row], name: str) -> Any:
    """The values of a column: as numbers, truth values or times where all that are there are."""
    values = [row.get(name) for row in rows]
    there = [value for value in values if value not in (None, "")]
    if there and all(_is_number(value) for value in there):
        return np.array([float(v) if v not in (None, "") else np.nan for v in values])
    if there and all(str(value).lower() in _FLAGS for value in there):
        return np.zeros(len(values), bool)
    if there and all(isinstance(value, str) and _is_time(value) for value in there):
        return np.zeros(len(values), "M8[us]")
    return np.array([*[None if v == "" else v for v in values], None], object)[:-1]


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return bool(np.isfinite(float(value)))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return len(value) > 7
