"""Generators from one sequence to another against an implementation of their own in numpy.

It knows nothing of the core but how weights lie, reads one sample after the other, so without lanes
and masks, in doubles, and finds gradients by a tape of its operations: two stacks of LSTM or GRU
layers that read forwards and backwards, a third one that begins where the second has ended,
attention by products, an attentional vector, a softmax at each step, one clipped gradient a cycle.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

import nr

Array = NDArray[np.float64]
RATE, CLIP, DECAY, AFTER, CYCLES = 1.0, 1.5, 0.8, 3, 8


class Var:
    """A value, and how what is wanted of it becomes what is wanted of those it was made of."""

    def __init__(
        self, value: Array, back: Callable[[Array], None] = lambda _: None, *of: "Var"
    ) -> None:
        self.value, self.back, self.of = np.asarray(value, float), back, of
        self.wanted = np.zeros_like(self.value)

    def __add__(self, other: "Var") -> "Var":
        return made(self.value + other.value, {self: lambda d: d, other: lambda d: d})

    def __mul__(self, other: "Var") -> "Var":
        a, b = self.value, other.value
        return made(a * b, {self: lambda d: d * b, other: lambda d: d * a})

    def __matmul__(self, other: "Var") -> "Var":
        a, b = self.value, other.value
        by_row = {self: lambda d: b @ d, other: lambda d: np.outer(a, d)}
        return made(a @ b, by_row)

    def part(self, first: int, last: int) -> "Var":
        def back(d: Array) -> Array:
            whole = np.zeros_like(self.value)
            whole[first:last] = d
            return whole

        return made(self.value[first:last], {self: back})

    def row(self, i: int) -> "Var":
        def back(d: Array) -> Array:
            whole = np.zeros_like(self.value)
            whole[i] = d
            return whole

        return made(self.value[i], {self: back})


def made(value: Array, of: dict[Var, Callable[[Array], Array]]) -> Var:
    def back(d: Array) -> None:
        for var, how in of.items():
            var.wanted += how(d)

    return Var(value, back, *of)


def sigmoid(x: Var) -> Var:
    y = 1 / (1 + np.exp(-x.value))
    return made(y, {x: lambda d: d * y * (1 - y)})


def tanh(x: Var) -> Var:
    y = np.tanh(x.value)
    return made(y, {x: lambda d: d * (1 - y * y)})


def joined(*parts: Var) -> Var:
    ends = np.cumsum([0, *(len(part.value) for part in parts)])
    of = {
        part: (lambda d, a=a, b=b: d[a:b])
        for part, a, b in zip(parts, ends, ends[1:], strict=False)
    }
    return made(np.concatenate([part.value for part in parts]), of)


def stacked(rows: list[Var]) -> Var:
    return made(
        np.array([row.value for row in rows]),
        {row: (lambda d, i=i: d[i]) for i, row in enumerate(rows)},
    )


def softmax(x: Var) -> Var:
    y = np.exp(x.value - x.value.max())
    y /= y.sum()
    return made(y, {x: lambda d: y * (d - (d * y).sum())})


def less_log(x: Var, i: int) -> Var:
    """The negative logarithm of one of them."""
    at = np.eye(len(x.value))[i]
    return made(np.array(-np.log(x.value[i])), {x: lambda d: -d * at / x.value[i]})


def turned(x: Var) -> Var:
    return made(x.value.T, {x: lambda d: d.T})


def go_back(loss: Var) -> None:
    order: list[Var] = []
    seen: set[int] = set()

    def visit(var: Var) -> None:
        waiting = [(var, iter(var.of))]
        while waiting:
            node, rest = waiting[-1]
            following = next((v for v in rest if id(v) not in seen), None)
            if following is None:
                order.append(node)
                waiting.pop()
            else:
                seen.add(id(following))
                waiting.append((following, iter(following.of)))

    visit(loss)
    loss.wanted = np.ones_like(loss.value)
    for var in reversed(order):
        var.back(var.wanted)


ONE = Var(np.ones(1))
State = list[tuple[Var, Var]]


class Model:
    """Dense layers [1 + inputs][outputs], then for each stack its embedding and its cells."""

    def __init__(self, flat: Array, read: int, told: int, units: list[int], gru: bool) -> None:
        n, self.units, self.gru, at = units[-1], units, gru, 0
        width = min(units[0], 64)
        shapes = [(1 + 3 * n, n), (1 + n, told)]
        for symbols in (read + 1, read + 1, told):
            shapes.append((symbols, width))
            for i, u in zip([width, *units], units, strict=False):
                cell = [(1 + i, 3 * u), (1 + u, 3 * u)] if gru else [(1 + i + u, 4 * u)]
                shapes += cell
        self.w = []
        for rows, columns in shapes:
            self.w.append(Var(flat[at : at + rows * columns].reshape(rows, columns).copy()))
            at += rows * columns
        assert at == len(flat)
        self.each = 1 + len(units) * (2 if gru else 1)

    def step(self, stack: int, symbol: int, state: State) -> State:
        first = 2 + stack * self.each
        x, after = self.w[first].row(symbol), []
        for layer, (h, c) in enumerate(state):
            n = self.units[layer]
            if self.gru:
                w = self.w[first + 1 + 2 * layer : first + 3 + 2 * layer]
                a, b = joined(ONE, x) @ w[0], joined(ONE, h) @ w[1]
                r, z = (
                    sigmoid(a.part(k * n, k * n + n) + b.part(k * n, k * n + n)) for k in (0, 1)
                )
                new = tanh(a.part(2 * n, 3 * n) + r * b.part(2 * n, 3 * n))
                x = new + z * (h + Var(-np.ones(n)) * new)
            else:
                sums = joined(ONE, x, h) @ self.w[first + 1 + layer]
                i, f, o = (sigmoid(sums.part(k * n, k * n + n)) for k in range(3))
                c = f * c + i * tanh(sums.part(3 * n, 4 * n))
                x = o * tanh(c)
            after.append((x, c))
        return after

    def loss(self, read: list[int], told: list[int]) -> Var:
        zero: State = [(Var(np.zeros(n)), Var(np.zeros(n))) for n in self.units]
        on, state = [], zero
        for symbol in read:
            state = self.step(0, symbol, state)
            on.append(state[-1][0])
        back, state = [], zero
        for symbol in reversed(read):
            state = self.step(1, symbol, state)
            back.insert(0, state[-1][0])
        ahead, behind, loss = stacked(on), stacked(back), Var(np.zeros(()))
        both = turned(ahead + behind)
        for before, symbol in zip([1, *told], [*told, 1], strict=True):
            state = self.step(2, before, state)
            h = state[-1][0]
            odds = softmax(h @ both)
            top = tanh(joined(ONE, h, odds @ ahead, odds @ behind) @ self.w[0])
            loss = loss + less_log(softmax(joined(ONE, top) @ self.w[1]), symbol)
        return loss


Sample = tuple[list[int], list[int]]


def losses(model: Model, samples: list[Sample]) -> list[float]:
    """Of each cycle, the mean of a symbol."""
    symbols = sum(len(told) + 1 for _, told in samples)
    found = []
    for cycle in range(CYCLES):
        total = 0.0
        for w in model.w:
            w.wanted[:] = 0
        for read, told in samples:
            loss = model.loss(read, told)
            go_back(loss)
            total += float(loss.value)
        length = np.sqrt(sum((w.wanted**2).sum() for w in model.w)) / len(samples)
        rate = RATE * DECAY ** max(0, cycle + 1 - AFTER) * min(1, CLIP / length)
        for w in model.w:
            w.value -= rate * w.wanted / len(samples)
        found.append(total / symbols)
    return found


def words() -> list[tuple[str, str]]:
    rng = np.random.default_rng(4)
    often = ["".join(rng.choice([*"abcd"], rng.integers(1, 6))) for _ in range(14)]
    return [(word, " ".join(word[::-1].upper())) for word in [*often, "axb"]]


def numbered(found: list[tuple[str, str]]) -> tuple[list[Sample], int, int]:
    """0 is the unknown symbol, of what is told 1 the end; others by how many samples have them."""

    def numbers(texts: list[list[str]], first: int) -> dict[str, int]:
        counts = Counter(symbol for text in texts for symbol in set(text))
        known = sorted((s for s in counts if counts[s] > 1), key=lambda s: (-counts[s], s))
        return {symbol: first + i for i, symbol in enumerate(known)}

    sides = [[*word] for word, _ in found], [sounds.split() for _, sounds in found]
    read, told = numbers(sides[0], 1), numbers(sides[1], 2)
    samples = [
        ([read.get(s, 0) for s in a], [told.get(s, 0) for s in b])
        for a, b in zip(*sides, strict=True)
    ]
    return samples, len(read), len(told) + 2


def part(blob: bytes, name: str) -> bytes:
    """One of a dump's."""
    return next(bytes(data) for kind, _, data in msgpack.unpackb(blob)[3] if kind == name)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("units", [[6], [7, 5]])
