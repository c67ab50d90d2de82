"""NR.METRICS as a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from nr.engine import Reply

PerClass = tuple[float | None, ...]


@dataclass(frozen=True)
class Metrics:
    """How good a network was on the testing dataset when its training ended.

    What belongs to the other kind of network, or has no value (precision of a class that was
    never predicted), is None.
    """

    samples: int
    """Testing samples it was measured on."""

    accuracy: float | None = None
    log_loss: float | None = None
    """Mean negative logarithm of the probability that the true class got, in nats."""
    brier: float | None = None
    """Mean squared distance of the probabilities from the truth, 0 to 2."""
    auc: float | None = None
    """Area under the ROC curve; two classes only."""
    calibration_error: float | None = None
    """Expected calibration error, over ten bins of confidence."""
    confusion_matrix: tuple[tuple[int, ...], ...] | None = None
    """Rows: the true class; columns: what it was taken for. Up to 100 classes."""
    precision: PerClass | None = None
    recall: PerClass | None = None
    f1: PerClass | None = None
    support: tuple[int, ...] | None = None
    """Testing samples of each class."""

    rmse: Any = None
    """A regressor's root mean squared error, of each output, in its unit.

    So are a forecaster's of each output the mean over all steps ahead, and then each of them.
    """
    mae: PerClass | None = None
    r2: PerClass | None = None

    season: int | None = None
    """A forecaster's: after how many steps a series is about the same; 1: there is no such."""
    mase: tuple[PerClass, ...] | None = None
    """Its mean absolute error, in that of the seasonal naive forecast on the steps before."""
    naive_mase: tuple[PerClass, ...] | None = None
    """The same of the seasonal naive forecast, on what was held out."""
    naive_rmse: tuple[PerClass, ...] | None = None

    classes: tuple[str, ...] | None = None
    """Of a network with fields: the names of the classes, in the order of the others."""
    outputs: tuple[str, ...] | None = None


_FIELDS = {field.name for field in fields(Metrics)}


def parse_metrics(reply: Reply) -> Metrics | None:
    """From NR.METRICS' reply; fields this version does not know are left out."""
    if reply is None:
        return None
    assert isinstance(reply, list)
    found: dict[str, Any] = {}
    for field, value in zip(reply[::2], reply[1::2], strict=True):
        name = str(field).replace("-", "_")
        if name in _FIELDS:
            found[name] = _tuples(value)
    return Metrics(**found)


def _tuples(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
