"""Numbers from outside, as the 32-bit floats that networks take.

Lists, arrays, pandas frames and series are taken, and of their elements those types that
are numbers. numpy alone would convert more of them, silently: what lies under a mask, the
days of a date, the real part of a complex number. What no network can take (text, times,
gaps, infinities, numbers too large for 32 bits) is refused, by a ValuesError that names its
row and column, both counted from 0, before anything is sent.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from numbers import Real
from reprlib import repr as shortened
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nr.errors import ValuesError
from nr.rounding import are_rounded, tell_rounded

_Array = TypeVar("_Array", bound=NDArray[Any])

_LISTS = {list, tuple}
_ENCODE = {  # text, by what it was given as
    "inputs": "; for text: one input a category, 1 or 0 (pandas.get_dummies)",
    "outputs": "; for text as classes: names, ids = numpy.unique(labels, return_inverse=True)",
}
_FILL = "; fill such gaps, or leave the row out"
_TIMES = (date, timedelta, np.datetime64, np.timedelta64)  # pandas' own are among them
_TIME = "; give times as numbers: the days or seconds since one that is near to them"
_COMPLEX = "; give the real and the imaginary part as two numbers"
_GAPS = {"NAType", "NaTType"}  # pandas.NA and pandas.NaT

PLAIN = frozenset({int, float, bool, *(np.dtype(code).type for code in "?bhilqBHILQefd")})
"""The types that struct and numpy convert to the number that they are."""


def vector(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """One row, shape (n,), or a number by itself as a row of one."""
    floats = np.atleast_1d(_floats(values, name, "column"))
    if floats.ndim != 1 or not floats.size:
        raise ValuesError(f"ERR {name}: one sample is needed, not an array of shape {floats.shape}")
    return floats


def weights(values: ArrayLike, rows: int) -> NDArray[np.float32]:
    """What each of so many samples counts, above 0."""
    floats = np.atleast_1d(_floats(values, "weights", "row"))
    if floats.shape != (rows,):
        raise ValuesError(
            f"ERR weights: {rows} numbers are needed, one a sample, not {floats.size}"
        )
    bad = np.flatnonzero(floats <= 0)
    if bad.size:
        wrong = f"above 0 is needed, not {floats[bad[0]]:g}"
        raise ValuesError(f"ERR weights, row {bad[0]}: {wrong}")
    return floats


def matrix(values: ArrayLike, name: str, axis: str) -> NDArray[np.float32]:
    """One row, shape (n,), or several, shape (rows, n); never an empty array.

    ``axis`` is what the places of a vector are called: "row" or "column".
    """
    return _rows(_floats(values, name, axis), name)


def _rows(array: _Array, name: str) -> _Array:
    if array.ndim not in (1, 2) or not array.size:
        raise ValuesError(f"ERR {name}: rows are needed, not an array of shape {array.shape}")
    return array


def table(rows: NDArray[np.float32], width: int, name: str) -> NDArray[np.float32]:
    """Rows of that width; a vector is taken for a column where the width is one."""
    if rows.ndim == 1 and width == 1:
        rows = rows.reshape(-1, 1)
    if rows.ndim != 2 or rows.shape[1] != width:
        found = f"of {rows.shape[1]}" if rows.ndim == 2 else f"an array of shape {rows.shape}"
        raise ValuesError(f"ERR {name}: rows of {width} are needed, not {found}")
    return rows


def classes(values: ArrayLike, outputs: int) -> NDArray[np.float32]:
    """Class ids, shape (n,) or (n, 1), as a column of shape (n, 1)."""
    ids = _rows(_numbers(values, "outputs", "row"), "outputs")
    floats = _finite(ids, "outputs", "row").reshape(-1, 1)
    if ids.ndim == 2 and ids.shape[1] != 1:
        raise ValuesError(
            f"ERR outputs: a classifier takes one class id a row, not {ids.shape[1]} numbers "
            "(of one-hot rows: Y.argmax(axis=1))"
        )
    ids = ids.reshape(-1, 1)
    bad = np.flatnonzero((ids < 0) | (ids >= outputs) | (ids != np.floor(ids)))
    if len(bad):
        raise ValuesError(
            f"ERR outputs, row {bad[0]}: {ids[bad[0], 0]:.10g} is no class id, a whole number "
            f"from 0 to {outputs - 1}"
        )
    return floats


def _floats(values: ArrayLike, name: str, axis: str) -> NDArray[np.float32]:
    return _finite(_numbers(values, name, axis), name, axis)


def _finite(numbers: NDArray[Any], name: str, axis: str) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        floats = np.asarray(numbers, np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        place = tuple(np.argwhere(~finite)[0])
        value = float(numbers[place])
        why = "does not fit 32 bits" if np.isfinite(value) else "is no number"
        hint = _FILL if np.isnan(value) else ""
        raise ValuesError(f"ERR {_where(name, axis, place)}: {value} {why}{hint}")
    if are_rounded(numbers, floats):
        tell_rounded(name)
    return floats


def _numbers(values: Any, name: str, axis: str) -> NDArray[Any]:
    """The values as an array whose type is one of numbers."""
    try:
        if type(values) is np.ndarray or _are_plain(values):
            array = np.asarray(values)
            if array.dtype.kind in "biuf":
                return array
        return np.asarray(_each(values, name, axis, ()))
    except ValuesError:
        raise
    except Exception as error:  # whatever an object raises that is asked for its array
        raise ValuesError(f"ERR {name} are not a table of numbers: {error}") from error


def _are_plain(values: Any) -> bool:
    """Whether they are nothing but a list of plain numbers, or a list of such lists."""
    if type(values) not in _LISTS:
        return False
    kinds = {*map(type, values)}
    if kinds <= _LISTS:
        kinds = {*map(type, chain.from_iterable(values))}
    return kinds <= PLAIN


def _each(value: Any, name: str, axis: str, place: tuple[int, ...]) -> Any:
    """A number as a float; all else as arrays of numbers, or lists of what is in it."""
    if type(value) in PLAIN or _is_number(value):
        return _float(value, name, _where(name, axis, place))
    parts = None if value is np.ma.masked else _parts(value)
    if parts is None:
        raise _no_number(value, name, _where(name, axis, place))
    if isinstance(parts, np.ndarray):
        if parts.dtype.kind in "biuf" and not np.ma.is_masked(parts):
            return np.asarray(parts)
        if not parts.ndim:
            return _each(parts[()], name, axis, place)
    return [_each(part, name, axis, (*place, at)) for at, part in enumerate(parts)]


def _is_number(value: Any) -> bool:
    """A timedelta64 is an integer by its class."""
    number = isinstance(value, Real | Decimal | np.bool_)
    return number and not isinstance(value, np.timedelta64)


def _parts(value: Any) -> NDArray[Any] | Sequence[Any] | None:
    """What is in a list or in an array of whatever library; None where it is neither."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str | bytes | bytearray | np.generic | type):
        return None
    if hasattr(value, "__array__") or isinstance(value, memoryview):
        return np.asarray(value)
    return value if isinstance(value, Sequence) else None


