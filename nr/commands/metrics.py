"""NR.METRICS as a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from nr.engine import Reply
from nr.html import html_table, printable

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

    perplexity: float | None = None
    """A generator's: of so many symbols it took the next one to be one, as if all were alike."""
    naive_perplexity: float | None = None
    """That of how often each symbol follows the one before it."""

    exact_matches: float | None = None
    """Of a generator from one sequence to another: the part that was right to the symbol."""
    symbol_errors: float | None = None
    """Symbols to be added, left out or changed, for each that is to be told."""
    naive_exact_matches: float | None = None
    """The same of reading every symbol by itself, as what stands most often at its place."""
    naive_symbol_errors: float | None = None

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

    def _repr_html_(self) -> str:
        """For notebooks: a table, and behind it who was taken for whom, by the classes' names."""
        head = ["", *_named(self.classes or self.outputs, self._width)]
        table = html_table([head, *self._rows()])
        matrix = self.confusion_matrix
        if not matrix or len(matrix) > _MOST_SHOWN:
            return table
        names = _named(self.classes, len(matrix))
        body = [[name, *map(str, row)] for name, row in zip(names, matrix, strict=True)]
        return table + html_table([["taken for", *names], *body])

    @property
    def _width(self) -> int:
        return len(self.support or self.rmse or ())

    def _rows(self) -> list[list[str]]:
        """Each measure that there is, and its value, or its values a class or an output."""
        one = (
            *("accuracy", "log_loss", "brier", "auc", "calibration_error"),
            *("perplexity", "naive_perplexity", "exact_matches", "symbol_errors"),
        )
        many = ("precision", "recall", "f1", "support", "rmse", "mae", "r2")
        values = {name: getattr(self, name) for name in (*one, *many)}
        rows = {n: v if n in many else [v] for n, v in values.items() if v is not None}
        return [
            ["testing samples", str(self.samples)],
            *([n.replace("_", " "), *map(_shown, v)] for n, v in rows.items()),
        ]


_MOST_SHOWN = 20
"""Classes of a confusion matrix that is shown."""


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _named(names: tuple[str, ...] | None, count: int) -> list[str]:
    return [*map(printable, names)] if names else [str(number) for number in range(count)]


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
