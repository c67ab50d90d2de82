"""NR.METRICS and NR.IMPORTANCE as a person reads them: tables, and a bar for each input."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import inf
from typing import TYPE_CHECKING

import click

from nr.cli import printing
from nr.commands.metrics import Metrics, parse_metrics
from nr.fields import text

if TYPE_CHECKING:
    from nr.database import Database
    from nr.engine import Reply

_BAR = 40  # characters of the longest bar
_MOST_INPUTS = 30
_LONGEST = 24  # characters of a name


def as_json(db: Database, key: bytes) -> None:
    """Prints the same for a program: what has no value is null, without a report all is."""
    found = parse_metrics(db.execute("NR.METRICS", key))
    importance = db.execute("NR.IMPORTANCE", key) if found and found.mase is None else None
    report = asdict(found) if found else {}
    report = {name: value for name, value in report.items() if value is not None}
    rests_on = (
        dict(zip(*_by_input(importance), strict=True)) if isinstance(importance, list) else None
    )
    click.echo(json.dumps({"metrics": report or None, "importance": rests_on}))


def metrics(db: Database, key: bytes) -> None:
    """Prints how good the network `key` was when its training ended, and what it rests on."""
    found = parse_metrics(db.execute("NR.METRICS", key))
    if found is None:
        click.echo(f"{printing.word(key)} was not trained yet, or without testing samples.")
        return
    if found.mase is not None:
        click.echo(_forecaster(found))
        return
    if found.symbol_errors is not None:
        click.echo(
            f"Of {found.samples} testing samples right to the symbol: "
            f"{_number(found.exact_matches)}, by reading every symbol by itself "
            f"{_number(found.naive_exact_matches)}; wrong symbols: "
            f"{_number(found.symbol_errors)} and {_number(found.naive_symbol_errors)}"
        )
        return
    if found.perplexity is not None:
        click.echo(
            f"On {found.samples} testing symbols: perplexity {_number(found.perplexity)}, by the "
            f"symbol before alone {_number(found.naive_perplexity)}"
        )
        return
    click.echo(_classifier(found) if found.support is not None else _regressor(found))
    importance = db.execute("NR.IMPORTANCE", key)
    if isinstance(importance, list):
        click.echo(_bars(*_by_input(importance)))


def _by_input(importance: list[Reply]) -> tuple[list[str], list[float | None]]:
    """Names of the inputs and their importance; without fields the names are numbers."""
    if importance and isinstance(importance[0], bytes):
        names, importance = [text(name) for name in importance[::2]], importance[1::2]
    else:
        names = [str(i) for i in range(len(importance))]
    return names, [value if isinstance(value, float) else None for value in importance]


def _names(named: tuple[str, ...] | None, count: int) -> list[str]:
    """Of classes or outputs as a terminal shows them; without fields they are numbers."""
    return [_shown(name) for name in named] if named else [str(i) for i in range(count)]


def _shown(name: str) -> str:
    """A name on one line, cut where it is long."""
    line = "".join(letter if letter.isprintable() else "?" for letter in name)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def table(rows: list[list[str]]) -> str:
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
    names = _names(m.classes, len(m.support))
    rows = [["class", "precision", "recall", "F1", "samples"]]
    for c, support in enumerate(m.support):
        values = (m.precision[c], m.recall[c], m.f1[c])
        rows.append([names[c], *map(_number, values), str(support)])
    lines.append(table(rows))
    if m.confusion_matrix and len(m.confusion_matrix) <= 20:
        head = ["taken for", *names]
        body = [[names[c], *map(str, row)] for c, row in enumerate(m.confusion_matrix)]
        lines += ["", table([head, *body])]
    return "\n".join(lines)


def _regressor(m: Metrics) -> str:
    assert m.rmse
    assert m.mae
    assert m.r2
    names = _names(m.outputs, len(m.rmse))
    rows = [["output", "RMSE", "MAE", "R2"]]
    for o, values in enumerate(zip(m.rmse, m.mae, m.r2, strict=True)):
        rows.append([names[o], *map(_number, values)])
    return f"On {m.samples} testing samples:\n\n{table(rows)}"


def _forecaster(m: Metrics) -> str:
    assert m.mase
    assert m.naive_mase
    assert m.naive_rmse
    season = f"a season of {m.season} steps" if m.season != 1 else "no season"
    lines = [f"On {m.samples} windows that were held out, with {season}:"]
    for o, name in enumerate(_names(m.outputs, len(m.mase))):
        rows = [[name, "MASE", "naive", "RMSE", "naive"]]
        scores = zip(m.mase[o], m.naive_mase[o], m.rmse[o], m.naive_rmse[o], strict=True)
        for h, values in enumerate(scores):
            rows.append([f"step {h}" if h else "all", *map(_number, values)])
        lines += ["", table(rows)]
    return "\n".join(lines)


def _bars(names: list[str], importance: list[float | None]) -> str:
    """The most important inputs first, those last of which nothing can be said."""
    grown = [-inf if value is None else value for value in importance]
    order = sorted(range(len(grown)), key=lambda i: -grown[i])[:_MOST_INPUTS]
    largest = max(*grown, 1e-30)
    width = max(6, *(len(_shown(names[i])) for i in order))
    lines = ["", "Importance of the inputs: what the loss grows by without each", ""]
    for i in order:
        bar = "#" * round(_BAR * max(grown[i], 0.0) / largest)
        shown = "-" if importance[i] is None else f"{grown[i]:.4f}"
        lines.append(f"{_shown(names[i]):>{width}}  {shown:>9}  {bar}".rstrip())
    if len(importance) > len(order):
        lines.append(f"  and {len(importance) - len(order)} more, less important")
    return "\n".join(lines)
