"""Networks as resources: listed, made, described, trained and deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nr.calls import Call, databases, networks, words
from nr.commands.info import Info, parse_order
from nr.errors import CommandError, NotFoundError, ValuesError
from nr.serve.plain import text_of
from nr.serve.web.api import Api, command, key_of, may_use, path_of
from nr.serve.web.bodies import answer, body_of
from nr.serve.web.schemas import Schema, a_list, an_object, check, one_of, options_of

_MOST = 1000  # networks of one list

CREATED = an_object(
    {
        "type": {
            "enum": ["classifier", "regressor", "forecaster", "generator"],
            "description": "What it is.",
        },
        "layout": one_of("array", description="Units of each layer, inputs first: [2, 3, 1]."),
        "fields": one_of("object", description="Names and kinds, in place of a layout."),
        "target": one_of("string", "array", description="The fields that are to be learned."),
        "hidden": one_of("string", "array", description="Hidden layers, 'auto' or 'linear'."),
    }
    | options_of("NR.CREATE"),
    "type",
)
CONFIGURED = an_object(options_of("NR.CONFIGURE"))
TRAINED = an_object(options_of("NR.TRAIN"))
DRIFT = an_object(
    {
        "watched": one_of("boolean"),
        "alarm": one_of("boolean"),
        "alarm_after": one_of("integer", "null"),
        "level": one_of("number"),
        "scored": one_of("integer"),
        "loss": one_of("number", "null"),
        "trained_loss": one_of("number", "null"),
        "new_samples": one_of("integer"),
        "moved": one_of("object"),
    },
    *("watched", "alarm", "scored", "moved"),
)
CLEARED = an_object({"dataset": {"enum": ["train", "test"], "description": "Default: both."}})
FORGOTTEN = an_object(
    {"values": one_of("object", description="Fields and the values that samples have.")}, "values"
)
CHANGED = an_object(
    {
        "add": one_of("object", description="Names and kinds of new fields."),
        "drop": one_of("array", description="Names of fields that go."),
    }
)
_NETWORK: Schema = one_of("object", required=["name", "path", "type", "layout", "training"])
NETWORK = _NETWORK
NETWORKS = an_object({"networks": a_list(_NETWORK), "after": one_of("string", "null")}, "networks")
SUMMARIES = one_of("object", "null")


# ---- all of them ----


async def listed(api: Api, request: Request) -> Response:
    asked = request.query_params
    pattern, after = asked.get("pattern", "*"), asked.get("after", "")
    most = _limit(asked.get("limit", "100"))
    place = words.key_of(pattern), words.key_of(after), most
    found, more = await api.do(some(*place, partial(may_use, request)))
    shown = [described(key, now) for key, now in found]
    return answer({"networks": shown, "after": text_of(found[-1][0]) if more else None})


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) <= _MOST:
        raise ValuesError(f"ERR limit is a whole number from 1 to {_MOST}, not {text!r:.40}")
    return int(text)


def some(
    pattern: bytes, after: bytes, most: int, may: Callable[[bytes], bool]
) -> Call[tuple[list[tuple[bytes, Info]], bool]]:
    """Networks behind a key that may be seen, and whether there are more of them."""
    keys = [key for key in (yield "NR.LIST", pattern) if key > after and may(key)]
    found = []
    for key in keys[:most]:
        try:
            found.append((key, (yield from networks.info(key))))
        except CommandError:  # deleted in the meantime, or of a newer version
            continue
    return found, bool(found) and len(keys) > most


def described(key: bytes, now: Info) -> dict[str, Any]:
    """A network as a resource."""
    return {"name": text_of(key), "path": path_of(key)} | asdict(now)


# ---- one of them ----


def _at(key: bytes) -> dict[str, str]:
    return {"Location": path_of(key)}


async def create(api: Api, request: Request) -> Response:
    key, body = key_of(request), await body_of(request)
    check(body, CREATED)
    now = await api.do(_created(key, body))
    return answer(described(key, now), 201, _at(key))


def _created(key: bytes, body: dict[str, Any]) -> Call[Info]:
    given = dict(body)
    type, layout, fields = (given.pop(name, None) for name in ("type", "layout", "fields"))
    if (layout is None) == (fields is None):
        raise ValuesError(
            "ERR a network has a layout, as [2, 3, 1], or fields, as {'age': 'number'}"
        )
    if layout is not None and ("target" in given or "hidden" in given):
        raise ValuesError("ERR target and hidden go with fields: a layout says both")
    yield from databases.create(key, type, layout or fields or [], **given)
    return (yield from networks.info(key))


async def delete(api: Api, request: Request) -> Response:
    key = key_of(request)
    if not await api.do(command("NR.DEL", key)):
        raise NotFoundError
    return Response(status_code=204)


async def info(api: Api, request: Request) -> Response:
    key = key_of(request)
    return answer(described(key, await api.do(networks.info(key))))


async def train(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, TRAINED)
    ordered = command("NR.TRAIN", key_of(request), *words.options(body))
    return answer({"status": await api.do(ordered)}, 202)


async def stop(api: Api, request: Request) -> Response:
    return answer({"stopped": bool(await api.do(command("NR.STOP", key_of(request))))})


async def reset(api: Api, request: Request) -> Response:
    await api.do(networks.reset(key_of(request)))
    return Response(status_code=204)


async def clear(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, CLEARED)
    return answer({"dropped": await api.do(networks.clear(key_of(request), body.get("dataset")))})


async def forget(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, FORGOTTEN)
    return answer({"dropped": await api.do(networks.forget(key_of(request), body["values"]))})


async def configured(api: Api, request: Request) -> Response:
    """Also what changes them."""
    body: dict[str, Any] = {}
    if request.method == "PATCH":
        body = await body_of(request)
        check(body, CONFIGURED, others=True)
    return answer(await api.do(networks.configure(key_of(request), body)))


async def fields(api: Api, request: Request) -> Response:
    found = await api.do(networks.fields_of(key_of(request)))
    return answer([asdict(field) for field in found])


async def change_fields(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, CHANGED)
    key = key_of(request)
    add = [f"{name}:{kind}" for name, kind in body.get("add", {}).items()]
    drop = body.get("drop", [])
    given = [*(["ADD", *add] if add else []), *(["DROP", *drop] if drop else [])]
    if not given:
        raise ValuesError("ERR neither add nor drop names a field")
    await api.do(command("NR.FIELDS", key, *given))
    return answer([asdict(field) for field in await api.do(networks.fields_of(key))])


async def metrics(api: Api, request: Request) -> Response:
    found = await api.do(networks.metrics(key_of(request)))
    return answer(
        found and {name: part for name, part in asdict(found).items() if part is not None}
    )


async def importance(api: Api, request: Request) -> Response:
    return answer(await api.do(networks.importance(key_of(request))))


async def drift(api: Api, request: Request) -> Response:
    return answer(asdict(await api.do(networks.drift(key_of(request)))))


async def history(api: Api, request: Request) -> Response:
    return answer((await api.do(networks.history(key_of(request)))).tolist())


async def trainings(api: Api, request: Request) -> Response:
    """Those that run or wait, of all networks."""
    lines = await api.do(command("NR.THREADS"))
    found = [flat(line) for line in lines]
    return answer([one for one in found if may_use(request, key_of_word(one["network"]))])


def flat(line: str) -> dict[str, Any]:
    """A training, from its line of NR.THREADS."""
    found = asdict(parse_order(line))
    found["network"] = found.pop("key")
    found.pop("nn_id")
    progress: dict[str, Any] = found.pop("progress")
    return found | progress


def key_of_word(word: str) -> bytes:
    r"""A key, from the word that NR.THREADS makes of it: other bytes are ``\xHH``."""
    return re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), word.encode())
