"""Language models against an implementation of their own in numpy, in doubles.

It knows nothing of the core but how weights lie: one stream in parts that are read side by side,
LSTM layers whose states are carried on, a softmax at every step, tied to the embedding or not,
gradients cut off at the steps of a chunk, clipped, and plain steps whose rate falls by epochs.
"""

import json
from collections import Counter
from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

import nr

Array = NDArray[np.float64]
BATCH, UNROLL, RATE, CLIP, DECAY, AFTER, CYCLES = 3, 4, 1.0, 1.5, 0.8, 3, 8
WORDS = ("home", "shoes", "hats", "cart", "help", "rare")


def texts() -> list[str]:
    rng = np.random.default_rng(4)
    often = [" ".join(rng.choice(WORDS[:5], rng.integers(2, 9))) for _ in range(14)]
    return [*often, "home rare cart"]


def numbered(found: list[str]) -> list[int]:
    """The stream: 0 is the unknown symbol, 1 the end; the others by how often they occur."""
    counts = Counter(word for text in found for word in text.split())
    known = sorted((w for w in counts if counts[w] > 1), key=lambda w: (-counts[w], w))
    number = {word: 2 + i for i, word in enumerate(known)}
    return [n for text in found for n in [*(number.get(w, 0) for w in text.split()), 1]]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


class Model:
    """The softmax, the embedding, and layers, [1 + inputs + units][4 units] each."""

    def __init__(self, flat: Array, symbols: int, units: list[int], tied: bool) -> None:
        self.tied, self.units, at = tied, units, 0
        shapes = [(1 + units[-1], symbols), (symbols, units[-1])]
        shapes += [(1 + i + n, 4 * n) for i, n in zip([units[-1], *units], units, strict=False)]
        self.w = []
        for rows, columns in shapes:
            self.w.append(flat[at : at + rows * columns].reshape(rows, columns).copy())
            at += rows * columns
        assert at == len(flat)
        self.begin()

    def begin(self) -> None:
        self.states = [(np.zeros((BATCH, n)), np.zeros((BATCH, n))) for n in self.units]

    def chunk(self, ids: NDArray[Any], targets: NDArray[Any], there: Array) -> tuple[float, Any]:
        """The loss of some steps, [step][part] each, and the gradient of all weights."""
        gradients = [np.zeros_like(w) for w in self.w]
        loss, kept, wants = 0.0, [], []
        for t in range(len(ids)):
            x, steps = self.w[1][ids[t]], []
            for i, n in enumerate(self.units):
                h, c = self.states[i]
                joined = np.concatenate([np.ones((BATCH, 1)), x, h], 1)
                z = joined @ self.w[2 + i]
                a, f, o = (sigmoid(z[:, k * n : (k + 1) * n]) for k in range(3))
                g = np.tanh(z[:, 3 * n :])
                new = f * c + a * g
                x = o * np.tanh(new)
                steps.append((joined, a, f, o, g, c, new))
                self.states[i] = (x, new)
            kept.append(steps)
            loss += self.ask(x, targets[t], there[t], gradients, wants)
        self.back(ids, kept, wants, gradients)
        return loss, gradients

    def ask(self, h: Array, target: Any, there: Array, gradients: Any, wants: Any) -> float:
        head = self.w[1].T if self.tied else self.w[0][1:]
        z = self.w[0][0] + h @ head
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        told = p[np.arange(BATCH), target]
        d = p.copy()
        d[np.arange(BATCH), target] -= 1
        d *= there[:, None]
        gradients[0][0] += d.sum(0)
        if self.tied:
            gradients[1] += d.T @ h
        else:
            gradients[0][1:] += h.T @ d
        wants.append(d @ head.T)
        return float(-(np.log(told) * there).sum())

    def back(self, ids: NDArray[Any], kept: Any, wants: Any, gradients: Any) -> None:
        carried = [(np.zeros((BATCH, n)), np.zeros((BATCH, n))) for n in self.units]
        for t in reversed(range(len(ids))):
            delta = wants[t]
            for i in reversed(range(len(self.units))):
                joined, a, f, o, g, before, c = kept[t][i]
                later, dc = carried[i]
                dh, squashed = delta + later, np.tanh(c)
                dc = dc + dh * o * (1 - squashed**2)
                parts = dc * g * a * (1 - a), dc * before * f * (1 - f)
                dz = np.concatenate([*parts, dh * squashed * o * (1 - o), dc * a * (1 - g**2)], 1)
                gradients[2 + i] += joined.T @ dz
                below = dz @ self.w[2 + i].T
                n = self.units[i]
                carried[i] = (below[:, -n:], dc * f)
                delta = below[:, 1:-n]
            np.add.at(gradients[1], ids[t], delta)


