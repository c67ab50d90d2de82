"""Scores of samples before they are kept, for stores that place samples."""

from __future__ import annotations

from ctypes import c_int64
from typing import TYPE_CHECKING

from nr.engine import binding
from nr.engine.binding import ErrorText, collect, free, held

if TYPE_CHECKING:
    from nr.engine import Net

_Score = c_int64 * 2


def watched(net: Net) -> bool:
    """Whether samples are to be scored before they are kept: it is trained and watched."""
    return bool(held.nr_net_watched(net._handle))


def score(net: Net, samples: bytes) -> str:
    """What samples, as ``Net.rows`` has them, are to these weights: of some, or of none.

    Each is a blank, the step, a blank and the ratio.
    """
    scores = memoryview(collect(free.nr_net_score, net._handle, binding.bytes_of(samples)))
    return "".join(f" {number}" for number in scores.cast("q"))


def score_row(net: Net, row: bytes) -> str:
    """``score`` of one row of numbers, which is what observing waits for most often."""
    found = _Score()
    scored = held.nr_net_score_row(net._handle, row, len(row), found)
    if scored < 0:
        return score(net, row)  # which knows why
    return f" {found[0]} {found[1]}" if scored else ""


def judge(net: Net, weights: Net, samples: bytes) -> None:
    """Counts in a header what samples are to its weights, before they are placed."""
    core = held if len(samples) <= 4 * weights.shape.row else free
    core.nr_net_judge(net._handle, weights._handle, samples, len(samples), ErrorText())
