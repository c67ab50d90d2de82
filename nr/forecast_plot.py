"""A picture of a forecast (extra `plot`): the latest steps, what comes next, how sure that is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nr.calls import Call, Long
from nr.calls.forecasts import forecast, steps
from nr.errors import ExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 5  # horizons of the past


def figure(key: bytes, series: str | None, interval: float | None) -> Call[Figure]:
    """As ``Network.plot_forecast``."""
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise ExtraError("Plots need matplotlib: pip install 'nr[plot]'") from exc
    found = yield from forecast(key, series, interval)
    past = yield from steps(key, series)
    ahead = found if isinstance(found, dict) else dict.fromkeys(past, found)
    drawn = Figure(figsize=(8, 4 * len(past)), layout="constrained")
    axes = drawn.subplots(len(past), 1, squeeze=False)[:, 0]
    for one, (name, values) in zip(axes, past.items(), strict=True):
        yield Long(partial(_draw, one, name, values, ahead[name], interval))
    return drawn


def _draw(axes: Axes, name: str, past: list[float], ahead: Any, interval: float | None) -> None:
    shown = min(len(past), _SHOWN * len(ahead))
    after = np.arange(1, len(ahead) + 1)
    axes.plot(np.arange(1 - shown, 1), past[len(past) - shown :], label="observed")
    values = ahead if interval is None else ahead[:, 1]
    axes.plot([0, *after], [past[-1], *values], label="forecast")
    if interval is not None:
        sure = f"{100 * interval:g}% of the time within"
        axes.fill_between(after, ahead[:, 0], ahead[:, 2], alpha=0.25, color="C1", label=sure)
    axes.set(title=name, xlabel="steps from now")
    axes.legend()
