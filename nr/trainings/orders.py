"""The orders that this process carries out: their line, and the heartbeat of their leases."""

import atexit
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from time import monotonic, sleep
from weakref import WeakSet

from nr.contracts.store import Lease, Limits, Matches, Standing, Store, Watch
from nr.engine import Command, Net, Outcome
from nr.errors import BackendError, Error, TrainingError
from nr.limits import memory_of
from nr.trainings.checkpoints import PAUSE
from nr.trainings.errands import Errands
from nr.trainings.jobs import Job, Makes, shares
from nr.trainings.workers import Room, Workers

_log = logging.getLogger("nr")


class Trainings:
    """What Local has of trainings. Its threads and locks are for this process only."""

    def __init__(
        self,
        store: Store,
        executor: Executor | None = None,
        memory: int | None = None,
        queue: bool = False,
    ) -> None:
        self._store = store
        self.queue = queue
        """Whether trainings are left to workers. Where no other process can reach the store,
        this one is its own worker."""
        self._shared = store.shared
        self._left = queue and store.shared
        store.queues = self._left
        store.due = self._take_due
        self.ended: Callable[[Job], None] = lambda job: None
        """Hears of each training of this process that has ended."""
        self.makes: Makes | None = None
        """Makes what steps a training of this process, in place of the core's trainer. Before the
        first one."""
        self.pause = PAUSE
        """Seconds between two checkpoints of a training. Before the first one."""
        self.errands: Errands | None = None
        """Sends orders that are left to workers to those of an executor. Before the first one."""
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

    def start(self, key: bytes, command: Command) -> Job | None:
        """Orders a training of the network, and puts it into the line of this process.

        None where it is left to workers. Raises CommandError: already training, no samples, too
        little memory for them ...
        """
        header, standing = self._store.header(key)
        if standing is Standing.HELD:
            raise TrainingError
        header.choose_training(command)
        header.check_training(command, self._memory, *shares(self.makes))
        limits = replace(Limits.of(command), queued=self._left or (command.queue and self._shared))
        lease = self._store.order(key, limits, held=not limits.queued)
        if not lease:
            if self.errands:
                self.errands.send(key, _numbered(header))
            return None
        try:
            return self._enqueue(lease)
        except BaseException:
            self._store.withdraw(lease)
            raise

    def take_own(self, key: bytes) -> Job | None:
        """Puts an order that waits into the line of this process; None where there is none.

        What is left to workers is left to them.
        """
        return None if self._left else self.take(key, queued=False)

    def take(self, key: bytes, queued: bool = True) -> Job | None:
        """The same for workers, who take any order."""
        lease = None if self._closing.is_set() else self._store.take(key, queued)
        if not lease:
            return None
        try:
            return self._enqueue(lease)
        except BaseException:
            self._store.give_back(lease)
            raise

    def _take_due(self, key: bytes) -> None:
        """Samples have made a training due: whoever adds them does not wait, and gets no error."""
        try:
            self.take_own(key)
            if self.errands:
                self.look_after(key, *self._store.header(key))
        except Error as error:
            _log.warning("the training of %r waits for another worker: %s", key, error)

    def look_after(self, key: bytes, header: Net, standing: Standing) -> None:
        """Where orders are sent to an executor: sends one again that nobody carries out.

        Raises BackendError where the executor does not take it.
        """
        if self.errands:
            self.errands.look(key, _numbered(header), standing)

    def take_left(self, key: bytes) -> Job | None:
        """As ``take``; of an order whose holder may be lost, once its lease has run out.

        None where there is no order, and where its holder has renewed the lease meanwhile.
        """
        end = monotonic() + self._store.patience + self._store.renewal
        while not (job := self.take(key)):
            if not self._store.header(key)[1] or monotonic() >= end:
                return None
            sleep(self._store.renewal / 4)
        return job

    @property
    def shared(self) -> bool:
        """Whether other processes can reach the store, and leave trainings to this one."""
        return self._shared

    def set_threads(self, threads: int) -> None:
        """How many trainings run at once. Before the first one."""
        self._workers = Workers(threads)

    def watch(self, matches: Matches | None) -> Watch:
        """For a worker: sees the orders of networks whose keys are such; None: all."""
        return self._store.watch(matches)

    def running(self) -> list[Job]:
        """Those in the line of this process."""
        with self._lock:
            return list(self._jobs.values())

    def _enqueue(self, lease: Lease) -> Job:
        job = Job(self._store, lease, self._memory, self._room, self.makes, self.pause)
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
            self.ended(job)

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


def _numbered(header: Net) -> tuple[int, int]:
    """Which order of its key stands, or would."""
    return header.shape.id, header.shape.trainings


_alive: WeakSet[Trainings] = WeakSet()


@atexit.register
def _at_exit() -> None:
    for trainings in list(_alive):
        trainings.close()


def _after_fork_in_child() -> None:
    for trainings in list(_alive):  # their threads are the parent's
        trainings._begin()


os.register_at_fork(after_in_child=_after_fork_in_child)
