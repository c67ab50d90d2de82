"""What drivers remember of the networks that were used last."""

import sys
from threading import Thread

from nr.backends.recent import Recent


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    recent: Recent[bytes, int] = Recent(most=3, most_bytes=100)
    for i, key in enumerate((b"a", b"b", b"c")):
        recent.put(key, i)
    assert recent.get(b"a") == 0
    recent.put(b"d", 3)
    assert [recent.get(key) for key in (b"a", b"b", b"c", b"d")] == [0, None, 2, 3]
    assert recent.get(b"a") == 0
    recent.put(b"e", 4, size=80)
    recent.put(b"f", 5, size=80)
    assert [recent.get(key) for key in (b"a", b"c", b"d", b"e", b"f")] == [
        None,
        None,
        None,
        None,
        5,
    ]


def test_threads_may_remember_networks_at_once() -> None:
    """Whoever forgets the oldest may meet another's insert, which no dictionary forgives."""
    kept: Recent[bytes, int] = Recent(most=256)
    errors = []

    def fill(thread: int) -> None:
        try:
            for number in range(10_000):
                kept.put(b"%d %d" % (thread, number), number)
        except Exception as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=fill, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    assert kept.get(b"0 0") is None


def test_what_is_dropped_or_cleared_makes_room() -> None:
    recent: Recent[str, int] = Recent(most=10, most_bytes=100)
    for forget in (lambda: recent.drop("a"), recent.clear):
        recent.put("a", 1, size=90)
        forget()
        recent.put("b", 2, size=90)
        recent.put("c", 3, size=10)
        assert [recent.get(key) for key in "abc"] == [None, 2, 3]
        recent.clear()
