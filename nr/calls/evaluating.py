"""How good a network is on samples that it does not have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nr import fields, frames, scores
from nr.calls import running
from nr.calls.networks import fields_of, info
from nr.calls.samples import fitting
from nr.calls.steps import Call, Long
from nr.commands.info import Info
from nr.commands.metrics import Metrics
from nr.errors import CommandError, ValuesError
from nr.values import classes, matrix, table


@dataclass(frozen=True)
class Answers:
    """What a network said of samples, and what is true."""

    outputs: NDArray[np.float64]
    """Shape (n, outputs), or (n, classes): their probabilities."""
    truth: NDArray[Any]
    """Class ids, shape (n,), or values, shape (n, outputs)."""
    names: tuple[str, ...] | None
    """Of the classes or the outputs, where the network has them."""
    classifier: bool

    def metrics(self) -> Metrics:
        how = scores.of_classes if self.classifier else scores.of_values
        return how(self.outputs, self.truth, self.names)


def evaluate(key: bytes, X: Any, y: Any, runner: running.Runner | None) -> Call[Metrics]:
    """As ``Network.evaluate``."""
    found = yield from answers(key, X, y, runner)
    metrics: Metrics = yield Long(found.metrics)
    return metrics


def answers(key: bytes, X: Any, y: Any, runner: running.Runner | None) -> Call[Answers]:
    """What the network says of the samples. Raises ValuesError and CommandError."""
    now = yield from info(key)
    if now.type == "forecaster":
        raise CommandError("ERR a forecaster is judged when it is trained: NR.METRICS tells")
    if now.fields:
        return (yield from _by_name(key, now.type == "classifier", X, y))
    if y is None:
        raise ValuesError("ERR outputs are missing: net.evaluate(inputs, outputs)")
    truth = yield Long(partial(_truth, now, y))
    found = yield from running.run(key, X, runner)
    outputs = np.atleast_2d(found)
    _same(len(outputs), len(truth))
    return Answers(outputs, truth, None, now.type == "classifier")


def _truth(now: Info, y: Any) -> NDArray[Any]:
    if now.type == "classifier":
        return classes(y, now.layout[-1]).astype(np.int64).ravel()
    return table(matrix(y, "outputs", "row"), now.layout[-1], "outputs").astype(np.float64)


def _same(rows: int, truths: int) -> None:
    if rows != truths:
        raise ValuesError(f"ERR {rows} rows of inputs and {truths} of outputs")


def _by_name(key: bytes, classifier: bool, X: Any, y: Any) -> Call[Answers]:
    if not fields.is_table(X):
        raise ValuesError("ERR a frame or a list of dictionaries is needed, with names of fields")
    targets = [field.name for field in (yield from fields_of(key)) if field.output]
    columns = yield Long(partial(_targets, X, y, targets))
    _same(len(X), len(columns[0]))
    asked = yield from fitting(key, X, True)
    replies = yield from running.named_replies(key, "NR.RUN", asked, ())
    rows = [row for reply in replies for row in reply]
    names = tuple(fields.text(name) for name in rows[0][::2])
    outputs = np.array([row[1::2] for row in rows], np.float64)
    read = partial(_ids, columns[0], names) if classifier else partial(_values, columns)
    return Answers(outputs, (yield Long(read)), names, classifier)


def _targets(X: Any, y: Any, targets: list[str]) -> list[Any]:
    """The columns of the outputs: among the samples, or given by themselves."""
    if y is None:
        if isinstance(X, list | tuple):
            return [[row.get(name) for row in X] for name in targets]
        missing = [name for name in targets if name not in map(str, frames.names(X))]
        if missing:
            raise ValuesError(f"ERR outputs are missing: {', '.join(missing)}")
        return [frames.column(X, name) for name in targets]
    if len(targets) == 1 and not frames.is_frame(y):
        return [list(y)]
    return [frames.column(y, name) for name in targets]


def _ids(column: Any, names: tuple[str, ...]) -> NDArray[np.int64]:
    known = {name: number for number, name in enumerate(names)}
    found = [_class_of(value) for value in np.asarray(column, object)]
    for row, name in enumerate(found):
        if name not in known:
            shown = "missing" if name is None else f"{name!r:.60}, none of {', '.join(names)[:200]}"
            raise ValuesError(f"ERR sample {row}: its class is {shown}")
    return np.array([known[name] for name in found if name is not None], np.int64)


def _class_of(value: Any) -> str | None:
    """A class as the network calls it: 3.0 is 3, and True is true."""
    if value is None or fields.is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, Real) and not isinstance(value, Integral) and float(value).is_integer():
        return str(int(float(value)))
    return str(value)


def _values(columns: list[Any]) -> NDArray[np.float64]:
    rows = [matrix(column, "outputs", "row").ravel() for column in columns]
    return np.stack(rows, axis=1).astype(np.float64)
