"""Orders that somebody else's executor carries out: each is sent to it as an errand.

An errand says where the order is, and nothing of the network. Executors lose errands: a worker is
killed, a pool breaks, a queue forgets. The order is in the store meanwhile, so whoever waits for it
looks after it: where nobody carries it out although its errand has ended, or although it was being
carried out before, another errand is sent.

An errand too many does no harm, since a store gives an order to one worker at a time: it finds
nothing to do. So there is no lock here, and what this process does not remember is sent once more.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from nr.contracts.store import ATTEMPTS, Standing
from nr.engine.texts import key_word
from nr.errors import BackendError

_log = logging.getLogger("nr")
_PAUSE = 1.0  # seconds between two errands for one order
_MANY = 1000  # errands that are remembered before those that have ended are forgotten

Numbered = tuple[int, int]
"""Which order of a key: the network's id, and how many trainings of it had ended before."""


class Errands:
    """``submit`` sends an errand for the network of that key; the future of it, where it has one.

    A future that has ``add_done_callback`` says when its errand has ended.
    """

    def __init__(self, submit: Callable[[bytes], Any]) -> None:
        self._submit = submit
        self._sent: dict[bytes, _Errand] = {}
        self._many = _MANY

    def send(self, key: bytes, order: Numbered, times: int = 1) -> None:
        """Sends an errand. Raises BackendError, and the order waits, where it is not taken."""
        self._forget_ended()
        errand = self._sent[key] = _Errand(key, order, times)
        try:
            errand.follow(self._submit(key))
        except Exception as error:
            self._sent.pop(key, None)
            raise BackendError(
                f"the training of {key_word(key)} waits: the executor did not take it "
                f"({type(error).__name__}: {error}); wait for it once the executor works again, "
                "carry it out with nr.run_waiting or 'nr worker', or stop it"
            ) from error

    def look(self, key: bytes, order: Numbered, standing: Standing) -> None:
        """Sends another errand where the order needs one. Raises BackendError as ``send``, and
        where one after the other comes to nothing."""
        errand = self._sent.get(key)
        if errand and errand.order != order:
            errand = None
        if standing is Standing.NONE:
            self._sent.pop(key, None)
        elif standing is Standing.HELD:
            if errand:
                errand.held = True
        elif not errand:
            self.send(key, order)
        elif (why := errand.lost()) and monotonic() >= errand.sent + _PAUSE:
            self._send_again(key, errand, why)

    def _send_again(self, key: bytes, errand: "_Errand", why: str) -> None:
        if errand.times > ATTEMPTS:  # the last one has the store say that it was tried too often
            self._sent.pop(key, None)
            raise BackendError(
                f"the training of {key_word(key)} waits: {errand.times} errands to the executor "
                f"came to nothing, {why}; see that its workers have nr and reach this database, "
                "then wait again, or carry it out with nr.run_waiting or 'nr worker'"
            )
        _log.warning("the training of %r is sent to the executor again: %s", key, why)
        self.send(key, errand.order, errand.times + 1)

    def _forget_ended(self) -> None:
        if len(self._sent) >= self._many:
            self._sent = {key: one for key, one in [*self._sent.items()] if one.future}
            self._many = max(_MANY, 2 * len(self._sent))


class _Errand:
    """One that was sent, and what is known of it."""

    def __init__(self, key: bytes, order: Numbered, times: int) -> None:
        self.key, self.order, self.times = key, order, times
        self.sent = monotonic()
        self.held = False
        """Whether somebody was seen to carry the order out since."""
        self.future: Any = None
        """Kept until it has ended: some executors drop what nobody holds the future of."""
        self._end: str | None = None

    def follow(self, future: Any) -> None:
        """Hears of its end, where the executor tells it."""
        if callable(add := getattr(future, "add_done_callback", None)):
            self.future = future
            add(self._ended)

    def _ended(self, future: Any) -> None:
        try:
            error = future.exception()
        except BaseException as cancelled:  # which is no Exception in some libraries
            error = cancelled
        told = f"{type(error).__name__}: {error}".rstrip(": ")
        self._end = (
            f"the last ended with {told}" if error else "the last found no order to carry out"
        )
        self.future = None
        if error:
            _log.warning("the executor failed with the training of %r: %s", self.key, told)

    def lost(self) -> str:
        """Why an order that waits needs another errand; empty where it does not."""
        return self._end or ("the last was lost with its worker" if self.held else "")
