"""One order that this process carries out.

A job holds its order by the lease. A worker reads the network, steps the core's trainer to its end
and merges what came of it; meanwhile, and from the moment that the job stands in line, somebody
renews the lease and brings back what others want (stop it, or forget it: the network is gone).

A trainer takes memory and threads, so it is made by the worker that steps it, when there is
memory for it beside those that run; what waits in line costs nothing.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic, sleep
from typing import Protocol, TypeVar, cast

from nr.contracts.store import SUSPECT, Lease, State, Store
from nr.engine import LONG, Command, Net, Outcome, Progress, Trainer
from nr.errors import BackendError, NotFoundError
from nr.trainings.checkpoints import Checkpoints
from nr.trainings.outcomes import GONE, NOT_BEGUN, TAKEN_OVER, Ended, ended
from nr.trainings.workers import Room

_log = logging.getLogger("nr")
_T = TypeVar("_T")


class Trains(Protocol):
    """What steps a training to its end: the core's trainer, or one that shares it with others."""

    def step(self, elapsed_ms: int) -> bool: ...
    def stop(self) -> None: ...
    def progress(self) -> Progress: ...
    def finish(self, elapsed_ms: int) -> Net: ...


class Makes(Protocol):
    """What makes trainers that ranks share: how many ranks, and of which steps."""

    @property
    def ranks(self) -> int: ...
    @property
    def long(self) -> float: ...
    def __call__(self, net: Net, command: Command) -> Trains: ...


def shares(makes: Makes | None) -> tuple[int, float]:
    """Among how many ranks a training is, and from which work on its steps are."""
    return (makes.ranks, makes.long) if makes else (1, LONG)


