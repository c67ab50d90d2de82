"""Which networks there are, and which orders: what is asked of many keys.

A network is one key among others, which EXPIRE, RENAME, COPY and DEL may make, move and take away
behind our back. So the keyspace itself is the only list of networks, and looking through it takes
the server as long as there are keys. A set of all networks would be wrong after the first RENAME.
"""

import re
from collections.abc import Iterable
from contextlib import suppress

from nr.backends.redis import layout, orders
from nr.backends.redis.index import Index
from nr.backends.redis.link import Link
from nr.contracts.store import Matches, Running, Standing
from nr.engine.texts import beginning
from nr.errors import CommandError

STANDINGS = (Standing.NONE, Standing.WAITS, Standing.HELD)
"""As the scripts number them."""
_EVERYWHERE = re.compile(rb"[^*\[\\]*\*?[^*\[\\]*")


class Listing:
    """The networks and orders of one database."""

    def __init__(self, link: Link, index: Index, db: int) -> None:
        self._link = link
        self._index = index
        self._db = db

    def keys(self, pattern: bytes) -> list[bytes]:
        """Those of networks, each once."""
        plain, whole = beginning(pattern)
        hashes = [plain] if whole else self._link.hashes(sent(pattern))
        found = self._link.with_field(hashes, layout.MARK)
        return list({key for key, format in found if format.isdigit()})

    def orders(self) -> list[Running]:
        """All orders that the index knows of, oldest first."""
        return self._orders(self._index.listed())

    def waiting(self, matches: Matches | None, everywhere: bool) -> list[bytes]:
        """The keys of such networks whose orders wait, oldest first.

        If it looks ``everywhere``, then at all networks, and the index gets to know those whose
        orders it did not: then all other workers see them, too.
        """
        known = self._index.listed()
        if everywhere:
            with_order = dict(self._link.with_field(self._link.hashes(b"*"), "order"))
            for key in with_order.keys() - known:
                self._index.add(key)
            known = list(with_order)
        ours = known if matches is None else list(filter(matches, known))
        return [one.key for one in self._orders(ours) if one.standing is Standing.WAITS]

    def _orders(self, keys: Iterable[bytes]) -> list[Running]:
        """The orders of these networks, oldest first."""
        found = []
        for key in keys:
            with suppress(CommandError):
                if one := self._running(key):
                    found.append(one)
        return [running for _, running in sorted(found, key=lambda one: one[0])]

    def _running(self, key: bytes) -> tuple[int, Running] | None:
        """The order of a network, and since when there is one."""
        reply = self._link.call("read", key, "id", "progress")
        _, standing, since, limits, (nn_id, told), attempt = reply
        if not standing or not (nn_id or b"").isdigit():
            return None
        worker, progress = orders.heard(told)
        place = (key, int(nn_id), self._db, orders.limits_of(limits))
        return int(since), Running(*place, progress, STANDINGS[standing], worker, attempt)


def sent(pattern: bytes) -> bytes:
    """What the server is asked for: a pattern that fits at least all that this one does.

    Up to the first [ and backslash, which servers read in different ways; and up to a second
    star, as older servers would try each combination of several.
    """
    found = _EVERYWHERE.match(pattern)
    same = found[0] if found else b""
    return pattern if same == pattern else same + b"*"
