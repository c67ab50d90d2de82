"""Trainings: the core's trainer, which a worker steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nr.engine import binding
from nr.engine.binding import free, held, make
from nr.engine.command import Command
from nr.engine.shapes import Progress

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
