"""Where networks rest: what a storage driver must do, each verb atomic.

A store knows of networks, samples and leases, and of no command but the four
it is handed parsed (NR.OBSERVE, NR.GETDATA, NR.RESET, NR.CONFIGURE), which it
passes on to the core. ``Local`` runs everything else over it.

Nets that a store returns are snapshots: any thread may use them, and they never
change under it. Every verb that takes a key raises NotFoundError where it is
not there, CommandError with ``WRONGTYPE ...`` where it holds something else, and
BackendError where the store fails.

A training is an order: plain data, which rests beside its network until the step
that merges what came of it, or says why nothing did, takes it away. Who carries it
out holds it by a lease: a token and a deadline, which the holder moves on by
renewing, and the progress it last told. When the lease runs out (its process is
gone, or stands still) the order waits again and any other may take it, three times at
most; while nobody has, the holder may renew it still. A worker that ends gives back what it
has not finished, and that does not count. A deadline further off than a
lease is long has run out, too: somebody put the clock back. Whoever resets, deletes
or replaces a network drops its order, in the same step.

Where samples make a training due (TRAINEVERY), the step that adds them places the order. A process
takes such an order itself, unless its trainings are left to workers.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from nr.engine import Command, Net, Progress, Reply, parse


class State(Enum):
    """What a store says to the owner of a lease."""

    RUN = "run"
    STOP = "stop"  # end, and merge what was reached
    LOST = "lost"  # end, and merge nothing: the order is gone, or another's by now


ATTEMPTS = 10
"""How often an order is taken whose workers are lost. Whether it was the training that ended them,
or an accident, nobody saw. Many accidents in a row are rare where few are not."""
SUSPECT = 2
"""An order that was lost so often is taken by itself: what ends workers ends none of the others."""
ABANDONED = f"its worker was lost {ATTEMPTS} times: it may be this training that ends them"
REPLACED = "its worker was lost, and another training was ordered"
STOPPED = "stopped while it waited for a worker"


class Standing(Enum):
    """Whether there is an order for a network."""

    NONE = "none"
    WAITS = "waits"  # for whoever takes it
    HELD = "held"  # someone carries it out

    def __bool__(self) -> bool:
        return self is not Standing.NONE


@dataclass(frozen=True)
class Limits:
    """What NR.TRAIN was asked. Limits of 0 are none; time is in milliseconds."""

    maxcycles: int
    maxtime: int
    autostop: bool
    backtrack: bool
    plain: bool = False
    """NR.TRAIN without any of these: what it means is seen when it begins."""
    queued: bool = False
    """It is left to workers: a process that waits for it does not carry it out."""

    @classmethod
    def of(cls, command: Command) -> "Limits":
        most = 2**63 - 1  # what any store's integers hold
        limits = min(command.maxcycles, most), min(command.maxtime, most)
        return cls(*limits, command.autostop, command.backtrack, queued=command.queue)

    @classmethod
    def due(cls, queued: bool) -> "Limits":
        """Those of a training that samples have made due."""
        return cls(0, 10_000, False, False, plain=True, queued=queued)

    def command(self, key: bytes) -> Command:
        """The NR.TRAIN that asks for the same."""
        if self.plain:
            return parse([b"NR.TRAIN", key])
        words = [b"MAXCYCLES", b"%d" % self.maxcycles, b"MAXTIME", b"%d" % self.maxtime]
        flags = {b"AUTOSTOP": self.autostop, b"BACKTRACK": self.backtrack}
        return parse([b"NR.TRAIN", key, *words, *(word for word in flags if flags[word])])


@dataclass(frozen=True)
class Order:
    """A training that was asked for: of the network with this id, at this revision.

    ``number`` is how many trainings of it had ended before: it tells this one from the next.
    """

    key: bytes
    nn_id: int
    revision: int
    number: int
    limits: Limits
    attempt: int = 1  # how often it was taken


@dataclass(frozen=True)
class Lease:
    """The right to carry an order out: one holder at a time, known by the token."""

    order: Order
    token: str

    @property
    def key(self) -> bytes:
        return self.order.key

    @property
    def nn_id(self) -> int:
        return self.order.nn_id


@dataclass(frozen=True)
class Running:
    """One order of the store's, and how far it is, as its holder told last."""

    key: bytes
    nn_id: int
    db: int
    limits: Limits
    progress: Progress
    standing: Standing = Standing.HELD
    worker: str = ""
    """Who carries it out, or did so last: ``host:pid``."""
    attempt: int = 1


