"""JSON in and out: what a request may bring, and numbers that JSON has not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from nr.serve.plain import plain
from nr.serve.web.problems import Refused

_JSON = "application/json"
_NO_JSON = "ERR the body is no JSON"


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode
encoded = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def decoded(raw: bytes) -> Any:
    """What JSON says. Raises ValueError and RecursionError."""
    return _decode(raw.decode("utf-8"))


async def body_of(request: Request) -> dict[str, Any]:
    """The object that a request brings, empty where it brings nothing."""
    raw = await bytes_of(request, _JSON)
    if not raw:
        return {}
    try:
        found = decoded(raw)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"{_NO_JSON}: {error}") from None
    if type(found) is not dict:
        raise Refused(400, "ERR the body is an object of JSON, as {...}")
    return found


async def bytes_of(request: Request, media: str) -> bytes:
    """What a request brings, which is of this type if it is anything."""
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if raw and kind != media:
        raise Refused(415, f"ERR the Content-Type of a body is {media}, not {kind!r}")
    return raw


def answer(found: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON. What is no number is null there."""
    try:
        text = encoded(found)
    except (ValueError, TypeError):
        text = encoded(plain(found))
    return Response(text, status, headers, _JSON)
