"""What is remembered of networks, so that the usual way is one round trip."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

from nr import forks
from nr.engine import Net

_Value = TypeVar("_Value")


class Head:
    """A network's header, for what does not change while its id stays."""

    def __init__(self, net: Net) -> None:
        shape = net.shape
        self.net, self.id, self.row_bytes = net, shape.id, 4 * shape.row
        self._with_room: set[int] = set()

    def check_room(self, dataset: int) -> None:
        """Raises CommandError where the network keeps no samples of that dataset."""
        if dataset not in self._with_room:
            self.net.clone().place(1, dataset)
            self._with_room.add(dataset)


class Recent(Generic[_Value]):
    """What was used lately, by key: some thousand networks, and not too many bytes."""

    def __init__(self, most: int = 4096, most_bytes: int = 1 << 28) -> None:
        self._known: OrderedDict[bytes, tuple[_Value, int]] = OrderedDict()
        self._most, self._left = most, most_bytes
        self._lock = forks.inner(Lock())

    def get(self, key: bytes) -> _Value | None:
        with self._lock:
            found = self._known.get(key)
            if not found:
                return None
            self._known.move_to_end(key)
            return found[0]

    def drop(self, key: bytes) -> None:
        with self._lock:
            self._left += self._known.pop(key, (None, 0))[1]

    def put(self, key: bytes, value: _Value, size: int = 0) -> None:
        with self._lock:
            self._left += self._known.pop(key, (None, 0))[1] - size
            self._known[key] = value, size
            while len(self._known) > self._most or (self._left < 0 and len(self._known) > 1):
                self._left += self._known.popitem(last=False)[1][1]
