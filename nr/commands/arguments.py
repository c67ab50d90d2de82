"""The arguments of a command as bytes, whatever they were given as."""

from collections.abc import Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, SupportsFloat, TypeAlias

import numpy as np

from nr.engine import split
from nr.errors import CommandError

Argument: TypeAlias = "str | bytes | bytearray | memoryview | int | float | SupportsFloat"


def arguments(argv: Sequence[Argument]) -> list[bytes]:
    """A command's arguments as bytes.

    One text is a line, split and unquoted as redis-cli does. Of several, numbers (numpy's
    scalars and decimals too) are sent with all their digits. Raises CommandError for others.
    """
    if len(argv) == 1 and isinstance(argv[0], str | bytes):
        return split(_bytes(argv[0]))
    return [
        one if type(one) is bytes else b"%r" % one if type(one) is float else _bytes(one)
        for one in argv
    ]


def encoded(text: str) -> bytes:
    """Text as bytes, surrogate escapes as the bytes they stand for. Raises CommandError."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise CommandError(f"ERR text that is no Unicode: {error}") from error


def _bytes(argument: Argument) -> bytes:
    match argument:
        case bytes():
            return argument
        case str():
            return encoded(argument)
        case float():
            return b"%r" % float(argument)
        case np.timedelta64():  # an integer by its class
            pass
        case bytearray() | memoryview() | Real() | Decimal() | np.bool_():
            try:
                return _converted(argument)
            except Exception as error:  # thousands of digits, which Python does not print ...
                kind = type(argument).__name__
                raise CommandError(f"ERR a {kind} that is no argument: {error}") from error
    raise CommandError(
        f"ERR an argument of a command is text, bytes or a number, not {type(argument).__name__}"
    )


def _converted(argument: Any) -> bytes:
    match argument:
        case bytearray() | memoryview():
            return bytes(argument)
        case Integral() | np.bool_():
            return b"%d" % int(argument)
    return repr(float(argument)).encode()
