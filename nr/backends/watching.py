"""How workers look for orders: once a second is the truth everywhere, and stores may wake them."""

from collections.abc import Callable, Iterable
from time import sleep

from nr.contracts.store import Matches


class Polling:
    """Asks for the orders that wait, again and again.

    ``rest`` passes the time between two looks: up to so many seconds, less where the store has
    heard of an order; the keys of those it has heard of, if it was told them.
    """

    def __init__(
        self,
        waiting: Callable[[], list[bytes]],
        matches: Matches | None,
        rest: Callable[[float], Iterable[bytes] | None] = sleep,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._found = waiting
        self._matches = matches
        self._rest = rest
        self.close = close
        """Ends it."""

    def keys(self, seconds: float) -> list[bytes]:
        """Of networks whose orders wait; none after so long without any."""
        found = self._ours(self._found())
        if found or seconds <= 0:
            return found
        heard = self._rest(seconds)
        return self._ours(heard or self._found())

    def _ours(self, keys: Iterable[bytes]) -> list[bytes]:
        return [key for key in keys if self._matches is None or self._matches(key)]
