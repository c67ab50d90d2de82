"""Rows of a file, some at a time: .csv and .tsv, .jsonl, .parquet (with pyarrow).

A file is read twice: at first it is counted and its form is looked at, before anything is sent; so
what is no table is told as such, and a network that is made for it has room for all of its rows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nr.errors import Error, ExtraError

Row = dict[str, Any]
AT_ONCE = 10_000
"""Rows in memory."""


class FileError(Error):
    """A file that is no table of samples: the text names file, line and column."""

    def __init__(self, path: str, line: int, column: str | int | None, why: str) -> None:
        where = "" if column is None else f", column {column}"
        super().__init__(f"{path}, line {line}{where}: {why}")


@dataclass(frozen=True)
class Source:
    """A file: its columns, how many rows it has, and what reads them anew."""

    path: str
    columns: list[str]
    rows: int
    read: Callable[[], Iterator[tuple[int, Row]]]
    """Each row with the number of its line (in .parquet: of the row), counted from 1."""

    def batches(self) -> Iterator[tuple[list[int], list[Row]]]:
        """The lines, and the rows, at most AT_ONCE at a time."""
        lines: list[int] = []
        rows: list[Row] = []
        for line, row in self.read():
            lines.append(line)
            rows.append(row)
            if len(rows) == AT_ONCE:
                yield lines, rows
                lines, rows = [], []
        if rows:
            yield lines, rows


def opened(path: str, encoding: str) -> Source:
    """The file as rows. Raises FileError, and Error for a file that cannot be read."""
    how = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet}
    ending = Path(path).suffix.lower()
    if ending not in how:
        raise Error(f"{path}: the name of a file ends with {', '.join(how)}")
    try:
        source = how[ending](path, encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(path, encoding) from error
    except (OSError, LookupError) as error:
        raise Error(f"{path} cannot be read: {error}") from error
    if not source.rows:
        raise Error(f"{path} has no rows")
    return source


# ---- .csv ----


def _csv(path: str, encoding: str) -> Source:
    with _text(path, encoding) as file:
        delimiter = _delimiter(file.readline())
    columns = next((row for _, row in _cells(path, encoding, delimiter)), [])
    names = [name.strip() for name in columns]
    for number, name in enumerate(names, 1):
        if not name or names.index(name) != number - 1:
            raise FileError(path, 1, number, f"a column needs a name of its own, not {name!r}")

    def read() -> Iterator[tuple[int, Row]]:
        rows = _cells(path, encoding, delimiter)
        next(rows)
        for line, cells in rows:
            if len(cells) != len(names):
                column = min(len(cells), len(names)) + 1
                raise FileError(
                    path, line, column, f"{len(names)} cells are needed, not {len(cells)}"
                )
            yield line, dict(zip(names, map(str.strip, cells), strict=True))

    return Source(path, names, sum(1 for _ in read()), read)


def _text(path: str, encoding: str) -> IO[str]:
    return open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def _delimiter(header: str) -> str:
    """That of which the first line has most."""
    return max(",;\t|", key=header.count)


def _cells(path: str, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the line that it begins in."""
    with _text(path, encoding) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise FileError(path, line, None, str(error)) from error


def _undecodable(path: str, encoding: str) -> Error:
    """Where it is: what is read is decoded ahead, so that the line at hand does not tell."""
    with open(path, "rb") as file:
        for line, raw in enumerate(file, 1):
            try:
                raw.decode(encoding)
            except UnicodeDecodeError as error:
                why = f"the byte 0x{raw[error.start]:02x} is not {encoding}"
                return FileError(
                    path, line, error.start + 1, f"{why}: say --encoding, as latin-1 or cp1252"
                )
    return Error(f"{path} is not {encoding}: say --encoding")


# ---- .jsonl ----


def _jsonl(path: str, encoding: str) -> Source:
    def read() -> Iterator[tuple[int, Row]]:
        with _text(path, encoding) as file:
            for line, text in enumerate(file, 1):
                if text.strip():
                    yield line, _object(path, line, text)

    columns: dict[str, None] = {}
    count = 0
    for _, row in read():
        columns |= dict.fromkeys(row)
        count += 1
    return Source(path, list(columns), count, read)


def _object(path: str, line: int, text: str) -> Row:
    try:
        found = json.loads(text)
    except ValueError as error:
        column = getattr(error, "colno", None)
        raise FileError(path, line, column, getattr(error, "msg", str(error))) from error
    if not isinstance(found, dict):
        raise FileError(path, line, None, f"an object is needed, not {text.strip():.40}")
    return found


# ---- .parquet ----


def _parquet(path: str, encoding: str) -> Source:
    try:
        from pyarrow import ArrowException  # type: ignore[import-untyped]
        from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraError("Files of .parquet need pyarrow: pip install pyarrow") from error

    def read() -> Iterator[tuple[int, Row]]:
        row = 0
        with ParquetFile(path) as file:
            for batch in file.iter_batches(AT_ONCE):
                for values in batch.to_pylist():
                    row += 1
                    yield row, values

    try:
        with ParquetFile(path) as file:
            return Source(path, file.schema_arrow.names, file.metadata.num_rows, read)
    except ArrowException as error:
        raise Error(f"{path} cannot be read: {error}") from error
