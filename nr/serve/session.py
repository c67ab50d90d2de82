"""What a client is to the server: who it is, what it may do, and the commands about that."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from nr.engine.resp import Answer, Client
from nr.errors import CommandError
from nr.serve.commands import SPECS, refuse_unknown
from nr.serve.table import TABLE
from nr.serve.users import EVERYBODY, User

if TYPE_CHECKING:
    from nr.serve.server import Server

_UNTRUSTED = {b"AUTH", b"HELLO", b"QUIT", b"RESET"}
_NOAUTH = "NOAUTH Authentication required."


class Link(Protocol):
    """What a session needs of its connection."""

    since: float

    def forget_network(self) -> None: ...

    def quit(self) -> None: ...


class Session:
    """One client's."""

    def __init__(self, server: Server, link: Link, client: Client, peer: str, id: int) -> None:
        self.server, self.peer, self.id = server, peer, id
        self.name = b""
        self.library = (b"", b"")
        self.last = b""
        self._link, self._client = link, client
        self.user: User | None = None
        self.become(None if server.users else EVERYBODY)

    def become(self, user: User | None) -> None:
        """It is this user from now on; None: it has not said who it is."""
        self.user = user
        self._link.forget_network()
        self._client.trust(user is not None)

    @property
    def protocol(self) -> int:
        """The version that it has asked for."""
        return self._client.protocol

    def speak(self, protocol: int) -> None:
        """Replies are of this version from now on."""
        self._client.protocol = protocol

    def end(self) -> None:
        """Closes the connection, behind the reply to this command."""
        self._link.quit()

    @property
    def since(self) -> float:
        return self._link.since

    def check(self, name: bytes, argv: Sequence[bytes]) -> None:
        """Raises CommandError where this client may not run a command."""
        self.last = name
        if self.user is EVERYBODY:
            return
        if self.user is None:
            if name not in _UNTRUSTED:
                raise CommandError(_NOAUTH)
            return
        if not self.user.writes and _writes(name):
            raise CommandError(
                f"NOPERM User {self.user.name} has no permissions to run the '{name.decode()}' "
                "command: it may read alone"
            )
        for key in _keys(name, argv):
            if not self.user.may_use(key):
                raise CommandError(
                    f"NOPERM User {self.user.name} has no permissions to access one of the keys "
                    "used as arguments"
                )

    def start(self, name: bytes, argv: Sequence[bytes]) -> Answer | Awaitable[Answer]:
        """The reply to a command, or what is to be awaited for it. Raises Error."""
        if name in SPECS:
            return self.server.commands.start(name, argv)
        if not (row := TABLE.get(name)):
            raise refuse_unknown(name)
        if not row.least <= len(argv) <= row.most:
            raise CommandError(
                f"ERR wrong number of arguments for '{name.decode().lower()}' command"
            )
        return row.run(self, argv)


def _writes(name: bytes) -> bool:
    spec, row = SPECS.get(name), TABLE.get(name)
    return "write" in spec.flags if spec else row is not None and row.writes


def _keys(name: bytes, argv: Sequence[bytes]) -> Iterator[bytes]:
    """The arguments that are keys."""
    spec, row = SPECS.get(name), TABLE.get(name)
    first, last = spec.keys if spec else row.keys if row else (0, 0)
    if first:
        yield from argv[first : len(argv) if last < 0 else last + 1]
