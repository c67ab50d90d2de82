"""The store in memory: the core's own networks, under one lock.

One lock and not one a key: all that is done under it takes microseconds (a clone
shares its memory, a merge swaps a pointer), and running takes it only once after
each training. Only large blobs of samples take longer, at the speed of a copy.
"""

import os
import secrets
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from threading import Lock
from weakref import WeakSet

from nr.backends.local import Local
from nr.backends.store import Bulk, Lease, Running, State
from nr.engine import Command, Net, Progress, Reply, Verb
from nr.errors import BackendError, BusyError, NotFoundError, TrainingError


def connect(url: str, executor: Executor | None = None, *, memory: int | None = None) -> Local:
    """``memory://``: a store of its own, which goes when it is closed."""
    if url != "memory://":
        raise BackendError("the URL of the store in memory is memory://, and nothing after it")
    return Local(Memory(), executor, memory)


@dataclass
class _Held:
    """A lease that someone holds."""

    lease: Lease
    running: Running
    stop: bool = False


class Memory:
    """Networks of this process alone. Threads may share it; a fork gets a copy."""

    bulk = Bulk()
    renewal = 1.0
    patience = 0.0

    def __init__(self) -> None:
        self._lock = Lock()
        self._nets: dict[bytes, Net] = {}
        self._runners: dict[bytes, Net] = {}
        self._held: dict[bytes, _Held] = {}
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

    def header(self, key: bytes) -> tuple[Net, bool]:
        with self._lock:
            return self._net(key).clone(), key in self._held

    def snapshot(self, key: bytes) -> Net:
        with self._lock:
            return self._net(key).clone()

    def observe(self, key: bytes, command: Command) -> Reply:
        with self._lock:
            return self._net(key).execute(command)

    def sample(self, key: bytes, command: Command) -> Reply:
        with self._lock:
            return self._net(key).execute(command)

    def change(self, key: bytes, command: Command) -> Reply:
        with self._lock:
            net = self._net(key)
            if command.verb is Verb.RESET:
                self._drop(key)
            return net.execute(command)

    def merge(self, trained: Net, lease: Lease) -> bool:
        with self._lock:
            if not self._holds(lease):
                return False
            self._runners.pop(lease.key, None)
            return self._net(lease.key).merge(trained)

    def delete(self, keys: list[bytes]) -> int:
        with self._lock:
            there = {key for key in keys if key in self._nets}
            for key in there:
                self._drop(key)
                del self._nets[key]
            return len(there)

    def keys(self) -> list[bytes]:
        with self._lock:
            return list(self._nets)

    def _drop(self, key: bytes) -> None:
        """What is known of the network that was under a key holds no more."""
        self._runners.pop(key, None)
        self._held.pop(key, None)

    # ---- leases ----

    def lease(self, key: bytes, maxcycles: int, maxtime: int) -> Lease:
        with self._lock:
            nn_id = self._net(key).shape.id
            if key in self._held:
                raise TrainingError
            lease = Lease(key, nn_id, secrets.token_hex(8))
            self._held[key] = _Held(lease, Running(key, nn_id, 0, maxtime, maxcycles, Progress()))
            return lease

    def _holds(self, lease: Lease) -> bool:
        held = self._held.get(lease.key)
        return held is not None and held.lease == lease

    def renew(self, lease: Lease, progress: Progress) -> State:
        with self._lock:
            if not self._holds(lease):
                return State.LOST
            held = self._held[lease.key]
            held.running = replace(held.running, progress=progress)
            return State.STOP if held.stop else State.RUN

    def release(self, lease: Lease) -> None:
        with self._lock:
            if self._holds(lease):
                del self._held[lease.key]

    def leases(self) -> list[Running]:
        with self._lock:
            return [held.running for held in self._held.values()]

    def stop(self, key: bytes) -> bool:
        with self._lock:
            self._net(key)
            if key in self._held:
                self._held[key].stop = True
            return key in self._held

    def close(self) -> None:
        with self._lock:
            self._nets.clear()
            self._runners.clear()
            self._held.clear()


# A fork copies the networks but no thread, so no training: nobody may be amidst
# a change then, and the child drops the leases of its parent's threads.

_alive: WeakSet[Memory] = WeakSet()
_forking: list[Memory] = []


def _before_fork() -> None:
    _forking[:] = _alive
    for store in _forking:
        store._lock.acquire()


def _after_fork() -> None:
    for store in _forking:
        store._lock.release()
    _forking.clear()


def _after_fork_in_child() -> None:
    for store in _forking:
        store._held.clear()
    _after_fork()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
)
