"""Private Redis servers, from the installed binary, on free ports, in directories of their own.

A missing redis-server skips the tests that want one, and fails them where CI=true.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fakeredis
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_server import missing, redis_62

import nr

LIBC = ctypes.CDLL(None)
QUIET = ("--save", "", "--appendonly", "no")
DURABLE = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")


def binary() -> str:
    """Where redis-server is; skips or fails the test without."""
    found = shutil.which("redis-server")
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no redis-server")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.02)


def die_with_parent() -> None:
    """A test run that is killed leaves no server behind."""
    PR_SET_PDEATHSIG = 1
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """One redis-server. It can be killed and started again, on the same port and files."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait: bool = True) -> None:
        command = [*self._first(), "--dir", str(self.folder), "--bind", "127.0.0.1", *self.options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        if wait:
            until(self._answers)

    def _first(self) -> list[str]:
        return [binary(), "--port", str(self.port), "--enable-debug-command", "yes"]

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            with self.client(retry=Retry(NoBackoff(), 0)) as client:
                client.ping()
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False
        return True

    def client(self, **options: Any) -> "redis.Redis":
        return redis.Redis(port=self.port, **options)

    def kill(self) -> None:
        """kill -9."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)


class SentinelServer(Server):
    def watch(self, master: Server) -> None:
        lines = [
            f"sentinel monitor mymaster 127.0.0.1 {master.port} 1",
            "sentinel down-after-milliseconds mymaster 500",
            "sentinel failover-timeout mymaster 3000",
        ]
        (self.folder / "sentinel.conf").write_text("\n".join(lines) + "\n")

    def _first(self) -> list[str]:
        return [
            binary(),
            *(str(self.folder / "sentinel.conf"), "--sentinel", "--port", str(self.port)),
        ]


class OldServer(Server):
    """Of the oldest Redis that is supported."""

    def _first(self) -> list[str]:
        return [redis_62(), "--port", str(self.port)]


class TlsServer(Server):
    """Takes TLS alone, with a certificate of its own."""

    def start(self, wait: bool = True) -> None:
        if not shutil.which("openssl"):
            missing("openssl")
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        made += ["-keyout", str(self.folder / "key.pem"), "-out", self.certificate]
        subprocess.run(made, check=True, capture_output=True)
        self.url = self.url.replace("redis://", "rediss://")
        super().start(wait)

    @property
    def certificate(self) -> str:
        return str(self.folder / "certificate.pem")

    def _first(self) -> list[str]:
        return [
            *(binary(), "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"),
            *("--tls-key-file", str(self.folder / "key.pem")),
            *("--tls-cert-file", self.certificate, "--tls-ca-cert-file", self.certificate),
        ]

    def client(self, **options: Any) -> "redis.Redis":
        return super().client(ssl=True, ssl_ca_certs=self.certificate, **options)


@contextmanager
def running(kind: type[Server] = Server, *options: str) -> Iterator[Server]:
    """A server, until the end of the block."""
    binary()
    with TemporaryDirectory(prefix="nr-redis-") as folder:
        server = kind(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def cluster() -> Iterator[list[Server]]:
    """Three masters that share the slots."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(3):
            options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            nodes.append(stack.enter_context(running(Server, *QUIET, *options)))
        _join(nodes)
        yield nodes


def _join(nodes: list[Server]) -> None:
    slots = [0, 5461, 10923, 16384]
    first = nodes[0]
    for node, start, end in zip(nodes, slots, slots[1:], strict=False):
        with node.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", start, end - 1)
            bus = first.options[-1]
            if node is not first:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, bus)
    for node in nodes:
        with node.client() as client:
            until(lambda client=client: _is_whole(client))


def _is_whole(client: "redis.Redis") -> bool:
    info = client.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"


