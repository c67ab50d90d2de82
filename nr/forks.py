"""Locks that a fork must find free.

A fork copies the thread that forks, and every lock as it is: one that another thread holds
would stay held in the child for good. Those that are registered here are taken before a fork and
given back after it, in the parent and in the child. Outer ones, under which others are
taken, come first. So a fork falls between what they guard.
"""

import os
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakSet

_Lock = TypeVar("_Lock")
_WAIT = 60.0  # seconds, after which a fork takes place all the same

_registry = RLock()  # held by whoever forks
_outer: WeakSet[Any] = WeakSet()
_inner: WeakSet[Any] = WeakSet()
_held: list[Any] = []
_wanted: list[None] = []  # one for each fork that is about to take place
_resting: list[Callable[[], None]] = []


def outer(lock: _Lock) -> _Lock:
    """Registers a lock that is held while others are taken."""
    with _registry:
        _outer.add(lock)
    return lock


def inner(lock: _Lock) -> _Lock:
    """Registers a lock that is held for a moment."""
    with _registry:
        _inner.add(lock)
    return lock


def give_way() -> None:
    """For who is about to take an outer lock, and holds none: a fork that waits comes first.

    A thread that takes its lock again as soon as it has given it back, as one does that goes on
    from one command to the next, would hardly ever leave it to the one that forks.
    """
    if _wanted:
        with _registry:
            pass


def at_rest(call: Callable[[], None]) -> None:
    """Registers what is called before each fork, when the locks are held."""
    _resting.append(call)


def _before() -> None:
    _wanted.append(None)
    _registry.acquire()
    end = monotonic() + _WAIT
    locks = [*_outer, *_inner]
    _held.extend(lock for lock in locks if lock.acquire(timeout=max(0.0, end - monotonic())))
    for call in _resting:
        call()


def _after() -> None:
    while _held:
        _held.pop().release()
    _registry.release()


def _after_in_parent() -> None:
    _wanted.pop()
    _after()


def _after_in_child() -> None:
    _wanted.clear()  # other threads may have been about to fork, too
    _after()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
