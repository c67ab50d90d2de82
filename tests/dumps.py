"""Dumps taken apart and put together again, with a checksum to match."""

from typing import Any

import msgpack

LATER = {"schema"}
"""Fields of the header that the first format did not have."""
MASK = (1 << 64) - 1


def _mix(state: int) -> int:
    state = state + 0x9E3779B97F4A7C15 & MASK
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK
    state = (state ^ state >> 27) * 0x94D049BB133111EB & MASK
    return state ^ state >> 31


def checksum(data: bytes) -> int:
    """The core's own, once more."""
    state, whole = len(data), len(data) // 8 * 8
    for at in range(0, whole, 8):
        state = (state ^ int.from_bytes(data[at : at + 8], "little")) * 0xFF51AFD7ED558CCD & MASK
        state ^= state >> 32
    return _mix(state ^ int.from_bytes(data[whole:], "little"))


def sealed(values: list[Any]) -> bytes:
    """A dump of these values and their checksum."""
    head = bytes([0x90 | len(values) + 1])
    body: bytes = head + b"".join(map(msgpack.packb, values))
    return body + b"\xcf" + checksum(body).to_bytes(8, "big")


def opened(blob: bytes) -> tuple[dict[str, Any], dict[str, tuple[int, bytes]]]:
    """The header of a dump of format 2, and its parts: version and bytes by name."""
    magic, number, header, parts, seal = msgpack.unpackb(blob)
    assert (magic, number, header["format"]) == ("nr", 2, 2)
    assert seal == checksum(blob[:-9])
    return header, {name: (version, data) for name, version, data in parts}


def closed(header: dict[str, Any], parts: dict[str, tuple[int, bytes]]) -> bytes:
    """The other way."""
    listed = [[name, version, data] for name, (version, data) in parts.items()]
    return sealed(["nr", 2, header, listed])


def as_format_1(blob: bytes) -> bytes:
    """What the first format made of the same network; for networks that it knew."""
    header, parts = opened(blob)
    names = ("weights", "history", "train", "test")
    arrays = [parts[name][1] if name in parts else b"" for name in names]
    if not header["trained"]:
        arrays[0] = None  # type: ignore[call-overload]
    kept = {name: value for name, value in header.items() if name not in LATER}
    return sealed(["nr", 1, kept | {"format": 1}, *arrays])
