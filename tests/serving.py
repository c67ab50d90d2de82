"""Processes of `nr serve`, on free ports of this machine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_private import die_with_parent, until


class Serving:
    """One process. What it says goes to a file."""

    def __init__(self, directory: Path, *options: str, **env: str) -> None:
        self.log = directory / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nr", "serve", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | env,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def port_of(self, what: str) -> int:
        """Waits until it listens."""
        said = re.compile(rf"^{what} on .*:(\d+)/?$", re.MULTILINE)
        until(lambda: said.search(self.said()) or self.process.poll() is not None, 300)
        found = said.search(self.said())
        assert found, self.said()
        return int(found[1])

    @property
    def resp(self) -> int:
        return self.port_of("RESP")

    def client(self, **options: object) -> redis.Redis:
        once = {"socket_timeout": 60, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(port=self.resp, **(once | options))  # type: ignore[arg-type]

    def stop(self) -> int:
        """Ends it in order; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


@contextmanager
def serving(directory: Path, *options: str, **env: str) -> Iterator[Serving]:
    directory.mkdir(parents=True, exist_ok=True)
    served = Serving(directory, *options, **env)
    try:
        yield served
    finally:
        served.stop()
