"""Where NR.THREADS looks: a sorted set of the keys that are being trained.

It is a hint. The truth is the lease in the network, which every entry is checked
against, so what happens to the set delays and fails no training: a server that
refuses it (its ACL knows of networks only) is told of, and left alone for a minute.
"""

import logging
from time import monotonic

from nr.backends.redis.link import Link
from nr.errors import BackendError, CommandError

_log = logging.getLogger("nr")
_PAUSE = 60.0  # seconds


class Index:
    def __init__(self, link: Link, name: bytes, lifetime: int) -> None:
        self._link = link
        self._name = name
        self._lifetime = lifetime  # of an entry, milliseconds
        self._ends: dict[bytes, bytes] = {}  # of the entries made here
        self._later = 0.0

    def add(self, key: bytes) -> None:
        """Tells for a while that this key is being trained."""
        if monotonic() < self._later:
            return
        try:
            _, self._ends[key] = self._link.call("announce", self._name, key, self._lifetime)
        except (CommandError, BackendError) as error:
            self._later = monotonic() + _PAUSE
            _log.warning("NR.THREADS will not tell of the training of %r: %s", key, error)

    def remove(self, key: bytes) -> None:
        """Its training has ended. Another one's entry stays, which may be there by now."""
        end = self._ends.pop(key, None)
        if end is None or monotonic() < self._later:
            return
        try:
            self._link.call("withdraw", self._name, key, end)
        except (CommandError, BackendError) as error:
            _log.warning("NR.THREADS looks in vain for a training of %r: %s", key, error)

    def listed(self) -> list[bytes]:
        """Those that may be being trained."""
        keys: list[bytes] = self._link.do("ZRANGE", self._name, 0, -1)
        return keys