class Job:
    """One order that this process carries out, from the moment it stands in line."""

    def __init__(
        self, store: Store, lease: Lease, memory: int, room: Room, makes: Makes | None, pause: float
    ) -> None:
        self.lease = lease
        self.done = threading.Event()
        self.future: Future[None] | None = None
        self.outcome: Ended | None = None
        """What became of it, once it is done; None: another worker carries the order out."""
        self._store, self._memory, self._room, self._makes = store, memory, room, makes
        self._pause = pause
        self._trainer: Trains | None = None
        self._stopped = self._dropped = self._given_back = False
        self._reached = Progress()
        self.seconds = 0.0
        """How long it was trained."""
        self._patient_until: float | None = None

    # ---- a worker's part ----

    def run(self) -> None:
        """Trains, and merges what came of it."""
        self._merge(self._trained())

    def _trained(self) -> Net:
        order = self.lease.order
        command = order.limits.command(order.key)
        header = self._persistent(lambda: self._store.header(order.key))[0]
        shape = header.shape
        if self._stopped or (shape.id, shape.revision) != (order.nn_id, order.revision):
            return header.unlearned(Outcome.KEPT, NOT_BEGUN)
        if order.limits.plain:
            header.choose_training(command)
        among = shares(self._makes)
        header.check_training(command, self._memory, *among)
        with self._room.taken(header.training_bytes(*among), lambda: self._stopped):
            net = self._persistent(lambda: self._store.snapshot(order.key))
            trainer = (self._makes or Trainer)(net, command)
            return self._steps(
                trainer, Checkpoints(self._store, self.lease, net, command, self._pause)
            )

    def _steps(self, trainer: Trains, checkpoints: Checkpoints) -> Net:
        core = None if self._makes else cast(Trainer, trainer)  # what ranks share is not kept
        start = monotonic() - (checkpoints.resume(core) / 1000 if core else 0)
        self._trainer = trainer
        if self._stopped:  # meanwhile
            trainer.stop()
        try:
            while trainer.step(int((monotonic() - start) * 1000)):
                if core and not self._stopped:
                    checkpoints.look(core, int((monotonic() - start) * 1000))
            return trainer.finish(int((monotonic() - start) * 1000))
        finally:
            self._reached, self.seconds = trainer.progress(), monotonic() - start
            self._trainer = None  # whoever holds the job holds none of its memory

    def _merge(self, net: Net) -> None:
        if self._dropped:
            return
        merged = self._persistent(lambda: self._store.merge(net, self.lease))
        self.outcome = net.outcome if merged else self._lost()

    def _persistent(self, call: Callable[[], _T]) -> _T:
        """An outage shorter than the lease costs a training nothing: it is tried till then.

        For what may be done twice: a store knows what it has merged.
        """
        while True:
            try:
                return call()
            except BackendError:
                if self._patient_until is None:
                    self._patient_until = monotonic() + self._store.patience
                if self._dropped or monotonic() >= self._patient_until:
                    raise
            sleep(self._store.renewal / 2)

    def _lost(self) -> Ended | None:
        """What became of the order that is ours no more."""
        order = self.lease.order
        try:
            net, _ = self._store.header(order.key)
        except NotFoundError:
            return GONE
        if net.shape.id == order.nn_id and net.shape.trainings > order.number + 1:
            return TAKEN_OVER
        return ended(net, order.nn_id, order.number)

    # ---- its end, whatever it was ----

    def end(self, future: Future[None]) -> None:
        """Says what became of it, in the network's header and in the log."""
        error = None if future.cancelled() else future.exception()
        try:
            if future.cancelled():
                self._conclude(Outcome.KEPT, NOT_BEGUN)
            elif error:
                self._fail(error)
        except Exception as worse:  # the order stays, for whoever takes it when the lease is over
            _log.error("what became of the training of %r cannot be noted: %s", self.key, worse)
        self._log(error)

    @property
    def key(self) -> bytes:
        """The network's."""
        return self.lease.key

    def _fail(self, error: BaseException) -> None:
        if self._dropped:
            return
        if isinstance(error, NotFoundError):
            self.outcome = GONE
            return
        text = str(error).removeprefix("ERR ") or type(error).__name__
        self.outcome = Outcome.FAILED, text
        self._conclude(Outcome.FAILED, text)

    def _conclude(self, outcome: Outcome, why: str) -> None:
        """Takes the order away without a trained network."""
        if self._dropped:
            return
        self.outcome = outcome, why
        try:
            header, _ = self._store.header(self.key)
        except NotFoundError:
            self.outcome = GONE
            return
        if not self._store.merge(header.unlearned(outcome, why), self.lease):
            self.outcome = self._lost()

    def _log(self, error: BaseException | None) -> None:
        if self._given_back:
            _log.info("the training of %r is given back, for another worker", self.key)
        elif self.outcome is None:
            _log.warning("the training of %r is carried out by another worker by now", self.key)
        elif self.outcome[0] is Outcome.FAILED:
            _log.error("the training of %r failed: %s", self.key, self.outcome[1], exc_info=error)
        elif self.outcome[0] is Outcome.DROPPED:
            _log.warning("the training of %r was dropped: %s", self.key, self.outcome[1])

    # ---- from any thread ----

    @property
    def suspect(self) -> bool:
        """Whether it was lost so often that it may be what ends workers."""
        return self.lease.order.attempt > SUSPECT

    def is_for(self, nn_id: int, number: int) -> bool:
        """Whether this is the order of that network and number."""
        return (self.lease.nn_id, self.lease.order.number) == (nn_id, number)

    def progress(self) -> Progress:
        trainer = self._trainer
        return trainer.progress() if trainer else self._reached

    def stop(self) -> None:
        """Ends it; what it reached is merged, unless what is there is better."""
        self._stopped = True
        if trainer := self._trainer:
            trainer.stop()
        self._room.look_again()
        if self.future:
            self.future.cancel()  # where it still waits in line

    def drop(self, outcome: Ended) -> None:
        """Ends it and keeps nothing."""
        self.outcome, self._dropped = outcome, True
        self.stop()

    def give_back(self) -> None:
        """Ends it, keeps nothing, and lets the order wait for another worker."""
        self._given_back = self._dropped = True
        self.stop()
        self._store.give_back(self.lease)

    def renew(self) -> None:
        state = self._store.renew(self.lease, self.progress())
        if state is State.STOP:
            self.stop()
        elif state is State.LOST and not self.done.is_set() and not self._dropped:
            self._drop_lost()

    def _drop_lost(self) -> None:
        outcome = self._lost()
        if self.outcome is None:  # it may have been merged at this moment
            self.outcome, self._dropped = outcome, True
            self.stop()
