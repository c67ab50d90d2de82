import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
import redis
from drivers import DRIVERS, MEMORY, Options
from hypothesis import settings
from redis_private import Servers
from redis_server import Server, redis_server, running
from servers import mariadb, pgbouncer, postgres  # noqa: F401  (fixtures)
from serving import Serving, serving

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


@pytest.fixture(scope="session")
def redis_servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    """How to connect to every driver in turn, empty."""
    found: Options = request.param(request)
    return found


@pytest.fixture
def backend(options: Options) -> Iterator[Backend]:
    """Every driver in turn, empty."""
    backend = connect(**options)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the module, for all tests that empty it first."""
    directory = tmp_path_factory.mktemp("module")
    with running(redis_server(), directory, "MEMORY", str(MEMORY)) as server:
        yield server


@pytest.fixture(scope="session")
def serving_over(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Serving]]:
    """Processes of `nr serve`, one over each kind of store, for all tests that empty it first."""
    with ExitStack() as stack:

        @cache
        def serves(store: str) -> Serving:
            directory = tmp_path_factory.mktemp("serve")
            url = {"memory": "memory://", "sqlite": f"sqlite:///{directory}/nets.db"}.get(store)
            url = url or request.getfixturevalue("postgres").url
            options = ("--url", url, "--resp", "0")
            return stack.enter_context(serving(directory, *options, NR_MEMORY=str(MEMORY)))

        yield serves


@pytest.fixture(scope="session")
def served_memory(serving_over: Callable[[str], Serving]) -> Serving:
    return serving_over("memory")


@pytest.fixture
def server(module_server: Server) -> Server:
    """It, empty."""
    with module_server.client() as client:
        client.flushall()
    return module_server


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with server.client(decode_responses=True) as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers for this test alone."""
    started: list[Server] = []

    def start(*options: str, binary: str | None = None) -> Server:
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(Server(binary or redis_server(), directory, *options))
        return started[-1].start()

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def memory() -> Iterator[Backend]:
    """The driver that others are compared with."""
    backend = connect("memory://", memory=MEMORY)
    yield backend
    backend.close()


@pytest.fixture
def db() -> Iterator[nr.Database]:
    with nr.connect("memory://") as db:
        yield db
