"""Sparse matrices of scipy as rows of numbers, some at a time: as a whole they may not fit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nr.errors import ValuesError
from nr.values import matrix

BLOCK = 1 << 24  # bytes of float32 that are made at once


def is_sparse(values: object) -> bool:
    """Whether it is one of scipy's, of any format."""
    return hasattr(values, "tocsr") and hasattr(values, "toarray")


def blocks(values: Any, width: int | None = None) -> Iterator[NDArray[np.float32]]:
    """Its rows, shape (some, n), 16 MB at once, after all of its numbers have been checked.

    Raises ValuesError, which names row and column, and where rows are not of that width.
    """
    if values.ndim != 2 or not values.shape[0] or not values.shape[1]:
        raise ValuesError(f"ERR inputs: rows are needed, not an array of shape {values.shape}")
    if width not in (None, values.shape[1]):
        raise ValuesError(f"ERR inputs: rows of {width} are needed, not of {values.shape[1]}")
    rows = values.tocsr()
    _check(rows)
    step = max(1, BLOCK // (4 * rows.shape[1]))
    return (
        matrix(rows[start : start + step].toarray(), "inputs", "row")
        for start in range(0, rows.shape[0], step)
    )


def _check(rows: Any) -> None:
    """Raises ValuesError for the first number that is none, or does not fit 32 bits."""
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(rows.data.astype(np.float32)))
    if bad.size:
        row = int(np.searchsorted(rows.indptr, bad[0], side="right")) - 1
        where = f"inputs, row {row}, column {rows.indices[bad[0]]}"
        raise ValuesError(f"ERR {where}: {rows.data[bad[0]]} is no number that fits 32 bits")
