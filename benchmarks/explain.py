"""Is NR.EXPLAIN right, and how long does it take?

    python -m benchmarks.explain

Its Shapley values beside ones that are worked out here by their definition, from the numbers in
NR.DUMP and by none of the core's arithmetic: of all coalitions of fields, with the columns that the
file for ONNX makes of a row. On the Titanic's 7 fields they are to be equal; on 20 fields, of which
the core draws orders, near those of all 2^20 coalitions. Times are milliseconds of the processor.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from math import factorial
from pathlib import Path
from typing import Any

import click
import msgpack  # type: ignore[import-untyped]
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

import nr
from benchmarks.quality.tables import markdown

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import titanic

Floats = NDArray[np.float64]
AT_ONCE = 12  # fields: coalitions of so many are worked out side by side


@dataclass(frozen=True)
class Parts:
    """What the answers of a classifier of two classes with one hidden layer of tanh are made of."""

    first: Floats  # (inputs, units), of all members side by side
    biases: Floats
    last: Floats  # (units, members): by what the second class's sum is above the first's
    shifts: Floats  # (members,)
    background: Floats  # (rows, inputs)

    @classmethod
    def of(cls, net: nr.Network) -> Parts:
        _, _, _, parts, *_ = msgpack.unpackb(net.dump(), strict_map_key=False)
        found = {name: data for name, _, data in parts}
        _, header, weights, *_ = msgpack.unpackb(found["weights"], strict_map_key=False)
        inputs, units, outputs = header["layout"]
        assert (header["activation"], outputs) == ("tanh", 2)
        floats = np.frombuffer(weights, "<f4").astype(float)
        scale = floats[2 * inputs + outputs : 2 * (inputs + outputs)]
        members = floats[2 * (inputs + outputs) :].reshape(header["members"], -1)
        first, last = np.split(members, [(1 + inputs) * units], axis=1)
        first = first.reshape(len(members), 1 + inputs, units)
        last = last.reshape(len(members), 1 + units, outputs) * scale
        wide = first.transpose(1, 0, 2).reshape(1 + inputs, -1)
        apart = last[:, :, 1] - last[:, :, 0]
        blocks = np.zeros((len(members), units, len(members)))
        for member, weights in enumerate(apart[:, 1:]):
            blocks[member, :, member] = weights
        background = np.frombuffer(found["background"], "<f4").astype(float).reshape(-1, inputs)
        joined = blocks.reshape(-1, len(members))
        return cls(wide[1:], wide[0], joined, apart[:, 0], background)

    def odds(self, sums: Floats, output: int) -> Floats:
        """Log-odds from the first layer's sums, (n, units of all members)."""
        apart = np.tanh(sums) @ self.last.astype(sums.dtype) + self.shifts
        own = (1 / (1 + np.exp(-apart if output else apart))).mean(1)
        return np.asarray(np.log(own) - np.log1p(-own))


def columns(net: nr.Network, row: dict[str, Any]) -> list[Floats]:
    """What each field becomes before the first layer, by the file for ONNX."""
    model = onnx.load_from_string(net.to_onnx())
    kinds = {each.name: each.type.tensor_type.elem_type for each in model.graph.input}
    nodes = model.graph.node
    row_of_all = next(node.input[0] for node in nodes if node.op_type == "Unsqueeze")
    joined = next(node for node in nodes if row_of_all in node.output)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in joined.input)
    text = onnx.TensorProto.STRING
    fed = {
        name: np.array([row[name] or ""], object) if kind == text else np.array([float(row[name])])
        for name, kind in kinds.items()
    }
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return [part[0].astype(float) for part in session.run(list(joined.input), fed)]


def coalitions(n: int) -> NDArray[np.bool_]:
    return (np.arange(1 << n)[:, None] >> np.arange(n)) & 1 == 1


