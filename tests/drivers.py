"""The drivers that the suite runs on: what a test needs, to how to connect to an empty store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis_private
import redis_server
from servers import Server
from serving import Serving

import nr

Options = dict[str, Any]
Driver = Callable[[pytest.FixtureRequest], Options]

MEMORY = 1 << 31  # bytes that trainings reckon with, on every driver


def memory(request: pytest.FixtureRequest) -> Options:
    return {"url": "memory://", "memory": MEMORY}


def sqlite_memory(request: pytest.FixtureRequest) -> Options:
    return {"url": "sqlite://", "memory": MEMORY}


def sqlite(request: pytest.FixtureRequest) -> Options:
    path: Path = request.getfixturevalue("tmp_path")
    return {"url": f"sqlite:///{path}/nets.db", "memory": MEMORY}


def postgresql(request: pytest.FixtureRequest) -> Options:
    return _emptied(request.getfixturevalue("postgres"))


def mariadb(request: pytest.FixtureRequest) -> Options:
    return _emptied(request.getfixturevalue("mariadb"))


def _emptied(server: Server) -> Options:
    return {"url": _emptied_at(server.url), "memory": MEMORY}


def _emptied_at(url: str) -> str:
    with nr.connect(url) as db:
        if names := [*db]:
            db.execute("NR.DEL", *names)
    return url


def redis_kind(kind: str) -> Driver:
    def driver(request: pytest.FixtureRequest) -> Options:
        options: Options = request.getfixturevalue("redis_servers").empty(kind)
        return options | {"memory": MEMORY}

    driver.__name__ = f"redis-{kind}"
    return driver


def module(request: pytest.FixtureRequest) -> Options:
    server: redis_server.Server = request.getfixturevalue("module_server")
    with server.client() as client:
        client.flushall()
    return {"url": server.url()}


def served_kind(store: str) -> Driver:
    """The driver of the module, at a port of `nr serve` over this store."""

    def driver(request: pytest.FixtureRequest) -> Options:
        serving: Serving = request.getfixturevalue("serving_over")(store)
        return {"url": _emptied_at(f"redis+module://127.0.0.1:{serving.resp}")}

    driver.__name__ = f"served-{store}"
    return driver


DATABASES: list[Driver] = [sqlite_memory, sqlite, postgresql, mariadb]
DRIVERS: list[Driver] = [memory, *DATABASES, *map(redis_kind, redis_private.CONFORMING), module]
SERVED = [served_kind(store) for store in ("memory", "sqlite", "postgresql")]
