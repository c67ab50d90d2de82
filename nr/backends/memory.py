"""The store in memory: the core's own networks, under one lock.

One lock and not one a key: all that is done under it takes microseconds (a clone
shares its memory, a merge swaps a pointer), and running takes it only once after
each training. Only large blobs of samples take longer, at the speed of a copy.
"""

import os
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from threading import Event, Lock
from weakref import WeakSet

from nr import forks
from nr.backends.watching import Polling
from nr.commands.local import Local
from nr.contracts.store import (
    ABANDONED,
    ATTEMPTS,
    REPLACED,
    STOPPED,
    Bulk,
    Lease,
    Limits,
    Matches,
    Order,
    Running,
    Samples,
    Standing,
    State,
    Watch,
    worker,
)
from nr.engine import Command, Net, Outcome, Progress, Reply
from nr.engine.texts import beginning
from nr.errors import BackendError, BusyError, NotFoundError, TrainingError


def connect(
    url: str,
    executor: Executor | None = None,
    *,
    memory: int | None = None,
    trainings: str = "here",
) -> Local:
    """``memory://``: a store of its own, which goes when it is closed."""
    if url != "memory://":
        raise BackendError("the URL of the store in memory is memory://, and nothing after it")
    return Local(Memory(), executor, memory, trainings)


@dataclass
class _Placed:
    """An order, and how far it is. A lease never runs out: its holder lives as long as this."""

    order: Order
    token: str | None  # None: it waits
    progress: Progress
    stop: bool = False
    worker: str = ""