def shapley(parts: Parts, row: list[Floats], output: int, kind: Any = np.float64) -> Floats:
    """By the definition: of all coalitions, a background row after the other."""
    n, ends = len(row), np.cumsum([0, *map(len, row)])
    low = min(n, AT_ONCE)
    worth = np.zeros(1 << n)
    inside, outside = coalitions(low).astype(kind), coalitions(n - low)
    for other in parts.background:
        each = enumerate(pairwise(ends))
        changes = np.array([(row[i] - other[a:b]) @ parts.first[a:b] for i, (a, b) in each])
        start = (parts.biases + other @ parts.first).astype(kind)
        sums = start + inside @ changes[:low].astype(kind)
        for number, more in enumerate(outside):
            moved = sums + changes[low:][more].sum(0).astype(kind)
            worth[number << low : (number + 1) << low] += parts.odds(moved, output)
    worth /= len(parts.background)
    sizes = np.array([i.bit_count() for i in range(1 << n)])
    weights = np.array([factorial(s) * factorial(n - 1 - s) / factorial(n) for s in range(n)])
    shares = []
    for i in range(n):
        without = np.flatnonzero((np.arange(1 << n) >> i) & 1 == 0)
        added = worth[without | 1 << i] - worth[without]
        shares.append(float(weights[sizes[without]] @ added))
    return np.array(shares)


def wide(fields: int, seed: int) -> tuple[nr.Network, list[dict[str, Any]]]:
    """A network of so many numbers, of which some count, by themselves and together."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2000, fields))
    z = x @ rng.normal(size=fields) * 0.7 + 2 * x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3]
    names = [f"f{i}" for i in range(fields)]
    net = nr.connect("memory://").create(
        "wide", "classifier", dict.fromkeys(names, "number"), target="y", seed=seed
    )
    rows = [dict(zip(names, values, strict=True)) for values in x.tolist()]
    noisy = z + rng.normal(size=len(z)) > 0
    words = ["ab"[one] for one in noisy.tolist()]
    net.observe_many([row | {"y": word} for row, word in zip(rows, words, strict=True)])
    net.train(maxcycles=300, timeout=0).wait()
    return net, rows


def people(limit: int = 1500) -> tuple[nr.Network, list[dict[str, Any]]]:
    random.seed(1)
    rows: list[dict[str, Any]] = [dict(row) for row in titanic.people()]
    net = nr.connect("memory://").create(
        "titanic", "classifier", titanic.FIELDS, target="survived", seed=1
    )
    net.observe_many(rows[:limit])
    net.train(maxcycles=300, timeout=0).wait()
    asked = [{name: row[name] for name in titanic.FIELDS} for row in rows[limit:]]
    return net, [row for row in asked if all(row.values())]


@dataclass(frozen=True)
class Found:
    largest: float  # difference of an attribution
    relative: float  # differences' sum by the attributions' sum
    rest: float  # what is left of the prediction


def compared(net: nr.Network, rows: list[dict[str, Any]], kind: Any = np.float64) -> Found:
    parts, found = Parts.of(net), []
    named = [text.partition(":")[0] for text in net.info().fields]
    classes = [*net.run(rows[0])]
    for row in rows:
        why = net.explain(row)
        wanted = shapley(parts, columns(net, row), classes.index(str(why.of)), kind)
        ours = np.array([why.attributions[name] for name in named[: len(wanted)]])
        off = np.abs(ours - wanted)
        rest = abs(why.prediction - why.baseline - ours.sum())
        found.append((off.max(), off.sum() / np.abs(wanted).sum(), rest))
    largest, relative, rest = np.array(found).T
    return Found(float(largest.max()), float(relative.mean()), float(rest.max()))


def milliseconds(net: nr.Network, row: dict[str, Any], times: int = 21) -> float:
    spent = []
    for _ in range(times):
        before = time.process_time()
        net.explain(row)
        spent.append(time.process_time() - before)
    return 1e3 * float(np.median(spent))


@click.command()
@click.option("--rows", default=20, show_default=True, help="People of the Titanic.")
@click.option("--wide-rows", default=3, show_default=True, help="Of 20 numbers: a minute each.")
def main(rows: int, wide_rows: int) -> None:
    shown = []
    net, asked = people()
    found = compared(net, asked[:rows])
    timed = milliseconds(net, asked[0])
    shown.append(["Titanic, 7 fields", found, timed])
    net, asked = wide(10, 1)
    shown.append(["10 numbers", compared(net, asked[:3]), milliseconds(net, asked[0])])
    net, asked = wide(20, 1)
    found = compared(net, asked[:wide_rows], np.float32)
    shown.append(["20 numbers", found, milliseconds(net, asked[0])])
    head = ["", "largest difference", "relative", "sum's", "ms a row"]
    table = [
        [name, f"{f.largest:.1e}", f"{f.relative:.1%}", f"{f.rest:.1e}", f"{ms:.2f}"]
        for name, f, ms in shown
    ]
    click.echo(markdown(head, table))


if __name__ == "__main__":
    main()
