"""The core's header as columns, and columns as the core's header, exactly.

The header is a msgpack map whose keys are names of columns. Numbers of 64 bits
without a sign lie in columns with one, by two's complement: nothing that a
network reaches by itself is that large, but a dump from elsewhere may say so. A field
that has no column yet goes into ``more``, as JSON, until a migration gives it one.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgpack  # type: ignore[import-untyped]

from nr.engine import Net
from nr.engine.command import unpack
from nr.engine.header import automatic_reals, of_type
from nr.errors import CommandError, FormatError

MORE = "more"
_WRAP = 1 << 64
_SIGN = 1 << 63


def _signed(number: int) -> int:
    return number - _WRAP if number >= _SIGN else number


def _unsigned(number: int) -> int:
    return int(number) % _WRAP


def _maybe_float(number: float | None) -> float | None:
    return None if number is None else float(number)


_LARGE = ("revision", "resets", "total_steps", "total_cycles", "total_ms")

_WRITE: dict[str, Callable[[Any], Any]] = {
    "layout": lambda units: "-".join(map(str, units)),
    "random": lambda state: " ".join(map(str, state)),
    "trainevery": lambda n: -1 if n is None else n,  # which SQL can compare
    "losses": lambda numbers: " ".join(map(str, numbers)),
    **dict.fromkeys(_LARGE, _signed),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "layout": lambda text: [int(units) for units in text.split("-")],
    "random": lambda text: [int(number) for number in text.split(" ")],
    "trainevery": lambda n: None if n < 0 else n,
    "losses": lambda text: [int(number) for number in text.split(" ")],
    **dict.fromkeys(_LARGE, _unsigned),
    **dict.fromkeys(of_type(bool), bool),
    **dict.fromkeys(of_type(float), float),
    **dict.fromkeys(automatic_reals(), _maybe_float),
}


def fields(net: Net) -> dict[str, Any]:
    """The header of a network as its map, also of a kind that has no DRIFT: there is a column."""
    header: dict[str, Any] = unpack(net.header())
    header.setdefault("drift", False)
    return header


def counts(net: Net) -> dict[str, Any]:
    """Those fields that observing changes, of a network without names for its inputs."""
    c = net.counts()
    train, test = c.len
    return {
        "train_len": train,
        "test_len": test,
        "random": list(c.random),
        "observed": c.observed,
        "new": c.fresh,
        "ordered": c.ordered,
        "rounded": c.rounded,
        "losses": list(c.losses),
    }


def watched(header: Mapping[str, Any]) -> bool:
    """Whether samples are scored before they are kept, by weights that there are."""
    return header["trained"] and (header["drift"] or header["trainevery"] is None)


def writing(name: str) -> Callable[[Any], Any] | None:
    """What makes the value of its column of that of a field; None: it is the same."""
    return _WRITE.get(name)


def columns(header: Mapping[str, Any]) -> dict[str, Any]:
    """The map as values of columns."""
    return {name: _WRITE[name](v) if name in _WRITE else v for name, v in header.items()}


def all_columns(header: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The whole map as values of the columns that have these names."""
    homeless = {name: value for name, value in header.items() if name not in names}
    housed = {name: value for name, value in header.items() if name in names}
    return {**columns(housed), MORE: json.dumps(homeless)}


def header_of(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """The map, from values of the columns of these names.

    Raises ValueError and TypeError, and FormatError before it looks at anything else.
    """
    row = dict(zip(names, values, strict=True))
    check_format(row["format"])
    header = {name: _READ[name](v) if name in _READ else v for name, v in row.items()}
    header.update(json.loads(header.pop(MORE)))
    return header


def packed(header: Mapping[str, Any]) -> bytes:
    """The map as the core reads it."""
    data: bytes = msgpack.packb(header)
    return data


@lru_cache
def check_format(number: Any) -> None:
    """Raises FormatError for a format that is newer than the core."""
    try:
        Net.assemble(packed({"format": number}))
    except FormatError:
        raise
    except CommandError:  # older, or damaged: not asked here
        pass


def ordered(format: int, id: int, revision: int, trainings: int) -> tuple[int, int, int]:
    """What an order is of: id, revision, and how many trainings had ended. Raises FormatError."""
    check_format(format)
    return id, _unsigned(revision), trainings


def version(id: int, revision: int, schema_revision: int) -> tuple[int, int, int]:
    """What tells one state of the weights, and of the fields, from all others."""
    return id, _unsigned(revision), schema_revision
