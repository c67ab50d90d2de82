"""Commands from an event loop: in its own thread those that take microseconds, others elsewhere.

Only networks in the memory of this process can be used within microseconds; a store of any other
kind has to be asked. NR.WAIT looks from time to time and keeps no thread, since any number of
clients may wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from nr.aio.database import Database
from nr.calls import drive, evictions
from nr.contracts.capabilities import KeepsHere, Wait, WaitsInLooks, capability
from nr.engine import Net, Reply, Spec, parse, specs
from nr.errors import CommandError

QUICK_BYTES = 1 << 14
"""A command with more than that is left to a thread."""

_QUICK = {"NR.DEL", "NR.HISTORY", "NR.INFO", "NR.LIST", "NR.METRICS", "NR.THREADS", "NR.TRAIN"}
_RUNS = {b"NR.RUN", b"NR.CLASS"}
_FIRST_LOOK, _LOOK = 0.001, 0.05  # seconds between two looks whether a training has ended

SPECS: dict[bytes, Spec] = {spec.name.encode(): spec for spec in specs()}
VERBS = {name: number for number, name in enumerate(SPECS)}
"""As the core numbers them."""


class Commands:
    """Runs the commands of one database for all clients of one loop."""

    def __init__(self, db: Database) -> None:
        self._db, self._driver = db, db.driver
        self._backend: Any = db.driver.backend
        here = capability(self._backend, KeepsHere)
        self.runner: Callable[[bytes], Net] | None = here.runner if here else None
        """What NR.RUN would run on, within microseconds; None: a store has to be asked."""
        self._waits = capability(self._backend, WaitsInLooks)
        self._quick = {
            name
            for name, spec in SPECS.items()
            if here and name not in _RUNS and (spec.name in _QUICK or "fast" in spec.flags)
        }

    def start(self, name: bytes, argv: Sequence[bytes]) -> Reply | Awaitable[Reply]:
        """The reply to a command of that name, or what is to be awaited for it.

        Raises CommandError, BackendError and EngineError, now or then.
        """
        if name in self._quick and len(argv) < 256 and sum(map(len, argv)) <= QUICK_BYTES:
            reply: Reply = self._backend.execute(*argv)
            if evictions.observed(self._backend, argv, reply):
                drive(self._backend, evictions.confirm(self._backend, argv[1]))
            return reply
        if name == b"NR.WAIT" and self._waits:
            return self._wait(self._waits, argv)
        return self._db.execute(*argv) if len(argv) > 1 else self._driver.execute(list(argv))

    async def run(self, *argv: bytes) -> Reply:
        """The reply to a command."""
        started = self.start(argv[0].upper() if argv else b"", argv)
        return await started if isinstance(started, Awaitable) else started

    async def _wait(self, waits: WaitsInLooks, argv: Sequence[bytes]) -> Reply:
        loop = asyncio.get_running_loop()
        seconds = parse(argv).number / 1000
        end = loop.time() + seconds if seconds else float("inf")
        wait: Wait = await self._called(partial(waits.waiting, *argv))
        look = _FIRST_LOOK
        while not await self._called(wait.look) and loop.time() < end:
            await asyncio.sleep(min(look, max(0.0, end - loop.time())))
            look = min(2 * look, _LOOK)
        return wait.reply()

    async def _called(self, function: Callable[[], Any]) -> Any:
        return function() if self.runner else await asyncio.to_thread(function)


def refuse_unknown(name: bytes) -> CommandError:
    """The error for a command that is neither nr's nor of those that clients begin with."""
    shown = name[:64].decode("ascii", "backslashreplace")
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)
    return CommandError(
        f"ERR unknown command '{shown}': here are the NR.* commands, and of Redis' those that "
        "COMMAND LIST names"
    )
