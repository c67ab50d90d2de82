"""Where workers look first: a list of keys whose orders wait.

It is a hint, pushed outside of the script that placed the order, so that a script has one key and
works in a cluster. The truth is the order in the network: what is in the list may have been taken
by another, and who pushed may have died before it. So a worker that hears nothing looks once a
second at the networks that NR.THREADS knows of; and one worker of all looks once a minute at all
networks there are, and lets the others know what it has found. Where each did, a hundred workers
and a million networks would keep the server busy with nothing else.
"""

import logging
import random
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from nr.backends.redis.link import Link
from nr.contracts.store import Matches, worker
from nr.errors import BackendError, CommandError

_log = logging.getLogger("nr")
_NAME = b"nr:orders"
_LOOKED = b"nr:looked"  # while it is there, some worker has just looked at all networks
_MOST = 100_000  # hints that nobody took
_NEWEST = 100  # hints that a worker of some networks looks at
_GLANCE = 0.1  # seconds between two such looks
_PAUSE = 60.0  # seconds until all networks are looked at again, or a refused list


class Hints:
    """The list. A server that refuses it is told of, and left alone for a minute."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._later = 0.0

    def push(self, key: bytes) -> None:
        """Says that an order waits."""
        self._tried(lambda: self._pushed(key))

    def _pushed(self, key: bytes) -> None:
        if self._link.do("RPUSH", _NAME, key) > _MOST:
            self._link.do("LTRIM", _NAME, -_MOST, -1)

    def pop(self, seconds: float) -> list[bytes]:
        """The oldest hint, once there is one; none after so long."""
        if seconds <= 0:  # to BLPOP that is for ever
            key = self._tried(lambda: self._link.do("LPOP", _NAME))
            return [key] if key else []
        found = self._tried(lambda: self._link.do("BLPOP", _NAME, seconds))
        return [found[1]] if found else []

    def among(self, matches: Matches) -> list[bytes]:
        """The oldest of the newest hints that is for one of these networks; others stay."""
        newest = self._tried(lambda: self._link.do("LRANGE", _NAME, -_NEWEST, -1)) or []
        ours = (key for key in dict.fromkeys(newest) if matches(key) and self._took(key))
        return [key for key in [next(ours, None)] if key is not None]

    def _took(self, key: bytes) -> bool:
        """Whether it was still there: two workers may look at once."""
        return bool(self._tried(lambda: self._link.do("LREM", _NAME, 0, key)))

    def first(self) -> bool:
        """Whether no other worker has looked at all networks of late; then none will for a while.

        Also where the server refuses to say.
        """
        with suppress(CommandError, BackendError):
            return bool(self._link.do("SET", _LOOKED, worker(), "NX", "PX", int(_PAUSE * 750)))
        return True

    def _tried(self, call: Callable[[], Any]) -> Any:
        if monotonic() < self._later:
            return None
        try:
            return call()
        except (CommandError, BackendError) as error:
            self._later = monotonic() + _PAUSE
            _log.warning("workers look for orders without the list %r: %s", _NAME.decode(), error)
            return None


class Hinted:
    """Hints first, then what NR.THREADS knows of, and now and then all networks.

    Who does not wait wants to know whether there is any order, and looks at all networks alone.
    A worker of some networks only cannot wait for hints of theirs alone: it looks at the newest
    ones again and again.
    """

    def __init__(
        self,
        hints: Hints,
        waiting: Callable[[Matches | None, bool], list[bytes]],
        matches: Matches | None,
    ) -> None:
        self._hints = hints
        self._waiting = waiting
        self._matches = matches
        self._thorough = 0.0

    def keys(self, seconds: float) -> list[bytes]:
        """Of networks whose orders may wait; none after so long without any."""
        if self._matches is None:
            return self._hints.pop(seconds) or self._known(seconds > 0)
        return self._matching(self._matches, seconds)

    def _matching(self, matches: Matches, seconds: float) -> list[bytes]:
        end = monotonic() + seconds
        while not (found := self._hints.among(matches)):
            if (left := end - monotonic()) <= 0:
                return self._known(seconds > 0)
            sleep(min(left, _GLANCE))
        return found

    def _known(self, waits: bool) -> list[bytes]:
        if thorough := monotonic() >= self._thorough:
            self._thorough = monotonic() + _PAUSE * random.uniform(0.75, 1.25)
            thorough = not waits or self._hints.first()
        return self._waiting(self._matches, thorough)

    def close(self) -> None:
        """Holds nothing."""
