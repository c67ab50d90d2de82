"""CLIENT: who is connected, and what clients tell of themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nr.engine.resp import Answer
from nr.errors import CommandError
from nr.serve.greeting import named

if TYPE_CHECKING:
    from nr.serve.session import Session


def client(session: Session, argv: Sequence[bytes]) -> Answer:
    word = argv[1].upper()
    least, most, run = _SUBCOMMANDS.get(word, (0, 0, _getname))
    if not most:
        shown = argv[1][:64].decode("ascii", "backslashreplace")
        known = ", ".join(name.decode() for name in sorted(_SUBCOMMANDS))
        raise CommandError(f"ERR unknown subcommand '{shown}' of CLIENT: there are {known}")
    if not least <= len(argv) <= most:
        shown = word.decode().lower()
        raise CommandError(f"ERR wrong number of arguments for 'client|{shown}' command")
    return run(session, argv)


def _setinfo(session: Session, argv: Sequence[bytes]) -> Answer:
    name, version = session.library
    word, value = argv[2].upper(), named(argv[3])
    if word == b"LIB-NAME":
        session.library = value, version
    elif word == b"LIB-VER":
        session.library = name, value
    else:
        raise CommandError("ERR Unrecognized option: there are LIB-NAME and LIB-VER")
    return "OK"


def _setname(session: Session, argv: Sequence[bytes]) -> Answer:
    session.name = named(argv[2])
    return "OK"


def _getname(session: Session, argv: Sequence[bytes]) -> Answer:
    return session.name or None


def _id(session: Session, argv: Sequence[bytes]) -> Answer:
    return session.id


def _info(session: Session, argv: Sequence[bytes]) -> Answer:
    return _line(session).encode()


def _list(session: Session, argv: Sequence[bytes]) -> Answer:
    sessions = sorted(session.server.sessions(), key=lambda one: one.id)
    return "".join(_line(one) for one in sessions).encode()


def _line(session: Session) -> str:
    name, version = session.library
    told = {
        "id": session.id,
        "addr": session.peer,
        "name": session.name.decode(),
        "age": int(session.server.time() - session.since),
        "db": 0,
        "cmd": session.last.decode("ascii", "backslashreplace").lower()[:64],
        "user": session.user.name if session.user else "",
        "resp": session.protocol,
        "lib-name": name.decode(),
        "lib-ver": version.decode(),
    }
    return " ".join(f"{word}={value}" for word, value in told.items()) + "\n"


def _switch(session: Session, argv: Sequence[bytes]) -> Answer:
    """What changes nothing here: no command evicts, and none is counted."""
    if argv[2].upper() not in (b"ON", b"OFF"):
        raise CommandError("ERR syntax error")
    return "OK"


_SUBCOMMANDS: dict[bytes, tuple[int, int, Callable[[Session, Sequence[bytes]], Answer]]] = {
    b"GETNAME": (2, 2, _getname),
    b"ID": (2, 2, _id),
    b"INFO": (2, 2, _info),
    b"LIST": (2, 8, _list),
    b"NO-EVICT": (3, 3, _switch),
    b"NO-TOUCH": (3, 3, _switch),
    b"SETINFO": (4, 4, _setinfo),
    b"SETNAME": (3, 3, _setname),
}
