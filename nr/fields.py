"""Samples with names, as the msgpack that NR.OBSERVE, NR.RUN and NR.CLASS take.

A row is a mapping of fields and values, and goes as a map; a frame, or a numpy array with
named fields, goes as columns, whose numbers and times travel as they lie in memory. What a
value must be for its field's kind is the core's to say: here it is only put into a form that
any language could have sent. None, NaN, NaT and pandas.NA are missing values.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from reprlib import repr as shortened
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from nr import frames
from nr.errors import ValuesError
from nr.packing import floats, single

# Extension types of msgpack, as the core has them (encode/said.c).
_FLOAT64, _FLOAT32, _INT64, _TIME, _BOOL, _CODES = range(1, 7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME = np.iinfo(np.int64).min
_PLAIN = {int, float, str, bool, type(None)}


@dataclass(frozen=True)
class Field:
    """One field of a network, and what the network knows of it."""

    name: str
    kind: str
    """``"number"``, ``"category(max=8)"`` ..."""
    output: bool
    values: tuple[str, ...]
    """Of a category: those of its list, or those that the last training has learned."""


def is_row(values: object) -> bool:
    """Whether these are the values of one sample by name."""
    return isinstance(values, Mapping)


def is_table(values: object) -> bool:
    """Whether these are samples by name: rows, a frame, or an array with named fields."""
    if isinstance(values, list | tuple):
        return bool(values) and is_row(values[0])
    return frames.is_frame(values)


def only(values: Any, names: Collection[str]) -> Any:
    """Samples by name without what has none of these names; anything else as it is."""
    if is_row(values):
        return {name: value for name, value in values.items() if name in names}
    if isinstance(values, list | tuple):
        return [only(row, names) for row in values] if is_table(values) else values
    if not is_table(values):
        return values
    columns = frames.names(values)
    kept = [name for name in columns if str(name) in names]
    if not kept:
        shown = ", ".join(map(str, columns))
        raise ValuesError(f"ERR none of the columns is a field of the network: {shown:.200}")
    return frames.select(values, kept)


_USUAL = {"classifier": "category", "generator": "sequence(word)"}
"""Kinds of outputs that go with a type."""


def described(
    type: str, kinds: Mapping[str, str], target: str | Sequence[str] | None
) -> tuple[str, ...]:
    """Fields as NR.CREATE and NR.INFO have them: ``"age:number"`` ..., ``"->"``, the outputs.

    Raises ValuesError without a target.
    """
    targets = [target] if isinstance(target, str) else list(target or ())
    if not targets:
        raise ValuesError("ERR target names the fields that are to be learned, as target='joined'")
    usual = _USUAL.get(type.lower(), "number")
    inputs = [f"{name}:{kind}" for name, kind in kinds.items() if name not in targets]
    return (*inputs, "->", *(f"{name}:{kinds.get(name, usual)}" for name in targets))


# ---- rows ----


def pack_row(row: Mapping[str, Any]) -> bytes:
    """One sample as a map. Raises ValuesError for a value that is none of a field's."""
    if not {*map(type, row.values())} <= _PLAIN:
        row = {name: _value(name, value) for name, value in row.items()}
    return _packed(row)


def pack_rows(rows: Sequence[Mapping[str, Any]], first: int = 0) -> bytes:
    """Samples as an array of maps; ``first`` is the number of the first one, for errors."""
    for number, row in enumerate(rows, first):
        if not is_row(row):
            shown = shortened(row)
            raise ValuesError(f"ERR sample {number}: a dictionary of fields is needed, not {shown}")
    return _packed([{name: _value(name, row[name]) for name in row} for row in rows])


def named(values: Mapping[str, Any]) -> list[bytes]:
    """Fields and their values as words of a command, ``age=33``. Raises ValuesError."""
    if not is_row(values):
        kind = type(values).__name__
        raise ValuesError(f"ERR fields and their values are needed, as {{'age': 33}}, not a {kind}")
    words = [f"{name}={_word(name, value)}" for name, value in values.items()]
    try:
        return [word.encode("utf-8", "surrogateescape") for word in words]
    except UnicodeError as error:
        raise ValuesError(f"ERR not the fields and values of samples: {error}") from None


