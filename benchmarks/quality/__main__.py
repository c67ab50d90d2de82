"""The command; see the package's docstring."""

import sys
from collections.abc import Sequence

import click
import numpy as np
from tqdm import tqdm

from benchmarks.quality import contenders
from benchmarks.quality.claims import US, claims, small
from benchmarks.quality.contenders import CONTENDERS, SORTED, Contender
from benchmarks.quality.datasets import DATASETS, DataMissing, Dataset
from benchmarks.quality.runs import results
from benchmarks.quality.tables import Results, markdown, overview

FIRST, SEEDS, MANY = 100, 20, 100  # of the report
SHORT_ROWS, SHORT_SEEDS = 2500, 3


def gather(pairs: Sequence[tuple[Dataset, Contender]], seeds: range) -> Results:
    found: Results = {}
    for d, c in (bar := tqdm(pairs, disable=not sys.stderr.isatty(), leave=False)):
        bar.set_description(f"{c.title} on {d.name}")
        found[d.name, c.name] = results(d, c, seeds)
    return found


def every_pair(
    data: Sequence[Dataset], who: Sequence[Contender]
) -> list[tuple[Dataset, Contender]]:
    return [(d, c) for c in who for d in data]


def named(text: str | None, names: Sequence[str]) -> list[str]:
    """The names in the text, or all of them."""
    some = text.split(",") if text else list(names)
    if unknown := set(some) - set(names):
        raise click.UsageError(f"unknown: {', '.join(unknown)}; there are {', '.join(names)}")
    return some


def probabilities(found: Results, data: Sequence[Dataset], who: Sequence[Contender]) -> str:
    rows = []
    for c in who:
        every = [r for d in data if d.classifier for r in found[d.name, c.name]]
        work = [np.median([r.work for r in found[d.name, c.name]]) for d in data]
        log_loss = np.mean([r.score.log_loss for r in every])
        calibration = np.mean([r.score.calibration for r in every])
        rows.append(
            [c.title, f"{log_loss:.4f}", f"{calibration:.2f}", f"{1000 * np.mean(work):.0f}"]
        )
    return markdown(["means over datasets", "log-loss", "calibration error", "ms"], rows)


@click.group(invoke_without_command=True)
@click.option("--only", help="Contenders, with commas between.")
@click.option("--data", help="Datasets, with commas between.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))
@click.pass_context
def main(context: click.Context, only: str | None, data: str | None, seeds: int) -> None:
    """Score contenders on the datasets that defaults may be chosen by: the mean, and the worst."""
    if context.invoked_subcommand:
        return
    who = [contenders.BY_NAME[name] for name in named(only, list(contenders.BY_NAME))]
    chosen = {d.name: d for d in DATASETS if not d.held_out}
    these = [chosen[name] for name in named(data, list(chosen))]
    found = gather(every_pair(these, who), range(seeds))
    print(overview(found, these, who))
    if any(d.classifier for d in these):
        print(probabilities(found, these, who))


@main.command()
def report() -> None:
    """Score all on all, and write docs/quality.md and docs/quality.png."""
    from benchmarks.quality.report import write

    seeds = range(FIRST, FIRST + SEEDS)
    classifiers = [d for d in DATASETS if d.classifier]
    found = gather(every_pair(DATASETS, CONTENDERS) + every_pair(classifiers, [SORTED]), seeds)
    anchors = [d for d in DATASETS if d.anchor]
    pairs = every_pair(anchors, CONTENDERS) + every_pair(small(DATASETS), [contenders.BY_NAME[US]])
    many = gather(list(dict.fromkeys(pairs)), range(FIRST, FIRST + MANY))
    write(found, many, seeds)
    every = claims(found, many)
    for claim in every:
        print(f"{'holds' if claim.holds else 'FAILS'}: {claim.says}: {claim.figures}")
    sys.exit(not all(claim.holds for claim in every))


@main.command()
def short() -> None:
    """Score all contenders on the smaller datasets, in a few minutes; writes nothing."""
    these = [d for d in DATASETS if len(d.arrays()[0]) <= SHORT_ROWS]
    found = gather(every_pair(these, CONTENDERS), range(FIRST, FIRST + SHORT_SEEDS))
    print(overview(found, these, CONTENDERS))
    print(probabilities(found, these, CONTENDERS))


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.quality")
    except DataMissing as error:
        sys.exit(f"A dataset is missing: {error}")
