"""What is demanded of the figures, line by line, and whether they keep it."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.speed.growth import Point
from benchmarks.speed.nets import BATCH, NETS
from benchmarks.speed.rounds import Figures


@dataclass(frozen=True)
class Claim:
    """A ratio, and what it is to be at least (or at most)."""

    text: str
    ratio: float
    bound: float
    at_most: bool = False
    limit: float | None = None  # the ratio if ours reached all of sgemm; None: it does not tell

    @property
    def kept(self) -> bool:
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound


def limit(figures: Figures) -> float:
    """Multiply-adds a second of the better sgemm."""
    names = ("numpy", "numpy skylakex")
    return 1024**3 / min(figures.seconds(who, "sgemm", "d") for who in names)


def training_share(figures: Figures, net: str, who: str = "nr") -> float:
    """Of the limit, in multiply-adds that are needed."""
    work = NETS[net].train_work * NETS[net].samples
    return work / figures.seconds(who, "classic", net) / limit(figures)


def batch_share(figures: Figures, net: str) -> float:
    work = NETS[net].run_work * BATCH
    return work / figures.seconds("nr", "batch", net) / limit(figures)


LARGE = "def"  # nets whose time is multiply-adds
SATURATED = "bcdef"  # nets that CLASSIC saturates: their gradients are full of denormal numbers
_PEERS = {
    "fann": ("libfann", {"a": 3, "b": 15, "c": 12, "d": 20, "e": 20, "f": 20}),
    "numpy skylakex": ("numpy with SkylakeX", {"b": 4, "d": 4, "e": 1.4, "f": 1.4}),
    "torch": ("PyTorch with one thread", {"b": 25, "d": 2, "e": 2, "f": 2}),
}
_ROWS = {"a": 1, "b": 1.26, "d": 2.5, "e": 4, "f": 4}
_THREADS = {"a": 1, "b": 1, "c": 1, "d": 1.7, "e": 1.7, "f": 1.7}
_NOISE = 0.03  # of a ratio of two equal things


def claims(figures: Figures, growth: list[Point], threads: dict[str, float]) -> Iterator[Claim]:
    for who, (title, bounds) in _PEERS.items():
        for net, bound in bounds.items():
            ours = figures.seconds("nr", "classic", net)
            ratio = figures.seconds(who, "classic", net) / ours
            most = ratio / training_share(figures, net) if net in LARGE else None
            yield Claim(f"training {net} against {title}", ratio, bound, limit=most)
    for net in LARGE:
        yield Claim(f"training {net} of sgemm", training_share(figures, net), 0.65, limit=1)
    for net in SATURATED:
        ratio = figures.seconds("nr", "one", net) / figures.seconds("nr", "classic", net)
        yield Claim(f"training {net} with CLASSIC against MEMBERS 1", ratio, 0.8)
    for net, bound in _THREADS.items():
        least = bound if bound > 1 else 1 - _NOISE
        yield Claim(f"training {net}, two threads against one", threads[net], least)
    for net in LARGE:
        yield Claim(f"batch runs of {net} of sgemm", batch_share(figures, net), 0.75, limit=1)
    for net, bound in _ROWS.items():
        ratio = figures.seconds("fann", "row", net) / figures.seconds("nr", "row", net)
        yield Claim(f"rows of {net} in C against libfann", ratio, bound)
    for who, bound in (("onnxruntime", 3), ("scikit-learn", 20)):
        ours = figures.seconds("nr", "python", "b")
        ratio = figures.seconds(who, "python", "b") / ours
        yield Claim(f"net.run of b against {who}", ratio, bound)
    for point in growth:
        if point.dataset > 1 << 23:  # below, what every process has weighs more
            text = f"memory of a training with {point.samples:,} samples, in datasets"
            yield Claim(text, point.ratio, 2.2, at_most=True)
