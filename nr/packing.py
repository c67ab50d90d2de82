"""Single samples by name as msgpack, the short way: what NR.RUN and NR.CLASS take most often."""

from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np

_SINGLE = np.dtype("<f4")
_ARRAY = np.ndarray


def packed(row: dict[str, Any]) -> bytes:
    """One sample as a map, for values that msgpack knows, and arrays of floats.

    Raises TypeError, ValueError and OverflowError for others: ``nr.fields`` knows more.
    """
    try:
        pack = _packers.pop()
    except IndexError:
        pack = msgpack.Packer(default=floats).pack
    blob: bytes = pack(row)
    _packers.append(pack)
    return blob


def single(values: Any) -> Any:
    """As an array of float32. What does not fit is infinite, which the core refuses."""
    with np.errstate(over="ignore"):
        return np.asarray(values, _SINGLE)


def floats(array: Any) -> Any:
    """A vector or steps of one number as bytes of float32, steps of several as a list of such."""
    if type(array) is not _ARRAY:
        raise TypeError
    if array.dtype is not _SINGLE:
        if array.dtype.kind != "f":
            raise TypeError
        array = single(array)
    shape = array.shape
    if len(shape) == 1:
        return array.tobytes()
    steps, width = shape  # ValueError: of more dimensions
    if steps == 1:
        return [array.tobytes()]
    raw, width = array.tobytes(), width * _SINGLE.itemsize
    return [raw[at : at + width] for at in range(0, len(raw), width)]


_packers: list[Callable[[Any], bytes]] = []  # at rest: each is one thread's at a time
