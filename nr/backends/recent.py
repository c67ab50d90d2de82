"""What a driver remembers of the networks that were used last, to ask its store for less."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

from nr import forks

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """What was used lately, not too many bytes of it. Threads and forks may share it."""

    def __init__(self, most: int = 4096, most_bytes: int = 1 << 28) -> None:
        self._known: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._most, self._most_bytes, self._left = most, most_bytes, most_bytes
        self._lock = forks.inner(Lock())

    def get(self, key: _Key) -> _Value | None:
        """What is known, and used again by that; None where it was forgotten."""
        with self._lock:
            found = self._known.get(key)
            if not found:
                return None
            self._known.move_to_end(key)
            return found[0]

    def put(self, key: _Key, value: _Value, size: int = 0) -> None:
        """Remembers a value of so many bytes, and forgets what was not used for longest."""
        with self._lock:
            self._left += self._known.pop(key, (None, 0))[1] - size
            self._known[key] = value, size
            while len(self._known) > self._most or (self._left < 0 and len(self._known) > 1):
                self._left += self._known.popitem(last=False)[1][1]

    def drop(self, key: _Key) -> None:
        """Forgets one."""
        with self._lock:
            self._left += self._known.pop(key, (None, 0))[1]

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._known.clear()
            self._left = self._most_bytes
