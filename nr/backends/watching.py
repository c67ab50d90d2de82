"""How workers look for orders: once a second is the truth everywhere, and stores may wake them."""

from collections.abc import Callable
from time import sleep


class Polling:
    """Asks for the orders that wait, again and again.

    ``rest`` passes the time between two looks: up to so many seconds, less where the store has
    heard of an order.
    """

    def __init__(
        self,
        waiting: Callable[[], list[bytes]],
        rest: Callable[[float], None] = sleep,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._waiting = waiting
        self._rest = rest
        self.close = close
        """Ends it."""

    def keys(self, seconds: float) -> list[bytes]:
        """Of networks whose orders wait; none after so long without any."""
        if found := self._waiting():
            return found
        self._rest(seconds)
        return self._waiting()
