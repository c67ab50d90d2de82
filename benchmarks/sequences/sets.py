"""Series with classes, as aeon bundles them, split as their authors did; nothing is downloaded."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.datasets import packaged

Series = list[NDArray[np.float32]]
"""Each of shape (steps, numbers)."""


@dataclass(frozen=True)
class Samples:
    """Series and their classes."""

    x: Series
    y: list[str]

    @property
    def width(self) -> int:
        return self.x[0].shape[1]

    @property
    def equal(self) -> bool:
        return len({len(series) for series in self.x}) == 1


def series_of(line: str) -> tuple[NDArray[np.float32], str]:
    *dimensions, name = line.strip().split(":")
    return np.array([dimension.split(",") for dimension in dimensions], np.float32).T, name


@cache
def samples(name: str, part: str) -> Samples:
    """``part`` is TRAIN or TEST."""
    lines = packaged("aeon", f"{name}_{part}.ts", "datasets").read_text("utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.lower().startswith("@data"))
    pairs = [series_of(line) for line in lines[begin + 1 :] if line.strip()]
    return Samples([x for x, _ in pairs], [y for _, y in pairs])
