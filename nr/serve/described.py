"""COMMAND: what there is, as Redis tells it, from the core's table and from the server's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nr.engine.command import Option, Spec
from nr.engine.resp import Answer
from nr.errors import CommandError
from nr.serve.commands import SPECS

if TYPE_CHECKING:
    from nr.serve.session import Session


@dataclass(frozen=True)
class _Told:
    """What COMMAND tells of a command, whosever it is."""

    name: str
    least: int
    most: int
    flags: tuple[str, ...]
    keys: tuple[int, int]
    summary: str
    group: str
    spec: Spec | None = None
    """Of nr's own."""

    @property
    def arity(self) -> int:
        return self.least if self.least == self.most else -self.least


def _all(session: Session) -> dict[str, _Told]:
    told = [
        _Told(s.name.lower(), *s.arguments, s.flags, s.keys, s.summary, "module", s)
        for s in SPECS.values()
    ]
    for row in session.server.table.values():
        flags = ("write",) if row.writes else ("readonly",) if row.keys[0] else ("fast",)
        name = row.name.lower()
        told.append(_Told(name, row.least, row.most, flags, row.keys, row.summary, row.group))
    return {one.name: one for one in told}


def command(session: Session, argv: Sequence[bytes]) -> Answer:
    known = _all(session)
    if len(argv) == 1:
        return [_info(one) for one in known.values()]
    run = _SUBCOMMANDS.get(argv[1].upper())
    if run is None:
        shown = argv[1][:64].decode("ascii", "backslashreplace")
        raise CommandError(
            f"ERR unknown subcommand '{shown}' of COMMAND: there are COUNT, DOCS, GETKEYS, INFO, "
            "LIST"
        )
    return run(known, argv[2:])


def _name(word: bytes) -> str:
    return word.decode("utf-8", "replace").lower()


def _info(one: _Told | None) -> Answer:
    if one is None:
        return None
    first, last = one.keys
    categories = [f"@{flag.replace('readonly', 'read')}" for flag in one.flags if flag != "denyoom"]
    step = 1 if first else 0
    return [
        one.name.encode(), one.arity, list(one.flags), first, last, step, categories, [], [], []
    ]  # fmt: skip


def _infos(known: dict[str, _Told], names: Sequence[bytes]) -> Answer:
    if not names:
        return [_info(one) for one in known.values()]
    return [_info(known.get(_name(name))) for name in names]


def _count(known: dict[str, _Told], names: Sequence[bytes]) -> Answer:
    return len(known)


def _list(known: dict[str, _Told], names: Sequence[bytes]) -> Answer:
    return [name.encode() for name in known]


def _docs(known: dict[str, _Told], names: Sequence[bytes]) -> Answer:
    wanted = [known.get(_name(name)) for name in names] if names else list(known.values())
    return {
        one.name.encode(): {
            b"summary": one.summary.encode(),
            b"since": b"1.0.0",
            b"group": one.group.encode(),
            **_arguments(one.spec),
        }
        for one in wanted
        if one
    }


def _arguments(spec: Spec | None) -> dict[bytes, Answer]:
    """As the module tells them (describe.c): the key, what is before the options, and these."""
    syntax = spec.syntax if spec else ""
    for option in reversed(spec.options if spec else ()):
        syntax = syntax.removesuffix(f" [{' '.join((option.word, option.value)).strip()}]")
    told = []
    if spec and spec.keys[0]:
        many = spec.keys[1] < 0
        told.append(_argument("key", "key", key_spec_index=0, flags=["multiple"] * many))
        syntax = "" if many else syntax.removeprefix("key").removeprefix(" ")
    if syntax:
        optional = syntax[0] == "[" and syntax.index("]") == len(syntax) - 1
        rest = (syntax[1:-1] if optional else syntax).replace(" | key ", " | ")
        told.append(_argument(rest, "string", flags=["optional"] * optional))
    told += map(_option, spec.options if spec else ())
    return {b"arguments": told} if told else {}


def _option(option: Option) -> Answer:
    value = option.value
    kind = {"count": "integer", "real": "double"}.get(option.type, "string")
    kind = "string" if set(value) & set("|[") else kind if value else "pure-token"
    name = option.word.lower()
    told = {"token": option.word, "summary": option.summary, "flags": ["optional"]}
    return _argument(name, kind, display_text=value or name, **told)


def _argument(name: str, kind: str, **more: Any) -> Answer:
    shown = {"name": name, "type": kind, "display_text": name} | more
    return {
        key.encode(): value.encode() if isinstance(value, str) else value
        for key, value in shown.items()
        if value != []
    }


def _getkeys(known: dict[str, _Told], argv: Sequence[bytes]) -> Answer:
    one = known.get(_name(argv[0])) if argv else None
    if one is None:
        raise CommandError("ERR Invalid command specified")
    first, last = one.keys
    keys = list(argv[first : len(argv) if last < 0 else last + 1]) if first else []
    if not keys:
        raise CommandError("ERR The command has no key arguments")
    return keys


_SUBCOMMANDS: dict[bytes, Callable[[dict[str, _Told], Sequence[bytes]], Answer]] = {
    b"COUNT": _count,
    b"DOCS": _docs,
    b"GETKEYS": _getkeys,
    b"INFO": _infos,
    b"LIST": _list,
}
