"""The application behind uvicorn, within the loop of ``nr serve``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from math import ceil
from pathlib import Path
from typing import Protocol

import uvicorn

import nr.aio
from nr.errors import BackendError
from nr.serve.web.application import application
from nr.serve.web.options import LOOPBACK, Options, User, UserOf

_LOOK = 0.005  # seconds between two looks whether it listens


class Known(User, Protocol):
    """Someone who may come."""

    def knows(self, password: bytes) -> bool:
        """Whether it is one of the passwords; takes as long for any."""


class Users(Protocol):
    """All who may come."""

    def all(self) -> Sequence[Known]:
        """Those who may come."""


class Settings(Protocol):
    """What of ``nr serve`` concerns HTTP."""

    @property
    def host(self) -> str: ...

    @property
    def http(self) -> int | None:
        """The port; 0: a free one."""

    @property
    def users(self) -> Users | None: ...

    @property
    def certificate(self) -> Path | None: ...

    @property
    def key(self) -> Path | None: ...

    @property
    def most_clients(self) -> int: ...

    @property
    def assistants_write(self) -> bool: ...

    @property
    def origins(self) -> frozenset[str]: ...


class Served:
    """A server that listens."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        self._server = server
        self._task = asyncio.create_task(server.serve([listening]))
        self.port: int = listening.getsockname()[1]

    async def listens(self) -> None:
        """Waits until it does."""
        while not self._server.started and not self._task.done():
            await asyncio.sleep(_LOOK)

    async def close(self, seconds: float) -> None:
        """Takes nothing new, and lets what runs end for so many seconds."""
        self._server.config.app.state.api.closing = True  # type: ignore[union-attr]
        self._server.config.timeout_graceful_shutdown = ceil(seconds)
        self._server.should_exit = True
        await self._task


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own handlers."""
        yield


async def serve_http(db: nr.aio.Database, settings: Settings) -> Served:
    """Serves a database as the settings say. Raises BackendError."""
    users = _user_of(settings.users) if settings.users else None
    hosts = LOOPBACK if _is_loopback(settings.host) else None
    writes, origins = settings.assistants_write, settings.origins
    app = application(db, Options(users, hosts, assistants_write=writes, origins=origins))
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        ws="none",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=settings.most_clients,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    served = Served(_Server(config), _listening(settings.host, settings.http or 0))
    await served.listens()
    return served


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise BackendError(f"--http {host}:{port}: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _user_of(users: Users) -> UserOf:
    """Whose password a token is: all are looked at, whoever it is."""

    def user_of(token: bytes) -> User | None:
        found = [user for user in users.all() if user.knows(token)]
        return found[0] if found else None

    return user_of
