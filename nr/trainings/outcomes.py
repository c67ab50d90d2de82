"""What becomes of trainings, and how it is told."""

from typing import TypeAlias

from nr.engine import Net, Outcome
from nr.engine.texts import key_word
from nr.errors import CommandError

Ended: TypeAlias = tuple[Outcome, str]
"""What became of a training, and why."""

GONE = Outcome.DROPPED, "its network was deleted or replaced"
RESET = Outcome.DROPPED, "its network was reset"
WITHDRAWN = Outcome.DROPPED, "it was withdrawn"
NOT_BEGUN = "stopped before its first cycle"
TAKEN_OVER = Outcome.DROPPED, "its lease ran out, and another training has taken its place"


def ended(net: Net, nn_id: int, number: int) -> Ended | None:
    """What became of an order, by the network that is there now; None while it stands.

    Where others have ended since, it is what became of the last of them.
    """
    shape = net.shape
    if shape.id != nn_id:
        return GONE
    if shape.trainings == number:
        return None
    return RESET if net.outcome[0] is Outcome.NEVER else net.outcome


def refused(key: bytes, outcome: Ended) -> CommandError | None:
    """The error of a training that came to nothing."""
    (kind, why), name = outcome, key_word(key)
    if kind is Outcome.FAILED:
        return CommandError(f"ERR the training of {name} failed: {why}")
    if kind is Outcome.DROPPED:
        return CommandError(f"ERR the training of {name} was dropped: {why}")
    return None
