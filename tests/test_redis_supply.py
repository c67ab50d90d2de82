"""The connections of the Redis drivers: how many, to which database, and with whose options."""

import threading
from collections.abc import Callable, Iterator

import pytest
import redis_server
from redis_private import Server, Servers, running

import nr


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def few(plain: Server) -> Iterator[nr.Database]:
    with nr.connect(f"{plain.url}/0?max_connections=4") as db:
        db.execute("NR.DEL", "net")
        yield db


def at_once(count: int, work: Callable[[], object]) -> None:
    """Runs work in so many threads; raises what one of them raised."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in failed:
        raise error


def test_threads_leave_connections_to_others(few: nr.Database) -> None:
    net = few.create("net", "regressor", [1, 1], seed=1)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        for _ in range(20):
            net.observe(1, 1)

    at_once(4, work)
    assert list(few) == ["net"]  # which redis-py's own client does
    assert net.dump()
    assert net.info().train_len + net.info().test_len == 80


def test_threads_wait_where_there_are_more_than_connections(few: nr.Database) -> None:
    net = few.create("net", "regressor", [1, 1], dataset=500, test=500, seed=1)

    def work() -> None:
        for _ in range(20):
            net.observe(1, 1)
            net.dump()

    at_once(12, work)
    assert net.info().train_len + net.info().test_len == 240
    supply = few.backend.store._link.client.connection_pool  # type: ignore[attr-defined]
    assert len(supply.all()) <= 4


def test_one_who_waits_for_a_connection_in_vain_is_told(
    few: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nr.backends.redis.supply._WAIT", 0.05)
    supply = few.backend.store._link.client.connection_pool  # type: ignore[attr-defined]
    held = [supply.take() for _ in range(4)]
    with pytest.raises(nr.BackendError, match="all of max_connections=4 are at work"):
        list(few)
    for connection in held:
        supply.release(connection)
    assert list(few) == []


def test_a_connection_that_was_lost_is_not_counted(few: nr.Database) -> None:
    supply = few.backend.store._link.client.connection_pool  # type: ignore[attr-defined]
    for _ in range(10):
        supply.take().connect()  # and it is dropped, as by an interrupt behind this line
    assert list(few) == []


@pytest.mark.parametrize("path", ["abc", "1/2", "-1", "0x1", "%61"])
@pytest.mark.parametrize(
    "before",
    [
        "redis://localhost:1/",
        "rediss://localhost:1/",
        "redis+module://localhost:1/",
        "redis+cluster://localhost:1/",
        "redis+sentinel://localhost:1/service/",
    ],
)
def test_a_path_that_is_no_number_is_refused(before: str, path: str) -> None:
    with pytest.raises(nr.BackendError, match="the path of a URL is the number of a database"):
        nr.connect(before + path)


def test_replies_are_bytes_whatever_a_url_says(
    plain: Server, server: redis_server.Server, redis_servers: Servers
) -> None:
    cluster = redis_servers.empty("cluster")["url"]
    for url in f"{plain.url}/1", server.url(), cluster:
        with nr.connect(f"{url}?decode_responses=True") as db:
            net = db.create(b"n\xff", "regressor", [1, 1], seed=1)
            net.observe(1, 1, to="train")
            assert net.info().layout == (1, 1)
            assert net.configure()["threads"] == 1
            assert isinstance(net.dump(), bytes)
            assert list(db) == ["n\udcff"]
            del db[b"n\xff"]
