"""The same networks for all tests of the Python interface."""

from collections.abc import Iterator

import awaited
import pytest
from drivers import Options

import nr
from nr.backends import Backend, connect
from nr.engine import Reply

_OTHER_WAYS = ("memory-", "sqlite-", "redis-redis62-", "module-")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each driver is asked here; the other ways to ask on one driver of each sort.

    `make soak` asks all drivers in all ways: what differs between the ways knows no driver.
    """
    for item in items:
        callspec = getattr(item, "callspec", None)
        way, _, driver = callspec.id.partition("-") if callspec else ("", "", "")
        if way in ("elsewhere", "awaited") and not f"{driver}-".startswith(_OTHER_WAYS):
            item.add_marker(pytest.mark.soak)


class OverTheWire:
    """A backend that has commands only, as one that forwards them to a server."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.sent: list[tuple[bytes, ...]] = []

    def execute(self, *argv: bytes) -> Reply:
        self.sent.append(argv)
        return self.backend.execute(*argv)

    def close(self) -> None:
        self.backend.close()


def connected(kind: str, options: Options) -> Iterator[nr.Database]:
    """Networks that run in this process, such that cannot, and such that are awaited."""
    if kind == "awaited":
        yield from awaited.connected(**options)
        return
    backend = connect(**options)
    yield nr.Database(backend if kind == "here" else OverTheWire(backend))
    backend.close()


@pytest.fixture(params=["here", "elsewhere", "awaited"])
def db(request: pytest.FixtureRequest, options: Options) -> Iterator[nr.Database]:
    """Networks in all ways to ask them."""
    yield from connected(request.param, options)


@pytest.fixture(params=["here", "elsewhere"])
def shown(request: pytest.FixtureRequest, options: Options) -> Iterator[nr.Database]:
    """Networks as notebooks show them, which await nothing."""
    yield from connected(request.param, options)


@pytest.fixture
def here(memory: Backend) -> nr.Network:
    """For values that never reach a driver."""
    return nr.Database(memory).create("c", "classifier", [2, 4, 3], seed=1, dataset=50, test=10)


@pytest.fixture
def classifier(db: nr.Database) -> nr.Network:
    return db.create("c", "classifier", [2, 4, 3], seed=1, dataset=50, test=10)


@pytest.fixture
def regressor(db: nr.Database) -> nr.Network:
    return db.create("r", "regressor", [2, 1], seed=1, dataset=50, test=0)
