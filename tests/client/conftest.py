"""The same networks for all tests of the Python interface."""

import pytest

import nr
from nr.backends import Backend
from nr.engine import Reply


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


@pytest.fixture(params=["here", "elsewhere"])
def db(request: pytest.FixtureRequest, backend: Backend) -> nr.Database:
    """Networks that run in this process, and such that cannot."""
    return nr.Database(backend if request.param == "here" else OverTheWire(backend))


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
