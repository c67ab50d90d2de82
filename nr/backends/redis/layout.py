"""How a network lies in a hash: fields that a person can read.

A header's field is its name and its value as JSON, words without their quotes; the
core says which there are. Its ``format`` is called ``nr`` here, which tells the hash
of a network from all others. Weights, history, FINDINGS and each sample (``train:0``,
``test:0``) are the bytes of their floats, little-endian, 32 bits. Besides those:
``version`` (which weights these are), ``order``, ``progress`` and ``checkpoint`` (of a training),
``generation``, ``writers`` and ``writer:...`` (writes that must not be made twice).
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgpack  # type: ignore[import-untyped]

from nr.engine import FINDINGS, Net, header, records
from nr.engine.command import unpack
from nr.errors import CommandError

MARK = "nr"
PART = "part:"
LEARNED = ("weights", "history", *FINDINGS)
"""What is of a training, and goes with the weights."""


@cache
def blank() -> dict[str, bytes]:
    """The header of a network that was never trained, as fields."""
    return _encoded(header.blank())


@cache
def formats() -> frozenset[bytes]:
    """Those that are read, as the hash has them."""
    return frozenset(b"%d" % number for number in range(1, int(blank()[MARK]) + 1))


@cache
def names() -> tuple[str, ...]:
    """The header's fields."""
    return tuple(blank())


def encode(packed: bytes) -> dict[str, bytes]:
    """A header, as the core packs it, as fields."""
    return _encoded(unpack(packed))


def _encoded(values: Mapping[str, Any]) -> dict[str, bytes]:
    values = {MARK: values["format"]} | {name: v for name, v in values.items() if name != "format"}
    return {name: _text(value).encode() for name, value in values.items()}


def flat(fields: Mapping[str, bytes]) -> list[str | bytes]:
    """Fields and values one behind the other."""
    return [part for pair in fields.items() for part in pair]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def decode(fields: Sequence[bytes | None]) -> bytes:
    """The header for the core, from the values of ``names()``; CommandError if damaged."""
    values = {}
    for name, text in zip(names(), fields, strict=True):
        if text is not None:
            values["format" if name == MARK else name] = _value(text)
    try:
        packed: bytes = msgpack.packb(values)
    except (ValueError, OverflowError, RecursionError) as error:
        raise CommandError("ERR invalid network: a damaged header") from error
    return packed


def _value(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")


def everything(net: Net) -> dict[str, bytes]:
    """All but the samples; what a training has left is empty where there was none."""
    parts = {PART + name: part for name, part in net.kept().items()}
    learned = {"weights": net.weights(), "history": net.history()} | net.findings()
    return encode(net.header()) | parts | learned


def assemble(fields: Mapping[bytes, bytes]) -> Net:
    """The whole network from the whole hash. CommandError where something is missing."""
    packed = decode([fields.get(name.encode()) for name in names()])
    shape = Net.assemble(packed).shape
    join = b"".join if shape.row else records.joined
    train, test = (join(_samples(fields, *one)) for one in zip(_SLOTS, shape.lengths, strict=True))
    weights, history = fields.get(b"weights"), fields.get(b"history", b"")
    kept = [part for name, part in fields.items() if name.startswith(PART.encode())]
    findings = {name: fields.get(name.encode(), b"") for name in FINDINGS}
    net = Net.assemble(packed, weights, history, train, test, kept, findings)
    net.checkpoint = fields.get(b"checkpoint", b"")
    return net


def token() -> str:
    """What a version is: another one each time."""
    return secrets.token_hex(8)


def _samples(
    fields: Mapping[bytes, bytes], slots: Callable[[int], list[bytes]], n: int
) -> list[bytes]:
    try:
        return [fields[slot] for slot in slots(n)]
    except KeyError as error:
        raise CommandError(f"ERR invalid network: no {error.args[0].decode()}") from error


def _slots(dataset: str) -> Callable[[int], list[bytes]]:
    known: list[bytes] = []

    def slots(n: int) -> list[bytes]:
        if n > 1 << 20:
            return [b"%s:%d" % (dataset.encode(), slot) for slot in range(n)]
        known.extend(b"%s:%d" % (dataset.encode(), slot) for slot in range(len(known), n))
        return known[:n]

    return slots


_SLOTS = (_slots("train"), _slots("test"))
