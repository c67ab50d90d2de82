"""Networks by name: creating, finding, listing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from textwrap import shorten
from typing import Any

from nr import frames
from nr.calls import words
from nr.calls.networks import info
from nr.calls.samples import observe_many
from nr.calls.steps import Call, Long, Whole
from nr.commands.arguments import Argument
from nr.errors import BUSY, NO_SUCH_KEY, BusyError, CommandError, NotFoundError, ValuesError
from nr.fields import described
from nr.html import html_table, printable

Wanted = tuple[str, tuple[Any, ...]]
"""A type, and the units of a layout or fields."""


def create(
    key: bytes,
    type: str,
    layout: Sequence[int] | Mapping[str, str],
    *,
    target: str | Sequence[str] | None = None,
    hidden: Sequence[int] | str = "auto",
    normalize: bool | None = None,
    dataset: int | None = None,
    test: int | None = None,
    seed: int | None = None,
    exist_ok: bool = False,
    **options: Any,
) -> Call[bool]:
    """As ``Database.create``. Whether it was made, and not found."""
    shape, layers = _shape(type, layout, target, hidden)
    sizes = {"normalize": normalize, "dataset": dataset, "test": test, "seed": seed}
    given = {word: value for word, value in sizes.items() if value is not None}
    more = words.options({**given, **options})
    command = Whole(("NR.CREATE", key, type, *layers, *more))
    made = None
    while made is None:
        made = yield from _created(key, command, exist_ok, (str(type).lower(), shape))
    return made


def _shape(
    type: str,
    layout: Sequence[int] | Mapping[str, str],
    target: str | Sequence[str] | None,
    hidden: Sequence[int] | str,
) -> tuple[tuple[Any, ...], list[Argument]]:
    """The layout or the fields as NR.INFO has them, and as NR.CREATE takes them."""
    if not isinstance(layout, Mapping):
        units = words.units(layout)
        return tuple(units), [*units[:-1], "->", *units[-1:]]
    shape = described(type, layout, target)
    arrow = shape.index("->")
    layers = [hidden] if isinstance(hidden, str) else words.units(hidden)
    return shape, [*shape[:arrow], *layers, *shape[arrow:]]


def _created(key: bytes, command: Whole, exist_ok: bool, wanted: Wanted) -> Call[bool | None]:
    """Creates it, or finds it as ``wanted`` (False); None where it was deleted amidst that."""
    try:
        yield command
    except BusyError:
        if not exist_ok:
            raise
        try:
            now = yield from info(key)
        except NotFoundError:
            return None
        found = now.type, now.fields or now.layout
        if found != wanted:
            raise BusyError(_another(words.name_of(key), found, wanted)) from None
        return False
    return True


def _another(name: str, *kinds: Wanted) -> str:
    is_one, wanted = (
        f"a {type} of {(' ' if '->' in layout else '-').join(map(str, layout))}"
        for type, layout in kinds
    )
    return f"{BUSY}: {name!r} is {is_one}, not {wanted}"


def create_from(
    backend: object,
    key: bytes,
    frame: Any,
    target: str,
    kinds: Mapping[str, str] | None,
    options: dict[str, Any],
) -> Call[None]:
    """As ``Database.create_from``."""
    kind, fields = yield Long(partial(_guess, frame, target, kinds))
    sizes = {"dataset": len(frame) - len(frame) // 3, "test": len(frame) // 3}
    made = False
    try:
        made = yield from create(key, kind, fields, target=target, **(sizes | options))
        yield from observe_many(backend, key, frame, None, None)
    except GeneratorExit:  # nobody asks any more
        raise
    except BaseException:
        if made:
            yield "NR.DEL", key
        raise


def _guess(frame: Any, target: str, kinds: Mapping[str, str] | None) -> tuple[str, dict[str, str]]:
    """The type of a network that learns this column of a frame, and the kinds of the others."""
    if target not in (columns := frames.names(frame)):
        shown = ", ".join(map(str, columns))
        raise ValuesError(f"ERR the frame has no column {target!r:.60}, it has: {shown:.200}")
    fields = frames.guessed(frame, target) | dict(kinds or {})
    column = frames.column(frame, target)
    numbers = getattr(column.dtype, "kind", "O") in "iuf"
    regression = numbers and frames.different(column) > 10
    return "regressor" if regression else "classifier", fields


def restore(key: bytes, blob: bytes, replace: bool) -> Call[None]:
    """As ``Database.restore``."""
    yield ("NR.RESTORE", key, blob, *(["REPLACE"] if replace else []))


def check(name: str | bytes) -> Call[None]:
    """Raises NotFoundError, which names it, where there is no such network."""
    try:
        yield "NR.CONFIGURE", words.key_of(name)
    except NotFoundError:
        raise NotFoundError(f"{NO_SUCH_KEY}: {name!r}") from None


def contains(name: object) -> Call[bool]:
    """Whether there is a network of that name."""
    if not isinstance(name, str | bytes):
        return False
    try:
        yield "NR.CONFIGURE", words.key_of(name)
    except CommandError as error:
        if isinstance(error, NotFoundError) or error.code == "WRONGTYPE":
            return False
        raise
    return True


def delete(name: str | bytes) -> Call[None]:
    """Deletes a network. Raises NotFoundError, which names it, where there is none."""
    if not (yield "NR.DEL", words.key_of(name)):
        raise NotFoundError(f"{NO_SUCH_KEY}: {name!r}")


def names() -> Call[list[str]]:
    """Of all networks."""
    return [words.name_of(key) for key in (yield ("NR.LIST",))]


def shown() -> Call[str]:
    """All networks as a table for notebooks."""
    rows = [["name", "type", "layout", "training", "testing", "cycles"]]
    for name in (yield from names()):
        try:
            now = yield from info(words.key_of(name))
        except CommandError:  # deleted in the meantime
            continue
        layout = _names(now.fields) or "-".join(map(str, now.layout))
        numbers = [str(n) for n in (now.train_len, now.test_len, now.cycles)]
        rows.append([printable(name), now.type, layout, *numbers])
    return html_table(rows)


def _names(fields: Sequence[str]) -> str:
    """The names of fields, as many as a cell of a table has room for."""
    return shorten(" ".join(field.partition(":")[0] or field for field in fields), 60)
