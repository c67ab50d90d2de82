"""The command; see the package's docstring."""

import sys
from importlib import import_module

import click

from benchmarks.quality.datasets import DataMissing
from benchmarks.sequences.part import Part, write

PARTS = ("speed", "classes", "shop", "forecast", "say")
"""Modules of this package that measure, in the order of the page."""
TEXTS = ("bible", "ptb")
"""Texts of language models, which take hours and are measured by themselves: ``ptb`` is followed by
a folder, and both perhaps by small, medium or large."""


@click.command()
@click.argument("words", nargs=-1)
@click.option("--write", "writes", is_flag=True, help="Write docs/sequences-quality.md.")
@click.option("--epochs", type=int, help="Of published language models, fewer than there are.")
@click.option("--share", type=float, default=1.0, help="The part of a text that is taken.")
def main(words: tuple[str, ...], writes: bool, epochs: int | None, share: float) -> None:
    """Measure some parts, or all."""
    holds = True
    for part in found(words, epochs, share):
        print(part.section)
        if writes:
            write(part)
        holds = holds and all(claim.holds for claim in part.claims)
    sys.exit(not holds)


def found(words: tuple[str, ...], epochs: int | None, share: float) -> list[Part]:
    if words and words[0] in TEXTS:
        from benchmarks.sequences import language

        texts, size = language.chosen(words, share)
        return [language.measure(texts, size, epochs, lambda line: print(line, flush=True))]
    for word in words:
        if word not in PARTS:
            raise click.BadArgumentUsage(f"{word} is none of {', '.join((*PARTS, *TEXTS))}")
    return [import_module(f"benchmarks.sequences.{word}").measure() for word in words or PARTS]


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.sequences")
    except DataMissing as error:
        sys.exit(f"A dataset is missing: {error}")