@contextmanager
def sentinel() -> Iterator[tuple[SentinelServer, Server, Server]]:
    """A Sentinel with a master and a replica."""
    binary()
    with running(Server, *QUIET) as master:
        follow = ("--replicaof", f"127.0.0.1 {master.port}")
        with running(Server, *QUIET, *follow) as replica:
            until(lambda: replica.client().info("replication")["master_link_status"] == "up")
            with TemporaryDirectory(prefix="nr-redis-") as folder:
                watcher = SentinelServer(Path(folder))
                watcher.watch(master)
                watcher.start()
                try:
                    until(lambda: _sees_replica(watcher))
                    yield watcher, master, replica
                finally:
                    watcher.kill()


def _sees_replica(watcher: Server) -> bool:
    with watcher.client() as client:
        return bool(client.sentinel_slaves("mymaster"))


class Proxy:
    """Stands before a server: loses replies, holds back what it should forward, or refuses."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.lose = 0  # so many replies from now on
        self.lost = 0
        self._open = threading.Event()
        self._open.set()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                if self._listener.fileno() < 0:
                    return
                client.close()
                continue
            self._sockets += [client, server]
            for ends in (client, server, False), (server, client, True):
                threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, replies: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                self._open.wait()
                if replies and self.lose > 0:
                    self.lose, self.lost = self.lose - 1, self.lost + 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in source, sink:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._open.clear()

    def join(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        self._listener.close()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def proxy(server: Server) -> Iterator[Proxy]:
    made = Proxy(server.port)
    try:
        yield made
    finally:
        made.close()


CONFORMING = ["fakeredis", "protocol2", "protocol3", "cached", "cluster", "sentinel", "redis62"]
KINDS = [*CONFORMING, "unix", "tls", "decoding"]


class Servers:
    """Of every kind one, started when first wanted; each kind has a database of its own."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._options: dict[str, dict[str, Any]] = {}
        self._server: Server | None = None

    def empty(self, kind: str) -> dict[str, Any]:
        """What to call nr.connect with."""
        if kind not in self._options:
            self._options[kind] = getattr(self, f"_{kind}")()
        options = self._options[kind]
        with nr.connect(**options) as db:
            db.backend.store._link.client.flushall()  # type: ignore[attr-defined]
        return options

    def _single(self) -> Server:
        if not self._server:
            self._server = self._stack.enter_context(running())
        return self._server

    def _fakeredis(self) -> dict[str, Any]:
        return {"client": fakeredis.FakeRedis()}

    def _protocol2(self) -> dict[str, Any]:
        return {"url": f"{self._single().url}/1?protocol=2"}

    def _protocol3(self) -> dict[str, Any]:
        return {"url": f"{self._single().url}/2", "protocol": 3}

    def _unix(self) -> dict[str, Any]:
        path = Path(self._stack.enter_context(TemporaryDirectory(prefix="nr-redis-"))) / "socket"
        self._stack.enter_context(running(Server, *QUIET, "--unixsocket", str(path)))
        return {"url": f"unix://{path}?db=3"}

    def _redis62(self) -> dict[str, Any]:
        return {"url": self._stack.enter_context(running(OldServer)).url}

    def _tls(self) -> dict[str, Any]:
        server = self._stack.enter_context(running(TlsServer))
        assert isinstance(server, TlsServer)
        return {"url": server.url, "ssl_ca_certs": server.certificate, "cache": True}

    def _cached(self) -> dict[str, Any]:
        return {"url": f"{self._single().url}/4", "cache": True}

    def _decoding(self) -> dict[str, Any]:
        return {"client": self._single().client(db=5, decode_responses=True)}

    def _cluster(self) -> dict[str, Any]:
        nodes = self._stack.enter_context(cluster())
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        return {"url": f"redis+cluster://{hosts}"}

    def _sentinel(self) -> dict[str, Any]:
        watcher, _, _ = self._stack.enter_context(sentinel())
        return {"url": f"redis+sentinel://127.0.0.1:{watcher.port}/mymaster/2"}
