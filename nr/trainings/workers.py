"""The threads that trainings run in, and the memory that they share.

Workers are any Executor that runs in this process; ours are daemons, which the standard one no
longer has: a process with an endless training must be able to end.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from nr.limits import processors


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
