import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nr.backends.redis.listing import sent
from nr.engine import texts


def like(pattern: bytes, key: bytes) -> bool:
    """Redis' rules once more, by trying everything: slow and plain."""
    if not pattern:
        return not key
    first, rest = pattern[:1], pattern[1:]
    if first == b"*":
        return any(like(rest, key[i:]) for i in range(len(key) + 1))
    if not key:
        return False
    if first == b"?":
        return like(rest, key[1:])
    if first == b"[":
        found, rest = in_class(rest, key[0])
        return found and like(rest, key[1:])
    if first == b"\\" and rest:
        first, rest = rest[:1], rest[1:]
    return first == key[:1] and like(rest, key[1:])


def in_class(rest: bytes, char: int) -> tuple[bool, bytes]:
    inverted = rest[:1] == b"^"
    rest = rest[inverted:]
    found = False
    while rest and rest[:1] != b"]":
        if rest[:1] == b"\\" and len(rest) > 1:
            found |= rest[1] == char
            rest = rest[2:]
        elif rest[1:2] == b"-" and len(rest) > 2:
            found |= min(rest[0], rest[2]) <= char <= max(rest[0], rest[2])
            rest = rest[3:]
        else:
            found |= rest[0] == char
            rest = rest[1:]
    return found != inverted, rest[1:]


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        (b"*", b"", True),
        (b"h?llo", b"hello", True),
        (b"h?llo", b"hllo", False),
        (b"h[ae]llo", b"hallo", True),
        (b"h[^e]llo", b"hello", False),
        (b"h[a-b]llo", b"hbllo", True),
        (b"h[b-a]llo", b"hbllo", True),
        (b"a\\*c", b"a*c", True),
        (b"a\\*c", b"abc", False),
        (b"A", b"a", False),
        (b"*\n*", b"a\nb", True),
        (b"[\\]]", b"]", True),
        (b"[]", b"]", False),
        (b"[^]", b"x", True),
        (b"[abc", b"c", True),
        (b"a\\", b"a\\", True),
        (b"?", b"\xff", True),
    ],
)
def test_patterns_are_those_of_keys(pattern: bytes, key: bytes, fits: bool) -> None:
    assert texts.like(pattern, key) == fits
    assert like(pattern, key) == fits


@given(
    st.lists(
        st.sampled_from([b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"z"]), max_size=9
    )
)
def test_any_pattern_matches_what_it_should(parts: list[bytes]) -> None:
    pattern = b"".join(parts)
    keys = [bytes(k) for n in range(5) for k in itertools.product(b"ab*]", repeat=n)]
    found = [key for key in keys if texts.like(pattern, key)]
    assert found == [key for key in keys if like(pattern, key)]
    plain, whole = texts.beginning(pattern)
    assert all(key == plain if whole else key.startswith(plain) for key in found)
    assert all(like(sent(pattern), key) for key in found)


@pytest.mark.parametrize(
    ("pattern", "plain", "whole", "asked"),
    [
        (b"shop:*", b"shop:", False, b"shop:*"),
        (b"shop:1", b"shop:1", True, b"shop:1"),
        (b"a\\*b*", b"a*b", False, b"a*"),
        (b"a\\", b"a\\", True, b"a*"),
        (b"\n[ab]", b"\n", False, b"\n*"),
        (b"?x", b"", False, b"?x"),
        (b"a*b*c", b"a", False, b"a*b*"),
        (b"*b*", b"", False, b"*b*"),
    ],
)
def test_stores_are_asked_for_few_keys(
    pattern: bytes, plain: bytes, whole: bool, asked: bytes
) -> None:
    assert texts.beginning(pattern) == (plain, whole)
    assert sent(pattern) == asked


def test_a_hostile_pattern_ends() -> None:
    assert not texts.like(b"*a" * 200 + b"b", b"a" * 5000)
