"""What a client of Redis sends, and what it reads: the core's parser and its encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import string_at
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

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
    """A client's commands and replies; ``protocol`` is the version it has asked for, 2 or 3."""

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
        self.protocol = 2

    def __del__(self) -> None:
        if self._handle:
            self._free(self._handle)

    def trust(self, trusted: bool) -> None:
        """Who has not said who it is may send little at once."""
        held.nr_resp_trust(self._handle, trusted)

    def feed(self, data: bytes) -> None:
        """Takes what has come. Raises EngineError where memory is short."""
        held.nr_resp_feed(self._handle, data, len(data), self._error)

    def run(self, key: bytes, net: Net | None, again: bool = False) -> Next:
        """Runs NR.RUN and NR.CLASS of this network up to the first other command.

        With ``again`` the command that was found last comes first. Raises ProtocolError.
        """
        handle = net._handle if net else None
        found: int = held.nr_resp_run(
            self._handle, key, len(key), handle, self.protocol, again, self._error
        )
        if found < 0:
            raise ProtocolError(self._error.text.decode("ascii", "replace"))
        return _NEXT[found]

    @property
    def argv(self) -> list[bytes]:
        """The command that was found."""
        head = self._head
        words, lengths = head.argv, head.arglen
        return [string_at(words[i], lengths[i]) for i in range(head.argc)]

    @property
    def ran(self) -> int:
        """How many commands ``run`` has run so far."""
        return int(self._head.ran)

    @property
    def pending(self) -> int:
        """Bytes that came behind the command that was found, or that are a part of one."""
        return int(self._head.pending)

    @property
    def memory(self) -> int:
        """Bytes that are kept of what came, and of replies."""
        return int(held.nr_resp_memory(self._handle))

    def reply(self, reply: Answer, shape: int = 0) -> None:
        """Puts a reply behind the others. Raises CommandError for what cannot be told."""
        packed = _pack(reply)
        held.nr_resp_reply(self._handle, packed, len(packed), self.protocol, shape, self._error)

    def refuse(self, text: str) -> None:
        """Puts an error, one line."""
        line = text.encode("ascii", "backslashreplace")
        held.nr_resp_error(self._handle, line, len(line), self._error)

    def take(self) -> bytes:
        """The replies, to be sent."""
        replies = self._replies
        if not (size := replies.len):
            return b""
        replies.len = 0
        return string_at(replies.data, size)
