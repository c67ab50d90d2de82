"""What is to hold, each as figures and whether they are good enough.

A point is one per cent of wrong classes, or 0.02 of R2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.contenders import CONTENDERS, SORTED
from benchmarks.quality.datasets import DATASETS, Dataset, Floats
from benchmarks.quality.runs import Result
from benchmarks.quality.tables import Results, losses, ranks, shown

US = "nr"
OTHERS = [contender.name for contender in CONTENDERS if contender.name != US]
SMALL_ROWS, QUICK_ROWS = 1000, 2000
MOST_BEHIND, MOST_BEHIND_BOOSTING, MOST_BAD = 1.0, 1.0, 15.0
MOST_MS, MOST_BY_ORDER = 100, 0.5


@dataclass(frozen=True)
class Claim:
    says: str
    holds: bool
    figures: str


def points(data: Dataset, found: Sequence[Result]) -> Floats:
    return losses(found) * (1 if data.classifier else 0.5)


def mean_points(found: Results, data: Dataset, name: str) -> float:
    return float(points(data, found[data.name, name]).mean())


def ranking(found: Results, data: Sequence[Dataset], of: str) -> Claim:
    means = ranks(found, data, CONTENDERS).mean(axis=0)
    every = {c.name: float(rank) for c, rank in zip(CONTENDERS, means, strict=True)}
    figures = "; ".join(f"{c.title} {every[c.name]:.2f}" for c in CONTENDERS)
    return Claim(f"Best mean rank over {of}", every[US] == min(every.values()), figures)


def never_far(found: Results, data: Sequence[Dataset]) -> Claim:
    rivals = ("mlp", "linear", "classic")
    behind = {
        d.name: mean_points(found, d, US) - min(mean_points(found, d, r) for r in rivals)
        for d in data
    }
    over = {name: gap for name, gap in behind.items() if gap > MOST_BEHIND}
    worst = max(behind, key=lambda name: behind[name])
    figures = f"most behind: {worst}, {behind[worst]:+.2f} points"
    if over:
        figures = "; ".join(f"{name} {gap:+.2f} points" for name, gap in over.items())
    return Claim(
        "On each dataset within a point of the best of MLP, linear and CLASSIC", not over, figures
    )


def near_boosting(found: Results, data: Sequence[Dataset]) -> Claim:
    gap = np.mean([mean_points(found, d, US) - mean_points(found, d, "boosting") for d in data])
    return Claim(
        "Within a point of boosting, in the mean over all datasets",
        bool(gap <= MOST_BEHIND_BOOSTING),
        f"{gap:+.2f} points",
    )


def quick(found: Results, data: Sequence[Dataset]) -> Claim:
    these = [d for d in data if len(d.arrays()[0]) <= QUICK_ROWS]
    times = {d.name: [1000 * r.seconds for r in found[d.name, US]] for d in these}
    median = float(np.median(np.concatenate(list(times.values()))))
    own = {name: float(np.median(some)) for name, some in times.items()}
    slow = ", ".join(f"{name} {ms:.0f} ms" for name, ms in own.items() if ms >= MOST_MS)
    return Claim(
        f"Median training time under {MOST_MS} ms on datasets of up to {QUICK_ROWS} rows, by one "
        "thread (the default)",
        median < MOST_MS,
        f"{median:.0f} ms over all runs on {len(these)} datasets; for information, datasets whose "
        f"own median is longer: {slow or 'none'}",
    )


def no_bad_run(many: Results, data: Sequence[Dataset]) -> Claim:
    gaps = {}
    for d in small(data):
        some = points(d, many[d.name, US])
        gaps[d.name] = float(some.max() - np.median(some))
    worst = max(gaps, key=lambda name: gaps[name])
    over = {name: gap for name, gap in gaps.items() if gap > MOST_BAD}
    figures = "; ".join(f"{n} {g:.1f}" for n, g in (over or {worst: gaps[worst]}).items())
    return Claim(
        f"Of 100 runs none {MOST_BAD:.0f} points worse than the median, under {SMALL_ROWS} rows",
        not over,
        f"largest distance: {figures} points",
    )


def at_anchors(many: Results, data: Sequence[Dataset]) -> Claim:
    behind = {}
    for d in data:
        if d.anchor:
            best = min(mean_points(many, d, name) for name in OTHERS)
            behind[d.name] = mean_points(many, d, US) - best
    ahead = sum(gap <= 0 for gap in behind.values())
    good = ahead >= len(behind) - 1 and max(behind.values()) <= 0.5
    figures = ", ".join(f"{name} {gap:+.2f}" for name, gap in behind.items())
    return Claim(
        f"At the best of all contenders or better on all anchors but one, and there within half "
        f"a point, over 100 seeds ({ahead} of {len(behind)})",
        good,
        figures,
    )


def calibrated(found: Results, data: Sequence[Dataset]) -> Claim:
    every = {
        name: np.mean(
            [[r.score.calibration for r in found[d.name, name]] for d in data if d.classifier]
        )
        for name in (US, "linear")
    }
    return Claim(
        "Expected calibration error at most that of logistic regression, in the mean",
        bool(every[US] <= every["linear"]),
        f"{every[US]:.2f}% and {every['linear']:.2f}%",
    )


def bears_order(found: Results, data: Sequence[Dataset]) -> Claim:
    gaps = {
        d.name: mean_points(found, d, SORTED.name) - mean_points(found, d, US)
        for d in data
        if d.classifier
    }
    mean, worst = float(np.mean(list(gaps.values()))), max(gaps, key=lambda name: gaps[name])
    return Claim(
        "Samples that arrive sorted by class cost less than half a point, in the mean",
        mean < MOST_BY_ORDER,
        f"{mean:+.2f} points; the most on {worst}, {gaps[worst]:+.2f}",
    )


def small(data: Sequence[Dataset]) -> list[Dataset]:
    return [d for d in data if len(d.arrays()[0]) < SMALL_ROWS]


def claims(found: Results, many: Results, data: Sequence[Dataset] = DATASETS) -> list[Claim]:
    held_out = [d for d in data if d.held_out]
    return [
        ranking(found, data, f"all {len(data)} datasets"),
        ranking(found, held_out, f"the {len(held_out)} datasets kept out of every choice"),
        never_far(found, data),
        near_boosting(found, data),
        quick(found, data),
        no_bad_run(many, data),
        at_anchors(many, data),
        calibrated(found, data),
        bears_order(found, data),
    ]


def anchor_rows(many: Results, data: Sequence[Dataset]) -> list[list[str]]:
    """Layout, what was known, and what every contender has over 100 seeds."""
    rows = []
    for d in data:
        if d.anchor:
            known = [f"{a:.1f}" if d.classifier else f"{a:.3f}" for a in d.anchor]
            means = [shown(d, losses(many[d.name, c.name]).mean()) for c in CONTENDERS]
            rows.append([f"{d.name} {'-'.join(map(str, d.layout))}", *known, *means])
    return rows
