"""Tools for assistants over HTTP: the Model Context Protocol's streamable transport, at /mcp.

Nothing is kept from one request to the next, so any of several processes may answer it: a request
is answered at once by JSON, and the stream that a client may ask for by GET is not there, as the
protocol allows. Who asks may do by a tool what the token allows by any other route.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

import nr.aio
from nr.serve.web.api import Api


async def ask(api: Api, request: Request) -> Response:
    """Answers one message of an assistant's."""
    from nr.serve.tools import ASKING

    manager = _manager(api)
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    asking = ASKING.set(request.scope.get("nr.user"))
    try:
        async with manager.run():
            await manager.handle_request(request.scope, request.receive, send)
    finally:
        ASKING.reset(asking)
    return _response(said)


def _manager(api: Api) -> Any:
    """What answers one request: it can be run but once. Raises ExtraError."""
    from mcp.server.transport_security import TransportSecuritySettings

    from nr.serve.tools import tools

    if api.tools is None:
        api.tools = tools(nr.aio.Database(api.driver), api.options.assistants_write)
    api.tools.streamable_http_app(
        json_response=True,
        stateless_http=True,
        max_request_body_size=api.options.body,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )  # the guard has looked at Host and Origin already
    return api.tools.session_manager


def _response(said: list[Message]) -> Response:
    """The messages of an application as an answer."""
    start, *parts = said
    answer = Response(b"".join(part.get("body", b"") for part in parts), start["status"])
    answer.raw_headers = start["headers"]
    return answer
