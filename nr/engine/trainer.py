"""Trainings: the core's trainer, which a worker steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nr.engine import binding
from nr.engine.binding import CShare, ErrorText, collect, free, held, make
from nr.engine.command import Command
from nr.engine.shapes import Progress, Share

if TYPE_CHECKING:
    from nr.engine import Net


class Trainer:
    """A training: a copy of what it needs of a network, stepped by one thread."""

    _handle = 0  # until it is made

    def __init__(self, net: Net, command: Command) -> None:
        self._free = held.nr_trainer_free  # at exit, globals go before objects
        self._net = type(net)
        self._handle = make(free.nr_trainer_create, net._handle, command.c)

    def __del__(self) -> None:
        if self._handle:
            self._free(self._handle)

    def step(self, elapsed_ms: int) -> bool:
        """Trains for some milliseconds; False at the end. Says how long it has run so far."""
        return bool(free.nr_trainer_step(self._handle, elapsed_ms) == 1)

    # ---- steps that are shared: nr.h says how ----

    def share(self, rank: int, ranks: int, work: float) -> Share:
        """Before the first step, this rank's part in it."""
        c = CShare()
        held.nr_trainer_share(self._handle, rank, ranks, work, c, ErrorText())
        return Share(c.group, c.groups, c.rank, c.ranks, c.steps, c.alone)

    def begin(self, elapsed_ms: int) -> int:
        """How many blocks of samples the next step has; 0: where ranks meet, and at the end."""
        return int(free.nr_trainer_begin(self._handle, elapsed_ms))

    def gradient(self, first: int, last: int) -> None:
        """Sums the gradient of some blocks of the step."""
        free.nr_trainer_gradient(self._handle, first, last, ErrorText())

    def sums(self) -> bytes:
        """What they came to, for others."""
        return collect(free.nr_trainer_sums, self._handle)

    def put(self, sums: bytes) -> None:
        """Takes what others' blocks came to."""
        free.nr_trainer_put(self._handle, sums, len(sums), ErrorText())

    def apply(self) -> None:
        """Moves the weights, when all blocks are there."""
        free.nr_trainer_apply(self._handle, ErrorText())

    @property
    def floats(self) -> int:
        """How many a sum has."""
        return int(held.nr_trainer_floats(self._handle))

    def piece(self, first: int, last: int) -> bytes:
        """Of the sums, some floats."""
        return collect(free.nr_trainer_piece, self._handle, first, last)

    def join(self, pieces: bytes, first: int, last: int) -> bytes:
        """What these floats of all blocks come to."""
        return collect(free.nr_trainer_join, self._handle, pieces, len(pieces), first, last)

    def total(self, floats: bytes) -> None:
        """Takes what all floats of all blocks came to."""
        free.nr_trainer_total(self._handle, floats, len(floats), ErrorText())

    def meets(self) -> bool:
        """Whether the ranks have to tell each other of their members."""
        return bool(held.nr_trainer_meets(self._handle))

    def members(self) -> bytes:
        """What there is to tell of this rank's."""
        return collect(free.nr_trainer_members, self._handle)

    def meet(self, members: bytes) -> None:
        """Takes what there is to tell of all of them."""
        free.nr_trainer_meet(self._handle, members, len(members), ErrorText())

    # ---- its course and its end ----

    def stop(self) -> None:
        """Asks the next step to be the last one. From any thread."""
        held.nr_trainer_stop(self._handle)

    def progress(self) -> Progress:
        """From any thread."""
        c = binding.CProgress()
        held.nr_trainer_progress(self._handle, c)
        return Progress(c.cycles, c.train_error, c.test_error, c.class_errors)

    def finish(self, elapsed_ms: int) -> Net:
        """The trained network, once the last step has been made."""
        return self._net(make(free.nr_trainer_finish, self._handle, elapsed_ms))
