"""What the cases are written in: steps, errors, and functions that say whether a reply will do."""

import math
import struct
from collections.abc import Callable
from typing import Any


class Refused(str):
    """The text of the error that a command must raise."""


def ANY(_: Any) -> bool:
    return True


Command = str | tuple[Any, ...] | Callable[[list[Any]], tuple[Any, ...]]
Step = tuple[Command, Any]
NO_KEY = Refused("ERR no such key")
BUSY = Refused("ERR the key name is busy")
SUM = "NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7"
PAIR = "NR.CREATE net CLASSIFIER 2 3 -> 2 DATASET 4 TEST 2 SEED 1"


def units(why: str) -> Refused:
    return Refused(f"ERR invalid units count: {why}")


def syntax(command: str, why: str) -> Refused:
    return Refused(f"ERR Syntax error in {command}: {why}")


def arity(command: str) -> Refused:
    return Refused(f"ERR wrong number of arguments for '{command}' command")


def not_float(text: str) -> Refused:
    return Refused(
        "ERR invalid neural network input: must be a valid float precision floating point "
        f"number, not '{text}'"
    )


def near(*wanted: float, by: float = 0.25) -> Callable[[Any], bool]:
    return lambda reply: (
        len(reply) == len(wanted)
        and all(abs(got - want) <= by for got, want in zip(reply, wanted, strict=True))
    )


def floats(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def field(name: str, value: Any) -> Callable[[Any], bool]:
    """NR.INFO or NR.CONFIGURE says so."""
    return lambda reply: reply[reply.index(name) + 1] == value


def finite(reply: Any) -> bool:
    return all(math.isfinite(float(x)) for x in reply)


def last(kind: type) -> Callable[[list[Any]], Any]:
    return lambda replies: next(r for r in reversed(replies) if isinstance(r, kind))


blob_of = last(bytes)


def observed(key: str, samples: int, to: str = "") -> list[Step]:
    """Sums of two, a sample a command."""
    rows = [((i * 7) % 11, (i * 5) % 13) for i in range(samples)]
    return [(f"NR.OBSERVE {key} {a} {b} -> {a + b} {to}".strip(), ANY) for a, b in rows]


def trained(key: str, options: str = "MAXCYCLES 50 MAXTIME 0") -> list[Step]:
    return [(f"NR.TRAIN {key} {options}", "Training has started"), (f"NR.WAIT {key} 0", 1)]
