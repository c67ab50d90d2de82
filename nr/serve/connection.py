"""A client of Redis' protocol: its bytes in, the replies to its commands out, in their order.

Commands are run one after the other. One that has to be awaited (a store is asked, a training
waited for) holds up its own client alone, and what the client sends meanwhile stays where it is:
beyond some of it nothing more is read, so that the client's own buffers fill. The same holds for a
client that does not read its replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, cast

from nr.engine.resp import Answer, Client, Next, ProtocolError
from nr.errors import CommandError, Error
from nr.serve.session import Session

if TYPE_CHECKING:
    from nr.engine import Net
    from nr.serve.server import Server

_AHEAD = 1 << 18  # bytes that a client may send while a command of it runs
_UNREAD = 1 << 18  # bytes of replies that a client may leave unread
_LARGE = 1 << 16  # bytes of a command from which on the server counts them
_RUNS = (b"NR.RUN", b"NR.CLASS")


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._runner = server.commands.runner
        self._client = Client()
        self._key = b""
        self._task: asyncio.Task[None] | None = None
        self._again = False
        """Whether the command that was found last is still to be run."""
        self._unread = self._ending = self._closing = False
        self.unread_since = self.since = server.time()
        self._replied = 0
        self.counted = 0
        """Bytes that the server has counted."""

    # ---- asyncio's part ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_UNREAD)
        self.id = self._server.connections + 1
        self.session = Session(self._server, self, self._client, self._peer(), self.id)
        if not self._server.admit(self):
            self.fail("ERR max number of clients reached")

    def connection_lost(self, exc: Exception | None) -> None:
        self._ending = True
        self._server.leave(self)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        try:
            self._client.feed(data)
        except Error as error:
            self.fail(str(error))
            return
        if self._task is None and not self._unread:
            self._advance()
        elif self._client.memory > _AHEAD:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """What it has asked for it still hears: it may have closed its half alone."""
        self._closing = True
        return self._task is not None or self._unread

    def pause_writing(self) -> None:
        self._unread = True
        self.unread_since = self._server.time()

    def resume_writing(self) -> None:
        self._unread = False
        if self._task is None:
            self._resume()

    # ---- commands ----

    def _advance(self) -> None:
        """Runs what is there, up to a command that has to be awaited."""
        try:
            while self._task is None and not (self._unread or self._ending):
                if not self._next():
                    break
        except ProtocolError as error:
            self.fail(str(error))
        self._flush()
        if self._task is None and (self.counted or self._client.pending > _LARGE):
            self._server.count(self, self._client.memory)

    def _next(self) -> bool:
        """Runs the next commands; whether there may be more."""
        again, self._again = self._again, False
        found = self._client.run(self._key, self._known(), again)
        if found is Next.COMMAND:
            self._run(self._client.argv)
        elif found is Next.MUCH:
            self._task = asyncio.ensure_future(self._rest())
        return found is Next.COMMAND

    def _known(self) -> Net | None:
        """The network that the core runs on."""
        if not self._key or self._runner is None:
            return None
        try:
            return self._runner(self._key)
        except Error:
            self._key = b""
            return None

    def _run(self, argv: list[bytes]) -> None:
        name = argv[0].upper()
        try:
            self.session.check(name, argv)
            if name in _RUNS and self._turns_to(argv):
                return
            answer = self.session.start(name, argv)
            if isinstance(answer, Awaitable):
                self._task = asyncio.ensure_future(self._awaited(name, answer))
            else:
                self._put(name, answer)
        except Error as error:
            self._refuse(error)

    def _turns_to(self, argv: list[bytes]) -> bool:
        """Whether the core is to try a command, now that it is given the network."""
        if self._runner is None or len(argv) < 2 or argv[1] == self._key:
            return False
        self._key = argv[1]
        self._again = self._known() is not None
        return self._again

    def forget_network(self) -> None:
        """Another user may not use it."""
        self._key = b""

    async def _rest(self) -> None:
        """Goes on when others have had their turn."""
        await asyncio.sleep(0)
        self._resume()

    async def _awaited(self, name: bytes, answer: Awaitable[Answer]) -> None:
        try:
            self._put(name, await answer)
        except Error as error:
            self._refuse(error)
        self._resume()

    def _resume(self) -> None:
        self._task = None
        if self._ending:
            return
        self.transport.resume_reading()
        self._advance()
        if self._closing and self._task is None:
            self.close()

    # ---- replies ----

    def _put(self, name: bytes, answer: Answer) -> None:
        self._client.reply(answer)
        self._replied += 1

    def _refuse(self, error: Error) -> None:
        self._client.refuse(one_line(error))
        self._replied += 1

    def _flush(self) -> None:
        if (replies := self._client.take()) and not self.transport.is_closing():
            self.transport.write(replies)

    def fail(self, text: str) -> None:
        """Says why nothing more is heard of it, and closes."""
        self._client.refuse(text)
        self._flush()
        self.close()

    def close(self) -> None:
        """Closes when the replies so far are sent."""
        self._ending = True
        self.transport.close()

    def end(self) -> None:
        """Closes as soon as what was begun is done."""
        self._closing = True
        if self._task is None:
            self.close()

    # ---- what the server asks ----

    @property
    def ran(self) -> int:
        """Commands so far."""
        return self._replied + self._client.ran

    @property
    def unread(self) -> int:
        """Bytes that it has not read."""
        return self.transport.get_write_buffer_size()

    def waits_since(self) -> float:
        """Since when the server waits for it to say who it is, or to read; else for ever."""
        if self._unread:
            return self.unread_since
        return self.since if self.session.user is None or self._ending else float("inf")

    def _peer(self) -> str:
        name = self.transport.get_extra_info("peername")
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "")


def one_line(error: Error) -> str:
    """The error as a client is told it: texts of commands begin with a code already."""
    text = " ".join(str(error).split()) or type(error).__name__
    told = isinstance(error, CommandError) or text.startswith("ERR ")
    return text if told else f"ERR {text}"
