"""What stands before the routes: who may come in at all, and how much a request may bring.

There are no CORS headers, so a web page of another origin cannot read an answer. It can still
send requests: those that change something are refused by their Origin, and a page that has made
its own name mean this machine (DNS rebinding) by its Host.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nr.serve.web.options import Options
from nr.serve.web.problems import Refused, answer_to

_READING = {"GET", "HEAD", "OPTIONS"}
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Guard:
    """Refuses requests by their headers, counts the bytes of those without a length."""

    def __init__(self, app: ASGIApp, options: Options) -> None:
        self._app = app
        self._hosts = options.hosts
        self._most = options.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        # A key may have any bytes, a slash as well: it stays encoded until a route has been found.
        scope["path"] = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace")
        try:
            self.check(scope["method"], headers)
            if b"content-length" not in headers:
                receive = self._counted(receive)
            await self._app(scope, receive, _marked(send))
        except Refused as refused:
            await answer_to(refused)(scope, receive, _marked(send))

    def check(self, method: str, headers: dict[bytes, bytes]) -> None:
        """Raises Refused for a request of these headers that may not come in."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Refused(421, f"ERR this server is not {host!r}: it is asked as localhost alone")
        origin = headers.get(b"origin")
        if origin is not None and method not in _READING and _netloc(origin) != host:
            raise Refused(403, "ERR a page of another origin may not change anything here")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._most:
            raise self._too_large()

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


def _marked(send: Send) -> Send:
    """Every answer is of the type that it says."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"].append(_NO_SNIFFING)
        await send(message)

    return marked
