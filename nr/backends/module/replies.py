"""Replies of the module as every driver gives them, and its errors as ours.

What redis-py hands out depends on the protocol (doubles are bulk strings in version 2, text and
blobs look the same in both), so each command has a function here that makes of its reply what
every driver answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from redis import exceptions

from nr.engine import Reply, parse, specs
from nr.errors import BackendError, CommandError, EngineError, refusal

# redis-py takes the code off an error's text where it has a class for it, and off ERR.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.ClusterCrossSlotError, "CROSSSLOT"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.AskError, "ASK"),
)
_OTHERS = {"WRONGTYPE", "MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE"}


@contextmanager
def explaining() -> Iterator[None]:
    """Raises what redis-py raises as CommandError, EngineError or BackendError."""
    try:
        yield
    except exceptions.ResponseError as error:
        text = _text_of(error)
        if text == "ERR out of memory":
            raise EngineError(text) from error
        raise refusal(text) from error
    except (exceptions.RedisError, OSError) as error:
        raise BackendError(f"the server failed: {error}") from error


def _text_of(error: Exception) -> str:
    """The error's line, as the server sent it."""
    text = str(error)
    for kind, code in _CODES:
        if isinstance(error, kind):
            return f"{code} {text}"
    return text if text.partition(" ")[0] in _OTHERS else f"ERR {text}"


# ---- whether it is there ----

CHECK = (b"COMMAND", b"INFO", b"nr.create", b"nr.dump")
"""Asks a server whether it has the module."""


def check(reply: Any) -> None:
    """Raises BackendError where the reply to ``CHECK`` says that it does not."""
    found = list(reply.values()) if isinstance(reply, dict) else [r for r in reply if r]
    if len(found) < 2:
        there = "another module of that kind" if found else "no NR.* commands"
        raise BackendError(
            f"the server has {there}: it must be started with "
            "--loadmodule and the path that `nr module-path` prints"
        )


# ---- replies ----

Reader: TypeAlias = Callable[[Sequence[bytes], Any], Reply]
_NAMES = (b"classes", b"outputs", b"fields", b"class", b"output")  # in pairs, of names or numbers
_WORDS = (  # are text
    *(b"type", b"datasets-full", b"overfitting-detected", b"training-ended-by"),
    *(b"last-training", b"drift", b"watched", b"alarm"),
)


def _as_is(_: Sequence[bytes], reply: Any) -> Reply:
    found: Reply = reply
    return found


def _text(_: Sequence[bytes], reply: Any) -> Reply:
    if isinstance(reply, bytes):
        return reply.decode("utf-8", "surrogateescape")
    return [_text(_, part) for part in reply]


def _doubles(_: Sequence[bytes], reply: Any) -> Reply:
    if isinstance(reply, list):
        return [_doubles(_, part) for part in reply]
    return None if reply is None else float(reply)


def _run(argv: Sequence[bytes], reply: Any) -> Reply:
    """A row's doubles; of a network with fields names or classes, a double behind each."""
    if isinstance(reply, bytes):
        return reply
    reply = _flat(reply)
    if _of_series(argv) and reply and isinstance(reply[0], list | dict):
        return [_step(_flat(row)) for row in reply]
    if _of_series(argv):
        return _step(reply)
    if reply and isinstance(reply[0], list | dict):  # of several rows
        return [_run(argv, row) for row in reply]
    return _step(reply) if _of_fields(argv) else _doubles(argv, reply)


def _of_series(argv: Sequence[bytes]) -> bool:
    """Whether a forecaster goes on, a row a step, or a generator, which names what comes next."""
    return len(argv) == 2 or argv[2].upper() in (b"FOR", b"INTERVAL", b"TOP")


def _step(row: Sequence[Any]) -> list[Reply]:
    """Names, and behind each a value, or what it is between."""
    return [_doubles((), part) if at % 2 else part for at, part in enumerate(row)]


def _flat(reply: Any) -> Any:
    """Names and values one behind the other, which are a map in protocol 3."""
    if isinstance(reply, dict):
        return [part for pair in reply.items() for part in pair]
    return reply


def _of_fields(argv: Sequence[bytes]) -> bool:
    """Whether a row is given by the names of fields: otherwise there are numbers, or a blob."""
    if len(argv) > 2 and argv[2].upper() in (b"JSON", b"MSGPACK", b"COLUMNS"):
        return True
    return any(b"=" in word for word in argv[2:]) and argv[2].upper() != b"FP32"


def _sample(argv: Sequence[bytes], reply: Any) -> Reply:
    """Inputs and outputs; of a network with fields names and values, as the protocol has them."""
    if reply is not None and len(argv) > 4:
        return [_sample(argv[:4], row) for row in reply]
    if reply and not isinstance(reply[0], list):
        return list(reply)
    return _doubles(argv, reply)


def _numbers(_: Sequence[bytes], reply: Any) -> Reply:
    """Integers stay integers."""
    if isinstance(reply, list):
        return [_numbers(_, part) for part in reply]
    return reply if isinstance(reply, int) else _doubles(_, reply)


def _shares(_: Sequence[bytes], reply: Any) -> Reply:
    """Fields by name, or inputs by number, and a number of each, or nothing."""
    return [_doubles((), part) if at % 2 else part for at, part in enumerate(reply)]


_READERS: dict[bytes, Reader] = {
    **dict.fromkeys(_NAMES, _as_is),
    **dict.fromkeys(_WORDS, _text),
    b"attributions": _shares,
    b"moved": _shares,
}


def _pairs(argv: Sequence[bytes], reply: Any) -> Reply:
    if reply is None:
        return None
    reply = _flat(reply)
    found: list[Reply] = []
    for name, value in zip(reply[::2], reply[1::2], strict=True):
        reader = _READERS.get(name, _numbers)
        found += [name.decode(), reader(argv, value)]
    return found


def _doubles_and_names(argv: Sequence[bytes], reply: Any) -> Reply:
    """Numbers in arrays; of a network with fields a name, which is no number, before each."""
    if reply and any(isinstance(part, float) for part in reply):
        return list(reply)  # typed by the protocol
    try:
        return _numbers(argv, reply)
    except ValueError:
        return [float(part) if at % 2 else part for at, part in enumerate(reply)]


def _names(argv: Sequence[bytes], reply: Any) -> Reply:
    """What there is stays as it is; of a change there is OK."""
    return _as_is(argv, reply) if isinstance(reply, list) else _text(argv, reply)


# By the shape of the reply, which the core's table of commands says.
_BY_SHAPE: dict[str, Reader] = {
    "integers": _as_is,
    "texts": _text,
    "bytes": _as_is,
    "classes": _as_is,
    "outputs": _run,
    "sample": _sample,
    "pairs": _pairs,
    "doubles": _doubles_and_names,
    "names": _names,
}
_BY_COMMAND = {spec.name.encode(): _BY_SHAPE[spec.reply] for spec in specs()}


def reader(argv: Sequence[bytes]) -> Reader:
    """What reads the reply to a command. Raises CommandError for what is none of ours."""
    found = _BY_COMMAND.get(argv[0].upper()) if argv else None
    if found is None:
        parse(argv)  # refuses it, and says what was meant
        raise CommandError("ERR unknown command")
    return found


def queued(argv: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """A command whose training, if it orders one, is left to workers."""
    trains = argv[0].upper() == b"NR.TRAIN" and b"QUEUE" not in map(bytes.upper, argv)
    return (*argv, b"QUEUE") if trains else argv
