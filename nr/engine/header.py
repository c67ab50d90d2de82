"""The header's fields by what they are, for stores that keep each by itself.

The core says which fields there are and what their values look like; which of them a training
brings stands here, once.
"""

from functools import cache
from typing import Any

from nr.engine import Net, parse, specs
from nr.engine.command import unpack

STATISTICS = (
    "trained",
    "total_steps",
    "total_cycles",
    "total_ms",
    "train_error",
    "test_error",
    "class_errors",
    "overfitting",
    "ended_by",
    "last_training",
    "learned",
)
"""What a merge brings, and a reset takes away."""


@cache
def blank() -> dict[str, Any]:
    """The header of a network that was never trained, and that has all fields there are."""
    found: dict[str, Any] = {}
    for words in (
        b"FORECASTER -> y:number",
        b"REGRESSOR x:sequence -> y:number",
        b"GENERATOR -> y:sequence(char)",
    ):
        command = parse([b"NR.CREATE", b"k", *words.split()])
        found |= unpack(Net.create(command, 1, 0).header())
    return found


def of_type(kind: type) -> list[str]:
    """The fields whose values are of a type, always."""
    return [name for name, value in blank().items() if type(value) is kind]


def automatic_reals() -> list[str]:
    """Options that are real numbers, or None where the core chooses."""
    found = {o.word.lower() for spec in specs() for o in spec.options if o.type == "real"}
    return [name for name in blank() if name.replace("_", "") in found]
