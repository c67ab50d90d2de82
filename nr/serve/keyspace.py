"""Networks as keys: what clients that know nothing of nr ask of any key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from nr.engine.resp import Answer
from nr.engine.texts import like
from nr.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from nr.serve.session import Session

TYPE = b"neural-NN"
"""What the module's values are called, too."""
_SYNTAX = "ERR syntax error"


async def _is_network(session: Session, key: bytes) -> bool:
    try:
        await session.server.commands.run(b"NR.CONFIGURE", key)
    except NotFoundError:
        return False
    except CommandError as error:
        if error.code == "WRONGTYPE":  # what is there is not nr's
            return False
        raise
    return True


async def _all(session: Session, pattern: bytes | None = None) -> list[bytes]:
    argv = (b"NR.LIST",) if pattern is None else (b"NR.LIST", pattern)
    return cast(list[bytes], await session.server.commands.run(*argv))


async def kind(session: Session, argv: Sequence[bytes]) -> Answer:
    return TYPE.decode() if await _is_network(session, argv[1]) else "none"


async def exists(session: Session, argv: Sequence[bytes]) -> Answer:
    return sum([await _is_network(session, key) for key in argv[1:]])


async def delete(session: Session, argv: Sequence[bytes]) -> Answer:
    return await session.server.commands.run(b"NR.DEL", *argv[1:])


async def lifetime(session: Session, argv: Sequence[bytes]) -> Answer:
    return -1 if await _is_network(session, argv[1]) else -2


async def dbsize(session: Session, argv: Sequence[bytes]) -> Answer:
    return len(await _all(session))


async def keys(session: Session, argv: Sequence[bytes]) -> Answer:
    return await _all(session, argv[1])


async def memory(session: Session, argv: Sequence[bytes]) -> Answer:
    if argv[1].upper() != b"USAGE" or len(argv) < 3:
        raise CommandError(f"ERR unknown subcommand '{_shown(argv[1])}': there is MEMORY USAGE key")
    if not await _is_network(session, argv[2]):
        return None
    info = await session.server.commands.run(b"NR.INFO", argv[2])
    told = dict(zip(info[::2], info[1::2], strict=True))  # type: ignore[index]
    return cast(Answer, told.get("memory"))


async def describe(session: Session, argv: Sequence[bytes]) -> Answer:
    word = argv[1].upper()
    if word not in (b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ") or len(argv) < 3:
        raise CommandError(
            f"ERR unknown subcommand '{_shown(argv[1])}': there is OBJECT ENCODING key"
        )
    if not await _is_network(session, argv[2]):
        return None
    return b"raw" if word == b"ENCODING" else int(word == b"REFCOUNT")


async def scan(session: Session, argv: Sequence[bytes]) -> Answer:
    """Keys are told in their order, so those that stay are told once, whatever comes or goes."""
    pattern, kind, count = _scan_options(argv)
    if not argv[1].isdigit() or len(argv[1]) > 20:
        raise CommandError("ERR invalid cursor")
    found = await _all(session)
    cursors = session.server.cursors
    start = cursors.place(int(argv[1]), found)
    end = min(len(found), start + count)
    cursor = 0 if end == len(found) else cursors.new(found[end - 1])
    part = found[start:end] if kind in (None, TYPE.lower()) else []
    told = [key for key in part if pattern is None or like(pattern, key)]
    return [str(cursor).encode(), told]


def _scan_options(argv: Sequence[bytes]) -> tuple[bytes | None, bytes | None, int]:
    pattern = kind = None
    count = 10
    if len(argv) % 2:
        raise CommandError(_SYNTAX)
    for word, value in zip(argv[2::2], argv[3::2], strict=True):
        if word.upper() == b"MATCH":
            pattern = value
        elif word.upper() == b"TYPE":
            kind = value.lower()
        elif word.upper() == b"COUNT" and value.isdigit() and 0 < len(value) < 10 and int(value):
            count = int(value)
        else:
            raise CommandError(_SYNTAX)
    return pattern, kind, count


class Cursors:
    """Where scans have come to: a number for the last key that was told.

    Cursors are numbers to clients, so keys are remembered by a number each; of many scans that
    are never ended the oldest are forgotten, and begin again when they go on.
    """

    _MOST = 10000

    def __init__(self) -> None:
        self._keys: dict[int, bytes] = {}
        self._last = 0

    def new(self, key: bytes) -> int:
        """The cursor to go on with behind a key."""
        self._last += 1
        self._keys[self._last] = key
        if len(self._keys) > self._MOST:
            del self._keys[next(iter(self._keys))]
        return self._last

    def place(self, cursor: int, found: list[bytes]) -> int:
        """Where a scan goes on in a sorted list of all keys."""
        key = self._keys.pop(cursor, None) if cursor else None
        return 0 if key is None else bisect_right(found, key)


def _shown(word: bytes) -> str:
    return word[:64].decode("ascii", "backslashreplace")
