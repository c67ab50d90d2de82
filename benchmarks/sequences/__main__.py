"""The command; see the package's docstring."""

import sys
from importlib import import_module

import click

from benchmarks.quality.datasets import DataMissing
from benchmarks.sequences.part import Part, write

PARTS = ("speed", "classes", "shop", "forecast", "say")
"""Modules of this package that measure, in the order of the page."""


@click.command()
@click.argument("words", nargs=-1, type=click.Choice(PARTS))
@click.option("--write", "writes", is_flag=True, help="Write docs/sequences-quality.md.")
def main(words: tuple[str, ...], writes: bool) -> None:
    """Measure some parts, or all."""
    holds = True
    for word in words or PARTS:
        part: Part = import_module(f"benchmarks.sequences.{word}").measure()
        print(part.section)
        if writes:
            write(part)
        holds = holds and all(claim.holds for claim in part.claims)
    sys.exit(not holds)


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.sequences")
    except DataMissing as error:
        sys.exit(f"A dataset is missing: {error}")
