"""Samples in and predictions out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nr.calls import Call, forecasts, running, samples, texts, words
from nr.errors import RowError, ValuesError
from nr.fields import blobs, is_row
from nr.serve.web.api import Api, key_of
from nr.serve.web.bodies import answer, body_of
from nr.serve.web.schemas import Schema, a_list, an_object, check, one_of

_SOME = 100  # samples of a range that does not say where it ends
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
        "ignore_extra": _ASKED["ignore_extra"],
        "top": one_of("integer", description="How many fields; what others add is one number."),
        "of": one_of("string", "integer", description="The class or output; default: its answer."),
    },
    "inputs",
)
GENERATED = an_object(
    {
        "prompt": one_of("string", description="What the text begins with, and is not replied."),
        "length": one_of("integer", description="Symbols at most. Default: 100."),
        "temperature": one_of("number", description="0: the most likely. Default: 1."),
        "top": one_of("integer", description="Draw from so many of the most likely alone."),
        "seed": one_of("integer", description="The same text each time."),
    }
)
SCORED = an_object(
    {
        "text": one_of("string"),
        "of": one_of("string", description="The input that it goes with: a translator's."),
    },
    "text",
)
TRANSLATED = an_object(
    {
        "text": one_of("string", description="The input, as one text."),
        "beam": one_of("integer", description="How many sequences are wanted. Default: 4."),
        "length": one_of("integer", description="Symbols at most. Default: by the input."),
    },
    "text",
)
OBSERVED = an_object(
    {
        "samples": one_of(
            "array", "object", description="Fields and values, outputs among them; one or several."
        ),
        "inputs": one_of("array", description="Of networks without fields: one row or several."),
        "outputs": _NUMBERS,
        "weight": one_of("number", description="How much each of the samples counts."),
        "weights": one_of("array", description="The same, a number for each sample."),
        "series": one_of("string", description="Of which series they are steps: a forecaster's."),
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
    options = body.get("top"), body.get("of"), body.get("ignore_extra", False)
    asked = running.explain(key, body["inputs"], *options)
    return answer(asdict(await api.do(asked)))


async def generate(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, GENERATED)
    return answer(
        {"text": await api.do(texts.generate(key_of(request), body.pop("prompt", None), **body))}
    )


async def score(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, SCORED)
    return answer(asdict(await api.do(texts.score(key_of(request), **body))))


async def translate(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, TRANSLATED)
    return answer({"sequences": await api.do(texts.translate(key_of(request), **body))})


async def observe(api: Api, request: Request) -> Response:
    body = await body_of(request)
    check(body, OBSERVED)
    observed = partial(_observed, api, key_of(request), body)
    raw = await request.body()
    train, test = await api.once.answer(request, raw, lambda: api.do(observed()))
    return answer({"train": train, "test": test})


def _observed(api: Api, key: bytes, body: dict[str, Any]) -> Call[tuple[int, int]]:
    to = body.get("to")
    if "samples" in body:
        if "inputs" in body or "outputs" in body:
            raise ValuesError("ERR samples have their outputs among them: no inputs, no outputs")
        if "weights" in body:
            return (yield from _weighed(api.driver.backend, key, body))
        series = forecasts.of_series(body.get("series"))
        return (yield from _by_name(key, series, body["samples"], body.get("weight"), to))
    for name in "weight", "weights", "series":
        if name in body:
            raise ValuesError(f"ERR {name} is for samples of a network with fields")
    for name in "inputs", "outputs":
        if name not in body:
            raise ValuesError(f"ERR {name} are missing: give inputs and outputs, or samples")
    x, y = body["inputs"], body["outputs"]
    if x and type(x[0]) is list:
        return (yield from samples.observe_many(api.driver.backend, key, x, y, to))
    return (yield from samples.observe(api.driver.backend, key, x, y, to))


def _weighed(backend: object, key: bytes, body: dict[str, Any]) -> Call[tuple[int, int]]:
    for name in "weight", "series":
        if name in body:
            raise ValuesError(f"ERR weights say how much each sample counts: no {name}")
    given, to, floats = body["samples"], body.get("to"), body["weights"]
    return (yield from samples.observe_many(backend, key, given, None, to, counts_for=floats))


def _by_name(
    key: bytes, series: Sequence[Any], given: Any, weight: Any, to: str | None
) -> Call[tuple[int, int]]:
    more = (*(() if weight is None else ("WEIGHT", weight)), *words.dataset(to))
    if not given and not is_row(given):
        raise ValuesError("ERR no samples were given")
    train = test = 0
    for blob in blobs(given):
        train, test = yield ("NR.OBSERVE", key, *series, *blob, *more)
    return train, test


async def sample(api: Api, request: Request) -> Response:
    dataset, row = request.path_params["dataset"], request.path_params["row"]
    return answer(_told(await api.do(samples.sample(key_of(request), dataset, _row(row)))))


async def sample_range(api: Api, request: Request) -> Response:
    asked = request.query_params
    first = _row(asked.get("first", "0"))
    last = _row(asked["last"]) if "last" in asked else first + _SOME - 1
    call = samples.sample_range(key_of(request), request.path_params["dataset"], first, last)
    return answer({"samples": [*map(_told, await api.do(call))]})


def _told(found: Any) -> dict[str, Any]:
    if isinstance(found, dict):
        return {"sample": found}
    return {"inputs": found[0].tolist(), "outputs": found[1].tolist()}


async def forecast(api: Api, request: Request) -> Response:
    asked = request.query_params
    call = forecasts.by_output(key_of(request), asked.get("series"), asked.get("interval"))
    found = await api.do(call)
    return answer({"forecast": {name: values.tolist() for name, values in found.items()}})


def _row(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise RowError(f"ERR a row is a whole number from 0, not {text!r:.40}")
    return int(text)


SAMPLE: Schema = an_object(
    {"sample": one_of("object"), "inputs": one_of("array"), "outputs": one_of("array")}
)
SAMPLES = an_object({"samples": a_list(SAMPLE)}, "samples")
SCORE = an_object(
    {
        "log_probability": one_of("number"),
        "symbols": one_of("integer"),
        "perplexity": one_of("number"),
    }
)
FORECAST = an_object({"forecast": one_of("object")}, "forecast")
