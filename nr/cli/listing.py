"""`nr list`: the networks of a store, a line each."""

from __future__ import annotations

from contextlib import suppress
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from nr.cli import printing
from nr.cli.metrics import table
from nr.errors import NotFoundError

if TYPE_CHECKING:
    from nr.commands.info import Info
    from nr.database import Database

_WIDEST = 40  # characters of a layout or of fields


def networks(db: Database) -> None:
    """Prints them: what they are of, samples, cycles, and the testing error."""
    rows = [["name", "type", "of", "training", "testing", "cycles", "testing error"]]
    for name in db:
        key = name.encode("utf-8", "surrogateescape")
        with suppress(NotFoundError):  # deleted in the meantime
            rows.append([printing.word(key), *_told(db[key].info())])
    click.echo(table(rows) if len(rows) > 1 else "There are no networks.")


def _told(now: Info) -> list[str]:
    names = " ".join(field.partition(":")[0] or field for field in now.fields)
    of = shorten(names, _WIDEST, placeholder=" ...") or "-".join(map(str, now.layout))
    error = f"{now.test_error:.4g}" if now.cycles and now.test_len else "-"
    return [now.type, of, *(str(n) for n in (now.train_len, now.test_len, now.cycles)), error]
