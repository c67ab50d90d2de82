"""Networks of the Redis driver that are kept here, until the server says that they changed."""

import pytest
from redis_private import Servers, running, until

import nr
from nr.backends.redis.store import Store


def test_with_the_cache_running_asks_nothing(
    redis_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nr.connect(**redis_servers.empty("cached")) as db:
        client = db.backend.store._link.client  # type: ignore[attr-defined]
        client.flushdb()
        net = db.create("net", "regressor", [1, 1], seed=1)
        tracked = db.backend.store._tracked  # type: ignore[attr-defined]
        until(lambda: net.run([1]) is not None and tracked.get(b"net"))

        with monkeypatch.context() as patch:
            patch.setattr(db.backend.store._link, "field", None)  # type: ignore[attr-defined]
            first = net.run([1])
        with nr.connect(client=client) as other:
            other["net"].observe_many([1, 2], [1, 2], to="train")
            other["net"].train(maxcycles=3, autostop=False).wait()
        until(lambda: (net.run([1]) != first).all())


def test_a_cached_network_is_forgotten_when_the_server_is() -> None:
    with running() as server, nr.connect(server.url, cache=True, retry=None) as db:
        net = db.create("net", "regressor", [1, 1], seed=1)
        tracked = db.backend.store._tracked  # type: ignore[attr-defined]
        until(lambda: net.run([1]) is not None and tracked.get(b"net"))
        server.kill()
        until(lambda: not tracked.get(b"net"))
        with pytest.raises(nr.BackendError):
            net.run([1])
        server.start()
        with pytest.raises(nr.NotFoundError):
            net.run([1])
        net = db.create("net", "regressor", [1, 1], seed=1)
        until(lambda: net.run([1]) is not None and tracked.get(b"net"))


def test_a_silent_server_is_not_believed_for_long() -> None:
    with running() as server, nr.connect(server.url, cache=True, socket_timeout=1) as db:
        net = db.create("net", "regressor", [1, 1], seed=1)
        tracked = db.backend.store._tracked  # type: ignore[attr-defined]
        until(lambda: net.run([1]) is not None and tracked.get(b"net"))
        server.pause()
        try:
            until(lambda: not tracked.get(b"net"), 15)
        finally:
            server.resume()
        until(lambda: net.run([1]) is not None and tracked.get(b"net"))


def test_a_network_read_before_a_change_does_not_replace_one_read_after_it(
    redis_servers: Servers,
) -> None:
    options = redis_servers.empty("cached")
    with nr.connect(**options) as db, nr.connect(options["url"]) as other:
        net = db.create("net", "regressor", [1, 1], seed=1)
        store: Store = db.backend.store  # type: ignore[attr-defined]
        tracked = store._tracked
        assert tracked is not None

        def kept() -> bool:
            net.run([1])
            return tracked.get(b"net") is not None

        until(kept)
        tracked.drop(b"net")

        def slowly(key: bytes) -> object:
            old = store._checked(key)
            other["net"].reset()
            until(lambda: key not in tracked._asked)
            until(kept)  # meanwhile somebody else asks
            return old

        tracked.fetch(b"net", slowly)  # type: ignore[arg-type]
        assert net.run([1]).tolist() == other["net"].run([1]).tolist()
