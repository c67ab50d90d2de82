"""How good outputs are: what NR.METRICS replies, of samples that the store does not have.

The definitions are the core's (run/report.c), which measures when a training ends; a test holds the
two together. A command that measures was rejected: samples would travel to where the network is,
and be refused there by its limits, when NR.RUN says all that is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nr.commands.metrics import Metrics

Names = tuple[str, ...] | None

_BINS = 10
_MOST_CONFUSED = 100  # classes of a confusion matrix
_TINY = 1e-30  # the least probability


def of_classes(chances: NDArray[np.float64], truth: NDArray[np.int64], names: Names) -> Metrics:
    """Of probabilities, shape (n, classes), and of n class ids."""
    n, classes = chances.shape
    taken, hot = chances.argmax(axis=1), np.eye(classes)[truth]
    right = taken == truth
    counts = [np.bincount(ids, minlength=classes) for ids in (truth[right], taken, truth)]
    matrix = np.bincount(truth * classes + taken, minlength=classes**2).reshape(classes, -1)
    shown = classes <= _MOST_CONFUSED
    return Metrics(
        n,
        accuracy=float(right.mean()),
        log_loss=float(-np.log(np.maximum(chances[np.arange(n), truth], _TINY)).mean()),
        brier=float(((chances - hot) ** 2).sum(axis=1).mean()),
        auc=_area(chances[:, 1], truth) if classes == 2 else None,
        calibration_error=_calibration_error(chances.max(axis=1), right),
        confusion_matrix=tuple(tuple(map(int, row)) for row in matrix) if shown else None,
        precision=_shares(counts[0], counts[1]),
        recall=_shares(counts[0], counts[2]),
        f1=_shares(counts[0], (counts[1] + counts[2]) / 2),
        support=tuple(map(int, counts[2])),
        classes=names,
    )


def _shares(some: NDArray[np.int64], of: NDArray[np.generic]) -> tuple[float | None, ...]:
    pairs = zip(some.tolist(), of.tolist(), strict=True)
    return tuple(part / whole if whole else None for part, whole in pairs)


def bins(sure: NDArray[np.float64]) -> NDArray[np.int64]:
    """In which of ten bins of confidence each probability is."""
    return np.minimum(np.clip(sure, 0, 1) * _BINS, _BINS - 1).astype(np.int64)


def _calibration_error(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    where = bins(sure)
    off: NDArray[np.float64] = right - np.clip(sure, 0, 1)
    return float(np.abs(np.bincount(where, off, _BINS)).sum() / len(sure))


def _area(chances: NDArray[np.float64], truth: NDArray[np.int64]) -> float | None:
    """Under the ROC curve, by ranks (Mann and Whitney), ties sharing theirs."""
    ones = int(truth.sum())
    zeros = len(truth) - ones
    if not ones or not zeros:
        return None
    _, which, counts = np.unique(chances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return float((ranks[truth == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def roc(
    chances: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the false and of the true that are taken, from the surest sample on."""
    order = np.argsort(-chances, kind="stable")
    last = np.append(np.flatnonzero(np.diff(chances[order])), len(order) - 1)
    hits, misses = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    return np.append(0, misses / max(1, misses[-1])), np.append(0, hits / max(1, hits[-1]))


def of_values(found: NDArray[np.float64], truth: NDArray[np.float64], names: Names) -> Metrics:
    """Of outputs and what they should have been, shape (n, outputs) each."""
    off, spread = found - truth, ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    spread[(truth == truth[0]).all(axis=0)] = 0
    squares = (off**2).sum(axis=0).tolist()
    return Metrics(
        len(found),
        rmse=tuple(float(x) for x in np.sqrt((off**2).mean(axis=0))),
        mae=tuple(float(x) for x in np.abs(off).mean(axis=0)),
        r2=tuple(1 - s / w if w else None for s, w in zip(squares, spread.tolist(), strict=True)),
        outputs=names,
    )
