"""What is not a command: the dashboard's files, health, and numbers for Prometheus."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from nr.calls import databases
from nr.serve.plain import text_of
from nr.serve.web import counting
from nr.serve.web.api import Api, command, may_use
from nr.serve.web.bodies import answer
from nr.serve.web.networks import some
from nr.serve.web.problems import Refused

_PAGE = Path(__file__).parents[1] / "page"
_KINDS = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_SCRIPT = "text/javascript; charset=utf-8"
_HEADERS = {
    # Nothing but this server's own files: no script within the page, no frame around it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_MOST = 1000  # networks of which Prometheus is told


@cache
def files() -> dict[str, bytes]:
    """The files of the page, by their names."""
    return {path.name: path.read_bytes() for path in sorted(_PAGE.iterdir()) if path.is_file()}


async def page(api: Api, request: Request) -> Response:
    name = request.path_params.get("file", "index.html")
    if name not in files():
        raise Refused(404, "ERR there is no such file")
    return Response(files()[name], 200, _HEADERS, _KINDS.get(name, _SCRIPT))


async def health(api: Api, request: Request) -> Response:
    """Whether the store can be reached."""
    await api.do(databases.contains(b""))
    return answer({"status": "ok"})


async def prometheus(api: Api, request: Request) -> Response:
    keys = await api.do(command("NR.LIST"))
    total = sum(may_use(request, key) for key in keys)
    found, _ = await api.do(some(b"*", b"", _MOST, partial(may_use, request)))
    shown = [(text_of(key), now) for key, now in found]
    return Response(counting.text(api.numbers, shown, total), 200, media_type=counting.MEDIA)
