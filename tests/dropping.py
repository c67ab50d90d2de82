"""A proxy for HTTP that loses what it is told to: requests on their way, and answers on theirs."""

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from random import Random
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Dropping:
    """How it behaves, which may change at any time."""

    def __init__(self, url: str, seed: int) -> None:
        self.host = urlsplit(url).netloc
        self.url = ""
        self.random = Random(seed)
        self.lost = 0.0
        """How often a request or an answer is lost, half of them each."""
        self.offline = False
        self.posts = 0
        """Requests with samples that have come to the server."""
        self.preflights: list[str] = []
        """What a browser has asked whether it may ask for (CORS)."""

    def loses(self) -> str:
        """What of a request: ``"request"``, ``"answer"`` or nothing."""
        if self.offline:
            return "request"
        return self.random.choice(["request", "answer"]) if self.random.random() < self.lost else ""


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, how: Dropping, *args: object) -> None:
        self.how = how
        super().__init__(*args)  # type: ignore[arg-type]

    def handle_one_request(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            super().handle_one_request()

    def forward(self) -> None:
        self.close_connection = True
        if self.command == "OPTIONS":
            self.how.preflights.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        lost = self.how.loses()
        if lost == "request":
            return
        there = http.client.HTTPConnection(self.how.host, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name != "Connection"}
            there.request(self.command, self.path, body, headers | {"Host": self.how.host})
            self.how.posts += self.command == "POST"
            answer = there.getresponse()
            if lost != "answer":
                self.pass_on(answer)
        finally:
            there.close()

    do_GET = do_POST = do_OPTIONS = forward

    def pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.end_headers()
        while (some := answer.read1(65536)) and not self.how.offline:
            self.wfile.write(some)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def dropping(url: str, seed: int) -> Iterator[Dropping]:
    """Before the server of a URL."""
    how = Dropping(url, seed)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, how))
    server.daemon_threads = True
    how.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield how
    finally:
        how.offline = True
        server.shutdown()
        server.server_close()
        thread.join()
