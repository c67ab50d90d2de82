"""Numbers from outside, as the 32-bit floats that networks take.

Whatever numpy takes for an array is taken: lists, arrays, pandas frames and series.
What no network can take (text, gaps, infinities, numbers too large for 32 bits) is
refused, by a ValuesError that names its row and column, before anything is sent.
"""

from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nr.errors import ValuesError

_ENCODE = {  # text, by what it was given as
    "inputs": "; for text: one input a category, 1 or 0 (pandas.get_dummies)",
    "outputs": "; for text as classes: names, ids = numpy.unique(labels, return_inverse=True)",
}
_FILL = "; fill such gaps, or leave the row out"


def vector(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """One row, shape (n,), or a number by itself as a row of one."""
    floats = np.atleast_1d(_floats(values, name, "column"))
    if floats.ndim != 1 or not floats.size:
        raise ValuesError(f"ERR {name}: one sample is needed, not an array of shape {floats.shape}")
    return floats


def matrix(values: ArrayLike, name: str, axis: str) -> NDArray[np.float32]:
    """One row, shape (n,), or several, shape (rows, n); never an empty array.

    ``axis`` is what the places of a vector are called: "row" or "column".
    """
    floats = _floats(values, name, axis)
    if floats.ndim not in (1, 2) or not floats.size:
        raise ValuesError(f"ERR {name}: rows are needed, not an array of shape {floats.shape}")
    return floats


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
    ids = matrix(values, "outputs", "row")
    if ids.ndim == 2 and ids.shape[1] != 1:
        raise ValuesError(
            f"ERR outputs: a classifier takes one class id a row, not {ids.shape[1]} numbers "
            "(of one-hot rows: Y.argmax(axis=1))"
        )
    ids = ids.reshape(-1, 1)
    bad = np.flatnonzero((ids < 0) | (ids >= outputs) | (ids != np.floor(ids)))
    if len(bad):
        raise ValuesError(
            f"ERR outputs, row {bad[0]}: {ids[bad[0], 0]:g} is no class id, a whole number "
            f"from 0 to {outputs - 1}"
        )
    return ids


def _floats(values: ArrayLike, name: str, axis: str) -> NDArray[np.float32]:
    numbers = _numbers(values, name, axis)
    with np.errstate(over="ignore"):
        floats = np.asarray(numbers, np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        place = tuple(np.argwhere(~finite)[0])
        value = float(numbers[place])
        why = "does not fit 32 bits" if np.isfinite(value) else "is no number"
        hint = _FILL if np.isnan(value) else ""
        raise ValuesError(f"ERR {_where(name, axis, place)}: {value} {why}{hint}")
    return floats


def _numbers(values: Any, name: str, axis: str) -> NDArray[Any]:
    if hasattr(values, "filled"):  # numpy.asarray would take what is under the mask
        values = values.astype(object).filled(np.nan)
    try:
        array = np.asarray(values)
        if array.dtype.kind in "OUST":  # text, or a frame of several types or with gaps
            return _from_objects(np.asarray(values, object), name, axis)
    except ValuesError:
        raise
    except (TypeError, ValueError) as error:
        raise ValuesError(f"ERR {name} are not a table of numbers: {error}") from error
    if array.dtype.kind in "biuf":
        return array
    raise ValuesError(f"ERR {name} are not numbers but {array.dtype}")


def _from_objects(array: NDArray[Any], name: str, axis: str) -> NDArray[np.float64]:
    numbers = np.empty(array.shape, np.float64)
    for place, value in np.ndenumerate(array):
        try:
            if value is None or isinstance(value, str | bytes):
                raise TypeError
            numbers[place] = value
        except OverflowError:
            where = _where(name, axis, place)
            raise ValuesError(f"ERR {where}: an integer that does not fit 32 bits") from None
        except (TypeError, ValueError):
            raise _no_number(value, name, _where(name, axis, place)) from None
    return numbers


def _no_number(value: object, name: str, where: str) -> ValuesError:
    if value is None:
        return ValuesError(f"ERR {where}: None is no number{_FILL}")
    if isinstance(value, str | bytes):
        return ValuesError(f"ERR {where}: {shortened(value)} is not a number{_ENCODE[name]}")
    if where == name:  # all of it: a dict, a set, a generator
        kind = type(value).__name__
        return ValuesError(f"ERR {where}: a number, list or array is needed, not a {kind}")
    return ValuesError(f"ERR {where}: {shortened(value)} is not a number")


def _where(name: str, axis: str, place: tuple[int, ...]) -> str:
    axes = [axis] if len(place) == 1 else ["row", "column"]
    return ", ".join([name, *(f"{a} {int(at)}" for a, at in zip(axes, place, strict=False))])
