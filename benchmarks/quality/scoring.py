"""How predictions are judged: on rows that the learner has not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.datasets import Floats, Targets

BINS = 10


@dataclass(frozen=True)
class Score:
    """``loss`` is what contenders are ranked by: wrong classes in per cent, or 100 (1 - R2).

    ``log_loss`` is in nats a row, ``calibration`` the expected calibration error in per cent;
    both are NaN for a regressor.
    """

    loss: float
    log_loss: float = float("nan")
    calibration: float = float("nan")


def classification(chances: Floats, y: Targets) -> Score:
    """``chances`` are (rows, classes): probabilities, or what is to be read as such."""
    sums = chances.sum(axis=1, keepdims=True)
    chances = np.where(sums > 0, chances / np.where(sums > 0, sums, 1), 1 / chances.shape[1])
    picked = chances.argmax(axis=1)
    given = np.clip(chances[np.arange(len(y)), y], 1e-15, 1)
    return Score(
        loss=100 * float((picked != y).mean()),
        log_loss=float(-np.log(given).mean()),
        calibration=100 * calibration_error(chances.max(axis=1), picked == y),
    )


def calibration_error(confidence: Floats, right: NDArray[np.bool_]) -> float:
    """How far confidence is from being right, in ten bins of equal width, by their rows."""
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [which == i for i in range(BINS)]
    gaps = [abs(confidence[b].sum() - right[b].sum()) for b in bins if b.any()]
    return float(sum(gaps) / len(confidence))


def regression(found: Floats, y: Targets) -> Score:
    left = float(((found - y) ** 2).sum())
    return Score(loss=100 * left / float(((y - y.mean()) ** 2).sum()))
