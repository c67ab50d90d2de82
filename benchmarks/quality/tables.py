"""Results as figures: means over seeds, ranks, and tables of text."""

from collections.abc import Sequence

import numpy as np

from benchmarks.quality.contenders import Contender
from benchmarks.quality.datasets import Dataset, Floats
from benchmarks.quality.runs import Result

Results = dict[tuple[str, str], list[Result]]  # by names of dataset and contender


def losses(found: Sequence[Result]) -> Floats:
    return np.array([result.score.loss for result in found])


def shown(data: Dataset, loss: float) -> str:
    """A loss as people know it: wrong classes in per cent, or R2."""
    return f"{loss:.2f}" if data.classifier else f"{1 - loss / 100:.3f}"


def ranks(found: Results, data: Sequence[Dataset], who: Sequence[Contender]) -> Floats:
    """Each contender's rank on each dataset by its mean loss, (datasets, contenders); 1 is best.

    Those that are equal share the mean of their ranks.
    """
    means = np.array([[losses(found[d.name, c.name]).mean() for c in who] for d in data])
    below = (means[:, :, None] > means[:, None, :]).sum(axis=2)
    same = (means[:, :, None] == means[:, None, :]).sum(axis=2)
    return np.asarray(below + (same + 1) / 2)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its columns aligned so that it can be read as it stands."""
    every = [list(head), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in every) for i in range(len(head))]
    lines = [
        " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in every
    ]
    lines.insert(1, " | ".join("-" * w for w in widths))
    return "\n".join(f"| {line} |" for line in lines)


def overview(found: Results, data: Sequence[Dataset], who: Sequence[Contender]) -> str:
    """A row a dataset: the mean, and the worst, of every contender."""
    rows = []
    for d in data:
        row = [d.name]
        for c in who:
            some = losses(found[d.name, c.name])
            row.append(f"{shown(d, some.mean())} ({shown(d, some.max())})")
        rows.append(row)
    rows.append(["mean rank", *[f"{r:.2f}" for r in ranks(found, data, who).mean(axis=0)]])
    return markdown(["", *[c.title for c in who]], rows)
