"""Numbers that 32-bit floats do not hold: told in the log, once for each network or argument."""

import logging

import numpy as np
from numpy.typing import NDArray

FIRST = 1 << 24
"""From here on whole numbers may become others; smaller ones are exact."""

_log = logging.getLogger("nr")
_told: set[str] = set()


def tell_rounded(where: str) -> None:
    """Warns that numbers there became others."""
    if where not in _told:
        _told.add(where)
        _log.warning(
            "%s: numbers of %d and more were rounded, since networks keep 32-bit floats, of 24 "
            "bits; where they lie close together, subtract an origin first (of times the earliest)",
            where,
            FIRST,
        )


def are_rounded(numbers: NDArray[np.generic], floats: NDArray[np.float32]) -> bool:
    """Whether numbers from ``FIRST`` on differ from the floats that were made of them."""
    if numbers.dtype == floats.dtype or not floats.size or np.abs(floats).max() < FIRST:
        return False
    wide = floats.astype(np.float64)
    return bool(((np.abs(wide) >= FIRST) & (wide != numbers)).any())
