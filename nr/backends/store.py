"""Where networks rest: what a storage driver must do, each verb atomic.

A store knows of networks, samples and leases, and of no command but the four
it is handed parsed (NR.OBSERVE, NR.GETDATA, NR.RESET, NR.CONFIGURE), which it
passes on to the core. ``Local`` runs everything else over it.

Nets that a store returns are snapshots: any thread may use them, and they never
change under it. Every verb that takes a key raises NotFoundError where it is
not there, CommandError with ``WRONGTYPE ...`` where it holds something else, and
BackendError where the store fails.

A training is a lease: it has an owner, a deadline that the owner moves on by
renewing, and the progress it last told. A lease that runs out (its process is
gone) locks nothing any more. Whoever resets, deletes or replaces a network drops
its lease with it, in the same step.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from nr.engine import Command, Net, Progress, Reply


class State(Enum):
    """What a store says to the owner of a lease."""

    RUN = "run"
    STOP = "stop"  # end, and merge what was reached
    LOST = "lost"  # end, and merge nothing: it is another network now, or another owner


@dataclass(frozen=True)
class Lease:
    """The right to train one network: one holder at a time, known by its token."""

    key: bytes
    nn_id: int
    token: str


@dataclass(frozen=True)
class Running:
    """One training of the store's, as its owner told last. Limits of 0 are none."""

    key: bytes
    nn_id: int
    db: int
    maxtime: int  # milliseconds
    maxcycles: int
    progress: Progress


@dataclass(frozen=True)
class Bulk:
    """Samples that are best handed over in one command: no more than ``rows``, nor bytes."""

    rows: int = 1 << 62
    size: int = 1 << 26


class Store(Protocol):
    bulk: Bulk
    """What ``Network.observe_many`` sends at once: a store that holds up others wants less."""

    renewal: float
    """Seconds between two renewals of a lease, well below its lifetime."""

    patience: float
    """Seconds for which a failed merge or release is tried again: as long as a lease lasts."""

    def create(self, key: bytes, net: Net, replace: bool = False) -> None:
        """Puts a network under a key, instead of another one if ``replace``.

        Raises BusyError.
        """

    def new_id(self) -> int:
        """An id from 1 to 2**53 - 1 that was never used before."""

    def runner(self, key: bytes) -> Net:
        """The weights, and the history of the training they are from.

        Its lengths and options may be old ones: a driver keeps it while the
        network's id and revision stay.
        """

    def header(self, key: bytes) -> tuple[Net, bool]:
        """The header alone, exact, and whether a training holds the network."""

    def snapshot(self, key: bytes) -> Net:
        """Everything."""

    def observe(self, key: bytes, command: Command) -> Reply:
        """NR.OBSERVE: all samples of the command, or none and a CommandError."""

    def sample(self, key: bytes, command: Command) -> Reply:
        """NR.GETDATA."""

    def change(self, key: bytes, command: Command) -> Reply:
        """NR.CONFIGURE with options, or NR.RESET, which drops the lease too."""

    def merge(self, trained: Net, lease: Lease) -> bool:
        """Takes over what was trained, if the lease still holds; else False."""

    def delete(self, keys: list[bytes]) -> int:
        """Deletes those that are networks, and their leases; replies how many."""

    def keys(self) -> list[bytes]:
        """The keys of all networks, in any order."""

    def lease(self, key: bytes, maxcycles: int, maxtime: int) -> Lease:
        """Raises TrainingError."""

    def renew(self, lease: Lease, progress: Progress) -> State:
        """Moves the deadline on, tells the progress, and learns what is wanted."""

    def release(self, lease: Lease) -> None:
        """Gives a lease back; nothing happens where it is no longer held."""

    def leases(self) -> list[Running]:
        """All trainings of the store, whoever runs them, oldest first."""

    def stop(self, key: bytes) -> bool:
        """Asks the training of a network to stop; False where there is none."""

    def close(self) -> None: ...
