"""A part of the report: its section of the page, which is written without touching others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from benchmarks.quality.claims import Claim
from benchmarks.quality.report import DOCS, machine
from benchmarks.quality.tables import markdown

PAGE = DOCS / "sequences-quality.md"
INTRODUCTION = """\
# Networks of sequences: quality and speed

How good and how fast networks with [sequences](sequences.md) are, beside others in the same run and
on the same data, one thread each. This page is written by `make bench-sequences`, each section by
its own run; the code is in benchmarks/sequences.
"""


@dataclass(frozen=True)
class Part:
    """What a part has found: what is to hold, and more as markdown."""

    title: str
    claims: Sequence[Claim]
    text: str

    @property
    def section(self) -> str:
        about = machine()
        when = f"Measured on {date.today()}, on a machine with {about['cores']} cores and "
        rows = [[c.says, "yes" if c.holds else "**no**", c.figures] for c in self.claims]
        parts = [
            f"## {self.title}",
            f"{when}{about['isa']}.",
            markdown(["", "holds", "figures"], rows),
            self.text.strip(),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def sections(page: str) -> dict[str, str]:
    """The sections of a page by their titles, in their order."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


def page_with(page: str, part: Part) -> str:
    """The page with one section in its place, or behind the others."""
    found = sections(page) | {part.title: part.section}
    return "\n".join([INTRODUCTION, *found.values()])


def write(part: Part) -> None:
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    PAGE.write_text(page_with(page, part), "utf-8")
