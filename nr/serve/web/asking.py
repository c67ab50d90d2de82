"""Samples in and predictions out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nr.calls import Call, explaining, running, samples, words
from nr.errors import RowError, ValuesError
from nr.fields import blobs, is_row
from nr.serve.web.api import Api, key_of
from nr.serve.web.bodies import answer, body_of
from nr.serve.web.schemas import Schema, an_object, check, one_of

_ROWS = "One row or several: an array of numbers, or an object of fields and values."
_NUMBERS = one_of("array", "number", description="Outputs, or class ids, of plain networks.")

_ASKED = {
    "inputs": one_of("array", "object", description=_ROWS),
    "ignore_extra": one_of("boolean", description="Leave out what is no input."),
}
_INTERVAL = "Lower, value, upper for each output of a regressor: it is between them so often."
_SURE = "null in place of a class that is less probable than this."
RUN = an_object(_ASKED | {"interval": one_of("number", description=_INTERVAL)}, "inputs")
CLASSIFIED = an_object(_ASKED | {"sure": one_of("number", description=_SURE)}, "inputs")
EXPLAINED = an_object(
    {
        "inputs": one_of("array", "object", description="One row, as for run."),
        "top": one_of("integer", description="How many fields; what others add is one number."),
        "of": one_of("string", "integer", description="The class or output; default: its answer."),
    },
    "inputs",
)
OBSERVED = an_object(
    {
        "samples": one_of(
            "array", "object", description="Fields and values, outputs among them; one or several."
        ),
        "inputs": one_of("array", description="Of networks without fields: one row or several."),
        "outputs": _NUMBERS,
        "weight": one_of("number", description="How much each of the samples counts."),
        "to": {"enum": ["train", "test"], "description": "The dataset; default: by size."},
    }
)


async def run(api: Api, request: Request) -> Response:
    return answer({"outputs": await _asked(api, request, running.run, RUN, "interval")})


async def classify(api: Api, request: Request) -> Response:
    return answer({"class": await _asked(api, request, running.classify, CLASSIFIED, "sure")})


async def _asked(api: Api, request: Request, long: Any, schema: Schema, option: str) -> Any:
    """What a network answers."""
    key, body = key_of(request), await body_of(request)
    x = body.get("inputs")
    if len(body) > 1 or type(x) not in (list, dict):
        check(body, schema)
    ignored, sure = body.get("ignore_extra", False), body.get(option)
    found = await api.do(long(key, x, api.runner, ignored, sure))
    return found.tolist() if hasattr(found, "tolist") else found


async def explain(api: Api, request: Request) -> Response:
    key, body = key_of(request), await body_of(request)
    check(body, EXPLAINED)
    asked = explaining.explain(key, body["inputs"], body.get("top"), body.get("of"))
    return answer(asdict(await api.do(asked)))


async def observe(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, OBSERVED)
    train, test = await api.do(_observed(api, key_of(request), body))
    return answer({"train": train, "test": test})


def _observed(api: Api, key: bytes, body: dict[str, Any]) -> Call[tuple[int, int]]:
    to = body.get("to")
    if "samples" in body:
        if "inputs" in body or "outputs" in body:
            raise ValuesError("ERR samples have their outputs among them: no inputs, no outputs")
        return (yield from _by_name(key, body["samples"], body.get("weight"), to))
    if "weight" in body:
        raise ValuesError("ERR weight is for samples of a network with fields")
    for name in "inputs", "outputs":
        if name not in body:
            raise ValuesError(f"ERR {name} are missing: give inputs and outputs, or samples")
    x, y = body["inputs"], body["outputs"]
    if x and type(x[0]) is list:
        return (yield from samples.observe_many(api.driver.backend, key, x, y, to))
    return (yield from samples.observe(api.driver.backend, key, x, y, to))


def _by_name(key: bytes, given: Any, weight: Any, to: str | None) -> Call[tuple[int, int]]:
    more = (*(() if weight is None else ("WEIGHT", weight)), *words.dataset(to))
    if not given and not is_row(given):
        raise ValuesError("ERR no samples were given")
    train = test = 0
    for blob in blobs(given):
        train, test = yield ("NR.OBSERVE", key, *blob, *more)
    return train, test


async def sample(api: Api, request: Request) -> Response:
    dataset, row = request.path_params["dataset"], request.path_params["row"]
    found = await api.do(samples.sample(key_of(request), dataset, _row(row)))
    if isinstance(found, dict):
        return answer({"sample": found})
    return answer({"inputs": found[0].tolist(), "outputs": found[1].tolist()})


def _row(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise RowError(f"ERR a row is a whole number from 0, not {text!r:.40}")
    return int(text)


SAMPLE: Schema = an_object(
    {"sample": one_of("object"), "inputs": one_of("array"), "outputs": one_of("array")}
)
