"""Pictures of networks (extra `plot`): the course of the last training, and for two inputs a map.

Everything comes from commands (NR.INFO, NR.HISTORY, NR.RUN, NR.GETDATA), so any store will do. The
figures are matplotlib's own objects, made without pyplot: no window, no state that is shared.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nr.calls import Call, Long, drive
from nr.contracts import Backend
from nr.errors import Error, ExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_GRID = 200  # points a side of the map
_MOST_SAMPLES = 500  # drawn on it


def figure(key: str | bytes) -> Call[Figure]:
    """Draws the network `key`: its last training, and for two inputs what it answers where.

    Raises CommandError where there is no such network, ExtraError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise ExtraError("Plots need matplotlib: pip install 'nr[plot]'") from exc
    reply = yield "NR.INFO", key
    info = dict(zip(reply[::2], reply[1::2], strict=True))
    panels = 2 if info["layout"][0] == 2 else 1
    drawn = Figure(figsize=(6.4 * panels, 4.8), layout="constrained")
    axes = drawn.subplots(1, panels, squeeze=False)[0]
    history = yield "NR.HISTORY", key
    yield Long(partial(_draw_history, axes[0], history))
    if panels == 2:
        yield from _draw_map(axes[1], key, info)
    return drawn


def save(backend: Backend, key: str | bytes, path: str) -> None:
    """Draws the network `key` into a file whose ending names the format (.png, .svg, .pdf)."""
    drawn = drive(backend, figure(key))
    try:
        drawn.savefig(path, dpi=120)
    except (OSError, ValueError) as exc:
        raise Error(f"The plot cannot be written: {exc}") from exc


def _draw_history(axes: Axes, points: list[list[Any]]) -> None:
    """Loss over cycles; the misclassified per cent on an axis of their own."""
    axes.set(title="The last training", xlabel="cycle", ylabel="loss")
    if not points:
        axes.text(0.5, 0.5, "not trained yet", ha="center", va="center", transform=axes.transAxes)
        return
    cycles, train, test, wrong = np.array(points, dtype=float).T
    axes.plot(cycles, train, label="training dataset")
    if not np.isnan(test).all():
        axes.plot(cycles, test, label="testing dataset")
    axes.set_ylim(bottom=0)
    if not np.isnan(wrong).all():
        other = axes.twinx()
        other.plot(cycles, wrong, color="tab:gray", linewidth=0.8, label="misclassified, %")
        other.set(ylabel="misclassified, % of the testing dataset", ylim=(0, None))
        other.legend(loc="upper center")
    axes.legend(loc="upper right")


def _draw_map(axes: Axes, key: str | bytes, info: dict[str, Any]) -> Call[None]:
    """What the network answers over the area of its samples, and some of those."""
    inputs, outputs = yield from _samples(key, info)
    low, high = _extent(inputs)
    x, y = (np.linspace(low[i], high[i], _GRID, dtype="<f4") for i in (0, 1))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    blob = yield "NR.RUN", key, "FP32", grid.tobytes()
    answers = np.frombuffer(blob, "<f4").reshape(_GRID, _GRID, -1)
    axes.set(xlabel="input 0", ylabel="input 1", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    classes = outputs.argmax(axis=1) if info["type"] == "classifier" else None
    yield Long(partial(_draw_answers, axes, x, y, answers, inputs, classes))


def _draw_answers(
    axes: Axes,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    answers: NDArray[np.float32],
    inputs: NDArray[np.float64],
    classes: NDArray[np.int64] | None,
) -> None:
    """Answers over a grid, and the samples' inputs, in the colours of their classes."""
    marks: dict[str, Any] = {"c": "black"}
    if classes is not None:
        marks = _draw_classes(axes, x, y, answers) | {"c": classes}
        axes.set_title("Class by the two inputs, and samples")
    else:  # an image within a .svg or .pdf: 40000 squares would be megabytes
        image = axes.pcolormesh(x, y, answers[:, :, 0], rasterized=True)
        axes.figure.colorbar(image, ax=axes, label="output 0")
        axes.set_title("Output 0 by the two inputs, and samples")
    if len(inputs):
        axes.scatter(inputs[:, 0], inputs[:, 1], 9, **marks)


def _draw_classes(
    axes: Axes, x: NDArray[np.float32], y: NDArray[np.float32], answers: NDArray[np.float32]
) -> dict[str, Any]:
    """The most probable class of each point, and which colour is which; returns their colours."""
    from matplotlib.lines import Line2D

    classes = answers.shape[2]
    colours: dict[str, Any] = {"cmap": "tab10", "vmin": 0, "vmax": 9}
    if classes > 10:
        colours = {"cmap": "nipy_spectral", "vmin": 0, "vmax": classes - 1}
    image = axes.pcolormesh(x, y, answers.argmax(axis=2), alpha=0.35, rasterized=True, **colours)
    if classes > 10:
        axes.figure.colorbar(image, ax=axes, label="class")
        return colours
    shades = image.cmap(image.norm(np.arange(classes)))
    square: dict[str, Any] = {"marker": "s", "linestyle": ""}
    axes.legend(
        handles=[
            Line2D([], [], color=s, label=f"class {c}", **square) for c, s in enumerate(shades)
        ],
        loc="upper right",
    )
    return colours


def _samples(
    key: str | bytes, info: dict[str, Any]
) -> Call[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Training samples, evenly spread over the dataset: inputs (n, 2), outputs (n, outputs)."""
    have = info["training-dataset-len"]
    rows = np.linspace(0, have - 1, min(have, _MOST_SAMPLES)).astype(int)
    pairs: list[Any] = []
    for row in rows:
        pair = yield "NR.GETDATA", key, "TRAIN", str(row)
        pairs += [pair] if pair else []  # else the dataset has shrunk meanwhile
    inputs, outputs = (np.array([pair[part] for pair in pairs], float) for part in (0, 1))
    return inputs.reshape(len(pairs), 2), outputs.reshape(len(pairs), info["layout"][-1])


def _extent(inputs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners of the map: the samples' and a margin; -1 to 1 without any."""
    if not len(inputs):
        return np.full(2, -1.0), np.full(2, 1.0)
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    margin = np.where(high > low, (high - low) * 0.1, 1.0)
    most = float(np.finfo(np.float32).max)
    return np.maximum(low - margin, -most), np.minimum(high + margin, most)
