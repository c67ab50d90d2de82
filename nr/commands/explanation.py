"""NR.EXPLAIN as a frozen dataclass, with bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nr.errors import ExtraError
from nr.html import html_table, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Which: TypeAlias = str | int | None
"""A class or an output; None is the class that is answered, or the only output."""
_BAR = 30  # characters of the longest bar


@dataclass(frozen=True)
class Explanation:
    """What an answer rests on: Shapley values, in log-odds of a class or an output's unit.

    The baseline, the attributions and what others add come to the prediction.
    """

    of: str | int
    """The class or the output that is explained, by its name or number."""
    kind: str
    """``"class"`` or ``"output"``."""
    prediction: float
    """The answer to the row."""
    baseline: float
    """The mean answer to some of the training samples."""
    attributions: dict[Any, float]
    """What each field adds, by name, or of a plain network by the input's number; largest first."""
    others: float
    """What those add together that were left out by ``top``."""
    error: float
    """The largest standard error of an attribution; 0: they are exact."""

    def __repr__(self) -> str:
        unit = "log-odds" if self.kind == "class" else "its unit"
        head = (
            f"{self.kind} {_shown(self.of)}: {self.prediction:.4g} from {self.baseline:.4g}, "
            f"in {unit}" + (f", attributions to within {self.error:.2g}" if self.error else "")
        )
        return "\n".join([head, *self._bars()])

    def _rows(self) -> list[tuple[str, float]]:
        rows = [(_shown(name), value) for name, value in self.attributions.items()]
        return rows + ([("others", self.others)] if self.others else [])

    def _bars(self) -> list[str]:
        rows = self._rows()
        width = max((len(name) for name, _ in rows), default=0)
        largest = max((abs(value) for _, value in rows), default=0) or 1
        return [
            f"{name:>{width}}  {value:+10.4g}  "
            f"{('+' if value > 0 else '-') * round(_BAR * abs(value) / largest)}".rstrip()
            for name, value in rows
        ]

    def _repr_html_(self) -> str:
        head = [f"{self.kind} {_shown(self.of)}", f"{self.prediction:.4g}"]
        rows = [[name, f"{value:+.4g}"] for name, value in self._rows()]
        return html_table([head, ["baseline", f"{self.baseline:.4g}"], *rows])

    def plot(self) -> Figure:
        """A figure of matplotlib's: a bar for each field. Raises ExtraError without matplotlib."""
        try:
            from matplotlib.figure import Figure
        except ImportError as exc:
            raise ExtraError("Plots need matplotlib: pip install 'nr[plot]'") from exc
        rows = self._rows()[::-1]
        drawn = Figure(figsize=(7, 1.2 + 0.3 * len(rows)), layout="constrained")
        axes = drawn.subplots()
        names, values = [name for name, _ in rows], [value for _, value in rows]
        axes.barh(names, values, color=["C0" if value > 0 else "C3" for value in values])
        axes.axvline(0, color="black", linewidth=0.8)
        unit = "log-odds" if self.kind == "class" else "unit of the output"
        title = f"{self.kind} {_shown(self.of)}: {self.prediction:.4g} from {self.baseline:.4g}"
        axes.set(title=title, xlabel=unit)
        return drawn


def _shown(name: str | int) -> str:
    return printable(str(name))


def parse_explanation(reply: Sequence[Any]) -> Explanation:
    """NR.EXPLAIN's reply."""
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    kind = "class" if "class" in found else "output"
    given = found["attributions"]
    pairs = zip(given[::2], given[1::2], strict=True)
    return Explanation(
        of=_name(found[kind]),
        kind=kind,
        prediction=found["prediction"],
        baseline=found["baseline"],
        attributions={_name(name): value for name, value in pairs},
        others=found["others"],
        error=found["error"],
    )


def _name(value: Any) -> str | int:
    """Of a field, a class or an output; a plain network's is a number."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else int(value)
