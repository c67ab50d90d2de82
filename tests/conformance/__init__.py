"""What every driver must answer: named sequences of commands, each with its reply.

A step is a command and what it replies: a value, a ``Refused`` with the error's text, a
function that says whether a reply will do. A command is a line, a tuple of arguments, or a
function of the replies so far that makes one. All networks have a SEED, so that all drivers
end in the same bytes.
"""

from conformance import (
    answers,
    drift,
    dumps,
    fields,
    forecasts,
    keys,
    learning,
    refusals,
    runs,
    samples,
    sequences,
    texts,
    trainings,
    translations,
)
from conformance.running import execute, mask, run
from conformance.steps import Step, content

__all__ = ["CASES", "content", "execute", "mask", "run"]

CASES: dict[str, list[Step]] = {
    name: steps
    for room in (
        keys,
        samples,
        runs,
        learning,
        trainings,
        dumps,
        fields,
        refusals,
        sequences,
        forecasts,
        answers,
        texts,
        drift,
        translations,
    )
    for name, steps in room.CASES.items()
}
