"""The drivers that the suite runs on: what a test needs, to the URL of an empty store."""

from pathlib import Path

import pytest
from servers import Server

import nr


def memory(request: pytest.FixtureRequest) -> str:
    return "memory://"


def sqlite_memory(request: pytest.FixtureRequest) -> str:
    return "sqlite://"


def sqlite(request: pytest.FixtureRequest) -> str:
    path: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:///{path}/nets.db"


def postgresql(request: pytest.FixtureRequest) -> str:
    return _emptied(request.getfixturevalue("postgres"))


def mariadb(request: pytest.FixtureRequest) -> str:
    return _emptied(request.getfixturevalue("mariadb"))


def _emptied(server: Server) -> str:
    with nr.connect(server.url) as db:
        for name in db:
            del db[name]
    return server.url


DATABASES = [sqlite_memory, sqlite, postgresql, mariadb]
DRIVERS = [memory, *DATABASES]