def losses(model: Model, stream: list[int]) -> list[float]:
    """Of each epoch, the mean of a symbol."""
    read, n = [1, *stream], len(stream)
    each = -(-n // BATCH)
    at = np.arange(BATCH) * each
    told = []
    for epoch in range(CYCLES):
        model.begin()
        loss, rate = 0.0, RATE * DECAY ** max(0, epoch + 1 - AFTER)
        for first in range(0, each, UNROLL):
            places = at + np.arange(first, min(first + UNROLL, each))[:, None]
            there = (places < n).astype(float)
            ids = np.array([[read[i] if i < n else 1 for i in row] for row in places])
            targets = np.array([[read[i + 1] if i < n else 0 for i in row] for row in places])
            some, gradients = model.chunk(ids, targets, there)
            loss += some
            length = np.sqrt(sum((g * g).sum() for g in gradients)) / BATCH
            for w, g in zip(model.w, gradients, strict=True):
                w -= rate * min(1, CLIP / length) * g / BATCH
        told.append(loss / n)
    return told


def part(blob: bytes, name: str) -> bytes:
    """One of a dump's."""
    return next(bytes(data) for kind, _, data in msgpack.unpackb(blob)[3] if kind == name)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("units", [[6], [7, 5]])
def test_losses_are_those_of_numpy(units: list[int], tied: bool) -> None:
    found = texts()
    stream = numbered(found)
    with nr.connect("memory://") as db:

        def trained(name: str, rate: float, cycles: int) -> bytes:
            db.execute(
                *f"NR.CREATE {name} GENERATOR {' '.join(map(str, units))} -> s:sequence(word) "
                f"SEED 1 BATCH {BATCH} UNROLL {UNROLL} OPTIMIZER SGD LEARNRATE {rate} CLIP {CLIP} "
                f"DECAY {DECAY} AFTER {AFTER} DROPOUT 0 TIED {'YES' if tied else 'NO'}".split()
            )
            rows = json.dumps([{"s": text} for text in found])
            db.execute("NR.OBSERVE", name, "JSON", rows, "TRAIN")
            db.execute(f"NR.TRAIN {name} MAXCYCLES {cycles} MAXTIME 0")
            db.execute(f"NR.WAIT {name} 0")
            return bytes(db.execute(f"NR.DUMP {name}"))  # type: ignore[arg-type]

        # A first training that moves nothing tells the weights that it begins with; a tied
        # softmax's own are a copy by then, which nothing reads.
        _, _, weights, _ = msgpack.unpackb(part(trained("still", 1e-30, 1), "weights"))
        trained("net", RATE, CYCLES)
        told = [point[1] for point in db.execute("NR.HISTORY net")]  # type: ignore[union-attr]
    symbols = max(stream) + 1
    flat = np.frombuffer(weights, "<f4")[2 * (units[-1] + symbols) :].astype(float)
    assert told == pytest.approx(losses(Model(flat, symbols, units, tied), stream), abs=1e-4)
    assert told[-1] < told[0] - 0.1
