"""Recurrent networks against an implementation of their own in numpy, in doubles.

It knows nothing of the core but how weights lie: LSTM and GRU, forward and back through time,
embeddings, softmax with smoothed labels, clipping, and Adam with a rate that falls along a
cosine. It begins with the core's first weights, and its losses are to be those of the core.
"""

import json
from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

import nr

Array = NDArray[np.float64]
STEPS, SMOOTHING, RATE, CLIP = 50, 0.05, 0.005, 1.0
CLASSES = ("a", "b", "c")
WORDS = ("home", "shoes", "hats", "cart")


def samples(n: int = 40) -> list[dict[str, Any]]:
    rng = np.random.default_rng(4)
    return [
        {
            "v": rng.normal(1, 2, (rng.integers(1, 13), 3)).astype("f4").tolist(),
            "s": [WORDS[rng.integers(4)] for _ in range(rng.integers(1, 9))],
            "y": CLASSES[rng.integers(3)],
        }
        for _ in range(n)
    ]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


class Lstm:
    """Weights are [1 + inputs + units][4 units]: input, forget, output gate, candidate."""

    def __init__(self, take: Any, inputs: int, units: int) -> None:
        self.n, self.inputs = units, inputs
        self.w = take(1 + inputs + units, 4 * units)
        self.weights = [self.w]

    def forward(self, xs: list[Array]) -> list[Array]:
        n, h, c = self.n, np.zeros(self.n), np.zeros(self.n)
        self.kept, outputs = [], []
        for x in xs:
            joined = np.concatenate([[1.0], x, h])
            z = joined @ self.w
            i, f, o, g = *map(sigmoid, (z[:n], z[n : 2 * n], z[2 * n : 3 * n])), np.tanh(z[3 * n :])
            before, c = c, f * c + i * g
            h = o * np.tanh(c)
            self.kept.append((joined, i, f, o, g, before, c))
            outputs.append(h)
        return outputs

    def backward(self, deltas: list[Array], gradients: list[Array]) -> list[Array]:
        carried, dc, below = np.zeros(self.n), np.zeros(self.n), []
        for delta, (joined, i, f, o, g, before, c) in zip(
            deltas[::-1], self.kept[::-1], strict=True
        ):
            dh, t = delta + carried, np.tanh(c)
            dc = dc + dh * o * (1 - t * t)
            gates = (dc * g * i * (1 - i), dc * before * f * (1 - f), dh * t * o * (1 - o))
            dz = np.concatenate([*gates, dc * i * (1 - g * g)])
            gradients[0] += np.outer(joined, dz)
            back = self.w @ dz
            below.append(back[1 : 1 + self.inputs])
            carried, dc = back[1 + self.inputs :], dc * f
        return below[::-1]


class Gru:
    """Weights are [1 + inputs][3 units] and [1 + units][3 units]: reset, update, candidate."""

    def __init__(self, take: Any, inputs: int, units: int) -> None:
        self.n = units
        self.weights = [take(1 + inputs, 3 * units), take(1 + units, 3 * units)]

    def forward(self, xs: list[Array]) -> list[Array]:
        n, h = self.n, np.zeros(self.n)
        self.kept, outputs = [], []
        for x in xs:
            one, two = np.append(1.0, x), np.append(1.0, h)
            a, b = one @ self.weights[0], two @ self.weights[1]
            r, z = sigmoid(a[:n] + b[:n]), sigmoid(a[n : 2 * n] + b[n : 2 * n])
            c = np.tanh(a[2 * n :] + r * b[2 * n :])
            before, h = h, (1 - z) * c + z * h
            self.kept.append((one, two, r, z, c, b[2 * n :], before))
            outputs.append(h)
        return outputs

    def backward(self, deltas: list[Array], gradients: list[Array]) -> list[Array]:
        carried, below = np.zeros(self.n), []
        for delta, (one, two, r, z, c, u, before) in zip(
            deltas[::-1], self.kept[::-1], strict=True
        ):
            dh = delta + carried
            dc = dh * (1 - z) * (1 - c * c)
            dz, dr = dh * (before - c) * z * (1 - z), dc * u * r * (1 - r)
            da, db = np.concatenate([dr, dz, dc]), np.concatenate([dr, dz, dc * r])
            gradients[0] += np.outer(one, da)
            gradients[1] += np.outer(two, db)
            below.append((self.weights[0] @ da)[1:])
            carried = (self.weights[1] @ db)[1:] + dh * z
        return below[::-1]


