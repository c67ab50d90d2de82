"""A training seen from the client: wait for it, watch it, stop it."""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any

from nr.engine import Progress
from nr.errors import NotFoundError
from nr.info import Info, parse_progress

if TYPE_CHECKING:
    from tqdm import tqdm

    from nr.network import Network

_TICK = 0.2  # seconds between two looks of the progress bar


class Training:
    """What ``Network.train`` returns. The training runs on, whether it is kept or not."""

    def __init__(self, network: Network, info: Info, maxcycles: int) -> None:
        self._network = network
        self._id = info.id
        self._classifier = info.type == "classifier"
        self._maxcycles = maxcycles
        self._ended = False
        self._replaced = False  # its network is no more

    @property
    def running(self) -> bool:
        """Whether it runs, or waits in line."""
        if not self._ended:
            try:
                info = self._network.info()
                self._replaced = info.id != self._id
                self._ended = self._replaced or not info.training
            except NotFoundError:
                self._ended = self._replaced = True
        return not self._ended

    def progress(self) -> Progress | None:
        """Its cycles, errors a sample and wrong classes in per cent so far; None at the end."""
        lines = self._network.db.execute("NR.THREADS")
        assert isinstance(lines, list)
        return dict(parse_progress(str(line)) for line in lines).get(self._id)

    def wait(self, timeout: float | None = None, progress: bool = False) -> bool:
        """Whether it has ended, at the latest ``timeout`` seconds from now; None waits for ever.

        Raises CommandError if it failed: the server, or this process, ran out of memory.

        With ``progress`` a bar shows cycles, loss and errors meanwhile. Interrupting
        (KeyboardInterrupt) ends the wait, not the training.
        """
        if not progress:
            return self._wait(timeout)
        from tqdm.auto import tqdm

        end = monotonic() + timeout if timeout is not None else float("inf")
        bar: tqdm[Any]
        with tqdm(total=self._maxcycles or None, unit="cycle", desc=self._network.name) as bar:
            while not self._wait(min(_TICK, max(0.0, end - monotonic()))):
                self._show(bar, self.progress())
                if monotonic() >= end:
                    return False
            self._show_end(bar)
        return True

    def result(self, timeout: float | None = None) -> Info:
        """Waits, and says what has become of the network.

        Raises TimeoutError after ``timeout`` seconds, NotFoundError if it was deleted, and
        CommandError if the training failed.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"the training of {self._network.name} still runs")
        return self._network.info()

    def stop(self) -> bool:
        """Ends it and keeps what it has reached; False where it had ended. Does not wait."""
        if not self.running:
            return False
        return bool(self._network.db.execute("NR.STOP", self._network.key))

    def _wait(self, timeout: float | None) -> bool:
        if timeout is not None and timeout <= 0:
            if self.running:
                return False
            timeout = 0.001  # says whether it failed
        milliseconds = 0 if timeout is None else ceil(timeout * 1000)
        if self.running or not self._replaced:
            try:
                reply = self._network.db.execute("NR.WAIT", self._network.key, milliseconds)
                self._ended = self._ended or bool(reply)
            except NotFoundError:
                self._ended = self._replaced = True
        return self._ended

    def _show(self, bar: tqdm[Any], now: Progress | None) -> None:
        if now:
            bar.n = now.cycles
            self._errors(bar, now.train_error, now.test_error, now.class_errors)

    def _show_end(self, bar: tqdm[Any]) -> None:
        try:
            info = self._network.info()
            points = self._network.history()
        except NotFoundError:
            return
        if len(points):
            bar.n = int(points[-1, 0])
        self._errors(bar, info.train_error, info.test_error, info.class_errors or 0.0)

    def _errors(self, bar: tqdm[Any], train: float, test: float, classes: float) -> None:
        shown = {"loss": f"{train:.4g}", "test": f"{test:.4g}"}
        if self._classifier:
            shown["errors"] = f"{classes:.1f}%"
        bar.set_postfix(shown)
        bar.refresh()