def _word(name: object, value: Any) -> str:
    if isinstance(value, np.generic):
        value = _from_numpy(value)
    if isinstance(value, datetime | date) and not is_missing(value):
        return value.isoformat()
    value = _value(name, value)
    if isinstance(value, bytes):  # a vector
        return json.dumps(np.frombuffer(value, "<f4").astype(float).tolist())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _packed(value: Any) -> bytes:
    try:
        packed: bytes = msgpack.packb(value)
    except (TypeError, ValueError, OverflowError, UnicodeError) as error:
        raise ValuesError(f"ERR not the fields and values of samples: {error}") from None
    return packed


def _value(name: object, value: Any) -> Any:
    """A value as msgpack can carry it."""
    if type(value) in _PLAIN:
        return value
    if is_missing(value):
        return None
    if isinstance(value, np.generic):
        return _value(name, _from_numpy(value))
    if isinstance(value, datetime | date):
        return msgpack.ExtType(_TIME, _micros(value).to_bytes(8, "little", signed=True))
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple | np.ndarray):
        return _list(name, value)
    if hasattr(value, "__array__"):  # a column of a frame, a tensor ...
        return _list(name, np.asarray(value))
    if isinstance(value, range):
        return list(value)
    kind = type(value).__name__
    raise ValuesError(f"ERR field {name}: {shortened(value)} ({kind}) is no value of a field")


def is_missing(value: Any) -> bool:
    """Whether a value that is no plain one, or a float, stands for a gap."""
    if isinstance(value, float):
        return value != value
    return value is np.ma.masked or type(value).__name__ in {"NAType", "NaTType"}


def _from_numpy(value: np.generic) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value.astype("datetime64[us]").item()
    return value.item()


def _micros(value: date) -> int:
    """Microseconds since 1970; without a zone it is UTC."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    elapsed = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
    return elapsed.days * 86_400_000_000 + elapsed.seconds * 1_000_000 + elapsed.microseconds


def _list(name: object, values: Any) -> Any:
    """A vector or a sequence: numbers as the bytes of float32, anything else item by item.

    Whole numbers may be symbols, which have to keep their digits.
    """
    if isinstance(values, np.ndarray):
        if values.ndim not in (1, 2):
            raise ValuesError(f"ERR field {name}: an array of {values.ndim} dimensions")
        if values.dtype.kind == "f" and values.shape[-1]:
            return floats(np.asarray(np.ma.filled(values, np.nan)))
        values = list(values)
    elif any(isinstance(value, float) for value in values):
        try:
            return single(values).tobytes()
        except (TypeError, ValueError, OverflowError):
            raise ValuesError(
                f"ERR field {name}: {shortened(values)} is no list of numbers"
            ) from None
    return [_value(name, value) for value in values]


# ---- columns ----


def pack_columns(table: Any, most: int) -> Iterator[bytes]:
    """A frame's rows as columns, at most so many rows at once."""
    names = frames.names(table)
    if len(set(names)) != len(names):
        raise ValuesError("ERR two columns of the frame have one name")
    columns = {name: frames.column(table, name) for name in names}
    packed = {str(name): _column(str(name), column) for name, column in columns.items()}
    rows = len(table)
    for start in range(0, rows, most):
        part = slice(start, min(rows, start + most))
        yield _packed({name: cut(part) for name, cut in packed.items()})


