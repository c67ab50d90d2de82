"""Keys like a pattern, as Redis' KEYS has them: * ? [abc] [^a] [a-z] and \\ before any.

The pattern becomes a regular expression in which each star takes as little as it can
and never gives it back (an atomic group, as in the standard library's fnmatch): other-
wise a hostile pattern of many stars runs for years.
"""

import re
from collections.abc import Iterable

_ANY = b"."


def matching(pattern: bytes, keys: Iterable[bytes]) -> list[bytes]:
    """Those keys that match, in their order."""
    fits = re.compile(_regex(pattern), re.DOTALL).fullmatch
    return [key for key in keys if fits(key)]


def _regex(pattern: bytes) -> bytes:
    parts = [b""]  # what is between the stars
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        at += 1
        if char == b"*":
            if len(parts) == 1 or parts[-1]:  # two stars in a row are one
                parts.append(b"")
        elif char == b"?":
            parts[-1] += _ANY
        elif char == b"[":
            one, at = _class(pattern, at)
            parts[-1] += one
        else:
            if char == b"\\" and at < len(pattern):
                char = pattern[at : at + 1]
                at += 1
            parts[-1] += re.escape(char)
    first, *others = parts
    if not others:
        return first
    return first + b"".join(b"(?>.*?" + part + b")" for part in others[:-1]) + b".*" + others[-1]


def _class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """One [class] from behind its bracket, and where it ends. Redis forgives a missing ]."""
    inverted = pattern[at : at + 1] == b"^"
    at += inverted
    chars: set[int] = set()
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            chars.add(pattern[at + 1])
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at], pattern[at + 2]))
            chars.update(range(low, high + 1))
            at += 3
        else:
            chars.add(pattern[at])
            at += 1
    if inverted:
        chars = set(range(256)) - chars
    members = b"".join(b"\\x%02x" % char for char in sorted(chars))
    return (b"[" + members + b"]" if chars else b"(?!)"), at + 1
