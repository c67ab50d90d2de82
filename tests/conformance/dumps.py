"""Dumps are restored, and refused where they are damaged."""

from collections.abc import Callable
from typing import Any

from conformance.steps import (
    BUSY,
    SUM,
    Command,
    Refused,
    Step,
    blob_of,
    field,
    history,
    near,
    observed,
    syntax,
    trained,
)


def flipped(blob: bytes, at: int) -> bytes:
    return blob[:at] + bytes([blob[at] ^ 0x40]) + blob[at + 1 :]


def restore_errors() -> list[Step]:
    """A dump that was tampered with is refused, and what was there stays."""

    def tampered(change: Callable[[bytes], bytes]) -> Command:
        return lambda replies: ("NR.RESTORE", "net", change(blob_of(replies)), "REPLACE")

    def is_refused(reply: Any) -> bool:
        return isinstance(reply, Refused) and reply.startswith("ERR invalid network")

    def is_any_refused(reply: Any) -> bool:
        return isinstance(reply, Refused) and reply.startswith("ERR ")

    changes = [lambda blob, n=n: blob[:n] for n in (0, 1, 10, -1, -8)]
    flips = [lambda blob, n=n: flipped(blob, n) for n in (0, 2, 20, 99, -60, -9, -1)]
    return [
        (SUM, 13),
        *observed("net", 5),
        ("NR.DUMP net", lambda reply: isinstance(reply, bytes)),
        *((tampered(change), is_refused) for change in changes),
        *((tampered(flip), is_any_refused) for flip in flips),
        (tampered(lambda blob: blob + b"\0"), is_refused),
        ("NR.RESTORE net abc", Refused("ERR invalid network: not a dump of one")),
        (lambda replies: ("NR.RESTORE", "net", blob_of(replies)), BUSY),
        (
            lambda replies: ("NR.RESTORE", "new", blob_of(replies), "REPLACES"),
            syntax("NR.RESTORE", "unknown option 'REPLACES', did you mean REPLACE?"),
        ),
        ("NR.LIST", [b"net"]),
        ("NR.INFO net", field("training-dataset-len", 4)),
    ]


CASES: dict[str, list[Step]] = {
    "dump and restore": [
        (SUM, 13),
        *observed("net", 9),
        *trained("net"),
        ("NR.RUN net 3 4", near(6.09, by=0.05)),
        ("NR.DUMP net", lambda reply: isinstance(reply, bytes)),
        (lambda replies: ("NR.RESTORE", "copy", blob_of(replies)), "OK"),
        ("NR.RUN copy 3 4", near(6.09, by=0.05)),
        ("NR.HISTORY copy", history(50)),
        *observed("copy", 60, held=(7, 2)),
        *trained("copy"),
        ("NR.RUN copy 3 4", near(6.72, by=0.05)),
        ("NR.INFO net", field("training-total-cycles", 50)),
        ("NR.INFO copy", field("training-total-cycles", 100)),
    ],
    "a damaged dump is refused": restore_errors(),
}
