"""The application: the rows of the table behind the guard."""

from __future__ import annotations

from time import perf_counter

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import nr
import nr.aio
from nr.errors import Error
from nr.serve.web import assistants, pages
from nr.serve.web.api import Api, driver_of, key_of, may_use
from nr.serve.web.bodies import answer
from nr.serve.web.guard import Guard
from nr.serve.web.openapi import document
from nr.serve.web.options import Options, User, UserOf
from nr.serve.web.problems import Refused, answer_to, problem
from nr.serve.web.quick import Quick
from nr.serve.web.table import ROWS, Row

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nr"'}


def application(db: nr.Database | nr.aio.Database, options: Options | None = None) -> Starlette:
    """An application of ASGI that serves a database, which stays its owner's to close.

    ``app.state.api.closing = True`` ends the events that are open.
    """
    api = Api(driver_of(db), options or Options())
    app = _Application(
        routes=[*_routes(api)],
        middleware=[Middleware(Guard, options=api.options)],
        exception_handlers={HTTPException: _unknown, Exception: _broken},
    )
    app.router.redirect_slashes = False
    app.state.api = api
    app.quick = Quick(api, Guard(app, api.options))
    return app


class _Application(Starlette):
    """Starlette, but for what is answered sooner."""

    quick: Quick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if left := await self.quick.answers(scope, receive, send):
            await super().__call__(scope, left, send)


def _routes(api: Api) -> list[Route]:
    paths: dict[str, dict[str, Row]] = {}
    for row in (*ROWS, *_OTHERS):
        paths.setdefault(row.path, {})[row.method] = row
    return [Route(path, _Endpoint(api, rows), methods=[*rows]) for path, rows in paths.items()]


class _Endpoint:
    """What answers at one path, whatever the method."""

    def __init__(self, api: Api, rows: dict[str, Row]) -> None:
        self._api = api
        self._rows = rows | ({"HEAD": rows["GET"]} if "GET" in rows else {})
        self._counts = {row.method: api.numbers.of(row.method, row.path) for row in rows.values()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        request = Request(scope, receive)
        row = self._rows[scope["method"]]
        try:
            _check_user(self._api, request, row)
            response = await row.handler(self._api, request)
        except (Error, Refused) as error:
            response = answer_to(error)
        self._counts[row.method].count(response.status_code, perf_counter() - began)
        await response(scope, receive, send)


def _check_user(api: Api, request: Request, row: Row) -> None:
    """Raises Refused where the request's token may not do this."""
    if api.options.user_of is None or not row.command:
        return
    user = request.scope["nr.user"] = _user(api.options.user_of, request)
    if row.writes and not user.writes:
        raise Refused(403, f"NOPERM this token may read networks, not run {row.command}")
    if "key" in request.path_params and not may_use(request, key_of(request)):
        raise Refused(403, "NOPERM this token may not use this network")


def _user(user_of: UserOf, request: Request) -> User:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Refused(401, "NOAUTH Authentication required: a bearer token is needed", _CHALLENGE)
    user = user_of(token.strip().encode("latin-1"))
    if user is None:
        raise Refused(401, "WRONGPASS invalid bearer token", _CHALLENGE)
    return user


async def _unknown(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, f"ERR {error.detail}", error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    """The server logs it."""
    return problem(500, "ERR the server has failed; its log says why")


async def _openapi(api: Api, request: Request) -> Response:
    return answer(document())


_OTHERS: tuple[Row, ...] = (
    Row("POST", "/mcp", assistants.ask, "NR.RUN"),  # each tool looks at what else is allowed
    Row("GET", "/openapi.json", _openapi),
    Row("GET", "/", pages.page),
    Row("GET", "/page/{file}", pages.page),
)
