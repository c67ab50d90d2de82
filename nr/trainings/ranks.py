"""One training shared by several processes, its ranks, to the bits of one process alone.

Rank 0 leads: it takes orders from the store, as any worker does, and hands the snapshot on to the
others, who know of no store. Then all have the same trainer and take it the same way: members are
shared out, and of long steps each rank sums the gradient over its blocks of samples (``nr.h``).
What is small goes whole to everyone; of what is large everyone adds up a part. At the end of each
cycle all meet: they tell each other what became of their members, and rank 0 what time it is and
whether someone wants the training to stop.

Ranks in lockstep cannot go on without one of them. So whoever fails where the others may be waiting
for it ends all of them (``Group.abort``); the order then waits for another worker, as that of any
worker that was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any, NoReturn, Protocol

import msgpack  # type: ignore[import-untyped]

from nr.contracts.store import Limits
from nr.engine import LONG, Command, Net, Progress, Trainer
from nr.errors import BackendError, Error

LARGE = 1 << 20
"""Bytes of a gradient from which on everyone adds up a part of it."""
_WORD = Struct("<QB")  # rank 0's: milliseconds so far, whether to stop
_END = b""


class Group(Protocol):
    """Processes that speak to each other: ranks 0 to ``size`` - 1. ``nr.trainings.mpi`` is one.

    All but ``hear`` and ``tell`` want every rank to take part, in the same order.
    """

    rank: int
    size: int

    def tell(self, message: bytes) -> None:
        """Rank 0's: for each of the others to hear."""

    def hear(self) -> bytes:
        """The others': what rank 0 tells next, however long that takes."""

    def gather(self, piece: bytes) -> list[bytes]:
        """The pieces of all ranks, in their order."""

    def exchange(self, pieces: list[bytes]) -> list[bytes]:
        """Piece i goes to rank i; replies those that have come, by the rank they are from."""

    def part(self, parts: int) -> Group:
        """The ranks that leave the same remainder when divided by ``parts``, in the same order."""

    def abort(self, why: str) -> NoReturn:
        """Ends all ranks at once."""


@dataclass(frozen=True)
class Leader:
    """Rank 0: makes trainers that share their training with the other ranks.

    It makes one at a time. ``long`` and ``large`` are for tests.
    """

    group: Group
    long: float = LONG
    large: int = LARGE

    @property
    def ranks(self) -> int:
        """How many share a training."""
        return self.group.size

    def __call__(self, net: Net, command: Command) -> Leading:
        """As the core's trainer is made. Raises CommandError, EngineError, BackendError."""
        limits = Limits.of(command)
        asked = [command.key, limits.maxcycles, limits.maxtime, limits.autostop, limits.backtrack]
        dump = net.dump()
        try:
            self.group.tell(msgpack.packb([*asked, self.long, self.large]))
            self.group.tell(dump)
            del dump
            return Leading(SharedTrainer(self.group, lambda: net, command, self.long, self.large))
        except Error:
            raise
        except BaseException as error:
            self.group.abort(f"rank 0: {error!r}")

    def end(self) -> None:
        """Lets the others go."""
        self.group.tell(_END)


def follow(group: Group) -> None:
    """What all other ranks do: share trainings until rank 0 lets them go."""
    try:
        while (message := group.hear()) != _END:
            _follow(group, *msgpack.unpackb(message))
    except BaseException as error:
        group.abort(f"rank {group.rank}: {error!r}")


def _follow(group: Group, key: bytes, *asked: Any) -> None:
    """Shares one training."""
    *limits, long, large = asked
    command, dump = Limits(*limits).command(key), group.hear()
    try:
        shared = SharedTrainer(group, lambda: Net.load(dump, 0), command, long, large)
    except BackendError:
        return  # rank 0 tells why
    while not shared.alone and shared.cycle(0, False):
        pass


class Leading:
    """A shared training, as rank 0 steps it."""

    def __init__(self, shared: SharedTrainer) -> None:
        self._shared = shared
        self._stopped = False

    def step(self, elapsed_ms: int) -> bool:
        """Trains for a cycle; False at the end. Says how long it has run so far."""
        try:
            if self._shared.alone:
                return self._shared.trainer.step(elapsed_ms)
            return self._shared.cycle(elapsed_ms, self._stopped)
        except BaseException as error:
            self._shared.group.abort(f"rank 0: {error!r}")

    def stop(self) -> None:
        """Asks for the end with the next cycle. From any thread."""
        self._stopped = True
        if self._shared.alone:
            self._shared.trainer.stop()

    def progress(self) -> Progress:
        """From any thread."""
        return self._shared.trainer.progress()

    def finish(self, elapsed_ms: int) -> Net:
        """The trained network, once the last step has been made."""
        return self._shared.trainer.finish(elapsed_ms)


class SharedTrainer:
    """A rank's trainer, and what it has to do with those of the others."""

    def __init__(
        self, group: Group, net: Callable[[], Net], command: Command, long: float, large: int
    ) -> None:
        self.group, self._large, self._elapsed = group, large, 0
        failed = ""
        try:
            self.trainer = Trainer(net(), command)
            self._share = self.trainer.share(group.rank, group.size, long)
        except (Error, MemoryError) as error:
            failed = str(error) or type(error).__name__
        self._agree(failed)
        self._group = group.part(self._share.groups)

    def _agree(self, failed: str) -> None:
        """All ranks have a trainer, or none goes on."""
        told = [text.decode() for text in self.group.gather(failed.encode())]
        for rank, text in enumerate(told):
            if text:
                raise BackendError(f"rank {rank} of {self.group.size} cannot train: {text}")

    @property
    def alone(self) -> bool:
        """Whether rank 0 makes it without the others."""
        return self._share.alone

    def cycle(self, elapsed_ms: int, stop: bool) -> bool:
        """To the next meeting of all ranks, or False at the end. What rank 0 says counts."""
        trainer = self.trainer
        while blocks := trainer.begin(self._elapsed):
            self._step(blocks)
        if not trainer.meets():
            return False
        own = trainer.members() if self._share.rank == 0 else b""
        told = self.group.gather(_WORD.pack(elapsed_ms, stop) + own)
        trainer.meet(b"".join(one[_WORD.size :] for one in told))
        self._elapsed, stopped = _WORD.unpack_from(told[0])
        if stopped:
            trainer.stop()
        return True

    def _step(self, blocks: int) -> None:
        trainer, rank, ranks = self.trainer, self._share.rank, self._share.ranks
        if not self._share.steps:
            trainer.gradient(0, blocks)
        else:
            trainer.gradient(blocks * rank // ranks, blocks * (rank + 1) // ranks)
            if trainer.floats * 4 < self._large:
                self._exchange_sums()
            else:
                self._exchange_pieces()
        trainer.apply()

    def _exchange_sums(self) -> None:
        for rank, sums in enumerate(self._group.gather(self.trainer.sums())):
            if rank != self._share.rank:
                self.trainer.put(sums)

    def _exchange_pieces(self) -> None:
        trainer, rank, ranks = self.trainer, self._share.rank, self._share.ranks
        ends = [trainer.floats * i // ranks for i in range(ranks + 1)]
        pieces = [trainer.piece(ends[i], ends[i + 1]) for i in range(ranks)]
        own = trainer.join(b"".join(self._group.exchange(pieces)), ends[rank], ends[rank + 1])
        trainer.total(b"".join(self._group.gather(own)))
