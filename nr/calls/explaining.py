"""What an answer rests on."""

from __future__ import annotations

from typing import Any

import numpy as np

from nr import fields
from nr.calls.networks import info
from nr.calls.steps import Call
from nr.commands.arguments import Argument
from nr.commands.explanation import Explanation, parse_explanation
from nr.values import matrix


def explain(key: bytes, row: Any, top: int | None, of: str | int | None) -> Call[Explanation]:
    """As ``Network.explain``."""
    options: list[Argument] = [] if top is None else ["TOP", top]
    if of is not None:
        classes = (yield from info(key)).type == "classifier"
        options += ["CLASS" if classes else "OUTPUT", of]
    return parse_explanation((yield ("NR.EXPLAIN", key, *_said(row), *options)))


def _said(row: Any) -> tuple[Argument, ...]:
    if fields.is_row(row) or (type(row) is list and row and fields.is_row(row[0])):
        return next(fields.blobs(row))
    return "FP32", np.asarray(matrix(row, "inputs", "column"), "<f4").tobytes()
