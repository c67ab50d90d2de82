"""Pictures of networks (extra `plot`): the course of the last training, and for two inputs a map.

Of other networks with fields there are bars, which tell on which fields it rests. Everything comes
from commands (NR.INFO, NR.HISTORY, NR.RUN, NR.GETDATA, NR.IMPORTANCE), so any store will do. The
figures are matplotlib's own objects, made without pyplot: no window, no state that is shared.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nr.calls import Call, Long, drive
from nr.commands.info import Info, parse_info
from nr.contracts import Backend
from nr.errors import Error, ExtraError
from nr.fields import blobs, text, values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_GRID = 200  # points a side of the map
_MOST_SAMPLES = 500  # drawn on it
_MOST_LABELS = 40  # classes named on its scale
_MOST_BARS = 30  # fields whose importance is shown
_LONGEST = 24  # characters of a field's name
_OF_THEIR_OWN = ("forecaster", "generator")  # neither inputs to draw nor importance


def figure(key: str | bytes) -> Call[Figure]:
    """Draws the network `key`: its last training, and for two inputs what it answers where.

    Raises CommandError where there is no such network, ExtraError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise ExtraError("Plots need matplotlib: pip install 'nr[plot]'") from exc
    reply = yield "NR.INFO", key
    info = parse_info(reply)
    names = _axes_of(info)
    known = info.fields and info.cycles and info.type not in _OF_THEIR_OWN
    rests_on = (yield "NR.IMPORTANCE", key) if known and not names else None
    panels = 2 if names or rests_on else 1
    drawn = Figure(figsize=(6.4 * panels, 4.8), layout="constrained")
    axes = drawn.subplots(1, panels, squeeze=False)[0]
    history = yield "NR.HISTORY", key
    yield Long(partial(_draw_history, axes[0], history))
    if names:
        yield from _draw_map(axes[1], key, info, names)
    elif rests_on:
        yield Long(partial(_draw_importance, axes[1], rests_on))
    return drawn


def _axes_of(info: Info) -> list[str]:
    """What the axes of a map are called; none where there is no map, which takes two numbers."""
    if not info.fields:
        return ["input 0", "input 1"] if info.layout[0] == 2 else []
    if info.type in _OF_THEIR_OWN:
        return []
    inputs = [field.partition(":") for field in info.fields[: info.fields.index("->")]]
    plane = len(inputs) == 2 and all(kind == "number" for _, _, kind in inputs)
    return [name for name, _, _ in inputs] if plane and info.cycles else []


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


def _draw_importance(axes: Axes, reply: list[Any]) -> None:
    """A bar for each field, the longest on top; one of which nothing can be said has none."""
    losses = [0.0 if loss is None else float(loss) for loss in reply[1::2]]
    order = sorted(range(len(losses)), key=lambda i: losses[i])[-_MOST_BARS:]
    axes.barh(range(len(order)), [losses[i] for i in order])
    axes.set_yticks(range(len(order)), labels=[text(reply[2 * i])[:_LONGEST] for i in order])
    axes.set(title="Importance of the fields", xlabel="what the loss grows by without each")


