"""The command; see the package's docstring."""

import sys
from collections.abc import Sequence

import click
import numpy as np

from benchmarks.fields.claims import mean
from benchmarks.fields.contenders import CONTENDERS, READERS
from benchmarks.fields.sets import BY_NAME, TABLES, TEXTS, Table
from benchmarks.quality.__main__ import gather, named
from benchmarks.quality.contenders import Contender
from benchmarks.quality.datasets import DataMissing
from benchmarks.quality.tables import Results, markdown

FIRST, SEEDS, READ = 100, 10, 3  # of the report; seeds of texts


def pairs_of(tables: Sequence[Table], texts: Sequence[Table]) -> list[tuple[Table, Contender]]:
    return [(t, c) for c in CONTENDERS for t in tables] + [(t, c) for c in READERS for t in texts]


def rows_of(found: Results, tables: Sequence[Table], who: Sequence[Contender]) -> list[list[str]]:
    """Points of error, and at last what nr gains over the second of them."""
    rows = []
    for table in tables:
        means = [mean(found, table, c) for c in who]
        work = [np.median([r.work for r in found[table.name, c.name]]) for c in who]
        figures = [*[f"{m:.2f}" for m in means], f"{means[1] - means[0]:+.2f}"]
        rows.append([table.name, *figures, f"{1000 * work[0]:.0f}"])
    return rows


def summary(found: Results, tables: Sequence[Table], who: Sequence[Contender]) -> list[list[str]]:
    rows = []
    for c in who:
        gain = np.mean([mean(found, t, who[1]) - mean(found, t, c) for t in tables])
        every = [r.score for t in tables if t.classifier for r in found[t.name, c.name]]
        rows.append(
            [
                c.title,
                f"{gain:+.2f}",
                f"{np.mean([s.log_loss for s in every]):.4f}",
                f"{np.mean([s.calibration for s in every]):.2f}",
            ]
        )
    return rows


def show(found: Results, tables: Sequence[Table], who: Sequence[Contender]) -> None:
    if not tables:
        return
    titles = [c.title for c in who]
    print(markdown(["", *titles, "gain", "nr, ms"], rows_of(found, tables, who)))
    head = ["", f"gain over {who[1].title}", "log-loss", "calibration error"]
    print(markdown(head, summary(found, tables, who)))


@click.group(invoke_without_command=True)
@click.option("--data", help="Sets, with commas between.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.pass_context
def main(context: click.Context, data: str | None, seeds: int) -> None:
    """Score all contenders on the sets that choices may be made by."""
    if context.invoked_subcommand:
        return
    names = named(data, [t.name for t in [*TABLES, *TEXTS] if not t.held_out])
    tables = [BY_NAME[name] for name in names if not BY_NAME[name].text]
    texts = [BY_NAME[name] for name in names if BY_NAME[name].text]
    found = gather(pairs_of(tables, texts), range(seeds))
    show(found, tables, CONTENDERS)
    show(found, texts, READERS)


@main.command()
@click.option("--kept", is_flag=True, help="By the results that are there: compute none.")
def report(kept: bool) -> None:
    """Score all on all, and write docs/fields-quality.md."""
    from benchmarks.fields.claims import claims
    from benchmarks.fields.report import write
    from benchmarks.quality import runs

    tables, texts = pairs_of(TABLES, []), pairs_of([], TEXTS)
    of_tables, of_texts = range(FIRST, FIRST + SEEDS), range(FIRST, FIRST + READ)
    if kept:
        found = {(t.name, c.name): runs.kept(t, c, of_tables) for t, c in tables}
        found |= {(t.name, c.name): runs.kept(t, c, of_texts) for t, c in texts}
    else:
        found = gather(tables, of_tables) | gather(texts, of_texts)
    write(found)
    every = claims(found)
    for claim in every:
        print(f"{'holds' if claim.holds else 'FAILS'}: {claim.says}: {claim.figures}")
    sys.exit(not all(claim.holds for claim in every))


@main.command()
@click.option("--only", help="Variants, with commas between; the defaults are always there.")
@click.option("--data", help="Sets, with commas between.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(2))
@click.option("--text", is_flag=True, help="Texts, not tables.")
def study(only: str | None, data: str | None, seeds: int, text: bool) -> None:
    """Score variants of the core on the sets that choices may be made by."""
    from benchmarks.fields import study

    tables = study.chosen(text)
    kept = named(data, [t.name for t in tables])
    print(study.study(named(only, [*study.VARIANT]), seeds, [t for t in tables if t.name in kept]))


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.fields")
    except DataMissing as error:
        sys.exit(f"A dataset is missing: {error}")
