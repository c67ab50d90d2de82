"""Pictures of how good a network is on other samples (extra `plot`).

Of a classifier how far its probabilities can be trusted (reliability: Murphy and Winkler, 1977) and
the ROC curve of each class; of a regressor what is left of the truth, over what was answered.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nr.calls import Call, Long
from nr.calls.evaluating import Answers, answers
from nr.calls.running import Runner
from nr.errors import ExtraError
from nr.scores import bins, roc

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_CURVES = 10  # classes that have a curve of their own


def figure(key: bytes, X: Any, y: Any, runner: Runner | None) -> Call[Figure]:
    """As ``Network.plot_evaluation``."""
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise ExtraError("Plots need matplotlib: pip install 'nr[plot]'") from exc
    found = yield from answers(key, X, y, runner)
    panels = 2 if found.classifier else found.outputs.shape[1]
    drawn = Figure(figsize=(6.4 * panels, 4.8), layout="constrained")
    axes = drawn.subplots(1, panels, squeeze=False)[0]
    if found.classifier:
        yield Long(partial(_draw_reliability, axes[0], found))
        yield Long(partial(_draw_roc, axes[1], found))
    else:
        for output, one in enumerate(axes):
            yield Long(partial(_draw_residuals, one, found, output))
    return drawn


def _name(found: Answers, number: int) -> str:
    kind = "class" if found.classifier else "output"
    return found.names[number] if found.names else f"{kind} {number}"


def _draw_reliability(axes: Axes, found: Answers) -> None:
    sure, right = found.outputs.max(axis=1), found.outputs.argmax(axis=1) == found.truth
    where = bins(sure)
    counts = np.bincount(where, minlength=10)
    some = counts > 0
    means = (np.bincount(where, values, 10)[some] / counts[some] for values in (sure, right))
    axes.plot([0, 1], [0, 1], color="tab:gray", linewidth=0.8, label="as sure as right")
    axes.plot(*means, marker="o", label="samples in ten bins")
    axes.set(title="Reliability", xlabel="probability of the class taken", ylabel="share right")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")


def _draw_roc(axes: Axes, found: Answers) -> None:
    classes = found.outputs.shape[1]
    for number in [1] if classes == 2 else range(min(classes, _MOST_CURVES)):
        curve = roc(found.outputs[:, number], found.truth == number)
        axes.plot(*curve, label=_name(found, number))
    axes.plot([0, 1], [0, 1], color="tab:gray", linewidth=0.8)
    axes.set(title="ROC", xlabel="share of the others taken for it", ylabel="share found")
    axes.legend(loc="lower right")


def _draw_residuals(axes: Axes, found: Answers, output: int) -> None:
    values = found.outputs[:, output]
    axes.scatter(values, found.truth[:, output] - values, 9)
    axes.axhline(0, color="tab:gray", linewidth=0.8)
    axes.set(title=_name(found, output), xlabel="answer", ylabel="truth less answer")
