"""NR.DRIFT as a frozen dataclass, with bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nr.html import html_table, printable

_BAR = 30  # characters of an index of 1


@dataclass(frozen=True)
class Drift:
    """How new samples compare with those of the last training."""

    watched: bool
    """Whether samples are scored before they are kept: DRIFT, or TRAINEVERY AUTO."""
    alarm: bool
    """Whether the losses have risen by more than chance explains, since the last training."""
    alarm_after: int | None
    """Samples that were scored up to the alarm; None: there is none."""
    level: float
    """How far the losses have risen: above 1 is an alarm."""
    scored: int
    """Samples scored since the last training."""
    loss: float | None
    """Mean loss of late, of some 128 samples, as ``Info.test_error`` has it."""
    trained_loss: float | None
    """Mean loss of the held-out samples at the last training; None: there were none."""
    new_samples: int
    """Samples that are kept and came since the last training, in the mean."""
    moved: dict[Any, float | None]
    """How far each field, or input by its number, has moved: the population stability index, less
    what chance comes to. Below 0.1 is little, above 0.25 much; None: it is not known."""

    def __repr__(self) -> str:
        return "\n".join([*self._head(), *self._bars()])

    def _head(self) -> list[str]:
        told = "alarm" if self.alarm else "no alarm" if self.watched else "not watched: DRIFT ON"
        after = f" after {self.alarm_after} samples" if self.alarm else ""
        lines = [f"drift: {told}{after}, level {self.level:.2f}, {self.scored} samples scored"]
        losses = ["-" if x is None else f"{x:.4g}" for x in (self.loss, self.trained_loss)]
        return [*lines, f"loss of late {losses[0]}, at the last training {losses[1]}"]

    def _rows(self) -> list[tuple[str, float | None]]:
        found = sorted(self.moved.items(), key=lambda pair: -(pair[1] or 0))
        return [(printable(str(name)), value) for name, value in found]

    def _bars(self) -> list[str]:
        rows = self._rows()
        width = max((len(name) for name, _ in rows), default=0)
        return [
            f"{name:>{width}}  {_shown(value):>8}  "
            f"{'#' * min(round(_BAR * (value or 0)), _BAR)}".rstrip()
            for name, value in rows
        ]

    def _repr_html_(self) -> str:
        rows = [[name, _shown(value)] for name, value in self._rows()]
        return html_table([["alarm", "yes" if self.alarm else "no"], *rows])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def parse_drift(reply: Sequence[Any]) -> Drift:
    """NR.DRIFT's reply."""
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    pairs = zip(found["moved"][::2], found["moved"][1::2], strict=True)
    return Drift(
        watched=found["watched"] == "yes",
        alarm=found["alarm"] == "yes",
        alarm_after=found["alarm-after"],
        level=found["level"],
        scored=found["scored"],
        loss=found["loss"],
        trained_loss=found["loss-at-training"],
        new_samples=found["new-samples"],
        moved={_name(name): value for name, value in pairs},
    )


def _name(value: Any) -> str | int:
    """Of a field; an input's is a number."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else int(value)
