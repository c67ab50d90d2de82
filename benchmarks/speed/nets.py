"""The networks that are measured, their samples, and how much arithmetic they need."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Layout:
    """A network and how many samples it is trained with; small to large."""

    name: str
    layers: tuple[int, ...]
    samples: int

    @property
    def title(self) -> str:
        return f"{self.name} {'-'.join(map(str, self.layers))}"

    @property
    def run_work(self) -> int:
        """Multiply-adds of one sample forward."""
        return sum(a * b for a, b in zip(self.layers, self.layers[1:], strict=False))

    @property
    def train_work(self) -> int:
        """Forward, weights' gradients, and backward but for the inputs' gradient."""
        return 3 * self.run_work - self.layers[0] * self.layers[1]


NETS = {
    net.name: net
    for net in (
        Layout("a", (2, 3, 1), 9),
        Layout("b", (9, 15, 2), 401),
        Layout("c", (4, 15, 5, 3), 100),
        Layout("d", (64, 100, 10), 1000),
        Layout("e", (3000, 100, 2), 1334),
        Layout("f", (784, 100, 10), 5000),
    )
}
BATCH = 1000  # rows of a batch run


@dataclass(frozen=True)
class Samples:
    """Inputs (n, inputs), outputs (n, outputs), and the same outputs as class ids (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    ids: NDArray[np.int64]


@cache
def samples(net: Layout) -> Samples:
    """Dense inputs, and outputs that a teacher without hidden units gives."""
    rng = np.random.default_rng(7)
    x = rng.uniform(-1, 1, (net.samples, net.layers[0])).astype(np.float32)
    sums = x @ rng.normal(size=(net.layers[0], net.layers[-1]))
    if net.layers[-1] == 1:
        y = (sums > 0).astype(np.float32)
        return Samples(x, y, y[:, 0].astype(np.int64))
    ids = sums.argmax(axis=1)
    return Samples(x, np.eye(net.layers[-1], dtype=np.float32)[ids], ids)


@cache
def rows(net: Layout) -> NDArray[np.float32]:
    """Inputs to run, dense."""
    shape = (BATCH, net.layers[0])
    return np.random.default_rng(8).uniform(-1, 1, shape).astype(np.float32)
