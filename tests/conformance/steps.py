"""What the cases are written in: steps, errors, and functions that say whether a reply will do."""

import math
import struct
from collections.abc import Callable, Iterable
from typing import Any

import msgpack


class Refused(str):
    """The text of the error that a command must raise."""


Command = str | tuple[Any, ...] | Callable[[list[Any]], tuple[Any, ...]]
Step = tuple[Command, Any]
NO_KEY = Refused("ERR no such key")
BUSY = Refused("ERR the key name is busy")
SUM = "NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7"
ROOM = (50, 10)  # of SUM
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


def between(name: str, low: float, high: float) -> Callable[[Any], bool]:
    """A number of NR.INFO's, or the only one of a list of NR.METRICS', is within."""

    def check(reply: Any) -> bool:
        value = reply[reply.index(name) + 1]
        return bool(low <= (value[0] if isinstance(value, list) else value) <= high)

    return check


def chosen(number: int) -> Callable[[Any], bool]:
    """Probabilities, of which that of this class is the largest."""
    return lambda reply: (
        finite(reply) and abs(sum(reply) - 1) < 1e-5 and reply.index(max(reply)) == number
    )


def history(cycles: int, classes: bool = False) -> Callable[[Any], bool]:
    """NR.HISTORY with a point for each of these cycles, the errors of each above 0."""
    return lambda reply: (
        [point[0] for point in reply] == [*range(1, cycles + 1)]
        and all(math.isfinite(train) and min(train, test) > 0 for _, train, test, _ in reply)
        and all(0 <= wrong <= 100 if classes else wrong is None for _, _, _, wrong in reply)
    )


def holds(**header: Any) -> Callable[[Any], bool]:
    """A dump whose header says so."""
    return lambda reply: isinstance(reply, bytes) and content(reply)[2].items() >= header.items()


def content(blob: bytes) -> Any:
    """What a dump holds, the id, the time spent training and so the checksum aside."""
    magic, version, header, *arrays, _checksum = msgpack.unpackb(blob)
    kept = {k: v for k, v in header.items() if k not in ("id", "total_ms")}
    return magic, version, kept, arrays


def finite(reply: Any) -> bool:
    return all(math.isfinite(float(x)) for x in reply)


def last(kind: type) -> Callable[[list[Any]], Any]:
    return lambda replies: next(r for r in reversed(replies) if isinstance(r, kind))


blob_of = last(bytes)


def counted(
    lines: Iterable[str], room: tuple[int, int] = (1000, 500), held: tuple[int, int] = (0, 0)
) -> list[Step]:
    """NR.OBSERVEs of one network, and how many samples its datasets then hold.

    ``room`` is what they can hold at most, ``held`` what they held before. A sample goes where
    its line says, or to the dataset that is less full in proportion.
    """
    steps: list[Step] = []
    lengths = [*held]
    for line in lines:
        told = [line.endswith(word) for word in (" TRAIN", " TEST")]
        to = told.index(True) if any(told) else int(lengths[0] * room[1] > lengths[1] * room[0])
        lengths[to] = min(lengths[to] + 1, room[to])
        steps.append((line, [*lengths]))
    return steps


def observed(
    key: str,
    samples: int,
    to: str = "",
    room: tuple[int, int] = ROOM,
    held: tuple[int, int] = (0, 0),
) -> list[Step]:
    """Sums of two, a sample a command."""
    rows = [((i * 7) % 11, (i * 5) % 13) for i in range(samples)]
    lines = (f"NR.OBSERVE {key} {a} {b} -> {a + b} {to}".strip() for a, b in rows)
    return counted(lines, room, held)


def trained(key: str, options: str = "MAXCYCLES 50 MAXTIME 0") -> list[Step]:
    return [(f"NR.TRAIN {key} {options}", "Training has started"), (f"NR.WAIT {key} 0", 1)]
