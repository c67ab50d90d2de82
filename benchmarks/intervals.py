"""Do intervals hold what they promise, and how wide are they?

    python -m benchmarks.intervals [--data mpg,concrete] [--seeds 10]

INTERVAL 0.9 on regression sets of the quality benchmark, of which a third is unseen: the share of
these that lies within, and the mean width beside that of CatBoost's quantile regressors,
conformalised (Romano, Patterson and Candes, 2019) on the samples that the network is tested with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import nr
from benchmarks.quality.contenders import MOST_CYCLES
from benchmarks.quality.datasets import BY_NAME, Dataset
from benchmarks.quality.runs import split
from benchmarks.quality.tables import markdown

Floats = NDArray[np.float64]
SETS = (
    *("diabetes", "houses", "concrete", "sacramento", "computers", "mpg", "cars"),
    *("deliveries", "quakes", "saratoga"),
)
SURE = 0.9


@dataclass(frozen=True)
class Found:
    """Of unseen samples: the share within their intervals, and these intervals' mean width."""

    coverage: float
    width: float


def judged(lower: Floats, upper: Floats, wanted: Floats) -> Found:
    return Found(
        float(np.mean((lower <= wanted) & (wanted <= upper))), float(np.mean(upper - lower))
    )


@dataclass(frozen=True)
class Parts:
    """Learned from, tested with, and unseen: inputs and outputs each."""

    train: tuple[Floats, Floats]
    test: tuple[Floats, Floats]
    unseen: tuple[Floats, Floats]


def parts_of(data: Dataset, seed: int) -> Parts:
    found = split(data, seed)
    x, y = found.observed, found.wanted
    first = len(x) - len(x) // 3
    return Parts((x[:first], y[:first]), (x[first:], y[first:]), (found.unseen, found.answers))


def ours(data: Dataset, parts: Parts, seed: int) -> Found:
    sizes: dict[str, Any] = {"dataset": len(parts.train[1]), "test": len(parts.test[1])}
    with nr.connect() as db:
        net = db.create("net", "regressor", data.layout, seed=seed, **sizes)
        net.observe_many(*parts.train, "train")
        net.observe_many(*parts.test, "test")
        net.train(timeout=0, maxcycles=MOST_CYCLES, autostop=True, backtrack=True).wait()
        found = net.run(parts.unseen[0], interval=SURE)
    return judged(found[:, 0, 0], found[:, 0, 2], parts.unseen[1])


def quantiles(parts: Parts, seed: int) -> Found:
    """CatBoost as it is: how many trees, the testing samples do not say, which are to calibrate."""
    from catboost import CatBoostRegressor

    loss = f"MultiQuantile:alpha={(1 - SURE) / 2:.2f},{(1 + SURE) / 2:.2f}"
    model = CatBoostRegressor(
        loss_function=loss,
        random_seed=seed,
        verbose=False,
        thread_count=2,
        allow_writing_files=False,
    )
    model.fit(*parts.train)
    off = conformity(model.predict(parts.test[0]), parts.test[1])
    low, high = model.predict(parts.unseen[0]).T
    return judged(low - off, high + off, parts.unseen[1])


def conformity(bounds: Floats, wanted: Floats) -> float:
    """By how much bounds are to be moved apart."""
    scores = np.sort(np.maximum(bounds[:, 0] - wanted, wanted - bounds[:, 1]))
    return float(scores[min(int(np.ceil((len(scores) + 1) * SURE)), len(scores)) - 1])


def row_of(data: Dataset, seeds: int) -> list[Any]:
    each = [(parts, seed) for seed in range(seeds) for parts in [parts_of(data, seed)]]
    us = [ours(data, parts, seed) for parts, seed in each]
    them = [quantiles(parts, seed) for parts, seed in each]
    widths = [np.mean([one.width for one in found]) for found in (us, them)]
    covered = [np.mean([one.coverage for one in found]) for found in (us, them)]
    return [data.name, *covered, widths[0] / widths[1]]


@click.command()
@click.option("--data", help="Datasets, with commas between.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1))
def main(data: str | None, seeds: int) -> None:
    rows = []
    for name in data.split(",") if data else SETS:
        rows.append(row_of(BY_NAME[name], seeds))
        click.echo("{}: within {:.3f}, CatBoost {:.3f}, width {:.2f} of its".format(*rows[-1]))
    means = ["mean", *(float(np.mean([row[i] for row in rows])) for i in (1, 2, 3))]
    head = ["", "within", "CatBoost's", "width, CatBoost's is 1"]
    shown = [[row[0], *(f"{part:.3f}" for part in row[1:])] for row in [*rows, means]]
    click.echo("\n" + markdown(head, shown))


if __name__ == "__main__":
    main()
