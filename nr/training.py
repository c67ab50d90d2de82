"""The orders that this process carries out: a line, workers, progress, a stop.

A job holds an order by its lease. A worker reads the network, steps the core's
trainer to its end and merges what came of it; meanwhile, and from the moment that
the job stands in line, one heartbeat renews all leases and brings back what others want
(stop it, or forget it: the network is gone). Workers are any Executor that runs
in this process; ours are daemons, which the standard one no longer has: a process
with an endless training must be able to end.

A trainer takes memory and threads, so it is made by the worker that steps it, when there
is memory for it beside those that run; what waits in line costs nothing.
"""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import SimpleQueue
from time import monotonic, sleep
from typing import Any, TypeAlias, TypeVar
from weakref import WeakSet

from nr.backends.store import Lease, Limits, Standing, State, Store
from nr.engine import Command, Net, Outcome, Progress, Trainer
from nr.errors import BackendError, CommandError, Error, NotFoundError, TrainingError
from nr.memory import memory_of, processors

_log = logging.getLogger("nr")
_T = TypeVar("_T")


class Workers(Executor):
    """Daemon threads, started as they are needed: one less than processors, at least one."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most or max(1, processors() - 1)
        self._line: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._line.put((future, lambda: fn(*args, **kwargs)))
        if len(self._threads) < self._most:
            thread = threading.Thread(target=_work, args=(self._line,), name="nr", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for _ in self._threads:
            self._line.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
        self._threads.clear()

    def __del__(self) -> None:
        if hasattr(self, "_threads"):  # an interrupt may come before
            self.shutdown(wait=False)


def _work(line: "SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]") -> None:
    while item := line.get():
        future, call = item
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)
        del future, call, item  # while waiting, keep nothing alive


Ended: TypeAlias = tuple[Outcome, str]
"""What became of a training, and why."""

GONE = Outcome.DROPPED, "its network was deleted or replaced"
RESET = Outcome.DROPPED, "its network was reset"
WITHDRAWN = Outcome.DROPPED, "it was withdrawn"
_NOT_BEGUN = "stopped before its first cycle"
_TAKEN_OVER = Outcome.DROPPED, "its lease ran out, and another training has taken its place"


def ended(net: Net, nn_id: int, number: int) -> Ended | None:
    """What became of an order, by the network that is there now; None while it stands.

    Where others have ended since, it is what became of the last of them.
    """
    shape = net.shape
    if shape.id != nn_id:
        return GONE
    if shape.trainings == number:
        return None
    return RESET if net.outcome[0] is Outcome.NEVER else net.outcome


def quoted(key: bytes) -> str:
    """A key as one word: other bytes than plain ones as ``\\xHH``."""
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in key)


def refused(key: bytes, outcome: Ended) -> CommandError | None:
    """The error of a training that came to nothing."""
    (kind, why), name = outcome, quoted(key)
    if kind is Outcome.FAILED:
        return CommandError(f"ERR the training of {name} failed: {why}")
    if kind is Outcome.DROPPED:
        return CommandError(f"ERR the training of {name} was dropped: {why}")
    return None


class Room:
    """The memory that trainings share. Who came first is served first, however much it takes."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size: int, given_up: Callable[[], bool]) -> Iterator[None]:
        """Waits until there is room beside the others, or until ``given_up``."""
        me = object()
        with self._changed:
            self._line.append(me)
            self._changed.wait_for(lambda: given_up() or (self._line[0] is me and self._fits(size)))
            self._line.remove(me)
            self._taken += size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return self._taken == 0 or self._taken + size <= self._most

    def look_again(self) -> None:
        """Somebody may have given up."""
        with self._changed:
            self._changed.notify_all()


class Job:
    """One order that this process carries out, from the moment it stands in line."""

    def __init__(self, store: Store, lease: Lease, memory: int, room: Room) -> None:
        self.lease = lease
        self.done = threading.Event()
        self.future: Future[None] | None = None
        self.outcome: Ended | None = None
        """What became of it, once it is done; None: another worker carries the order out."""
        self._store, self._memory, self._room = store, memory, room
        self._trainer: Trainer | None = None
        self._stopped = self._dropped = False
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
            return header.unlearned(Outcome.KEPT, _NOT_BEGUN)
        header.check_training(command, self._memory)
        with self._room.taken(header.training_bytes(), lambda: self._stopped):
            net = self._persistent(lambda: self._store.snapshot(order.key))
            return self._steps(Trainer(net, command))

    def _steps(self, trainer: Trainer) -> Net:
        start = monotonic()
        self._trainer = trainer
        if self._stopped:  # meanwhile
            trainer.stop()
        try:
            while trainer.step(int((monotonic() - start) * 1000)):
                pass
            return trainer.finish(int((monotonic() - start) * 1000))
        finally:
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
            return _TAKEN_OVER
        return ended(net, order.nn_id, order.number)

    # ---- its end, whatever it was ----

    def end(self, future: Future[None]) -> None:
        """Says what became of it, in the network's header and in the log."""
        error = None if future.cancelled() else future.exception()
        try:
            if future.cancelled():
                self._conclude(Outcome.KEPT, _NOT_BEGUN)
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
        if self.outcome is None:
            _log.warning("the training of %r is carried out by another worker by now", self.key)
        elif self.outcome[0] is Outcome.FAILED:
            _log.error("the training of %r failed: %s", self.key, self.outcome[1], exc_info=error)
        elif self.outcome[0] is Outcome.DROPPED:
            _log.warning("the training of %r was dropped: %s", self.key, self.outcome[1])

    # ---- from any thread ----

    def is_for(self, nn_id: int, number: int) -> bool:
        """Whether this is the order of that network and number."""
        return (self.lease.nn_id, self.lease.order.number) == (nn_id, number)

    def progress(self) -> Progress:
        trainer = self._trainer
        return trainer.progress() if trainer else Progress()

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


