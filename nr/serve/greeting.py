"""How a client begins and ends: HELLO, AUTH, SELECT, PING, ECHO, RESET, QUIT."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING

import nr
from nr.engine.resp import Answer
from nr.errors import CommandError
from nr.serve.users import DEFAULT, EVERYBODY

if TYPE_CHECKING:
    from nr.serve.session import Session

SERVED_AS = "7.4.0"
"""The version of Redis whose replies these are: clients decide by it what they may ask."""

_NOT_ASKED = (
    "ERR AUTH <password> called without any password configured for the default user. Are you "
    "sure your configuration is correct?"
)


def auth(session: Session, argv: Sequence[bytes]) -> Answer:
    name = argv[1] if len(argv) == 3 else DEFAULT.encode()
    _authenticate(session, name, argv[-1], len(argv) == 3)
    return "OK"


def _authenticate(session: Session, name: bytes, password: bytes, named: bool) -> None:
    users = session.server.users
    if users is None:
        if not named:
            raise CommandError(_NOT_ASKED)
        if not hmac.compare_digest(name, DEFAULT.encode()):
            raise CommandError("WRONGPASS invalid username-password pair or user is disabled.")
        return session.become(EVERYBODY)
    user = users.find(name.decode("utf-8", "replace"), password)
    if user is None:
        raise CommandError("WRONGPASS invalid username-password pair or user is disabled.")
    return session.become(user)


def hello(session: Session, argv: Sequence[bytes]) -> Answer:
    protocol = session.protocol
    if len(argv) > 1:
        if argv[1] not in (b"2", b"3"):
            raise CommandError("NOPROTO unsupported protocol version")
        protocol = int(argv[1])
    _take_options(session, argv, 2)
    if session.user is None:
        raise CommandError(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
            "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
            "select the RESP protocol version at the same time"
        )
    session.speak(protocol)
    return {
        b"server": b"redis",
        b"version": SERVED_AS.encode(),
        b"proto": protocol,
        b"id": session.id,
        b"mode": b"standalone",
        b"role": b"master",
        b"modules": [MODULE],
    }


def _take_options(session: Session, argv: Sequence[bytes], at: int) -> None:
    while at < len(argv):
        word, left = argv[at].upper(), len(argv) - at
        if word == b"AUTH" and left > 2:
            _authenticate(session, argv[at + 1], argv[at + 2], True)
            at += 3
        elif word == b"SETNAME" and left > 1:
            session.name = named(argv[at + 1])
            at += 2
        else:
            shown = argv[at][:64].decode("ascii", "backslashreplace")
            raise CommandError(f"ERR Syntax error in HELLO option '{shown}'")


def named(name: bytes) -> bytes:
    """A name that a client gives itself. Raises CommandError."""
    if any(not 33 <= byte <= 126 for byte in name) or len(name) > 256:
        raise CommandError(
            "ERR Client names cannot contain spaces, newlines or special characters."
        )
    return name


def _version() -> int:
    """As modules of Redis have it: a number."""
    numbers = [int(part) if part.isdigit() else 0 for part in nr.__version__.split(".")[:3]]
    return numbers[0] * 10000 + numbers[1] * 100 + (numbers[2] if len(numbers) > 2 else 0)


NAME = "neuralredis"
MODULE = {b"name": NAME.encode(), b"ver": _version(), b"path": b"", b"args": []}


def select(session: Session, argv: Sequence[bytes]) -> Answer:
    if argv[1] != b"0":
        known = argv[1].isdigit()
        raise CommandError(
            "ERR DB index is out of range: there is database 0 alone"
            if known
            else "ERR value is not an integer or out of range"
        )
    return "OK"


def ping(session: Session, argv: Sequence[bytes]) -> Answer:
    return argv[1] if len(argv) > 1 else "PONG"


def echo(session: Session, argv: Sequence[bytes]) -> Answer:
    return argv[1]


def reset(session: Session, argv: Sequence[bytes]) -> Answer:
    session.speak(2)
    session.name = b""
    session.become(None if session.server.users else EVERYBODY)
    return "RESET"


def leave(session: Session, argv: Sequence[bytes]) -> Answer:
    session.end()
    return "OK"