def _column(name: str, column: Any) -> Any:
    """What gives a slice of a column in the form in which it is sent."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return _vectors(np.asarray(column)) if column.ndim > 1 else _numbers(np.asarray(column))
    if getattr(dtype, "kind", "") == "M":
        return _times(column)
    values = np.asarray(column, object)
    if {*map(type, values)} <= {str, type(None), float}:
        coded = _texts(values)
        if coded:
            return coded
    return lambda part: [_value(name, value) for value in values[part]]


def _numbers(array: NDArray[Any]) -> Any:
    if array.dtype.kind == "b":
        code, array = _BOOL, array.astype(np.uint8)
    elif array.dtype.kind == "f":
        code = _FLOAT32 if array.dtype.itemsize <= 4 else _FLOAT64
        array = array.astype("<f4" if code == _FLOAT32 else "<f8")
    elif array.dtype == np.uint64:
        return lambda part: array[part].tolist()
    else:
        code, array = _INT64, array.astype("<i8")
    return lambda part: msgpack.ExtType(code, array[part].tobytes())


def _vectors(array: NDArray[Any]) -> Any:
    """Several numbers a row, shape (rows, n): a vector each."""
    rows = single(array)
    return lambda part: [row.tobytes() for row in rows[part]]


def _times(column: Any) -> Any:
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    times = np.asarray(column).astype("datetime64[us]")
    micros = np.where(np.isnat(times), _NO_TIME, times.astype(np.int64)).astype("<i8")
    return lambda part: msgpack.ExtType(_TIME, micros[part].tobytes())


def _texts(values: NDArray[np.object_]) -> Any:
    """Texts that repeat, each sent once; None where there is a number among them."""
    numbers: dict[str, int] = {}
    codes = np.empty(len(values), "<i4")
    for i, value in enumerate(values):
        if type(value) is str:
            codes[i] = numbers.setdefault(value, len(numbers))
        elif value is None or value != value:
            codes[i] = -1
        else:
            return None
    texts = list(numbers)

    def cut(part: slice) -> Any:
        some = codes[part]
        used, again = np.unique(some, return_inverse=True)
        kept = [texts[code] for code in used if code >= 0]
        shifted = again.astype("<i4") - int(bool(len(used)) and used[0] < 0)
        return [msgpack.ExtType(_CODES, shifted.astype("<i4").tobytes()), kept]

    return cut


# ---- commands ----

AT_ONCE = 10_000
"""Rows of a frame in one command."""


def blobs(values: Any) -> Iterator[tuple[str, bytes]]:
    """Samples as the arguments of commands: a word for their form, and the bytes."""
    if is_row(values):
        yield "MSGPACK", pack_row(values)
    elif isinstance(values, list | tuple):
        for start in range(0, len(values), AT_ONCE):
            yield "MSGPACK", pack_rows(values[start : start + AT_ONCE], start)
    else:
        for blob in pack_columns(values, AT_ONCE):
            yield "COLUMNS", blob


def text(value: Any) -> str:
    """A name or a class that was replied."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def outputs(reply: Sequence[Any]) -> dict[str, Any]:
    """NR.RUN's reply for one sample: classes and their probabilities, or outputs by name.

    With INTERVAL an output is lower, value, upper.
    """
    return {text(name): _output(y) for name, y in zip(reply[::2], reply[1::2], strict=True)}


def _output(y: Any) -> Any:
    return tuple(map(float, y)) if isinstance(y, list) else float(y)


def values(reply: Sequence[Any]) -> dict[str, Any]:
    """NR.GETDATA's reply: values by field, None where one is missing."""
    return {text(name): _said(value) for name, value in zip(reply[::2], reply[1::2], strict=True)}


def _said(value: Any) -> Any:
    if isinstance(value, list):
        return [_said(item) for item in value]
    return text(value) if isinstance(value, bytes) else value


def like(given: Any, rows: list[Any]) -> Any:
    """Results of samples in the form in which the samples came: a frame, or a list."""
    if isinstance(given, list | tuple | np.ndarray):
        return rows
    if rows and isinstance(rows[0], dict):
        return frames.made(given, {name: [row[name] for row in rows] for name in rows[0]})
    return frames.series(given, rows)


def known(reply: Sequence[Any]) -> tuple[Field, ...]:
    """NR.FIELDS' reply."""
    return tuple(
        Field(text(name), text(kind), text(role) == "output", tuple(map(text, values)))
        for name, kind, role, values in reply
    )
