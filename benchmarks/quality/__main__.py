"""The command; see the package's docstring."""

import sys

import click
from tqdm import tqdm

from benchmarks.quality import contenders, datasets
from benchmarks.quality.contenders import Contender
from benchmarks.quality.datasets import Dataset
from benchmarks.quality.runs import results
from benchmarks.quality.tables import Results, markdown, overview


def gather(data: list[Dataset], who: list[Contender], seeds: range) -> Results:
    found: Results = {}
    pairs = [(d, c) for c in who for d in data]
    for d, c in (bar := tqdm(pairs, disable=not sys.stderr.isatty(), leave=False)):
        bar.set_description(f"{c.title} on {d.name}")
        found[d.name, c.name] = results(d, c, seeds)
    return found


def named(text: str | None, table: dict[str, Dataset] | dict[str, Contender]) -> list[str]:
    names = text.split(",") if text else list(table)
    if unknown := set(names) - set(table):
        raise click.UsageError(f"unknown: {', '.join(unknown)}; there are {', '.join(table)}")
    return names


@click.group(invoke_without_command=True)
@click.option("--only", help="Contenders, with commas between.")
@click.option("--data", help="Datasets, with commas between.")
@click.option("--seeds", default=5, show_default=True)
@click.pass_context
def main(context: click.Context, only: str | None, data: str | None, seeds: int) -> None:
    """Score contenders on the datasets that defaults may be chosen by."""
    if context.invoked_subcommand:
        return
    who = [contenders.BY_NAME[name] for name in named(only, contenders.BY_NAME)]
    these = [datasets.BY_NAME[name] for name in named(data, datasets.BY_NAME)]
    these = [d for d in these if not d.held_out]
    found = gather(these, who, range(seeds))
    print(overview(found, these, who))
    rows = []
    for c in who:
        every = [found[d.name, c.name] for d in these]
        log_loss = [r.score.log_loss for d, f in zip(these, every, strict=True) if d.classifier for r in f]
        rows.append([c.title, f"{sum(log_loss)/len(log_loss):.4f}"])
    print(markdown(["", "log-loss"], rows))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.quality")
