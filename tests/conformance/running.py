"""How a case is run, and what of its replies must be the same everywhere."""

from collections.abc import Sequence
from typing import Any

import nr
from conformance.steps import Refused, Step, content
from nr.backends import Backend
from nr.commands.arguments import arguments

HIDDEN = {"id", "training-total-seconds"}
STATISTICS = {
    *HIDDEN,
    "training-total-steps",
    "training-total-cycles",
    "dataset-error",
    "test-error",
    "classification-errors-perc",
    "training-ended-by",
    "last-training",
}


def run(backend: Backend, steps: Sequence[Step], check: bool = True) -> list[Any]:
    """Runs a case: its replies, masked, and at the end what NR.DUMP holds of each network."""
    replies: list[Any] = []
    masked: list[Any] = []
    for command, expected in steps:
        words = command(replies) if callable(command) else command
        argv = arguments([words] if isinstance(words, str) else words)
        reply = execute(backend, argv)
        replies.append(reply)
        masked.append(mask(argv, reply))
        if check:
            ok = expected(reply) if callable(expected) else same(reply, expected)
            assert ok, f"{argv} replied {reply!r}, not {expected!r}"
    keys = backend.execute(b"NR.LIST")
    assert isinstance(keys, list)
    dumps = [mask([b"NR.DUMP"], backend.execute(b"NR.DUMP", key)) for key in keys]
    return [*masked, keys, dumps]


def execute(backend: Backend, argv: Sequence[bytes]) -> Any:
    """A command's reply, or the text of its refusal. Nothing but nr.CommandError is expected."""
    try:
        return backend.execute(*argv)
    except nr.CommandError as error:
        return Refused(error)


def same(reply: Any, expected: Any) -> bool:
    """Equal in type too: an integer is no double, text no bytes."""
    if isinstance(expected, list):
        return (
            isinstance(reply, list)
            and len(reply) == len(expected)
            and all(map(same, reply, expected))
        )
    return type(reply) is type(expected) and reply == expected


def mask(argv: Sequence[bytes], reply: Any) -> Any:
    """A reply without what may differ: ids, seconds, and a running training's progress."""
    name = argv[0].upper() if argv else b""
    if isinstance(reply, Refused):
        # Which check meets a damaged dump first depends on its id's bytes.
        damaged = name == b"NR.RESTORE" and reply.startswith("ERR invalid network: ")
        return "ERR invalid network" if damaged else reply
    if name == b"NR.INFO":
        shown = dict(zip(reply[::2], reply[1::2], strict=True))
        timed = "stop" in shown["training-ended-by"] + shown["last-training"]
        return {f: v for f, v in shown.items() if f not in (STATISTICS if timed else HIDDEN)}
    if name == b"NR.DUMP":
        return content(reply)
    return len(reply) if name == b"NR.THREADS" else reply
