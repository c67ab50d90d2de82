"""The application on a port of its own, in a thread of the test's process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn

import nr
from nr.serve.web import Options, application


@contextmanager
def served(db: nr.Database, **options: Any) -> Iterator[str]:
    """Its URL."""
    app = application(db, Options(**options))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            app.state.api.closing = True
            server.should_exit = True
            thread.join()
