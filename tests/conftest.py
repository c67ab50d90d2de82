import signal
from collections.abc import Iterator

import pytest
from drivers import DRIVERS
from hypothesis import settings

import nr
from nr.backends import Backend, connect

settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def interrupts() -> Iterator[None]:
    """SIGINT interrupts: a shell's background job ignores it, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.__name__)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Every driver in turn, empty."""
    backend = connect(request.param(request))
    yield backend
    backend.close()


@pytest.fixture
def memory() -> Iterator[Backend]:
    """The driver that others are compared with."""
    backend = connect("memory://")
    yield backend
    backend.close()


@pytest.fixture
def db() -> Iterator[nr.Database]:
    with nr.connect("memory://") as db:
        yield db
