"""What Network has for how good a network is, on samples that it did not learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from nr.calls import Call, evaluating, networks, running
from nr.commands.drift import Drift
from nr.commands.metrics import Metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_T = TypeVar("_T")


class JudgedMethods:
    """A part of Network."""

    key: bytes
    _runner: running.Runner | None

    def _do(self, call: Call[_T]) -> _T:
        raise NotImplementedError

    def metrics(self) -> Metrics | None:
        """How good it was on the testing dataset when its last training ended; None: not known."""
        return self._do(networks.metrics(self.key))

    def evaluate(self, X: Any, y: Any = None) -> Metrics:
        """How good it is on other samples, given as to ``observe_many``; they are not kept.

        Outputs of a network with fields are among them, or ``y``. Raises as ``run``.
        """
        return self._do(evaluating.evaluate(self.key, X, y, self._runner))

    def plot_evaluation(self, X: Any, y: Any = None) -> Figure:
        """The same as a figure: reliability and ROC, or residuals. Raises ExtraError, too."""
        from nr.evaluation_plot import figure

        return self._do(figure(self.key, X, y, self._runner))

    def drift(self) -> Drift:
        """How new samples compare with those of the last training, and whether that is an alarm.

        Samples are scored as they are observed after ``net.configure(drift=True)``, or with
        ``trainevery=None``. Raises CommandError for a forecaster and a generator.
        """
        return self._do(networks.drift(self.key))
