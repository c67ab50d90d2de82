"""A network with fields made of one without: its samples become records, and it is untrained.

The weights stay behind: what the inputs of a network with fields are is fitted by a training.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import nr
from nr.engine import Net

_FIELD = re.compile(r"\s*(\w+)\s*(?::\s*((?:[^\\(),]|\((?:[^\\()]|\\.)*\))+))?\s*(?:,|$)", re.ASCII)
_TEXTS = ("category", "text", "key")


def fielded(blob: bytes, fields: str) -> bytes:
    """The dump of a network with fields, from that of one without. Raises ValuesError.

    ``fields`` are ``"age:number,vip:flag,joined:category"``, the inputs in their order and then
    the outputs, or the class.
    """
    with nr.connect("memory://") as db:
        plain = db.restore("plain", blob)
        info, options = plain.info(), plain.configure()
        if info.fields:
            raise nr.ValuesError("ERR the network has fields already: copy it without --fields")
        classifier = info.type == "classifier"
        outputs = 1 if classifier else info.layout[-1]
        kinds = _kinds(fields, info.layout[0], outputs, "category" if classifier else "number")
        later = {"trainevery": options.pop("trainevery")}  # nothing is trained meanwhile
        net = db.create(
            "fields",
            info.type,  # type: ignore[arg-type]
            kinds,
            target=[*kinds][-outputs:],
            hidden=list(info.layout[1:-1]) or "linear",
            dataset=info.train_maxlen,
            test=info.test_maxlen,
            **options,  # type: ignore[arg-type]
        )
        for which, rows in enumerate(_rows(blob)):
            named = [_record(kinds, row) for row in rows.tolist()]
            if named:
                net.observe_many(named, to=("train", "test")[which])
        net.configure(**later)  # type: ignore[arg-type]
        return net.dump()


def _kinds(fields: str, inputs: int, outputs: int, usual: str) -> dict[str, str]:
    """Names and kinds, in their order; without a kind it is the usual one."""
    kinds: dict[str, str] = {}
    at = 0
    while at < len(fields):
        found = _FIELD.match(fields, at)
        if not found:
            raise nr.ValuesError(
                f"ERR fields are name:kind, name:kind ..., not {fields[at:]!r:.60}"
            )
        name, kind = found.groups()
        if name in kinds:
            raise nr.ValuesError(f"ERR field {name} is given twice")
        kinds[name] = kind or ("number" if len(kinds) < inputs else usual)
        at = found.end()
    if len(kinds) != inputs + outputs:
        raise nr.ValuesError(
            f"ERR {len(kinds)} fields for {inputs} inputs and {outputs} outputs: name each, the "
            "inputs first (a class is one output)"
        )
    return kinds


def _rows(blob: bytes) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    net = Net.load(blob, 0)
    return [np.frombuffer(net.rows(at), "<f4").reshape(-1, net.row) for at in range(2)]


def _record(kinds: dict[str, str], row: list[float]) -> dict[str, float | str]:
    pairs = zip(kinds.items(), row, strict=True)
    return {name: _text(x) if kind.startswith(_TEXTS) else x for (name, kind), x in pairs}


def _text(value: float) -> str:
    """As one writes it: 3, or 0.1 for the float32 that is next to it."""
    return str(int(value)) if value.is_integer() else str(np.float32(value))