def worker() -> str:
    """This process, as NR.THREADS names it."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True)
class Bulk:
    """Samples that are best handed over in one command: no more than ``rows``, nor bytes."""

    rows: int = 1 << 62
    size: int = 1 << 26


Samples = Callable[[Net], bytes]
"""From a network's header to samples for it, as ``Net.rows`` has them: rows, or records."""


Matches = Callable[[bytes], bool]
"""Whether a key is one of those that a worker looks after."""

OLDEST = 64
"""Of the orders that wait, those that a worker looks at: more than one, for workers that all took
the oldest would meet there; and not all, of which there may be as many as networks."""


class Watch(Protocol):
    """A worker's eye on the orders that wait."""

    def keys(self, seconds: float) -> list[bytes]:
        """Of networks whose orders may wait, oldest first; none after so long without any."""

    def close(self) -> None: ...


class Store(Protocol):
    shared: bool
    """Whether other processes, and so their workers, can reach it."""

    queues: bool
    """Whether trainings that samples make due are left to workers."""

    due: Callable[[bytes], None]
    """Called behind a step whose samples have made a training due, also where an order stood."""

    bulk: Bulk
    """What ``Network.observe_many`` sends at once: a store that holds up others wants less."""

    renewal: float
    """Seconds between two renewals of a lease, well below its lifetime."""

    patience: float
    """Seconds for which a failed merge is tried again: as long as a lease lasts."""

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

    def header(self, key: bytes) -> tuple[Net, Standing]:
        """The header alone, exact, and whether there is an order for the network."""

    def snapshot(self, key: bytes) -> Net:
        """Everything."""

    def observe(self, key: bytes, command: Command) -> Reply:
        """NR.OBSERVE: all samples of the command, or none and a CommandError."""

    def put(self, key: bytes, samples: Samples, dataset: int) -> Reply:
        """The same for samples that are made otherwise, for a network as it is."""

    def forecast(self, key: bytes, command: Command) -> Reply:
        """NR.RUN without inputs: a forecaster goes on from the steps that there are, never
        remembered ones; all others refuse."""

    def sample(self, key: bytes, command: Command) -> Reply:
        """NR.GETDATA of one row."""

    def samples(self, key: bytes, command: Command) -> Reply:
        """NR.GETDATA of a range (``Command.rows``), in one step."""

    def change(self, key: bytes, command: Command) -> Reply:
        """NR.CONFIGURE with options, NR.FIELDS, or NR.RESET, which drops the order too."""

    def drop_samples(self, key: bytes, command: Command) -> Reply:
        """NR.CLEAR and NR.FORGET."""

    def merge(self, trained: Net, lease: Lease) -> bool:
        """Takes over what was trained, or why nothing was, and takes the order away.

        False, and nothing done, where the holder has lost it.
        """

    def delete(self, keys: list[bytes]) -> int:
        """Deletes those that are networks, and their orders; replies how many."""

    def keys(self, pattern: bytes = b"*") -> list[bytes]:
        """The keys of all networks that are like a pattern of NR.LIST's, in any order.

        There may be others among them: a store leaves out what it need not look at for that.
        """

    def order(self, key: bytes, limits: Limits, held: bool = True) -> Lease | None:
        """Places an order, for the caller to carry out if ``held``, else for whoever takes it.

        One whose holder was lost makes way, and is told as dropped. Raises TrainingError for any
        other.
        """

    def take(self, key: bytes, queued: bool = True) -> Lease | None:
        """The order that waits, for the caller to carry out; None where none does.

        One that was taken too often already is told as failed instead. One that is left to
        workers is only for those who ask for ``queued`` ones, too.
        """

    def give_back(self, lease: Lease) -> None:
        """Lets an order wait again, at once, as if it had not been taken this time."""

    def watch(self, matches: Matches | None) -> Watch:
        """For a worker that takes orders of networks whose keys are such; None: of all."""

    def renew(self, lease: Lease, progress: Progress) -> State:
        """Moves the deadline on, tells the progress, and learns what is wanted."""

    def keep(self, lease: Lease, checkpoint: bytes) -> None:
        """Keeps where its training stands, up to 64 MB, with the order: ``snapshot`` then has it
        as ``Net.checkpoint``. Nothing is done where the holder has lost the order, and in a store
        that does not outlive its process. It goes with the order, and where samples are dropped.
        """

    def withdraw(self, lease: Lease) -> None:
        """Takes an order away as if it had never been placed, if the holder still has it."""

    def orders(self) -> list[Running]:
        """All orders of the store, whoever carries them out, oldest first."""

    def stop(self, key: bytes) -> bool:
        """Asks the training of a network to stop; False where there is none.

        An order that waits is taken away at once.
        """

    def close(self) -> None: ...
