"""The orders of a server with the module, for a worker outside of it: NR.ORDER.

A worker gets the network by NR.DUMP, once an order is its own, and hands back the trained one
without samples. It finds orders in NR.THREADS, where they say that they wait.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from nr.contracts.store import Lease, Limits, Matches, Order, Standing, State, Watch, worker
from nr.engine import Net, Outcome, Progress
from nr.errors import CommandError, NotFoundError

LIFETIME = 9.0  # seconds that a lease lasts, by the module
_GLANCE = 0.1  # seconds between two looks at NR.THREADS


class ServerOrders:
    """What ``Trainings`` and its jobs need of a store."""

    shared = True
    renewal = 1.0
    patience = LIFETIME

    def __init__(self, send: Callable[..., Any], db: int) -> None:
        self.queues = False
        self.due: Callable[[bytes], None] = lambda key: None
        self._send = send
        self._db = db
        self._nets: dict[bytes, Net] = {}

    def header(self, key: bytes) -> tuple[Net, Standing]:
        """The network, which is read once for what follows."""
        net = self._nets[key] = Net.load(self._send(b"NR.DUMP", key), 0)
        return net, Standing.NONE

    def snapshot(self, key: bytes) -> Net:
        """All of it."""
        return self._nets.pop(key, None) or self.header(key)[0]

    def take(self, key: bytes, queued: bool = True) -> Lease | None:
        """The order that waits, for the caller to carry out; None where none does."""
        token = secrets.token_hex(8)
        reply = self._send(b"NR.ORDER", b"TAKE", key, token.encode(), worker().encode())
        if reply is None:
            return None
        nn_id, revision, number, attempt, maxcycles, maxtime, autostop, backtrack = reply
        limits = Limits(maxcycles, maxtime, bool(autostop), bool(backtrack), queued=True)
        return Lease(Order(key, nn_id, revision, number, limits, attempt), token)

    def renew(self, lease: Lease, progress: Progress) -> State:
        """Moves the deadline on, tells the progress, and learns what is wanted."""
        errors = (progress.train_error, progress.test_error, progress.class_errors)
        words = [b"%d" % progress.cycles, *(repr(error).encode() for error in errors)]
        state = self._ask(b"RENEW", lease, *words)
        return {1: State.RUN, 2: State.STOP}.get(state, State.LOST)

    def merge(self, trained: Net, lease: Lease) -> bool:
        """Hands over what was trained, or why nothing was."""
        self._nets.pop(lease.key, None)
        kind, why = trained.outcome
        if kind is Outcome.MERGED:
            return self._ask(b"MERGE", lease, trained.dump_bare()) == 1
        return self._ask(b"FAIL", lease, f"{kind.name.lower()}: {why}".encode()) == 1

    def keep(self, lease: Lease, checkpoint: bytes) -> None:
        """The module keeps none: a training whose worker is lost begins again."""

    def give_back(self, lease: Lease) -> None:
        """Lets an order wait again, as if it had not been taken this time."""
        self._ask(b"GIVE", lease)

    def _ask(self, word: bytes, lease: Lease, *words: bytes) -> int:
        try:
            reply: int = self._send(b"NR.ORDER", word, lease.key, lease.token.encode(), *words)
        except (NotFoundError, CommandError) as error:
            if isinstance(error, NotFoundError) or error.code == "WRONGTYPE":
                return 0
            raise
        return reply

    def watch(self, matches: Matches | None) -> Watch:
        """For a worker that takes orders of networks whose keys are such; None: of all."""
        return _Glances(self._waiting, matches)

    def _waiting(self) -> list[bytes]:
        lines = [bytes(line) for line in self._send(b"NR.THREADS")]
        found = [dict(word.partition(b"=")[::2] for word in line.split(b" ")) for line in lines]
        here = b"%d" % self._db
        return [
            _unquoted(one[b"key"])
            for one in found
            if one[b"state"] == b"waiting" and one[b"db"] == here
        ]


def _unquoted(key: bytes) -> bytes:
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), key)


class _Glances:
    """Looks often, since nothing wakes it."""

    def __init__(self, waiting: Callable[[], list[bytes]], matches: Matches | None) -> None:
        self._waiting = waiting
        self._matches = matches

    def keys(self, seconds: float) -> list[bytes]:
        """Of networks whose orders wait; none after so long without any."""
        end = monotonic() + seconds
        while True:
            found = self._waiting()
            if self._matches is not None:
                found = [key for key in found if self._matches(key)]
            if found or monotonic() >= end:
                return found
            sleep(_GLANCE)

    def close(self) -> None:
        """Holds nothing."""
