"""Executors: who carries trainings out that are not left to ``nr worker``.

One of threads trains in this process. Any other, of processes or of machines, gets orders: where
the database is and which network, not the network itself. docs/queues.md shows several.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from typing import Any, Protocol

from nr.backends import Backend, connect
from nr.backends.environment import trainings_of, url_of
from nr.calls.words import key_of, name_of
from nr.contracts.capabilities import CarriesOut, TrainsHere, needed
from nr.errors import ArgumentError
from nr.trainings import Errands, Trainings
from nr.trainings.worker import Worker

_THREADS = {"concurrent.futures.thread", "nr.trainings.workers"}
_INTERPRETERS = "concurrent.futures.interpreter"  # threads that share nothing


class Executor(Protocol):
    """An Executor of concurrent.futures, a Client of Dask's, or what else takes calls.

    What ``submit`` returns may be a future: one with ``add_done_callback`` says when an errand has
    ended, so that a training that is waited for is sent again.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Has a worker call the function, which is one of a module; at once, or later."""


def run_order(url: str | None, name: str, errand: str = "", **options: Any) -> int:
    """Carries out the training that was ordered of one network: what an executor's workers call.

    ``url`` and ``options`` are those of ``nr.connect``, by default NR_URL's; ``errand`` tells one
    call from the next, for executors that take the same call for the same result. Returns, when it
    has ended, 1, whatever became of it, or 0 where there was no order, or another worker carries it
    out. Where that one was lost, this one takes its place as soon as it is sure, after some ten
    seconds. Raises BackendError and ArgumentError.
    """
    key = key_of(name)
    with closing(connect(url_of(url), **options)) as backend:
        why = "this store takes no workers: it carries trainings out itself"
        worker = Worker(needed(backend, CarriesOut, why).trainings, 1)
        try:
            return int(worker.work_on(key))
        finally:
            worker.close(0)


def opened(
    url: str | None,
    *,
    client: Any = None,
    engine: Any = None,
    executor: Executor | None = None,
    trainings: str | None = None,
    **options: Any,
) -> Backend:
    """As ``nr.connect``."""
    url = url_of(url, client, engine)
    places = {"client": client, "engine": engine}
    if executor is None or not _is_elsewhere(executor):
        options |= trainings_of(trainings)
        return connect(url, **places, executor=executor, **options)  # type: ignore[arg-type]
    _check(executor, trainings, places)
    backend = connect(url, **options, trainings="queue")
    try:
        _hand_over(backend, url, executor, options)
    except BaseException:
        backend.close()
        raise
    return backend


def _is_elsewhere(executor: Executor) -> bool:
    """Whether it is an executor whose workers share no memory with this process."""
    rooms = {kind.__module__ for kind in type(executor).__mro__}
    in_threads = rooms & _THREADS and _INTERPRETERS not in rooms
    return callable(getattr(executor, "submit", None)) and not in_threads


def _check(executor: Executor, trainings: str | None, places: dict[str, Any]) -> None:
    """Raises ArgumentError for what contradicts an executor elsewhere."""
    for name, place in places.items():
        if place is not None:
            raise ArgumentError(
                f"the workers of a {type(executor).__name__} open the database by its URL: give "
                f"the URL in place of the {name}, or a ThreadPoolExecutor"
            )
    if trainings not in (None, "queue"):
        raise ArgumentError(
            f"trainings is 'queue', or nothing, with a {type(executor).__name__}, whose workers "
            f"carry them out, not {trainings!r}"
        )


def _hand_over(backend: Backend, url: str, executor: Executor, options: dict[str, Any]) -> None:
    """Has the backend send its orders to the executor."""
    why = f"{url.partition('://')[0].lower()}:// trains in the server: it takes no executor"
    needed(backend, TrainsHere, why)
    trainings: Trainings = needed(backend, CarriesOut, why).trainings
    if not trainings.shared:
        raise ArgumentError(
            f"the workers of a {type(executor).__name__} cannot reach a database in the memory of "
            "this process: give the URL of another one, or a ThreadPoolExecutor"
        )
    theirs = {name: value for name, value in options.items() if name != "memory"}  # is of a machine

    def submit(key: bytes) -> Any:
        return executor.submit(run_order, url, name_of(key), secrets.token_hex(8), **theirs)

    trainings.errands = Errands(submit)
