"""What a process remembers of the networks that it used last, to ask the database less."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from nr import forks
from nr.engine import Net

_T = TypeVar("_T")
_MOST = 256  # networks of which something is remembered


@dataclass(frozen=True)
class Known:
    """A network's header as this process left it, and whether nobody else observed since."""

    net: Net
    fields: dict[str, Any]
    alone: bool


class Kept(Generic[_T]):
    """What is remembered of the networks used last. Threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _T] = {}
        self._lock = forks.inner(Lock())

    def get(self, key: bytes) -> _T | None:
        return self._kept.get(key)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def keep(self, key: bytes, value: _T) -> None:
        with self._lock:
            self._kept.pop(key, None)  # the latest go behind
            self._kept[key] = value
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