def test_losses_are_those_of_numpy(units: list[int], cell: str) -> None:
    found = words()
    samples, read, told = numbered(found)
    with nr.connect("memory://") as db:

        def trained(name: str, rate: float, cycles: int) -> Any:
            db.execute(
                *f"NR.CREATE {name} GENERATOR word:sequence(char) {' '.join(map(str, units))} -> "
                f"sounds:sequence(category) SEED 1 BATCH 64 OPTIMIZER SGD LEARNRATE {rate} "
                f"CLIP {CLIP} DECAY {DECAY} AFTER {AFTER} DROPOUT 0 CELL {cell}".split()
            )
            rows = json.dumps([{"word": a, "sounds": b} for a, b in found])
            db.execute("NR.OBSERVE", name, "JSON", rows, "TRAIN")
            db.execute(f"NR.TRAIN {name} MAXCYCLES {cycles} MAXTIME 0")
            db.execute(f"NR.WAIT {name} 0")
            return db.execute(f"NR.DUMP {name}")

        # A first training that moves nothing tells the weights that it begins with.
        _, _, weights, _ = msgpack.unpackb(part(trained("still", 1e-30, 1), "weights"))
        trained("net", RATE, CYCLES)
        reached: Any = db.execute("NR.HISTORY net")
    flat = np.frombuffer(weights, "<f4")[2 * (3 * units[-1] + told) :].astype(float)
    model = Model(flat, read, told, units, cell == "GRU")
    history = [point[1] for point in reached]
    assert history == pytest.approx(losses(model, samples), abs=1e-4)
    assert history[-1] < history[0] - 0.1