class Trainings:
    """What Local has of trainings. Its threads and locks are for this process only."""

    def __init__(
        self, store: Store, executor: Executor | None = None, memory: int | None = None
    ) -> None:
        self._store = store
        self._given = executor
        self._memory = memory_of(memory)
        self._begin()
        _alive.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[bytes, Job] = {}
        self._room = Room(self._memory // 2)
        self._workers = self._given or Workers()
        self._heart: threading.Thread | None = None
        self._closing, self._closed = threading.Event(), threading.Event()

    def start(self, key: bytes, command: Command) -> Job:
        """Orders a training of the network, and puts it into the line of this process.

        Raises CommandError: already training, no samples, too little memory for them ...
        """
        header, standing = self._store.header(key)
        if standing is Standing.HELD:
            raise TrainingError
        header.check_training(command, self._memory)
        lease = self._store.order(key, Limits.of(command))
        assert lease
        try:
            return self._enqueue(lease)
        except BaseException:
            self._store.withdraw(lease)
            raise

    def take(self, key: bytes) -> Job | None:
        """Puts an order that waits into the line of this process; None where there is none."""
        lease = None if self._closing.is_set() else self._store.take(key)
        return self._enqueue(lease) if lease else None

    def _enqueue(self, lease: Lease) -> Job:
        job = Job(self._store, lease, self._memory, self._room)
        with self._lock:
            if self._closing.is_set():
                raise BackendError("the connection is closed")
            try:
                job.future = self._workers.submit(job.run)
            except RuntimeError as error:
                raise BackendError(f"the executor takes no trainings: {error}") from error
            self._jobs[job.key] = job
            if not self._heart:
                self._heart = threading.Thread(target=self._beat, name="nr leases", daemon=True)
                self._heart.start()
        job.future.add_done_callback(lambda future: self._end(job, future))
        return job

    def get(self, key: bytes) -> Job | None:
        """The training of a network, if this process runs it."""
        with self._lock:
            return self._jobs.get(key)

    def _beat(self) -> None:
        while not self._closed.wait(self._store.renewal):
            with self._lock:
                jobs = list(self._jobs.values())
                if not jobs:
                    self._heart = None
                    return
            for job in jobs:
                try:
                    job.renew()
                except Error as error:  # the lease holds a while yet: try again
                    _log.warning("the training of %r cannot be renewed: %s", job.key, error)

    def _end(self, job: Job, future: Future[None]) -> None:
        try:
            job.end(future)
        finally:
            with self._lock:
                if self._jobs.get(job.key) is job:
                    del self._jobs[job.key]
            job.done.set()

    def close(self) -> None:
        """Stops all trainings, and waits until what they reached is merged, or is not."""
        self._closing.set()
        with self._lock:
            jobs, heart = list(self._jobs.values()), self._heart
        for job in jobs:
            job.stop()
        for job in jobs:
            job.done.wait()
            self._log_stopped(job)
        self._closed.set()
        if heart:
            heart.join()  # it may be renewing: nobody speaks to the store after this
        if not self._given:
            self._workers.shutdown()

    @staticmethod
    def _log_stopped(job: Job) -> None:
        kind, why = job.outcome or (None, "")
        if kind is Outcome.MERGED:
            _log.warning("closing stopped the training of %r: what it reached is merged", job.key)
        elif kind is Outcome.KEPT:
            _log.warning("closing stopped the training of %r: nothing changed, %s", job.key, why)


_alive: WeakSet[Trainings] = WeakSet()


@atexit.register
def _at_exit() -> None:
    for trainings in list(_alive):
        trainings.close()


def _after_fork_in_child() -> None:
    for trainings in list(_alive):  # their threads are the parent's
        trainings._begin()


os.register_at_fork(after_in_child=_after_fork_in_child)