def _draw_map(axes: Axes, key: str | bytes, info: Info, names: list[str]) -> Call[None]:
    """What the network answers over the area of its samples, and some of those."""
    inputs, targets = yield from _samples(key, info, names)
    low, high = _extent(inputs)
    x, y = (np.linspace(low[i], high[i], _GRID, dtype="<f4") for i in (0, 1))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    answer = _answers_by_name(key, names, grid) if info.fields else _answers(key, info, grid)
    labels, rows = yield from answer
    answers = rows.reshape(_GRID, _GRID, -1)
    axes.set(xlabel=names[0], ylabel=names[1], xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    classes = None
    if info.type == "classifier":
        known = {label: c for c, label in enumerate(labels)}
        met = np.array([target in known for target in targets], bool)  # others came afterwards
        inputs, classes = inputs[met], np.array([known[t] for t in targets if t in known], int)
    yield Long(partial(_draw_answers, axes, x, y, answers, inputs, classes, labels))


def _answers(
    key: str | bytes, info: Info, grid: NDArray[np.float32]
) -> Call[tuple[list[str], NDArray[np.float32]]]:
    """What its classes or outputs are called, and its outputs for each point of a grid."""
    blob = yield "NR.RUN", key, "FP32", grid.tobytes()
    rows = np.frombuffer(blob, "<f4").reshape(len(grid), -1)
    kind = "class" if info.type == "classifier" else "output"
    return [f"{kind} {i}" for i in range(rows.shape[1])], rows


def _answers_by_name(
    key: str | bytes, names: list[str], grid: NDArray[np.float32]
) -> Call[tuple[list[str], NDArray[np.float32]]]:
    """The same of a network with fields."""
    table = np.zeros(len(grid), [(name, "<f4") for name in names])
    for column, name in enumerate(names):
        table[name] = grid[:, column]
    replies: list[list[Any]] = []
    for blob in blobs(table):
        replies += yield ("NR.RUN", key, *blob)
    rows = np.array([reply[1::2] for reply in replies], np.float32)
    return [text(name) for name in replies[0][::2]], rows


def _draw_answers(
    axes: Axes,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    answers: NDArray[np.float32],
    inputs: NDArray[np.float64],
    classes: NDArray[np.int64] | None,
    labels: list[str],
) -> None:
    """Answers over a grid, and the samples' inputs, in the colours of their classes."""
    marks: dict[str, Any] = {"c": "black"}
    if classes is not None:
        marks = _draw_classes(axes, x, y, answers, labels) | {"c": classes}
        axes.set_title("Class by the two inputs, and samples")
    else:  # an image within a .svg or .pdf: 40000 squares would be megabytes
        image = axes.pcolormesh(x, y, answers[:, :, 0], rasterized=True)
        axes.figure.colorbar(image, ax=axes, label=labels[0])
        axes.set_title(f"{labels[0]} by the two inputs, and samples")
    if len(inputs):
        axes.scatter(inputs[:, 0], inputs[:, 1], 9, **marks)


def _draw_classes(
    axes: Axes,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    answers: NDArray[np.float32],
    labels: list[str],
) -> dict[str, Any]:
    """The most probable class of each point, and which colour is which; returns their colours."""
    from matplotlib.lines import Line2D

    classes = answers.shape[2]
    colours: dict[str, Any] = {"cmap": "tab10", "vmin": 0, "vmax": 9}
    if classes > 10:
        colours = {"cmap": "nipy_spectral", "vmin": 0, "vmax": classes - 1}
    image = axes.pcolormesh(x, y, answers.argmax(axis=2), alpha=0.35, rasterized=True, **colours)
    if classes > 10:
        bar = axes.figure.colorbar(image, ax=axes, label="class")
        if classes <= _MOST_LABELS:
            bar.set_ticks(range(classes), labels=[label.removeprefix("class ") for label in labels])
        return colours
    shades = image.cmap(image.norm(np.arange(classes)))
    square: dict[str, Any] = {"marker": "s", "linestyle": ""}
    axes.legend(
        handles=[
            Line2D([], [], color=s, label=label, **square)
            for label, s in zip(labels, shades, strict=True)
        ],
        loc="upper right",
    )
    return colours


def _samples(
    key: str | bytes, info: Info, names: list[str]
) -> Call[tuple[NDArray[np.float64], list[str]]]:
    """Training samples, evenly spread over the dataset: inputs (n, 2), and the class of each.

    Those that lack one of the two are left out.
    """
    rows = np.linspace(0, info.train_len - 1, min(info.train_len, _MOST_SAMPLES)).astype(int)
    inputs: list[Any] = []
    targets: list[str] = []
    for row in rows:
        sample = yield "NR.GETDATA", key, "TRAIN", str(row)
        if not sample:  # the dataset has shrunk meanwhile
            continue
        point, target = _by_name(sample, names) if info.fields else _by_order(sample)
        if None not in point:
            inputs.append(point)
            targets.append(target)
    return np.array(inputs, float).reshape(len(inputs), 2), targets


def _by_name(sample: list[Any], names: list[str]) -> tuple[list[float | None], str]:
    said = values(sample)
    return [said.pop(name) for name in names], str(next(iter(said.values())))


def _by_order(sample: list[Any]) -> tuple[list[float | None], str]:
    inputs, outputs = sample
    return [float(x) for x in inputs], f"class {np.argmax(np.array(outputs, float))}"


def _extent(inputs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners of the map: the samples' and a margin; -1 to 1 without any."""
    if not len(inputs):
        return np.full(2, -1.0), np.full(2, 1.0)
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    margin = np.where(high > low, (high - low) * 0.1, 1.0)
    most = float(np.finfo(np.float32).max)
    return np.maximum(low - margin, -most), np.minimum(high + margin, most)
