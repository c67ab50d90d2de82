"""Trainings that wait for a worker, carried out in this process: what ``nr worker`` is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nr.calls.words import key_of
from nr.contracts.capabilities import CarriesOut, needed
from nr.database import Database, connect
from nr.engine.texts import like
from nr.errors import ArgumentError
from nr.limits import processors
from nr.trainings import Job, Trainings
from nr.trainings.worker import Worker

_NONE = "this store takes no workers: it carries trainings out itself"


def run_waiting(
    where: str | Database | None = None,
    limit: int | None = None,
    *,
    match: str | bytes | None = None,
    threads: int | None = None,
    **options: Any,
) -> int:
    """Carries out the trainings that wait for a worker; how many there were.

    ``where`` is a database, or its URL, by default as for ``nr.connect``, which takes the
    ``options``. ``limit`` is how many at most, by default as many as there are until none waits;
    ``match`` a pattern of NR.LIST's for the keys of their networks, and ``threads`` how many are
    trained at once. Returns when all have ended, whatever became of them. Raises BackendError and
    ArgumentError.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise ArgumentError(f"limit is a number of trainings, not {limit!r}")
    if isinstance(where, Database):
        with worker_of(where, threads, match) as worker:
            return worker.work(limit, wait=False)
    with connect(where, trainings="here", **options) as db, worker_of(db, threads, match) as worker:
        return worker.work(limit, wait=False)


@contextmanager
def worker_of(
    db: Database,
    threads: int | None,
    match: str | bytes | None,
    told: Callable[[Job], None] = lambda job: None,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Worker]:
    """A worker on a database; what it has not finished at the end is given back."""
    trainings: Trainings = needed(db.backend, CarriesOut, _NONE).trainings
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ArgumentError(f"threads is 1 or more, not {threads!r}")
        trainings.set_threads(threads)
    pattern = None if match is None else key_of(match)
    matches = None if pattern is None else lambda key: like(pattern, key)
    most = threads or max(1, processors() - 1)
    worker = Worker(trainings, most, matches, told, alive)
    try:
        yield worker
    finally:
        worker.close(0)
