"""A client of Redis' protocol: its bytes in, the replies to its commands out, in their order.

Commands are run one after the other. One that has to be awaited (a store is asked, a training
waited for) holds up its own client alone, and what the client sends meanwhile stays where it is:
beyond some of it nothing more is read, so that the client's own buffers fill. The same holds for a
client that does not read its replies.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, cast

from nr.engine.resp import Answer, Client, Next, ProtocolError
from nr.errors import BackendError, CommandError, Error
from nr.serve.commands import VERBS
from nr.serve.session import Session

if TYPE_CHECKING:
    from nr.serve.server import Server

_log = logging.getLogger("nr")
_AHEAD = 1 << 18  # bytes that a client may send while a command of it runs
_UNREAD = 1 << 18  # bytes of replies that a client may leave unread
_SOME = 1 << 16  # bytes of replies that are sent at once
_TURN = 0.001  # seconds that commands of a client take before others have their turn
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
        self._unread = self._ending = self._closing = self._quits = False
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
            self._client.refuse("ERR max number of clients reached")
            self._flush()
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ending = True
        self._server.leave(self)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._task is not None or self._unread or self._ending:
            self._put_by(data)
            return
        try:
            if self._key:
                self._look()
            found = self._client.receive(data)
        except ProtocolError as error:
            self.fail(str(error))
            return
        if found is not Next.NOTHING:
            self._advance(found)
            return
        self._flush()
        self._count()

    def _put_by(self, data: bytes) -> None:
        """Keeps what comes while a command runs, and does not listen for ever."""
        if self._ending:
            return
        try:
            self._client.feed(data)
        except Error as error:
            self.fail(str(error))
            return
        if self._client.memory > _AHEAD:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """What it has asked for it still hears for a while: it may have closed its half alone."""
        self._closing = True
        self.unread_since = self._server.time()
        open_on_this_side = self.transport.get_extra_info("sslcontext") is None
        return open_on_this_side and (self._task is not None or self._unread)

    def pause_writing(self) -> None:
        self._unread = True
        self.unread_since = self._server.time()

    def resume_writing(self) -> None:
        self._unread = False
        if self._task is None:
            self._resume()

    # ---- commands ----

    def _advance(self, found: Next | None = None) -> None:
        """Runs what is there, up to a command that has to be awaited; ``found`` is what is."""
        until = self._server.time() + _TURN
        try:
            while self._task is None and not (self._unread or self._ending or self._quits):
                found = self._next() if found is None else found
                if found is Next.NOTHING:
                    break
                if found is Next.COMMAND:
                    self._run(self._client.argv)
                if self._task is None and (found is Next.MUCH or self._server.time() > until):
                    self._task = asyncio.ensure_future(self._rest())
                self._flush(_SOME)
                found = None
        except ProtocolError as error:
            self.fail(str(error))
        self._flush()
        self._count()
        if self._quits or (self._closing and self._task is None and not self._unread):
            self.close()

    def _next(self) -> Next:
        """Lets the core run what it can."""
        again, self._again = self._again, False
        if self._key:
            self._look()
        return self._client.run(again)

    def _look(self) -> None:
        """Sees to it that the core runs on the network that is there now."""
        assert self._runner
        try:
            net = self._runner(self._key)
        except Error:
            self.forget_network()
            return
        if net is not self._client.net:
            self._client.on(self._key, net)

    def _run(self, argv: list[bytes]) -> None:
        name = argv[0].upper()
        try:
            self.session.check(name, argv)
            if name in _RUNS and self._turns_to(argv):
                return
            answer = self.session.start(name, argv)
            if isinstance(answer, Awaitable):
                self._task = asyncio.ensure_future(self._awaited(name, answer))
                self._task.add_done_callback(partial(_put_away, answer))
            else:
                self._put(name, answer)
        except Error as error:
            self._refuse(error)

    def _turns_to(self, argv: list[bytes]) -> bool:
        """Whether the core is to try a command, now that it is given the network."""
        if self._runner is None or len(argv) < 2 or argv[1] == self._key:
            return False
        self._key = argv[1]
        self._look()
        self._again = bool(self._key)
        return self._again

    def forget_network(self) -> None:
        """Another user may not use it, or it is gone."""
        self._key = b""
        self._client.on(b"", None)

    async def _rest(self) -> None:
        """Goes on when others have had their turn."""
        await asyncio.sleep(0)
        self._resume()

    async def _awaited(self, name: bytes, answer: Awaitable[Answer]) -> None:
        try:
            self._put(name, await answer)
        except Error as error:
            self._refuse(error)
        except Exception as error:  # a fault of ours: the client is not to wait for ever
            _log.exception("a command has failed")
            self._refuse(BackendError(f"the server has failed: {type(error).__name__}"))
        self._resume()

    def _resume(self) -> None:
        self._task = None
        if self._ending:
            return
        self.transport.resume_reading()
        self._advance()

    # ---- replies ----

    def _put(self, name: bytes, answer: Answer) -> None:
        self._client.reply(answer, VERBS.get(name, -1))
        self._replied += 1

    def _refuse(self, error: Error) -> None:
        self._client.refuse(one_line(error))
        self._replied += 1

    def _flush(self, least: int = 0) -> None:
        """Sends the replies so far, where they are more than that."""
        if (replies := self._client.take(least)) and not self.transport.is_closing():
            self.transport.write(replies)

    def _count(self) -> None:
        if self._client.pending > _LARGE or self.counted:
            self._server.count(self, self._client.memory)

    def fail(self, text: str) -> None:
        """Says why nothing more is heard of it, and closes.

        What it still sends is read and dropped for a while: otherwise the system would tell it that
        the connection is broken, and not why.
        """
        self._client.refuse(text)
        self._flush()
        self._ending = True
        self.unread_since = self._server.time()
        self._client = Client()  # nothing is kept of what it sent
        self._server.count(self, 0)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def close(self) -> None:
        """Closes when the replies so far are sent."""
        self._ending = True
        self.unread_since = self._server.time()
        self.transport.close()

    def quit(self) -> None:
        """Closes behind the reply to the command that runs."""
        self._quits = True

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
        if self._unread or self._ending or self._closing:
            return self.unread_since
        return self.since if self.session.user is None else float("inf")

    def _peer(self) -> str:
        name = self.transport.get_extra_info("peername")
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "")


def _put_away(answer: Awaitable[Answer], task: asyncio.Task[None]) -> None:
    """Of a task that was cancelled before it began, what it would have awaited is left."""
    if isinstance(answer, Coroutine):
        answer.close()


def one_line(error: Error) -> str:
    """The error as a client is told it: texts of commands begin with a code already."""
    text = " ".join(str(error).split()) or type(error).__name__
    told = isinstance(error, CommandError) or text.startswith("ERR ")
    return text if told else f"ERR {text}"
