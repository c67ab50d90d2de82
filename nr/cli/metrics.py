"""NR.METRICS and NR.IMPORTANCE as a person reads them: tables, and a bar for each input."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import click

from nr.cli import printing
from nr.commands.metrics import Metrics, parse_metrics

if TYPE_CHECKING:
    from nr.database import Database

_BAR = 40  # characters of the longest bar
_MOST_INPUTS = 30


def metrics(db: Database, key: bytes) -> None:
    """Prints how good the network `key` was when its training ended, and what it rests on."""
    found = parse_metrics(db.execute("NR.METRICS", key))
    if found is None:
        click.echo(f"{printing.word(key)} was not trained yet, or without testing samples.")
        return
    click.echo(_classifier(found) if found.support is not None else _regressor(found))
    importance = db.execute("NR.IMPORTANCE", key)
    if isinstance(importance, list):
        click.echo(_bars([value if isinstance(value, float) else None for value in importance]))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _classifier(m: Metrics) -> str:
    lines = [
        f"On {m.samples} testing samples: accuracy {_number(m.accuracy)}, log-loss "
        f"{_number(m.log_loss)}, Brier {_number(m.brier)}, AUC {_number(m.auc)}, calibration "
        f"error {_number(m.calibration_error)}",
        "",
    ]
    assert m.precision
    assert m.recall
    assert m.f1
    assert m.support
    rows = [["class", "precision", "recall", "F1", "samples"]]
    for c, support in enumerate(m.support):
        values = (m.precision[c], m.recall[c], m.f1[c])
        rows.append([str(c), *map(_number, values), str(support)])
    lines.append(_table(rows))
    if m.confusion_matrix and len(m.confusion_matrix) <= 20:
        head = ["taken for", *(str(c) for c in range(len(m.support)))]
        body = [[str(c), *map(str, row)] for c, row in enumerate(m.confusion_matrix)]
        lines += ["", _table([head, *body])]
    return "\n".join(lines)


def _regressor(m: Metrics) -> str:
    assert m.rmse
    assert m.mae
    assert m.r2
    rows = [["output", "RMSE", "MAE", "R2"]]
    for o, values in enumerate(zip(m.rmse, m.mae, m.r2, strict=True)):
        rows.append([str(o), *map(_number, values)])
    return f"On {m.samples} testing samples:\n\n{_table(rows)}"


def _bars(importance: list[float | None]) -> str:
    """The most important inputs first, those last of which nothing can be said."""
    grown = [-inf if value is None else value for value in importance]
    order = sorted(range(len(grown)), key=lambda i: -grown[i])[:_MOST_INPUTS]
    largest = max(*grown, 1e-30)
    lines = ["", "Importance of the inputs: what the loss grows by without each", ""]
    for i in order:
        bar = "#" * round(_BAR * max(grown[i], 0.0) / largest)
        shown = "-" if importance[i] is None else f"{grown[i]:.4f}"
        lines.append(f"{i:>6}  {shown:>9}  {bar}".rstrip())
    if len(importance) > len(order):
        lines.append(f"  and {len(importance) - len(order)} more, less important")
    return "\n".join(lines)