def _float(value: Any, name: str, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValuesError(f"ERR {where}: an integer that does not fit 32 bits") from None
    except Exception:  # a decimal's signalling NaN, and whatever a class of the caller's does
        raise _no_number(value, name, where) from None


def _no_number(value: object, name: str, where: str) -> ValuesError:
    if value is np.ma.masked:
        return ValuesError(f"ERR {where}: a masked value is no number{_FILL}")
    if value is None or type(value).__name__ in _GAPS:
        return ValuesError(f"ERR {where}: {value} is no number{_FILL}")
    if where == name and not isinstance(value, str | bytes):  # all of it: a dict, a generator
        kind = type(value).__name__
        return ValuesError(f"ERR {where}: a number, list or array is needed, not a {kind}")
    if isinstance(value, np.str_ | np.bytes_ | np.complexfloating):
        value = value.item()  # numpy's types have long names
    return ValuesError(f"ERR {where}: {shortened(value)} is not a number{_advice(value, name)}")


def _advice(value: object, name: str) -> str:
    if isinstance(value, str | bytes):
        return _ENCODE[name]
    if isinstance(value, _TIMES):
        return _TIME
    return _COMPLEX if isinstance(value, complex) else ""


def _where(name: str, axis: str, place: tuple[int, ...]) -> str:
    axes = [axis] if len(place) == 1 else ["row", "column"]
    return ", ".join([name, *(f"{a} {int(at)}" for a, at in zip(axes, place, strict=False))])
