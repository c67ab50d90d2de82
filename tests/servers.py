"""Private servers of PostgreSQL and MariaDB: started once a session, gone at its end.

They listen on sockets in a directory of their own, no port. NR_TEST_POSTGRES and
NR_TEST_MARIADB name databases to use instead, whose nr_ tables are emptied. A server that
is missing skips its tests, and fails them where CI=true. Where the test run is killed, a process
of its own (server_watcher.py) ends them and removes their directories.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

_PLACES = [
    "/usr/sbin",
    "/usr/local/bin",
    *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))),
]


@dataclass(frozen=True)
class Server:
    url: str
    pid: int | None = None  # None: not ours


def _binaries(server: str, *names: str) -> list[str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), *reversed(_PLACES)])
    found = [shutil.which(name, path=path) for name in names]
    if None in found:
        missing = f"{server} is not installed ({', '.join(names)})"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return [str(name) for name in found]


def _account() -> dict[str, Any]:
    """Servers refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass(frozen=True)
class _Home:
    """A server's directory, and who clears up where the test run is killed."""

    path: Path
    watcher: subprocess.Popen[str]

    def watch(self, pid: int, stop: signal.Signals) -> None:
        assert self.watcher.stdin is not None
        print(pid, int(stop), file=self.watcher.stdin, flush=True)


@contextmanager
def _home() -> Iterator[_Home]:
    path = Path(tempfile.mkdtemp(prefix="nr-test-"))  # short: a socket's path has 107 bytes
    watcher = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("server_watcher.py"), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the test run alone
    )
    with watcher:
        try:
            if account := _account():
                os.chown(path, account["user"], account["group"])
            yield _Home(path, watcher)
        finally:
            shutil.rmtree(path, ignore_errors=True)
            watcher.kill()


def _run(*argv: str | Path, cwd: Path) -> None:
    done = subprocess.run(
        argv, cwd=cwd, env=_environment(cwd), capture_output=True, text=True, **_account()
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _environment(home: Path) -> dict[str, str]:
    own = {"HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C"}
    return {"PATH": os.environ.get("PATH", ""), **own}


@contextmanager
def _running(
    argv: list[str], home: _Home, stop: signal.Signals, ready: Callable[[], object]
) -> Iterator[int]:
    cwd = home.path
    log = cwd / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv, cwd=cwd, env=_environment(cwd), stdout=out, stderr=out, **_account()
        )
    home.watch(process.pid, stop)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                ready()
                break
            except Exception:
                if process.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"{argv[0]} does not start:\n{log.read_text(errors='replace')}")
                time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(stop)
        process.wait(60)


@contextmanager
def private_postgres(*settings: str) -> Iterator[Server]:
    """A server of its own; ``settings`` like ``fsync=off``."""
    initdb, postgres = _binaries("PostgreSQL", "initdb", "postgres")
    import psycopg

    with _home() as home:
        path = home.path
        data = path / "data"
        _run(initdb, "-D", data, "-U", "nr", "-A", "trust", "-E", "UTF8", "--no-sync", cwd=path)
        options = [f"-c{setting}" for setting in ("max_connections=60", *settings)]
        argv = [postgres, "-D", str(data), "-k", str(path), "-h", "", *options]
        address = {"host": str(path), "user": "nr", "dbname": "postgres"}

        def ready() -> None:
            psycopg.connect(**address).close()

        with _running(argv, home, signal.SIGINT, ready) as pid:
            yield Server(f"postgresql+psycopg://nr@/postgres?host={path}", pid)


@contextmanager
def private_pgbouncer(server: Server) -> Iterator[Server]:
    """A PgBouncer before a PostgreSQL, which hands each transaction to any connection."""
    [pgbouncer] = _binaries("PgBouncer", "pgbouncer")
    import psycopg

    behind = make_url(server.url)
    with _home() as home:
        path = home.path
        settings = {
            "listen_addr": "",
            "unix_socket_dir": path,
            "listen_port": 6432,
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": 3,
            "server_round_robin": 1,
        }
        place = f"host={behind.query['host']} user={behind.username} dbname={behind.database}"
        lines = ["[databases]", f"nr = {place}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        config = path / "pgbouncer.ini"
        config.write_text("\n".join(lines))
        config.chmod(0o644)

        def ready() -> None:
            psycopg.connect(host=str(path), port=6432, user="nr", dbname="nr").close()

        with _running([pgbouncer, str(config)], home, signal.SIGINT, ready) as pid:
            yield Server(f"postgresql+psycopg://nr@/nr?host={path}&port=6432", pid)


@contextmanager
def private_mariadb(*settings: str) -> Iterator[Server]:
    """A server of its own; ``settings`` like ``innodb-flush-log-at-trx-commit=0``."""
    install, server = _binaries("MariaDB", "mariadb-install-db", "mariadbd")
    import pymysql

    with _home() as home:
        path = home.path
        data, sock = path / "data", str(path / "sock")
        normal = "--auth-root-authentication-method=normal"
        _run(install, "--no-defaults", f"--datadir={data}", normal, "--skip-test-db", cwd=path)
        own = ["--no-defaults", f"--datadir={data}", f"--socket={sock}", "--skip-networking"]
        small = ["--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M"]
        argv = [server, *own, *small, *(f"--{setting}" for setting in settings)]

        def ready() -> None:
            with socket.socket(socket.AF_UNIX) as probe:  # PyMySQL leaks those that are refused
                probe.connect(sock)
            with pymysql.connect(unix_socket=sock, user="root") as connection:
                connection.cursor().execute("CREATE DATABASE IF NOT EXISTS nr")

        with _running(argv, home, signal.SIGTERM, ready) as pid:
            yield Server(f"mysql+pymysql://root@localhost/nr?unix_socket={sock}", pid)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    if url := os.environ.get("NR_TEST_POSTGRES"):
        yield Server(url)
        return
    with private_postgres("fsync=off") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    if url := os.environ.get("NR_TEST_MARIADB"):
        yield Server(url)
        return
    with private_mariadb("innodb-flush-log-at-trx-commit=0") as server:
        yield server


@pytest.fixture(scope="session")
def pgbouncer(postgres: Server) -> Iterator[Server]:
    with private_pgbouncer(postgres) as server:
        yield server
