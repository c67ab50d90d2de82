"""The trainings of this process: a line, workers, progress, a stop.

A job holds a lease of the store's and a trainer of the core's. A worker steps
the trainer to its end and merges the result; meanwhile, and while the job still
waits in line, one heartbeat renews all leases and brings back what others want
(stop it, or forget it: the network is gone). Workers are any Executor that runs
in this process; ours are daemons, which the standard one no longer has: a process
with an endless training must be able to end.
"""

import atexit
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from time import monotonic, sleep
from typing import Any, TypeAlias
from weakref import WeakSet

from nr.backends.store import Lease, State, Store
from nr.engine import Command, Net, Progress, Trainer
from nr.errors import BackendError, EngineError, Error
from nr.memory import memory_of, processors

_log = logging.getLogger("nr")


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


Version: TypeAlias = tuple[int, int]


def version(net: Net) -> Version:
    """What is another one after each training that was merged, and after a reset."""
    return net.shape.id, net.shape.revision


class Job:
    """One training, from the moment it stands in line."""

    def __init__(self, store: Store, lease: Lease, net: Net, command: Command) -> None:
        self.lease = lease
        self.done = threading.Event()
        self.future: Future[None] | None = None
        self._store = store
        self.net = net
        self._trainer = Trainer(net, command)
        self._dropped = False
        self._patient_until: float | None = None

    def run(self) -> None:
        """A worker's part."""
        start = monotonic()
        while self._trainer.step(int((monotonic() - start) * 1000)):
            pass
        if self._dropped:
            return
        try:
            trained = self._trainer.finish(int((monotonic() - start) * 1000))
        except EngineError:  # out of memory: all who look shall see that it failed
            self._end_with(self.net.unlearned())
            raise
        self._end_with(trained)

    def _end_with(self, net: Net) -> None:
        self._persist(lambda: self._store.merge(net, self.lease))

    def release(self) -> None:
        """Gives the lease back."""
        self._persist(lambda: self._store.release(self.lease))

    def _persist(self, call: Callable[[], object]) -> None:
        """An outage shorter than the lease costs a training nothing: its end is tried till then.

        For what may be done twice: a store knows what it has merged.
        """
        if self._patient_until is None:
            self._patient_until = monotonic() + self._store.patience
        while True:
            try:
                call()
                return
            except BackendError:
                if self._dropped or monotonic() > self._patient_until:
                    raise
            sleep(self._store.renewal / 2)

    def progress(self) -> Progress:
        return self._trainer.progress()

    def stop(self) -> None:
        """Ends it and keeps what it reached."""
        self._trainer.stop()
        if self.future:
            self.future.cancel()  # where it still waits in line

    def drop(self) -> None:
        """Ends it and keeps nothing: its network is gone."""
        self._dropped = True
        self.stop()

    def renew(self) -> None:
        state = self._store.renew(self.lease, self.progress())
        if state is State.STOP:
            self.stop()
        elif state is State.LOST:
            self.drop()


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
        self._failures: dict[bytes, tuple[Version, BaseException]] = {}
        self._workers = self._given or Workers()
        self._heart: threading.Thread | None = None
        self._closing = threading.Event()

    def start(self, key: bytes, command: Command) -> Job:
        """Puts a training of the network, as it now is, into the line.

        Raises CommandError: already training, no samples, too little memory for them ...
        """
        lease = self._store.lease(key, command.maxcycles, command.maxtime)
        try:
            header, _ = self._store.header(key)  # before the samples fill the memory
            header.check_training(command, self._memory)
            job = Job(self._store, lease, self._store.snapshot(key), command)
            self._enqueue(job)
        except BaseException:
            self._store.release(lease)
            raise
        return job

    def _enqueue(self, job: Job) -> None:
        with self._lock:
            if self._closing.is_set():
                raise BackendError("the connection is closed")
            try:
                job.future = self._workers.submit(job.run)
            except RuntimeError as error:
                raise BackendError(f"the executor takes no trainings: {error}") from error
            self._jobs[job.lease.key] = job
            self._failures.pop(job.lease.key, None)
            if not self._heart:
                self._heart = threading.Thread(target=self._beat, name="nr leases", daemon=True)
                self._heart.start()
        job.future.add_done_callback(lambda future: self._end(job, future))

    def get(self, key: bytes) -> Job | None:
        """The training of a network, if this process runs it."""
        with self._lock:
            return self._jobs.get(key)

    def failure(self, key: bytes, net: Net) -> BaseException | None:
        """Why a training of this very network failed, if it did and this process ran it."""
        failed, error = self._failures.get(key, (None, None))
        return error if failed == version(net) else None

    def _beat(self) -> None:
        while not self._closing.wait(self._store.renewal):
            with self._lock:
                jobs = list(self._jobs.values())
                if not jobs:
                    self._heart = None
                    return
            for job in jobs:
                try:
                    job.renew()
                except Error as error:  # the lease holds a while yet: try again
                    _log.warning("the training of %r cannot be renewed: %s", job.lease.key, error)

    def _end(self, job: Job, future: Future[None]) -> None:
        key = job.lease.key
        try:
            if not future.cancelled() and (error := future.exception()):
                self._failures[key] = version(job.net), error
                _log.error("the training of %r failed: %s", key, error, exc_info=error)
            job.release()
        except Error as error:
            _log.error("the training of %r cannot be released: %s", key, error)
        finally:
            with self._lock:
                if self._jobs.get(key) is job:
                    del self._jobs[key]
            job.done.set()

    def close(self) -> None:
        """Stops all trainings, keeps what they reached, and waits for that."""
        self._closing.set()
        with self._lock:
            jobs, heart = list(self._jobs.values()), self._heart
        for job in jobs:
            job.stop()
        for job in jobs:
            job.done.wait()
        if heart:
            heart.join()  # it may be renewing: nobody speaks to the store after this
        if not self._given:
            self._workers.shutdown()


_alive: WeakSet[Trainings] = WeakSet()


@atexit.register
def _at_exit() -> None:
    for trainings in list(_alive):
        trainings.close()


def _after_fork_in_child() -> None:
    for trainings in list(_alive):  # their threads are the parent's
        trainings._begin()


os.register_at_fork(after_in_child=_after_fork_in_child)
