"""What there is to tell of a network and of a training, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

LONG = 2.5e7
"""Multiply-adds of a step, forward, from which on ranks share it: some milliseconds. A shorter one
would take longer to tell than to make. As nr.h has it."""


@dataclass(frozen=True)
class Shape:
    """What a host needs to know of a network; ``lengths`` are samples (train, test).

    ``row`` is a sample's floats; 0 where samples are records of any length.
    """

    id: int
    revision: int
    inputs: int
    outputs: int
    row: int
    params: int
    lengths: tuple[int, int]
    classifier: bool
    trainings: int
    """That have ended, whatever came of them."""
    schema_revision: int
    """Grows with every change of the fields."""
    step: int = 0
    """Bytes of a forecaster's step; 0: samples are no series."""
    steps: int = 0
    """How many steps of a series are kept."""
    window: int = 0
    """How many of these a forecast is made from."""


@dataclass(frozen=True)
class Share:
    """A rank's part in a training: which group of how many it is in, which of how many it is
    there, and whether these share each step, or make it alone, all of them the same. What is
    ``alone`` cannot be shared at all."""

    group: int
    groups: int
    rank: int
    ranks: int
    steps: bool
    alone: bool


class Outcome(IntEnum):
    """What becomes of a training, numbered as in the core."""

    NEVER = 0  # none has ended since the network was made or reset
    MERGED = 1
    KEPT = 2  # the weights in place have stayed
    FAILED = 3
    DROPPED = 4


@dataclass(frozen=True)
class Progress:
    """How far a training is. Errors are mean losses a sample, class errors per cent."""

    cycles: int = 0
    train_error: float = 0.0
    test_error: float = 0.0
    class_errors: float = 0.0

    @classmethod
    def heard(cls, *told: Any) -> Progress:
        """What a store has been told of it, by whomever: none so far where it is no progress."""
        try:
            cycles, *errors = told
            return cls(int(cycles), *map(float, errors))
        except (TypeError, ValueError, OverflowError):
            return cls()
