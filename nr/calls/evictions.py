"""Datasets that are full: that samples replace others is told in the log, once for each network.

NR.INFO says whether a dataset is full, not whether it was too small for what came: that shows in
the counts before and after, which whoever adds samples has at hand.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from nr.calls import words
from nr.calls.networks import info
from nr.calls.steps import Call
from nr.commands.info import Info
from nr.engine import Reply
from nr.errors import CommandError

_log = logging.getLogger("nr")
_MOST = 1000  # networks of which the last counts are kept

Counts = tuple[int, int]


class _Book:
    """What samples of this process have told about a backend's networks."""

    def __init__(self) -> None:
        self.last: dict[bytes, Counts] = {}
        self.told: set[bytes] = set()


_books: WeakKeyDictionary[object, _Book] = WeakKeyDictionary()


def _book(backend: object) -> _Book:
    return _books.get(backend) or _books.setdefault(backend, _Book())


def observed(backend: object, argv: Sequence[bytes], reply: Reply) -> bool:
    """Whether a command was an NR.OBSERVE whose samples, as it seems, have replaced others."""
    if len(argv) < 2 or argv[0].upper() != b"NR.OBSERVE" or not isinstance(reply, list):
        return False
    train, test = reply
    assert isinstance(train, int)
    assert isinstance(test, int)
    return suspected(backend, argv[1], (train, test))


def suspected(backend: object, key: bytes, counts: Counts) -> bool:
    """Whether a sample was added, and there are as many as before, for the first time."""
    book = _book(backend)
    if book.last.get(key) == counts:
        return key not in book.told
    if len(book.last) == _MOST:
        book.last.clear()
    book.last[key] = counts
    return False


def confirm(backend: object, key: bytes) -> Call[None]:
    """Tells it, unless it was a network that has gone whose counts were the same.

    Of a forecaster there is nothing to tell: the oldest steps of a series go, as they should.
    """
    try:
        now = yield from info(key)
    except CommandError:  # it has gone meanwhile
        return
    if now.type == "forecaster":
        _book(backend).told.add(key)
    elif now.full != "no":
        _tell(backend, key)


def compare(backend: object, key: bytes, before: Info, counts: Counts, kept: int) -> Call[None]:
    """After many samples: tells it where fewer are new than were added to ``kept`` ones."""
    limits = before.train_maxlen, before.test_maxlen
    full = any(n and n == most for n, most in zip(counts, limits, strict=True))
    if not full or key in _book(backend).told:
        return
    now = yield from info(key)
    added = now.observed - before.observed
    if now.id == before.id and added > now.train_len + now.test_len - kept:
        _tell(backend, key)


def _tell(backend: object, key: bytes) -> None:
    _book(backend).told.add(key)
    _log.warning(
        "%s: a dataset is full, so that each new sample replaces one drawn at random; a network "
        "created with larger ones (dataset=, test=) keeps more",
        words.name_of(key),
    )
