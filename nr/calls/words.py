"""The words of commands, from the arguments of methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, inf
from numbers import Real
from operator import index
from typing import Any

import numpy as np

from nr.commands.arguments import Argument, encoded
from nr.engine import specs
from nr.errors import ArgumentError, ValuesError

MAXTIME = "maxtime is deprecated: give timeout, in seconds"
_FLAGS = {o.word.lower(): o for spec in specs() for o in spec.options if o.type == "switch"}


def key_of(name: str | bytes) -> bytes:
    """The key of a network's name. Raises ArgumentError and CommandError."""
    if not isinstance(name, str | bytes):
        raise ArgumentError(f"a name is text or bytes, not {type(name).__name__}")
    return name if isinstance(name, bytes) else encoded(name)


def name_of(key: bytes) -> str:
    """A key as text, bytes that are no UTF-8 as surrogate escapes."""
    return key.decode("utf-8", "surrogateescape")


def units(layout: Sequence[int]) -> list[int]:
    """A layout's units. Raises ValuesError."""
    try:
        return [index(units) for units in layout]
    except TypeError:
        raise ValuesError(
            f"ERR a layout is a list of whole numbers, as [2, 3, 1], not {layout!r}"
        ) from None


def options(given: dict[str, Any]) -> Iterator[Argument]:
    """Options of a command: a flag alone, or not at all, or its word for no; others a value."""
    for word, value in given.items():
        if word not in _FLAGS:
            yield word
            yield auto(value)
        elif not isinstance(value, bool | np.bool_):
            raise ValuesError(f"ERR {word} is True or False, not {value!r}")
        elif value:
            yield word
        elif _FLAGS[word].words:  # it is on where nothing is said
            yield from (word, _FLAGS[word].words[0])


def auto(value: float | str | None) -> float | str:
    """An option's value: None is AUTO."""
    return "AUTO" if value is None else value


def value(text: Any, word: Any) -> bool | int | float | str | None:
    """NR.CONFIGURE's text for an option as a value that configure takes."""
    if str(word).lower() in _FLAGS:
        return str(text).lower() in ("yes", "on")
    named: dict[str, None] = {"AUTO": None}
    if text in named:
        return named[text]
    for number in int, float:
        try:
            return number(text)
        except ValueError:
            continue
    return str(text).lower()


def flag(word: str, value: Any) -> bool:
    """An argument that is True or False. Raises ValuesError."""
    if not isinstance(value, bool | np.bool_):
        raise ValuesError(f"ERR {word} is True or False, not {value!r:.60}")
    return bool(value)


def dataset(to: Any) -> tuple[Argument, ...]:
    """The word for a dataset, none for None. Raises ValuesError."""
    if to is not None and str(to).lower() not in ("train", "test"):
        raise ValuesError(f"ERR the dataset must be 'train' or 'test', not {to!r}")
    return (to,) if to else ()


def seconds(timeout: Any) -> float:
    """A timeout as it was given. Raises ArgumentError for what is no number of seconds."""
    if not isinstance(timeout, Real) or isinstance(timeout, np.timedelta64) or timeout != timeout:
        raise ArgumentError(f"a timeout is a number of seconds, not {timeout!r}")
    try:
        return float(timeout)
    except OverflowError:  # a whole number of hundreds of digits
        return inf if bool(timeout >= 0) else -inf  # type: ignore[operator]


def maxtime(timeout: Any, given: int | None) -> int | None:
    """MAXTIME, in milliseconds, of which 0 is no limit. Raises ArgumentError."""
    if timeout is None:
        return given
    if given is not None:
        raise ArgumentError("timeout is maxtime in seconds: give one of them")
    limit = seconds(timeout)
    if limit < 0:
        raise ArgumentError(f"a timeout is 0 or more seconds, not {timeout!r}")
    return 0 if limit == inf else ceil(limit * 1000)
