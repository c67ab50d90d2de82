"""A worker: takes the orders that wait in a store, one after the other, until it is told to end.

It looks for them once a second, or as soon as the store has heard of one. What it cannot finish
when it is told to end, it gives back: the order waits again, at once, and that does not count as an
attempt. A worker that is killed gives nothing back; its leases run out.

An order that was lost several times may be what kills: it wants more memory than there is, or meets
an error of ours. While it is carried out, no other is begun beside it. So it cannot take others
along again and again, until they would be told as failed, too.
"""

import logging
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep

from nr.contracts.store import OLDEST, Matches, Watch
from nr.errors import BackendError, CommandError, NotFoundError
from nr.trainings.jobs import Job
from nr.trainings.orders import Trainings

_log = logging.getLogger("nr")
_LOOK = 1.0  # seconds between two looks for orders


class Worker:
    """Carries out the orders of one store, ``threads`` at a time.

    ``matches`` says of which networks, by their keys, None: of all; ``told`` hears of each
    training that has ended; ``alive`` is called after each look at the store.
    """

    def __init__(
        self,
        trainings: Trainings,
        threads: int,
        matches: Matches | None = None,
        told: Callable[[Job], None] = lambda job: None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._trainings = trainings
        self._threads = threads
        self._matches = matches
        self._told = told
        self._alive = alive
        self._ending = threading.Event()
        self._freed = threading.Event()
        trainings.ended = self._ended

    def work(self, limit: int | None = None, wait: bool = True) -> int:
        """Until it is told to end, or has taken so many orders; how many it has taken.

        Without ``wait`` it ends where no order waits, and its own have ended.
        """
        watch, taken = self._trainings.watch(self._matches), 0
        try:
            while not self._ending.is_set() and (limit is None or taken < limit):
                free = self._free()
                if free > 0:
                    most = free if limit is None else min(free, limit - taken)
                    found = self._look(watch, most, wait)
                    taken += found
                    if not found and not wait and not self._trainings.running():
                        break
                else:
                    found = 0
                if not found and (free <= 0 or not wait):
                    self._rest()
            if not wait:
                self._await_all()
        finally:
            watch.close()
        return taken

    def work_on(self, key: bytes) -> bool:
        """Carries out the order of one network, to its end; whether there was one to take."""
        try:
            job = self._trainings.take_left(key)
        except NotFoundError:
            return False
        if job:
            job.done.wait()
        return job is not None

    def _free(self) -> int:
        """How many more trainings may be begun."""
        jobs = self._trainings.running()
        return 0 if any(job.suspect for job in jobs) else self._threads - len(jobs)

    def _look(self, watch: Watch, most: int, wait: bool) -> int:
        """Takes orders that wait, so many at most; how many it has taken."""
        try:
            keys = watch.keys(_LOOK if wait else 0.0)[:OLDEST]
            random.shuffle(keys)
            taken = 0
            while keys and taken < most and self._free() > 0:
                with suppress(CommandError):  # the network is gone
                    taken += self._trainings.take(keys.pop()) is not None
            self._alive()
        except BackendError as error:
            if not wait or self._ending.is_set():
                raise
            _log.warning("no orders can be taken for now: %s", error)
            sleep(_LOOK)
            return 0
        return taken

    def _rest(self) -> None:
        """Until a training has ended, or for a moment."""
        self._freed.wait(_LOOK)
        self._freed.clear()
        self._alive()

    def _await_all(self) -> None:
        for job in self._trainings.running():
            job.done.wait()

    def _ended(self, job: Job) -> None:
        self._freed.set()
        self._told(job)

    def end(self) -> None:
        """Tells it to end: it takes no more orders. From any thread, and from a signal."""
        self._ending.set()
        self._freed.set()

    def close(self, grace: float) -> int:
        """Waits for its trainings, so many seconds at most, gives back the others; how many."""
        end = monotonic() + grace
        jobs = self._trainings.running()
        for job in jobs:
            job.done.wait(max(0.0, end - monotonic()))
        left = [job for job in jobs if not job.done.is_set()]
        for job in left:
            try:
                job.give_back()
            except (BackendError, CommandError) as error:  # its lease runs out
                _log.warning("the training of %r cannot be given back: %s", job.key, error)
        for job in left:
            job.done.wait()
        return len(left)
