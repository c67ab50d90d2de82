"""Databases for all tests of the SQL driver."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import DATABASES

import nr


@pytest.fixture(params=DATABASES, ids=lambda driver: driver.__name__)
def url(request: pytest.FixtureRequest) -> str:
    return str(request.param(request)["url"])


@pytest.fixture
def db(url: str) -> Iterator[nr.Database]:
    with nr.connect(url) as db:
        yield db


@pytest.fixture
def lite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/nets.db"