class Memory:
    """Networks of this process alone. Threads may share it; a fork gets a copy."""

    shared = False
    keeps_here = True
    bulk = Bulk()
    renewal = 1.0
    patience = 0.0

    def __init__(self) -> None:
        self.queues = False
        self.due: Callable[[bytes], None] = lambda key: None
        self._lock = forks.inner(Lock())
        self._nets: dict[bytes, Net] = {}
        self._runners: dict[bytes, Net] = {}
        self._orders: dict[bytes, _Placed] = {}
        self._placed = Event()
        _alive.add(self)

    def _net(self, key: bytes) -> Net:
        try:
            return self._nets[key]
        except KeyError:
            raise NotFoundError from None

    # ---- networks ----

    def new_id(self) -> int:
        return 1 + secrets.randbelow(2**53 - 1)

    def create(self, key: bytes, net: Net, replace: bool = False) -> None:
        with self._lock:
            if key in self._nets and not replace:
                raise BusyError
            self._drop(key)  # first: an interrupt between the two leaves nothing stale
            self._nets[key] = net

    def runner(self, key: bytes) -> Net:
        return self._runners.get(key) or self._new_runner(key)

    def _new_runner(self, key: bytes) -> Net:
        with self._lock:
            runner = self._runners[key] = self._net(key).clone()
            return runner

    def header(self, key: bytes) -> tuple[Net, Standing]:
        with self._lock:
            return self._net(key).clone(), self._standing(key)

    def snapshot(self, key: bytes) -> Net:
        with self._lock:
            return self._net(key).clone()

    def observe(self, key: bytes, command: Command) -> Reply:
        return self._add(key, lambda net: net.execute(command))

    def put(self, key: bytes, samples: Samples, dataset: int) -> Reply:
        return self._add(key, lambda net: net.put(samples(net), dataset))

    def _add(self, key: bytes, add: Callable[[Net], Reply]) -> Reply:
        with self._lock:
            net = self._net(key)
            before = net.counts().ordered
            reply = add(net)
            due = net.counts().ordered - before
            if due:
                placed = key not in self._orders
                net.coalesce(due - placed)
                if placed:
                    self._place(key, Limits.due(self.queues), False)
        if due:
            self.due(key)
        return reply

    def forecast(self, key: bytes, command: Command) -> Reply:
        return self.snapshot(key).execute(command)

    def sample(self, key: bytes, command: Command) -> Reply:
        with self._lock:
            return self._net(key).execute(command)

    def samples(self, key: bytes, command: Command) -> Reply:
        return self.snapshot(key).execute(command)

    def change(self, key: bytes, command: Command) -> Reply:
        with self._lock:
            net = self._net(key)
            if command.spec.name == "NR.RESET":
                self._drop(key)
            reply = net.execute(command)
            self._runners.pop(key, None)  # it may know other fields
            return reply

    def drop_samples(self, key: bytes, command: Command) -> Reply:
        with self._lock:
            self._runners.pop(key, None)  # it may have some of them
            return self._net(key).execute(command)

    def merge(self, trained: Net, lease: Lease) -> bool:
        with self._lock:
            if not self._holds(lease):
                return False
            del self._orders[lease.key]
            self._runners.pop(lease.key, None)
            return self._net(lease.key).merge(trained)

    def delete(self, keys: list[bytes]) -> int:
        with self._lock:
            there = {key for key in keys if key in self._nets}
            for key in there:
                self._drop(key)
                del self._nets[key]
            return len(there)

    def keys(self, pattern: bytes = b"*") -> list[bytes]:
        plain, whole = beginning(pattern)
        with self._lock:
            if whole:
                return [plain] if plain in self._nets else []
            return [key for key in self._nets if key.startswith(plain)]

    def _drop(self, key: bytes) -> None:
        """What is known of the network that was under a key holds no more."""
        self._runners.pop(key, None)
        self._orders.pop(key, None)

    # ---- orders ----

    def _standing(self, key: bytes) -> Standing:
        placed = self._orders.get(key)
        if not placed:
            return Standing.NONE
        return Standing.HELD if placed.token else Standing.WAITS

    def order(self, key: bytes, limits: Limits, held: bool = True) -> Lease | None:
        with self._lock:
            if self._standing(key) is Standing.WAITS and self._orders[key].order.attempt:
                self._tell(key, Outcome.DROPPED, REPLACED)
            elif key in self._orders:
                raise TrainingError
            return self._place(key, limits, held)

    def _place(self, key: bytes, limits: Limits, held: bool) -> Lease | None:
        shape = self._net(key).shape
        order = Order(key, shape.id, shape.revision, shape.trainings, limits, int(held))
        token = secrets.token_hex(8) if held else None
        self._orders[key] = _Placed(order, token, Progress(), worker=worker() if held else "")
        if not held:
            self._placed.set()
        return Lease(order, token) if token else None

    def take(self, key: bytes, queued: bool = True) -> Lease | None:
        with self._lock:
            if self._standing(key) is not Standing.WAITS:
                return None
            placed, token = self._orders[key], secrets.token_hex(8)
            if placed.order.limits.queued and not queued:
                return None
            if placed.order.attempt >= ATTEMPTS:
                self._tell(key, Outcome.FAILED, ABANDONED)
                return None
            placed.order = replace(placed.order, attempt=placed.order.attempt + 1)
            placed.token, placed.worker = token, worker()
            shape = self._net(key).shape
            placed.order = replace(placed.order, revision=shape.revision, number=shape.trainings)
            return Lease(placed.order, token)

    def keep(self, lease: Lease, checkpoint: bytes) -> None:
        """Nothing here outlives the process."""

    def give_back(self, lease: Lease) -> None:
        with self._lock:
            if self._holds(lease):
                placed = self._orders[lease.key]
                placed.order = replace(placed.order, attempt=placed.order.attempt - 1)
                placed.token, placed.progress = None, Progress()
                self._placed.set()

    def watch(self, matches: Matches | None) -> Watch:
        def waiting() -> list[bytes]:
            with self._lock:
                return [key for key in self._orders if self._standing(key) is Standing.WAITS]

        return Polling(waiting, matches, self._woken)

    def _woken(self, seconds: float) -> None:
        self._placed.wait(seconds)
        self._placed.clear()

    def _holds(self, lease: Lease) -> bool:
        placed = self._orders.get(lease.key)
        return placed is not None and placed.token == lease.token

    def renew(self, lease: Lease, progress: Progress) -> State:
        with self._lock:
            if not self._holds(lease):
                return State.LOST
            placed = self._orders[lease.key]
            placed.progress = progress
            return State.STOP if placed.stop else State.RUN

    def withdraw(self, lease: Lease) -> None:
        with self._lock:
            if self._holds(lease):
                del self._orders[lease.key]

    def orders(self) -> list[Running]:
        with self._lock:
            return [
                Running(
                    key,
                    placed.order.nn_id,
                    0,
                    placed.order.limits,
                    placed.progress,
                    self._standing(key),
                    placed.worker,
                    placed.order.attempt,
                )
                for key, placed in self._orders.items()
            ]

    def stop(self, key: bytes) -> bool:
        with self._lock:
            self._net(key)
            standing = self._standing(key)
            if standing is Standing.HELD:
                self._orders[key].stop = True
            elif standing is Standing.WAITS:
                self._tell(key, Outcome.KEPT, STOPPED)
            return bool(standing)

    def _tell(self, key: bytes, outcome: Outcome, why: str) -> None:
        """Takes an order away, and says why it came to nothing."""
        net = self._nets[key]
        net.merge(net.unlearned(outcome, why))
        del self._orders[key]

    def close(self) -> None:
        with self._lock:
            self._nets.clear()
            self._runners.clear()
            self._orders.clear()


# A fork copies the networks but no thread, so no training: nobody may be amidst
# a change then, and the child drops the orders of its parent's threads.

_alive: WeakSet[Memory] = WeakSet()


def _after_fork_in_child() -> None:
    for store in list(_alive):
        store._orders.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
