"""Frames of pandas, polars and Arrow, by what they offer: none of the libraries is imported.

A frame here is whatever has columns by name, numpy's arrays with named fields among them. What
comes out is made by the class of what came in. narwhals was rejected: of it a dozen lines would be
used, and each of its releases follows the three libraries'.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LONGEST = 64  # letters of a field's name
_EXACT = 2**53  # whole numbers from here on are no float64


@dataclass(frozen=True)
class Table:
    """Columns by their names, which are all of one length."""

    arrays: Mapping[str, Any]
    rows: int

    @property
    def column_names(self) -> list[str]:
        return list(self.arrays)

    schema: None = None

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def __len__(self) -> int:
        return self.rows


def is_frame(values: object) -> bool:
    """Whether these are columns by name."""
    if isinstance(values, np.ndarray):
        return values.dtype.names is not None
    if hasattr(values, "column_names"):  # Arrow's
        return hasattr(values, "schema")
    return hasattr(values, "columns") and hasattr(values, "dtypes") and hasattr(values, "__len__")


def names(frame: Any) -> list[Any]:
    """Of the columns, in their order."""
    if isinstance(frame, np.ndarray):
        return list(frame.dtype.names or ())
    found = getattr(frame, "column_names", None)
    return list(frame.columns if found is None else found)


def column(frame: Any, name: Any) -> Any:
    """A column as an array of numpy's, or as pandas' series."""
    found = frame[name]
    if hasattr(found, "__array__") and not hasattr(found, "to_numpy"):
        return found
    if hasattr(found, "iloc"):
        return found
    return _as_array(found)


def _as_array(column: Any) -> NDArray[Any]:
    """A column of polars or Arrow; whole numbers with gaps are floats where these are exact."""
    kind: Any = getattr(column, "type", None)
    if hasattr(kind, "value_type") and hasattr(kind, "index_type"):
        column = column.cast(kind.value_type)  # a dictionary of Arrow's loses its gaps
    if hasattr(column, "chunk") or kind is None:
        array: NDArray[Any] = column.to_numpy()
    else:
        array = column.to_numpy(zero_copy_only=False)
    whole = str(column.dtype if kind is None else kind).lower().startswith(("int", "uint"))
    if whole and array.dtype.kind == "f" and np.nanmax(np.abs(array), initial=0) >= _EXACT:
        return np.array(column.to_list() if kind is None else column.to_pylist(), object)
    return array


def select(frame: Any, kept: Sequence[Any]) -> Any:
    """A frame of these columns alone."""
    if isinstance(frame, Table):
        return Table({name: frame[name] for name in kept}, len(frame))
    return frame.select(kept) if hasattr(frame, "column_names") else frame[list(kept)]


def take(frame: Any, kept: Mapping[str, Any], rows: NDArray[np.intp]) -> Table:
    """Rows by their numbers: of each name the column that goes under it."""
    found = {name: column(frame, of) for name, of in kept.items()}
    some = {name: (c.iloc if hasattr(c, "iloc") else c)[rows] for name, c in found.items()}
    return Table(some, len(rows))


def made(like: Any, columns: Mapping[str, Iterable[Any]]) -> Any:
    """A frame of the library of another one, with its index where it has one."""
    if hasattr(like, "iloc"):
        import pandas

        return pandas.DataFrame(columns, index=like.index)
    if hasattr(like, "from_pydict"):
        return type(like).from_pydict(columns)
    return type(like)(columns)


def series(like: Any, values: list[Any]) -> Any:
    """One column, as ``made``."""
    if hasattr(like, "iloc"):
        import pandas

        return pandas.Series(values, index=like.index)
    found = made(like, {"": values})
    return found.column(0) if hasattr(found, "from_pydict") else found.to_series(0)


def different(column: Any) -> int:
    """How many different values it has, gaps left out."""
    if hasattr(column, "nunique"):
        return int(column.nunique())
    array = np.asarray(column)
    if array.dtype.kind == "f":
        array = array[~np.isnan(array)]
    return len(np.unique(array))


# ---- names ----


def words(columns: Iterable[object]) -> list[str]:
    """Names of fields for those of columns: letters, digits and _, each one once."""
    found: list[str] = []
    for name in columns:
        found.append(free(re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_"), found))
    return found


def free(name: str, taken: Collection[str]) -> str:
    """The name as that of a field, or the first like it that is not taken."""
    name = re.sub(r"\W+", "_", name, flags=re.ASCII)[: _LONGEST - 8] or "field"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


# ---- guessing ----


def guessed(frame: Any, target: str) -> dict[str, str]:
    """The kind that each column of a frame looks like, the target's left out.

    Numbers, truth values and times by their type; text is a category where it repeats or is
    short, text where it is words, and a key where every value is another one.
    """
    return {str(name): kind(column(frame, name)) for name in names(frame) if name != target}


def kind(column: Any) -> str:
    """The kind that a column looks like."""
    code = getattr(column.dtype, "kind", "O")
    if code in "biufM":
        return {"b": "flag", "M": "time"}.get(code, "number")
    some = np.asarray(column, object)
    lists = [value for value in some if isinstance(value, list | tuple | np.ndarray) and len(value)]
    if lists:
        return _sequence(lists[0][0])
    values = [value for value in some if isinstance(value, str)]
    if not values:
        return _plain(some) if code == "O" else "number"
    words = sum(len(value.split()) for value in values) / len(values)
    repeating = len(set(values)) / len(values)
    if repeating > 0.5 and words >= 3:
        return "text"
    return "key" if repeating > 0.9 and len(values) > 50 else "category"


def _plain(values: NDArray[np.object_]) -> str:
    """The kind of objects of which none is text: those of one type, but for the gaps."""
    there = [v for v in values if v is not None and v == v and type(v).__name__ != "NAType"]
    for type_, kind in (bool, "flag"), (Real, "number"), (date, "time"):
        if there and all(isinstance(value, type_) for value in there):
            return kind
    return "category"


def _sequence(step: Any) -> str:
    """The kind of a sequence, by one of its steps."""
    if isinstance(step, str):
        return "sequence(category)"
    width = np.size(step)
    return "sequence" if np.ndim(step) == 0 else f"sequence({width})"
