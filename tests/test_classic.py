"""CLASSIC against an independent implementation of what Neural Redis published."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

import nr

Floats = NDArray[np.float64]


def mixed(z: int) -> int:
    """splitmix64: the initial weights are a hash of seed, resets and index."""
    mask = 2**64 - 1
    z = (z + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def initial_weights(seed: int, layers: list[int]) -> list[Floats]:
    """Layer by layer (1 + inputs, outputs), biases first, uniform in +-0.05."""
    key = mixed(seed ^ mixed(0))
    weights = []
    for inputs, outputs in pairwise(layers):
        count = (inputs + 1) * outputs
        draws = [((mixed((key + i) % 2**64) >> 11) - 2**52) / 2**52 for i in range(count)]
        weights.append(0.05 * np.array(draws).reshape(inputs + 1, outputs))
        key += count
    return weights


def forward(weights: list[Floats], x: Floats) -> list[Floats]:
    outputs = [x]
    for w in weights:
        outputs.append(0.5 + 0.5 * np.tanh((outputs[-1] @ w[1:] + w[0]) / 2))
    return outputs


def gradients(weights: list[Floats], outputs: list[Floats], y: Floats) -> list[Floats]:
    found = []
    error = outputs[-1] - y
    for w, x, out in zip(weights[::-1], outputs[-2::-1], outputs[:0:-1], strict=True):
        delta = error * out * (1 - out)
        found.append(np.vstack([delta.sum(0), x.T @ delta]))
        error = delta @ w[1:].T
    return found[::-1]


class Rprop:
    """RPROP with weight backtracking: 0.5 / 1.2, first step 0.1, from 1e-6 to 50."""

    def __init__(self, w: Floats) -> None:
        self.step, self.before = np.full_like(w, 0.1), np.zeros_like(w)

    def move(self, w: Floats, g: Floats) -> None:
        same = np.sign(g) * np.sign(self.before)
        back = np.sign(self.before) * self.step
        self.step[same > 0] = np.minimum(self.step[same > 0] * 1.2, 50)
        self.step[same < 0] = np.maximum(self.step[same < 0] * 0.5, 1e-6)
        w += np.where(same < 0, back, -np.sign(g) * self.step)
        self.before = np.where(same < 0, 0, g)


def losses(weights: list[Floats], x: Floats, y: Floats, cycles: int) -> Floats:
    rules = [Rprop(w) for w in weights]
    course = []
    for _ in range(cycles):
        outputs = forward(weights, x)
        course.append(0.5 * ((outputs[-1] - y) ** 2).sum() / len(x))
        for w, g, rule in zip(weights, gradients(weights, outputs, y), rules, strict=True):
            rule.move(w, g)
    return np.array(course)


@pytest.mark.parametrize(
    ("layers", "rows", "kind"),
    [
        ([2, 3, 1], 9, "regressor"),
        ([9, 15, 2], 401, "classifier"),
        ([4, 15, 5, 3], 100, "classifier"),
        ([64, 100, 10], 300, "classifier"),
    ],
)
def test_classic_trains_as_published(layers: list[int], rows: int, kind: str) -> None:
    rng = np.random.default_rng(7)
    x = rng.uniform(-3, 3, (rows, layers[0])).astype(np.float32)
    if kind == "regressor":
        y = x.sum(1, keepdims=True) ** 2
        scale = np.maximum(np.abs(y).max(0), 1)
        targets = y / np.where(scale > 1, 1.2 * scale, 1)
        shown = y
    else:
        shown = (x[:, :3].sum(1) > 0).astype(int) + (x[:, 1] * x[:, 2] > 2) * (layers[-1] > 2)
        targets = np.eye(layers[-1])[shown]
    most = np.maximum(np.abs(x).max(0), 1)
    inputs = x / np.where(most > 1, 1.2 * most, 1)
    want = losses(initial_weights(5, layers), inputs.astype(float), targets, 200)

    with nr.connect("memory://") as db:
        net = db.create(
            "n", kind, layers, normalize=True, classic=True, seed=5, dataset=rows, test=0
        )
        net.observe_many(x, shown, to="train")
        assert net.train(autostop=False, maxcycles=200, timeout=0).wait()
        got = net.history()[:, 1]
    np.testing.assert_allclose(got, want, atol=1e-4)
