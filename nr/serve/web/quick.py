"""The short way of a prediction: one row for a small network in this process' memory.

It takes no longer than Starlette needs to find a route, so it goes past all of that. Whatever is
unusual in a request, or fails, goes the usual way, which has the better words for it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import Message, Receive, Scope, Send

from nr.backends.memory import Memory
from nr.contracts.capabilities import RunsHere, capability
from nr.engine import Net
from nr.errors import Error
from nr.packing import packed
from nr.serve.web.api import Api
from nr.serve.web.bodies import decoded, encoded
from nr.serve.web.guard import Guard
from nr.serve.web.problems import Refused

QUICK_BYTES = 1024
"""Of a body: a longer one may have many rows, or a sequence of many steps."""
QUICK_PARAMS = 1 << 16

_BEGIN = b"/networks/"
_JSON = b"application/json"
_UNUSUAL = (Error, Refused, struct.error, TypeError, ValueError, OverflowError, RecursionError)


class Quick:
    """Answers ``POST /networks/{key}/run`` and ``/class`` where that takes microseconds."""

    def __init__(self, api: Api, guard: Guard) -> None:
        runs = capability(api.driver.backend, RunsHere)
        here = runs if capability(api.driver.backend, Memory) else None
        if api.options.user_of:  # the usual way asks who it is
            here = None
        self._runner = here.runner if here else None
        self._guard = guard
        self._crossing = bool(api.options.origins)
        routes = ("run", "/networks/{key}/run", _run), ("class", "/networks/{key}/class", _class)
        self._asked = {
            word.encode(): (api.numbers.of("POST", path), ask) for word, path, ask in routes
        }

    async def answers(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Whether it has: None; if not, what the request is to be received by."""
        if self._runner is None or scope["type"] != "http" or scope["method"] != "POST":
            return receive
        began = perf_counter()
        begin, _, word = scope.get("raw_path", b"").rpartition(b"/")
        found = self._asked.get(word)
        if not found or not begin.startswith(_BEGIN) or not self._is_usual(scope):
            return receive
        message = await receive()
        route, ask = found
        try:
            body = _answer(self._runner(unquote_to_bytes(begin[len(_BEGIN) :])), message, ask)
        except _UNUSUAL:
            return _again(message, receive)
        headers = [
            (b"content-type", _JSON),
            (b"content-length", b"%d" % len(body)),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        route.count(200, perf_counter() - began)
        return None

    def _is_usual(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        if self._crossing and b"origin" in headers:  # the usual way says who may read the answer
            return False
        length = headers.get(b"content-length", b"")
        if headers.get(b"content-type") != _JSON or not length.isdigit():
            return False
        try:
            self._guard.check("POST", headers)
        except Refused:
            return False
        return int(length) <= QUICK_BYTES


def _answer(net: Net, message: Message, ask: Callable[[Net, Any], str]) -> bytes:
    """The body of the answer. Raises whatever is unusual."""
    if message.get("more_body") or net.params > QUICK_PARAMS:
        raise ValueError
    body = decoded(message["body"])
    [(name, row)] = body.items() if type(body) is dict else [("", None)]
    if name != "inputs" or type(row) not in (list, dict):
        raise ValueError
    return ask(net, row).encode()


def _run(net: Net, row: Any) -> str:
    found = net.outputs_of(packed(row)) if type(row) is dict else net.run_row(row).tolist()
    return encoded({"outputs": found})


def _class(net: Net, row: Any) -> str:
    found = net.class_of(packed(row)) if type(row) is dict else net.classify_packed(net.pack(row))
    return encoded({"class": found})


def _again(message: Message, receive: Receive) -> Receive:
    """Receives a message that was received already, and then what follows."""
    first: list[Message] = [message]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
