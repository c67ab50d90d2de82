"""Scores of samples before they are kept, for stores that place samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nr.engine import binding
from nr.engine.binding import ErrorText, collect, free, held

if TYPE_CHECKING:
    from nr.engine import Net


def watched(net: Net) -> bool:
    """Whether samples are to be scored before they are kept: it is trained and watched."""
    return bool(held.nr_net_watched(net._handle))


def score(net: Net, samples: bytes) -> bytes:
    """Pairs of 64-bit integers, of samples as ``Net.rows`` has them: of some, or of none."""
    return collect(free.nr_net_score, net._handle, binding.bytes_of(samples))


def count(net: Net, scores: bytes) -> None:
    """Counts scores by the weights that are in place, before the samples are placed."""
    held.nr_net_drift(net._handle, binding.bytes_of(scores), ErrorText())