class Model:
    """A head, and for each field its embedding, if it has one, and its layers."""

    def __init__(self, flat: Array, cell: Any, units: list[int], fields: list[Any]) -> None:
        self.at, self.flat = 0, flat
        self.head = self.take(1 + units[-1] * len(fields), len(CLASSES))
        self.fields = []
        for symbols, width in fields:
            table = self.take(1 + symbols, width) if symbols else None
            sizes = zip([width, *units], units, strict=False)
            self.fields.append((table, [cell(self.take, i, n) for i, n in sizes]))
        assert self.at == len(flat)

    def take(self, rows: int, columns: int) -> Array:
        self.at += rows * columns
        return self.flat[self.at - rows * columns : self.at].reshape(rows, columns).copy()

    def weights(self) -> list[Array]:
        all_of = [self.head]
        for table, layers in self.fields:
            all_of += [] if table is None else [table]
            all_of += [w for layer in layers for w in layer.weights]
        return all_of

    def sample(self, inputs: list[Any], label: int, gradients: dict[int, Array]) -> float:
        """Adds a sample's gradient; its loss, without smoothing."""
        last = []
        for (table, layers), steps in zip(self.fields, inputs, strict=True):
            xs = [table[step] for step in steps] if table is not None else list(steps)
            for layer in layers:
                xs = layer.forward(xs)
            last.append(xs[-1])
        joined = np.concatenate([[1.0], *last])
        z = joined @ self.head
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        wanted = np.full(len(CLASSES), SMOOTHING / len(CLASSES))
        wanted[label] += 1 - SMOOTHING
        gradients[id(self.head)] += np.outer(joined, p - wanted)
        back = np.split((self.head @ (p - wanted))[1:], len(self.fields))
        for (table, layers), steps, delta in zip(self.fields, inputs, back, strict=True):
            deltas = [np.zeros_like(delta)] * (len(steps) - 1) + [delta]
            for layer in layers[::-1]:
                deltas = layer.backward(deltas, [gradients[id(w)] for w in layer.weights])
            for step, d in zip(steps, deltas, strict=True):
                if table is not None:
                    gradients[id(table)][step] += d
        return float(-np.log(p[label]))


def losses(model: Model, rows: list[Any]) -> list[float]:
    """Of full-batch steps with Adam."""
    told = []
    moments = {id(w): (np.zeros_like(w), np.zeros_like(w)) for w in model.weights()}
    for step in range(STEPS):
        gradients = {id(w): np.zeros_like(w) for w in model.weights()}
        told.append(sum(model.sample(*row, gradients) for row in rows) / len(rows))
        length = np.sqrt(sum((g * g).sum() for g in gradients.values())) / len(rows)
        scale = min(1, CLIP / length) / len(rows)
        rate = RATE * (1 + np.cos(np.pi * step / STEPS)) / 2
        for w in model.weights():
            g, (m, v) = gradients[id(w)] * scale, moments[id(w)]
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            m_hat, v_hat = m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
            w -= rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    return told


def encoded(rows: list[dict[str, Any]]) -> list[Any]:
    """Vectors as deviations, symbols by how many samples have them, and then by name."""
    steps = np.concatenate([row["v"] for row in rows])
    counts = {word: sum(word in row["s"] for row in rows) for word in WORDS}
    ranked = sorted(WORDS, key=lambda word: (-counts[word], word))
    return [
        (
            [
                (np.array(row["v"]) - steps.mean(0)) / steps.std(0),
                [1 + ranked.index(word) for word in row["s"]],
            ],
            CLASSES.index(row["y"]),
        )
        for row in rows
    ]


def part(blob: bytes, name: str) -> bytes:
    """One of a dump's."""
    return next(bytes(data) for kind, _, data in msgpack.unpackb(blob)[3] if kind == name)


@pytest.mark.parametrize(
    ("cell", "units"), [(Lstm, [7]), (Gru, [7]), (Lstm, [6, 5]), (Gru, [6, 5])]
)
def test_losses_are_those_of_numpy(cell: Any, units: list[int]) -> None:
    rows = samples()
    with nr.connect("memory://") as db:
        fields = f"v:sequence(3) s:sequence(category) {' '.join(map(str, units))} -> y:category"
        options = f"SEED 1 MEMBERS 1 BATCH {len(rows)} CELL {cell.__name__}"
        words = f"CLASSIFIER {fields} {options}".split()
        db.execute("NR.CREATE", "net", *words)
        db.execute("NR.OBSERVE", "net", "JSON", json.dumps(rows), "TRAIN")
        db.execute("NR.CONFIGURE", "net", "LEARNRATE", "1e-30")  # moves nothing
        db.execute("NR.TRAIN", "net", "MAXCYCLES", "1", "MAXTIME", "0")
        db.execute("NR.WAIT", "net", "0")
        _, _, weights, recurrent = msgpack.unpackb(part(db.execute("NR.DUMP", "net"), "weights"))
        db.execute("NR.CREATE", "other", *words)
        db.execute("NR.OBSERVE", "other", "JSON", json.dumps(rows), "TRAIN")
        db.execute("NR.TRAIN", "other", "MAXCYCLES", str(STEPS), "MAXTIME", "0")
        db.execute("NR.WAIT", "other", "0")
        told = [point[1] for point in db.execute("NR.HISTORY", "other")]
    factors = 2 * (2 * units[-1] + len(CLASSES))
    flat = np.frombuffer(weights, "<f4")[factors:].astype(float)
    model = Model(flat, cell, units, recurrent[2])
    assert told == pytest.approx(losses(model, encoded(rows)), abs=1e-4)
    assert told[-1] < told[0] - 0.1
