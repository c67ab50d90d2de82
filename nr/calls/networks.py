"""What there is to ask of one network besides its samples, its outputs and its trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nr import fields
from nr.calls import words
from nr.calls.steps import Call
from nr.commands.drift import Drift, parse_drift
from nr.commands.info import Info, parse_info
from nr.commands.metrics import Metrics, parse_metrics
from nr.html import html_table, printable


def info(key: bytes) -> Call[Info]:
    """As ``Network.info``."""
    return parse_info((yield "NR.INFO", key))


def reset(key: bytes) -> Call[None]:
    """As ``Network.reset``."""
    yield "NR.RESET", key


def history(key: bytes) -> Call[NDArray[np.float64]]:
    """As ``Network.history``."""
    return np.array((yield "NR.HISTORY", key), np.float64).reshape(-1, 4)


def metrics(key: bytes) -> Call[Metrics | None]:
    """As ``Network.metrics``."""
    return parse_metrics((yield "NR.METRICS", key))


def importance(key: bytes) -> Call[Any]:
    """As ``Network.importance``."""
    found = yield "NR.IMPORTANCE", key
    if found and isinstance(found[0], bytes):
        losses = [np.nan if loss is None else loss for loss in found[1::2]]
        return dict(zip(map(fields.text, found[::2]), losses, strict=True))
    return None if found is None else np.array(found, np.float64)


def drift(key: bytes) -> Call[Drift]:
    """As ``Network.drift``."""
    return parse_drift((yield "NR.DRIFT", key))


def configure(key: bytes, options: dict[str, Any]) -> Call[dict[str, bool | float | str | None]]:
    """As ``Network.configure``."""
    if options:
        given = list(words.options(options))
        yield ("NR.CONFIGURE", key, *given)
    reply = yield "NR.CONFIGURE", key
    pairs = zip(reply[::2], reply[1::2], strict=True)
    return {str(word).lower(): words.value(text, word) for word, text in pairs}


def fields_of(key: bytes) -> Call[tuple[fields.Field, ...]]:
    """As ``Network.fields``."""
    return fields.known((yield "NR.FIELDS", key))


def add_fields(key: bytes, kinds: Mapping[str, str]) -> Call[None]:
    """As ``Network.add_fields``."""
    if kinds:
        yield ("NR.FIELDS", key, "ADD", *(f"{name}:{kind}" for name, kind in kinds.items()))


def drop_fields(key: bytes, names: Sequence[str]) -> Call[None]:
    """As ``Network.drop_fields``."""
    if names:
        yield ("NR.FIELDS", key, "DROP", *names)


def clear(key: bytes, dataset: str | None) -> Call[int]:
    """As ``Network.clear``."""
    gone: int = yield ("NR.CLEAR", key, *words.dataset(dataset))
    return gone


def forget(key: bytes, values: Mapping[str, Any]) -> Call[int]:
    """As ``Network.forget``."""
    gone: int = yield ("NR.FORGET", key, *fields.named(values))
    return gone


def dump(key: bytes) -> Call[bytes]:
    """As ``Network.dump``."""
    blob: bytes = yield "NR.DUMP", key
    return blob


def shown(key: bytes) -> Call[str]:
    """The network as a table for notebooks."""
    now = yield from info(key)
    rows = {
        **({"fields": " ".join(now.fields)} if now.fields else {}),
        "layout": "-".join(map(str, now.layout)),
        **({"recurrent layers": "-".join(map(str, now.recurrent))} if now.recurrent else {}),
        "parameters": now.parameters,
        "training dataset": f"{now.train_len} of {now.train_maxlen}",
        "testing dataset": f"{now.test_len} of {now.test_maxlen}",
        "cycles": now.cycles,
        "training error": f"{now.train_error:.6g}",
        "testing error": f"{now.test_error:.6g}",
    }
    if now.class_errors is not None:
        rows["wrong classes"] = f"{now.class_errors:.1f}%"
    cells = [[field, str(value)] for field, value in rows.items()]
    return html_table([[printable(words.name_of(key)), now.type], *cells])
