"""Follows a training: one line, rewritten in a terminal, one line a second elsewhere.

All it asks is NR.INFO and NR.THREADS, so it follows trainings that any process runs.
"""

from __future__ import annotations

import sys
import time
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from nr.cli import printing
from nr.commands.info import parse_info, parse_order, parse_progress

if TYPE_CHECKING:
    from nr.commands.info import Info
    from nr.database import Database
    from nr.engine import Progress

_REWRITE = "\r\x1b[2K"  # back to the line's start, and empty it


def watch(db: Database, key: bytes) -> None:
    """Prints the progress of the training of `key`, and how the last one ended."""
    live = sys.stdout.isatty()
    info = parse_info(db.execute("NR.INFO", key))
    before = ""
    seen = False
    while progress := _progress(db, info):
        seen = True  # but no error is known before the first cycle has ended
        now = f"Cycle {progress.cycles}: {_errors(info, progress)}" if progress.cycles else ""
        if now != before and live:  # a line that wraps cannot be rewritten
            click.echo(_REWRITE + now[: get_terminal_size().columns - 1], nl=False)
        elif now != before:
            click.echo(now)
        before = now
        time.sleep(0.1 if live else 1.0)
    if not seen:
        click.echo(f"No training of {printing.word(key)} runs.")
    elif live and before:
        click.echo(_REWRITE, nl=False)
    click.echo(_summary(parse_info(db.execute("NR.INFO", key))))


def orders(db: Database) -> None:
    """Prints a table of the trainings that run or wait."""
    lines = db.execute("NR.THREADS")
    assert isinstance(lines, list)
    rows = [("network", "state", "worker", "attempt", "cycles")]
    for order in map(parse_order, map(str, lines)):
        numbers = str(order.attempt), str(order.progress.cycles)
        rows.append((order.key, order.state, order.worker, *numbers))
    if len(rows) == 1:
        click.echo("No training runs or waits.")
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _progress(db: Database, info: Info) -> Progress | None:
    """The progress of the network's training; None where none runs or waits."""
    lines = db.execute("NR.THREADS")
    assert isinstance(lines, list)
    return dict(parse_progress(str(line)) for line in lines).get(info.id)


def _summary(info: Info) -> str:
    if not info.cycles:
        return "It is not trained yet."
    text = f"Trained for {info.cycles} cycles and {info.seconds:.3g} seconds in all"
    return f"{text}, ended by {info.ended_by}: {_errors(info, info)}."


def _errors(info: Info, now: Info | Progress) -> str:
    text = f"training error {now.train_error:.6f}"
    if info.test_len:
        text += f", testing error {now.test_error:.6f}"
        if info.type == "classifier":
            text += f", {now.class_errors:.2f}% of the testing samples misclassified"
    return text
