"""How workers look for orders: once a second is the truth everywhere, and stores may wake them."""

from collections.abc import Callable
from time import sleep

from nr.contracts.store import Matches


class Polling:
    """Asks for the orders that wait, again and again.

    ``rest`` passes the time between two looks: up to so many seconds, less where the store has
    heard of an order.
    """

    def __init__(
        self,
        waiting: Callable[[], list[bytes]],
        matches: Matches | None,
        rest: Callable[[float], None] = sleep,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._found = waiting
        self._matches = matches
        self._rest = rest
        self.close = close
        """Ends it."""

    def keys(self, seconds: float) -> list[bytes]:
        """Of networks whose orders wait; none after so long without any."""
        if found := self._waiting():
            return found
        if seconds > 0:
            self._rest(seconds)
        return self._waiting() if seconds > 0 else []

    def _waiting(self) -> list[bytes]:
        found = self._found()
        return found if self._matches is None else [key for key in found if self._matches(key)]
