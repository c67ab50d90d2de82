"""What an application is told by who serves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""The names under which a server on this machine alone is reached."""


class User(Protocol):
    """Who asks."""

    @property
    def writes(self) -> bool:
        """Whether networks may be changed."""

    def may_use(self, key: bytes) -> bool:
        """Whether this network may be asked."""


UserOf = Callable[[bytes], User | None]
"""From a bearer token to whose it is, in a time that does not depend on it."""


@dataclass(frozen=True)
class Options:
    """How an application is to behave."""

    user_of: UserOf | None = None
    """Whose a bearer token is; None: nobody is asked for one."""
    hosts: frozenset[str] | None = LOOPBACK
    """What a request's Host may be, without its port; None: anything. The names of this machine
    alone keep a web page from reaching a server on it by a name of its own (DNS rebinding)."""
    body: int = 16 << 20
    """Bytes that a request may have."""
    streams: int = 64
    """How many may listen to events at once."""
    assistants_write: bool = False
    """Whether assistants are offered tools that change something."""
    origins: frozenset[str] = frozenset()
    """Pages of these origins may ask, too (CORS): ``https://example.org``; ``*`` is any."""
    tick: float = 0.25
    """Seconds between two looks at a training that is listened to."""
