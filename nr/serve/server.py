"""The server of Redis' protocol: listens, and keeps its clients within bounds.

Nobody is trusted with memory: what clients have begun to send is counted, and so is what they leave
unread. Who takes too long to say who it is, or to read, is let go; of clients that are gone without
a word the system finds out (keepalive).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress

from nr.errors import BackendError
from nr.limits import memory_of
from nr.serve.commands import Commands
from nr.serve.connection import Connection
from nr.serve.keyspace import Cursors
from nr.serve.session import Session
from nr.serve.settings import Settings
from nr.serve.table import TABLE

_SWEEP = 5.0  # seconds between two looks at all clients
_PATIENCE = 60.0  # seconds for a client to say who it is, or to begin to read
_ALIVE = 60  # seconds without a word, after which the system asks whether a client is there


class Server:
    """Clients of Redis on one port."""

    table = TABLE

    def __init__(self, settings: Settings, commands: Commands) -> None:
        loop = asyncio.get_running_loop()
        self.users, self.most_clients = settings.users, settings.most_clients
        self.commands, self.cursors = commands, Cursors()
        self.time = loop.time
        self.started = self.time()
        self.port = settings.resp or 0
        self.connections = self.rejected = self.counted = 0
        self._settings = settings
        self._most_memory = settings.most_memory or max(1 << 26, memory_of() // 8)
        self.clients: set[Connection] = set()
        self._listening: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._ran = 0

    async def open(self) -> None:
        """Listens. Raises BackendError."""
        settings, loop = self._settings, asyncio.get_running_loop()
        try:
            self._listening = await loop.create_server(
                lambda: Connection(self), settings.host, settings.resp, ssl=settings.tls,
                backlog=1024,
            )  # fmt: skip
        except (OSError, OverflowError) as error:
            raise BackendError(f"--resp {settings.host}:{settings.resp}: {error}") from error
        self.port = self._listening.sockets[0].getsockname()[1]
        self._sweeping = asyncio.create_task(self._sweep())

    async def close(self, seconds: float) -> None:
        """Takes no more clients, lets commands that run end, and says goodbye to all."""
        if self._listening:
            self._listening.close()
        if self._sweeping:
            self._sweeping.cancel()
        for client in list(self.clients):
            client.end()
        end = self.time() + seconds
        while self.clients and self.time() < end:
            await asyncio.sleep(0.01)
        for client in list(self.clients):
            client.transport.abort()
        await asyncio.sleep(0)

    # ---- clients ----

    def admit(self, client: Connection) -> bool:
        """Whether there is room for one more."""
        self.connections += 1
        if len(self.clients) >= self.most_clients:
            self.rejected += 1
            return False
        self.clients.add(client)
        _keep_alive(client.transport.get_extra_info("socket"))
        return True

    def leave(self, client: Connection) -> None:
        """It is gone."""
        self.clients.discard(client)
        self.count(client, 0)
        self._ran += client.ran

    def count(self, client: Connection, size: int) -> None:
        """Counts what a client has begun to send; closes it where that is too much in all."""
        self.counted += size - client.counted
        client.counted = size
        if self.counted > self._most_memory and size:
            client.fail("ERR the server has no memory for what its clients send: try again later")

    def sessions(self) -> list[Session]:
        """Of all clients."""
        return [client.session for client in self.clients]

    @property
    def commands_ran(self) -> int:
        return self._ran + sum(client.ran for client in self.clients)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            self.sweep(self.clients)

    def sweep(self, clients: Iterable[Connection]) -> None:
        """Lets those go who take too long, and the one who has most unread where it is too much."""
        late, unread = self.time() - _PATIENCE, 0
        for client in list(clients):
            unread += client.unread
            if client.waits_since() < late:
                client.transport.abort()
        if unread > self._most_memory:
            max(clients, key=lambda one: one.unread).transport.abort()


def _keep_alive(found: socket.socket | None) -> None:
    """Half-open connections are found out within some minutes."""
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", _ALIVE), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
