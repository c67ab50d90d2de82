"""What a client of Redis sends, and what it reads: the core's parser and its encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import string_at
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import msgpack  # type: ignore[import-untyped]

from nr.engine.binding import ErrorText, RespHead, held
from nr.errors import EngineError

if TYPE_CHECKING:
    from nr.engine import Net

Answer: TypeAlias = "int | str | bytes | float | Sequence[Any] | Mapping[Any, Any] | None"
"""A reply of ours; maps are arrays in version 2 of the protocol."""

_pack = msgpack.Packer(unicode_errors="surrogateescape").pack


class Next(IntEnum):
    """What there is to do for a client next."""

    NOTHING = 0  # more is to come
    COMMAND = 1  # one that has to be run elsewhere: Client.argv
    MUCH = 2  # more of the same, after a look at others


_NEXT = tuple(Next)  # by number, which is quicker than Next(number)


class ProtocolError(Exception):
    """What has come is no command, nor is anything behind it."""


class Client:
    """A client's commands and replies."""

    _handle = 0

    def __init__(self) -> None:
        self._free = held.nr_resp_free
        handle = held.nr_resp_create()
        if not handle:
            raise EngineError("ERR out of memory")
        self._handle = handle
        self._head = RespHead.from_address(handle)
        self._replies = self._head.replies
        self._error = ErrorText()
        self._take, self._run = held.nr_resp_take, held.nr_resp_run
        self.net: Net | None = None
        """What ``run`` and ``receive`` run on."""

    def __del__(self) -> None:
        if self._handle:
            self._free(self._handle)

    @property
    def protocol(self) -> int:
        """The version that it has asked for, 2 or 3."""
        return int(self._head.protocol)

    @protocol.setter
    def protocol(self, version: int) -> None:
        self._head.protocol = version

    def trust(self, trusted: bool) -> None:
        """Who has not said who it is may send little at once."""
        held.nr_resp_trust(self._handle, trusted)

    def on(self, key: bytes, net: Net | None) -> None:
        """NR.RUN and NR.CLASS of this key are run on this network from now on."""
        self.net = None
        handle = net._handle if net else None
        held.nr_resp_on(self._handle, key, len(key), handle, self._error)
        self.net = net

    def feed(self, data: bytes) -> None:
        """Takes what has come. Raises EngineError where memory is short."""
        held.nr_resp_feed(self._handle, data, len(data), self._error)

    def receive(self, data: bytes) -> Next:
        """Forgets the replies so far, takes what has come, and does as ``run``."""
        found: int = self._take(self._handle, data, len(data))
        return _NEXT[found] if found >= 0 else self._broken()

    def run(self, again: bool = False) -> Next:
        """Runs NR.RUN and NR.CLASS of the network up to the first other command.

        With ``again`` the command that was found last comes first. Raises ProtocolError.
        """
        found: int = self._run(self._handle, again)
        return _NEXT[found] if found >= 0 else self._broken()

    def _broken(self) -> NoReturn:
        raise ProtocolError(self._head.error.text.decode("ascii", "replace"))

    @property
    def argv(self) -> list[bytes]:
        """The command that was found."""
        head = self._head
        words, lengths = head.argv, head.arglen
        return [string_at(words[i], lengths[i]) for i in range(head.argc)]

    @property
    def ran(self) -> int:
        """How many commands have been run here so far."""
        return int(self._head.ran)

    @property
    def pending(self) -> int:
        """Bytes that came behind the command that was found, or that are a part of one."""
        return int(self._head.pending)

    @property
    def memory(self) -> int:
        """Bytes that are kept of what came, and of replies."""
        return int(held.nr_resp_memory(self._handle))

    def reply(self, reply: Answer, verb: int = -1) -> None:
        """Puts a reply behind the others: that of a command of the core's table, or another.

        Raises CommandError for what cannot be told.
        """
        packed = _pack(reply)
        held.nr_resp_reply(self._handle, packed, len(packed), verb, self._error)

    def refuse(self, text: str) -> None:
        """Puts an error, one line."""
        line = text.encode("ascii", "backslashreplace")
        held.nr_resp_error(self._handle, line, len(line), self._error)

    def take(self, least: int = 0) -> bytes:
        """The replies, to be sent; none where they are no more than that."""
        replies = self._replies
        if (size := replies.len) <= least:
            return b""
        replies.len = 0
        return string_at(replies.data, size)
