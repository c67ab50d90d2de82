"""The process: one event loop, all that listens in it, and its end.

SIGTERM and SIGINT end it: nothing new is taken, commands that run are answered, trainings have a
while to end (``grace``); then they are given back, where other processes can take them, and are
else stopped, and merged as far as they got.
"""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

import nr.aio
from nr.contracts.capabilities import CarriesOut, capability
from nr.errors import ExtraError
from nr.serve.commands import Commands
from nr.serve.server import Server
from nr.serve.settings import Settings
from nr.trainings.worker import Worker

_SPARE_FILES = 64  # beside those of clients
_ENDING = (signal.SIGTERM, signal.SIGINT)
_CLOSING = 5.0  # seconds for clients to take the last replies

Say = Callable[[str], None]


class Served(Protocol):
    """Something that listens."""

    port: int

    async def close(self, seconds: float) -> None:
        """Takes nothing new, and lets what runs end for so many seconds."""


def serve(settings: Settings, say: Say) -> None:
    """Serves until a signal ends it. ``say`` hears a line for each thing worth knowing.

    Raises BackendError, and ExtraError for a package that is not installed.
    """
    before = {number: signal.getsignal(number) for number in _ENDING}
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, say))
    finally:  # uvloop keeps SIGINT to itself, even when it is closed
        for number, handler in before.items():
            signal.signal(number, handler)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's, where it is installed."""
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return factory


async def _serve(settings: Settings, say: Say) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ended.set)
    async with nr.aio.connect(settings.url) as db:
        settings = replace(settings, most_clients=_most_clients(settings.most_clients))
        served: list[Served] = []
        try:
            if settings.resp is not None:
                server = Server(settings, Commands(db))
                await server.open()
                served.append(server)
                say(f"RESP on {settings.host}:{server.port}")
            if settings.http is not None:
                served.append(await _http(settings, db, say))
            await ended.wait()
            say("ends")
        finally:
            for one in served:
                await one.close(_CLOSING)
            if served:
                await asyncio.to_thread(_end_trainings, db.driver.backend, settings.grace)


async def _http(settings: Settings, db: Any, say: Say) -> Served:
    try:
        web: Any = import_module("nr.serve.web")
    except ImportError as error:
        raise ExtraError(
            f"--http needs more than is installed ({error}): pip install 'nr[serve]'"
        ) from error
    served: Served = await web.serve_http(db, settings)
    scheme = "https" if settings.tls else "http"
    say(f"HTTP on {scheme}://{settings.host}:{served.port}/")
    return served


def _most_clients(wanted: int) -> int:
    """As many as there may be open files for; the limit is raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(wanted, max(1, soft - _SPARE_FILES))
    return wanted


def _end_trainings(backend: Any, grace: float) -> None:
    """Waits for those of this process, and gives back those that other processes can take."""
    carries_out = capability(backend, CarriesOut)
    if carries_out and carries_out.trainings.shared:
        Worker(carries_out.trainings, 1).close(grace)
