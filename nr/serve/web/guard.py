"""What stands before the routes: who may come in at all, and how much a request may bring.

Without CORS headers a web page of another origin cannot read an answer. It can still send
requests: those that change something are refused by their Origin, and a page that has made its own
name mean this machine (DNS rebinding) by its Host. Pages of the origins that the options name hear
that they may ask whatever they have a token for.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nr.serve.web.options import Options
from nr.serve.web.problems import Refused, answer_to

_READING = {"GET", "HEAD", "OPTIONS"}
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_TOLD = (b"access-control-expose-headers", b"ETag, Location")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match",
    "Access-Control-Max-Age": "600",
}


class Guard:
    """Refuses requests by their headers, counts the bytes of those without a length."""

    def __init__(self, app: ASGIApp, options: Options) -> None:
        self._app = app
        self._hosts = options.hosts
        self._origins = options.origins
        self._most = options.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        # A key may have any bytes, a slash as well: it stays encoded until a route has been found.
        scope["path"] = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace")
        marked = _marked(send, self._marks(headers))
        try:
            self.check(scope["method"], headers)
            if b"content-length" not in headers:
                receive = self._counted(receive)
            if self._is_preflight(scope["method"], headers):
                await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, marked)
                return
            await self._app(scope, receive, marked)
        except Refused as refused:
            await answer_to(refused)(scope, receive, marked)

    def check(self, method: str, headers: dict[bytes, bytes]) -> None:
        """Raises Refused for a request of these headers that may not come in."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Refused(421, f"ERR this server is not {host!r}: it is asked as localhost alone")
        origin = headers.get(b"origin")
        changes = method not in _READING and origin is not None and not self.allows(origin)
        if changes and _netloc(origin or b"") != host:
            raise Refused(403, "ERR a page of another origin may not change anything here")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._most:
            raise self._too_large()

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may ask."""
        return "*" in self._origins or origin.decode("latin-1").lower() in self._origins

    def _marks(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """What an answer to such a request says beside its own."""
        if not self._origins:
            return [_NO_SNIFFING]
        origin, varies = headers.get(b"origin"), (b"vary", b"Origin")
        if origin is None or not self.allows(origin):
            return [_NO_SNIFFING, varies]
        return [_NO_SNIFFING, varies, (b"access-control-allow-origin", origin), _TOLD]

    def _is_preflight(self, method: str, headers: dict[bytes, bytes]) -> bool:
        """Whether a browser asks what a page of an origin that is allowed may ask."""
        asks = method == "OPTIONS" and b"access-control-request-method" in headers
        return asks and self.allows(headers.get(b"origin", b""))

    def _counted(self, receive: Receive) -> Receive:
        left = self._most

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> Refused:
        return Refused(413, f"ERR the body of a request has at most {self._most} bytes")


def _name(host: str) -> str:
    """Without its port; an address of IPv6 stands in brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _netloc(origin: bytes) -> str:
    try:
        return urlsplit(origin.decode("latin-1").lower()).netloc
    except ValueError:
        return ""


def _marked(send: Send, marks: list[tuple[bytes, bytes]]) -> Send:
    """Every answer is of the type that it says, and says which pages may read it."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"].extend(marks)
        await send(message)

    return marked
