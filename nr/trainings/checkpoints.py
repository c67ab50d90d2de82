"""Where a long training stands, kept beside its order, so that another worker goes on from there.

What is kept is for one snapshot of the network and one command; whoever finds another one begins
again. It is written at most every ``PAUSE`` seconds, and so seldom that it takes no more than
``SHARE`` of the training's time.
"""

from __future__ import annotations

import logging
from time import monotonic

from nr.contracts.store import Lease, Store
from nr.engine import Command, Net, Trainer
from nr.errors import BackendError, CommandError

PAUSE = 30.0
SHARE = 0.05
MOST = 1 << 26
"""Bytes; a training that would take more begins again."""
_log = logging.getLogger("nr")


class Checkpoints:
    """Those of one training."""

    def __init__(
        self, store: Store, lease: Lease, net: Net, command: Command, pause: float
    ) -> None:
        self._store, self._lease, self._net, self._command = store, lease, net, command
        self._pause, self._next = pause, monotonic() + pause
        self._digest: int | None = None

    def resume(self, trainer: Trainer) -> int:
        """Goes on from what was kept, if that can be; milliseconds that were trained before."""
        if not self._net.checkpoint:
            return 0
        try:
            elapsed = trainer.load(self._of(), self._net.checkpoint)
        except CommandError as error:
            _log.info("the training of %r begins again: %s", self._lease.key, error)
            return 0
        _log.info("the training of %r goes on where it was after %d ms", self._lease.key, elapsed)
        return elapsed

    def _of(self) -> int:
        """The digest of snapshot and command: worked out once, by who needs it."""
        if self._digest is None:
            self._digest = Trainer.digest(self._net, self._command)
        return self._digest

    def look(self, trainer: Trainer, elapsed_ms: int) -> None:
        """Between two steps: keeps where the training is, when it is time to."""
        start = monotonic()
        if start < self._next or not (taken := trainer.save_bytes()):
            return  # it is not time, or in the middle of something
        if taken <= MOST:
            try:
                self._store.keep(self._lease, trainer.save(self._of(), elapsed_ms))
            except (BackendError, CommandError) as error:  # the one before will do
                _log.warning("the training of %r cannot be kept: %s", self._lease.key, error)
        seconds = monotonic() - start
        self._next = start + max(self._pause, seconds / SHARE)
