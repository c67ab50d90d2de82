"""Commands run here, in this process, over any store."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from threading import Lock
from typing import TypeVar

from nr.commands.dispatcher import Host, dispatch, start, wait
from nr.commands.waiting import Waiting
from nr.contracts.store import Store
from nr.engine import Net, Reply
from nr.errors import BackendError, EngineError
from nr.trainings import Job, Trainings

_Result = TypeVar("_Result")


class Local:
    """A Backend that executes commands itself and owns this process's trainings.

    ``executor`` runs the trainings, threads in this process; by default as many as
    processors less one. It is the caller's to shut down, after this backend.
    ``memory`` is how many bytes there are, by default all of this process': a training
    takes at most half. ``trainings`` are carried out "here", or left to workers ("queue"), where
    others can reach the store. Raises ArgumentError and BackendError for what is none of these.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor | None = None,
        memory: int | None = None,
        trainings: str = "here",
    ) -> None:
        self.store = store
        self._host = Host(store, Trainings(store, executor, memory, trainings == "queue"))
        self._lock = Lock()
        self._closed = False

    def execute(self, *argv: bytes) -> Reply:
        """Runs one command. Raises CommandError, BackendError or EngineError."""
        return self._run(dispatch, argv)

    def train(self, *argv: bytes) -> Job | None:
        """Runs NR.TRAIN; the training that it has started, None where it is left to workers."""
        return self._run(start, argv)

    def waiting(self, *argv: bytes) -> Waiting:
        """An NR.WAIT, for callers that look themselves whether it has ended."""
        return self._run(wait, argv)

    def _run(
        self, how: Callable[[Host, Sequence[bytes]], _Result], argv: Sequence[bytes]
    ) -> _Result:
        if self._closed:
            self._check()
        try:
            return how(self._host, argv)
        except MemoryError as error:
            raise EngineError("ERR out of memory") from error

    def runner(self, key: bytes) -> Net:
        """What NR.RUN would run on: for callers in a hurry."""
        if self._closed:
            self._check()
        return self.store.runner(key)

    @property
    def trainings(self) -> Trainings:
        """Those of this process."""
        return self._host.trainings

    def close(self) -> None:
        """Stops the trainings, merges what they reached or leaves better, and closes the store."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self._host.trainings.close()
            self.store.close()

    def _check(self) -> None:
        if self._closed:
            raise BackendError("the connection is closed")
