"""Records of any length on their way: each has its length before it, as 32 bits, little-endian."""

from collections.abc import Iterable

_LENGTH = 4


def joined(records: Iterable[bytes]) -> bytes:
    """Records one behind the other, as the core takes them."""
    return b"".join(
        part for record in records for part in (len(record).to_bytes(_LENGTH, "little"), record)
    )


def split(blob: bytes) -> list[bytes]:
    """The records of what the core has joined."""
    records, at = [], 0
    while at < len(blob):
        start = at + _LENGTH
        at = start + int.from_bytes(blob[at:start], "little")
        records.append(blob[start:at])
    return records
