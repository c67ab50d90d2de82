"""Replies as redis-cli prints them, so that transcripts of the two are alike.

The types of Redis come as Python values: an int is an integer, a str a simple string (bare), bytes
a bulk string (quoted), a float a double, which over Redis' protocol 2 is a bulk string of 17
significant digits, a list an array and None nil.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nr.engine import Reply

_ESCAPES = {
    0x07: "\\a",
    0x08: "\\b",
    0x09: "\\t",
    0x0A: "\\n",
    0x0D: "\\r",
    0x22: '\\"',
    0x5C: "\\\\",
}


def quoted(data: bytes) -> str:
    """Bytes in double quotes; whatever is not printable ASCII becomes an escape."""
    body = "".join(
        _ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
        for byte in data
    )
    return f'"{body}"'


def word(data: bytes) -> str:
    """A word of a command as it would be typed: quoted only where it must be."""
    plain = data and all(0x21 <= byte < 0x7F and byte not in b"\"'\\" for byte in data)
    return data.decode("ascii") if plain else quoted(data)


def formatted(reply: Reply, indent: int = 0) -> str:
    """The reply as lines without a newline at the end; all but the first indented."""
    if isinstance(reply, list):
        return _array(reply, indent) if reply else "(empty array)"
    if reply is None:
        return "(nil)"
    if isinstance(reply, int):
        return f"(integer) {reply}"
    if isinstance(reply, float):
        return f'"{reply:.17g}"'
    if isinstance(reply, bytes):
        return quoted(reply)
    return reply


def _array(items: list[Reply], indent: int) -> str:
    width = len(str(len(items)))
    lines = [
        f"{number:>{width}}) {formatted(item, indent + width + 2)}"
        for number, item in enumerate(items, 1)
    ]
    return ("\n" + " " * indent).join(lines)


def error(text: str) -> str:
    """An error reply; its text begins with its code, as in "ERR no such key"."""
    return f"(error) {text}"
