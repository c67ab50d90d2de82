"""What the plain Redis driver does when the server, or the way to it, fails."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from typing import Any

import numpy as np
import pytest
from orders import set_deadline
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_private import DURABLE, Proxy, Server, proxy, running, sentinel, until

import nr
from nr.backends.redis.store import Store

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["nr", "numpy", "pytest", "redis"])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def way(server: Server) -> Iterator[Proxy]:
    with server.client() as client:
        client.flushall()
    with proxy(server) as way:
        yield way


@pytest.fixture
def db(way: Proxy) -> Iterator[nr.Database]:
    with nr.connect(way.url) as db:
        yield db


def store_of(db: nr.Database) -> Store:
    return db.backend.store  # type: ignore[attr-defined, no-any-return]


# ---- a write whose reply was lost ----


def lose_one(way: Proxy, call: Callable[[], Any]) -> Any:
    way.lose, way.lost = 1, 0
    result = call()
    assert way.lost == 1
    return result


def test_samples_are_not_observed_twice(db: nr.Database, way: Proxy) -> None:
    net = db.create("net", "regressor", [1, 1], dataset=6, test=4, seed=3)
    with nr.connect("memory://") as memory:
        same = memory.create("net", "regressor", [1, 1], dataset=6, test=4, seed=3)
        for i in range(12):
            expected = same.observe(i, i)
            assert lose_one(way, lambda i=i: net.observe(i, i)) == expected
        many = np.arange(70, dtype="<f4").tobytes()
        lose_one(way, lambda: db.execute("NR.OBSERVE", "net", "FP32", many))
        memory.execute("NR.OBSERVE", "net", "FP32", many)
        for dataset, slots in ("train", 6), ("test", 4):
            for slot in range(slots):
                assert net.sample(dataset, slot) == same.sample(dataset, slot)


def test_a_network_is_created_once(db: nr.Database, way: Proxy) -> None:
    net = lose_one(way, lambda: db.create("net", "regressor", [1, 1]))
    assert net.info().parameters == 2
    with pytest.raises(nr.CommandError, match="busy"):
        lose_one(way, lambda: db.create("net", "regressor", [1, 1]))


def test_a_reset_is_made_once(db: nr.Database, way: Proxy) -> None:
    net = db.create("net", "regressor", [1, 1])
    lose_one(way, net.reset)
    with nr.connect(way.url) as other:
        client = store_of(other)._link.client
        assert client.hget("net", "resets") == b"1"


def test_a_repeated_change_does_not_undo_a_later_one(db: nr.Database, way: Proxy) -> None:
    net = db.create("net", "regressor", [1, 1])
    other = store_of(db)._link
    net.configure(threads=1)
    name, number = other._writers.all()[0].name, other._writers.all()[0].number
    with nr.connect(way.url) as second:
        second["net"].configure(threads=3)
    id = net.info().id
    # the first one's command arrives again, late, from a connection that was given up
    other.call("change", b"net", name, number, id, b"", "threads", "1")
    assert net.configure()["threads"] == 3


def test_a_delete_that_was_repeated_is_still_one(db: nr.Database, way: Proxy) -> None:
    db.create("net", "regressor", [1, 1])
    store = store_of(db)
    way.lose = 0
    real = store._link.call

    def losing(name: str, *argv: Any) -> Any:
        if name == "delete":
            way.lose = 1
        return real(name, *argv)

    store._link.call = losing  # type: ignore[method-assign]
    assert db.execute("NR.DEL", "net") == 1
    assert "net" not in db


def test_a_training_survives_lost_replies(db: nr.Database, way: Proxy) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    net.observe_many([1, 2, 3], [1, 2, 3], to="train")
    real = store_of(db)._link.call

    def losing(name: str, *argv: Any) -> Any:
        if name in ("lease", "merge", "release"):
            way.lose = 1
        return real(name, *argv)

    store_of(db)._link.call = losing  # type: ignore[method-assign]
    assert net.train(maxcycles=7, autostop=False).result(20).cycles == 7
    assert not net.info().training


@pytest.mark.parametrize("others", [1, 40])
def test_only_the_writers_that_wrote_last_are_remembered(
    server: Server, db: nr.Database, others: int
) -> None:
    net = db.create("net", "regressor", [1, 1])
    net.observe(0, 0)
    link = store_of(db)._link
    row = (net.info().id, 2, 8, b"\0" * 8, 0, 0, "", "")
    mine = link._writers.all()[0]
    observed = 1
    for i in range(600):
        link.call("observe", b"net", b"w%d" % i, 1, *row)
        observed += 1
        if i % others == 0:
            observed += 1
            assert sum(net.observe(0, 0)) == observed
        link.call("observe", b"net", mine.name, mine.number, *row)
        link.call("observe", b"net", b"w%d" % max(0, i - 60), 1, *row)
        if i % 50 == 0:
            with server.client() as client:
                fields = client.hkeys("net")
                lists = client.hmget("net", "writers", "writers:before")
            records = {field for field in fields if field.startswith(b"writer:")}
            assert len(records) <= 128
            assert {name for names in lists for name in (names or b"").split()} == records
    assert net.info().train_len + net.info().test_len == observed


# ---- servers that refuse ----


def test_scripts_that_the_server_forgot_are_sent_again(server: Server, db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1])
    for _ in range(3):
        with server.client() as client:
            client.script_flush()
        net.observe(1, 1)
    assert net.info().train_len + net.info().test_len == 3


def test_a_full_server_refuses_and_nothing_changes(server: Server, db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    net.observe(1, 1)
    net.train(maxcycles=1, autostop=False).wait()
    before, outputs = net.dump(), net.run([1])
    with server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            for call in (
                lambda: net.observe(1, 1),
                lambda: db.execute("NR.OBSERVE", "net", "FP32", bytes(8 * 5000)),
                net.reset,
                lambda: net.configure(threads=2),
                lambda: db.create("other", "regressor", [1, 1]),
                lambda: db.restore("net", before, replace=True),
                lambda: net.train(maxcycles=1, autostop=False),
            ):
                with pytest.raises(nr.BackendError, match="maxmemory"):
                    call()
            assert net.dump() == before
            assert (net.run([1]) == outputs).all()
        finally:
            client.config_set("maxmemory", "0")
    net.observe(1, 1)


def test_a_training_that_a_full_server_does_not_take_is_told_and_waits_again(
    server: Server, db: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "patience", 0.2)
    monkeypatch.setattr(Store, "renewal", 0.05)
    net = db.create("net", "regressor", [1, 1], seed=1)
    net.observe(1, 1)
    training = net.train(maxcycles=2_000_000, timeout=0, autostop=False)
    until(lambda: (training.progress() or nr.Progress()).cycles > 0)
    with server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            (job,) = db.backend._host.trainings._jobs.values()  # type: ignore[attr-defined]
            job.stop()
            with pytest.raises(nr.CommandError, match=r"training of net failed: Redis: .*memory"):
                training.wait(60)
            assert net.info().cycles == 0
        finally:
            client.config_set("maxmemory", "0")
    assert net.info().training
    set_deadline(store_of(db), b"net", -1)
    assert db.execute("NR.WAIT", "net", 50) == 0  # it is carried out again, here
    db.execute("NR.STOP", "net")
    assert db.execute("NR.WAIT", "net", 0) == 1
    assert net.info().cycles > 0


def test_a_replica_is_read_and_its_promotion_awaited(server: Server, db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    net.run([1])
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
        promotion = threading.Timer(0.5, lambda: client.replicaof("NO", "ONE"))
        promotion.start()
        assert net.run([1]).shape == (1,)
        assert net.observe(1, 1) == (1, 0)
        promotion.join()


def test_a_replica_that_stays_one_is_an_error(
    server: Server, db: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = db.create("net", "regressor", [1, 1])
    monkeypatch.setattr("nr.backends.redis.link._PAUSES", (0.01,))
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
        try:
            with pytest.raises(nr.BackendError, match="read only replica"):
                net.observe(1, 1)
        finally:
            client.replicaof("NO", "ONE")


def test_without_the_password_nothing_is_served() -> None:
    with running(Server, "--requirepass", "secret") as locked:
        for url in locked.url, locked.url.replace("//", "//:wrong@"):
            with pytest.raises(nr.BackendError):
                nr.connect(url, retry=Retry(NoBackoff(), 0))
        with nr.connect(locked.url.replace("//", "//:secret@")) as db:
            db.create("net", "regressor", [1, 1])


def test_what_a_user_may_not_do_is_a_backend_error(server: Server) -> None:
    with server.client() as client:
        client.flushall()
        client.execute_command(
            "ACL SETUSER reader on >secret ~net +@read +@connection +eval +evalsha"
        )
    with nr.connect(server.url) as db:
        net = db.create("net", "regressor", [1, 1], seed=1)
        outputs = net.run([1])
    with nr.connect(server.url.replace("//", "//reader:secret@")) as reader:
        assert (reader["net"].run([1]) == outputs).all()
        with pytest.raises(nr.BackendError):
            reader["net"].observe(1, 1)
        with pytest.raises(nr.BackendError):
            reader["other"].info()


def test_a_server_that_loads_is_waited_for() -> None:
    slow = ("--key-load-delay", "4000", "--loading-process-events-interval-bytes", "1024")
    with running(Server) as server, nr.connect(server.url) as db:
        db.create("net", "regressor", [1, 1], seed=1)
        client = server.client()
        for i in range(300):
            client.set(f"filler:{i}", "x" * 100)
        client.save()
        server.kill()
        server.options = slow
        server.start(wait=False)
        until(lambda: _is_loading(server))
        assert db["net"].info().parameters == 2


def _is_loading(server: Server) -> bool:
    try:
        with server.client() as client:
            return bool(client.info("persistence")["loading"])
    except Exception:
        return False


def test_a_server_that_does_not_answer_is_an_error_and_no_double(server: Server) -> None:
    retry = Retry(NoBackoff(), 1)
    with nr.connect(server.url, socket_timeout=1, retry=retry) as db:
        db.execute("NR.DEL", "net")
        net = db.create("net", "regressor", [1, 1])
        net.observe(1, 1)
        server.pause()
        try:
            with pytest.raises(nr.BackendError, match=r"[tT]imeout"):
                net.observe(1, 1)
        finally:
            server.resume()
        # both of its sendings arrive now, at most one counts
        until(lambda: sum(net.observe(1, 1)) >= 3)
        time.sleep(0.1)
        info = net.info()
        assert info.train_len + info.test_len in (2, 3)


def test_a_server_that_is_gone_is_a_backend_error() -> None:
    retry = Retry(NoBackoff(), 1)
    with running() as server, nr.connect(server.url, retry=retry) as db:
        net = db.create("net", "regressor", [1, 1])
        net.observe(1, 1)
        server.kill()
        for call in net.info, net.dump, net.reset, lambda: net.run([1]), lambda: list(db):
            with pytest.raises(nr.BackendError, match=r"Redis: .*onnect") as caught:
                call()
            assert caught.value.__cause__
        server.start()
        assert list(db) == []


def test_after_a_failover_of_sentinel_all_goes_on() -> None:
    with sentinel() as (watcher, master, replica):
        url = f"redis+sentinel://127.0.0.1:{watcher.port}/mymaster"
        with nr.connect(url) as db:
            net = db.create("net", "regressor", [1, 1], seed=1)
            net.observe(1, 1)
            expected = net.dump()
            with master.client() as client:
                client.wait(1, 5000)
            master.kill()

            def serves() -> bool:
                try:
                    return sum(net.observe(2, 2)) > 1
                except nr.BackendError:
                    return False

            until(serves)
            with replica.client() as client:
                assert client.info("replication")["role"] == "master"
            assert len(expected) < len(net.dump())


# ---- many processes ----


def _observe(url: str, number: int, count: int, acknowledged: "Queue[Any]") -> None:
    """Samples of its own; tells which were acknowledged, and which may be there."""
    done, unknown = [], []
    with nr.connect(url) as db:
        for i in range(number * count, (number + 1) * count):
            try:
                db.execute("NR.OBSERVE", "net", i, "->", number)
                done.append(i)
            except nr.BackendError:
                unknown.append(i)
    acknowledged.put((done, unknown))


def observed(net: nr.Network) -> list[int]:
    store = store_of(net.db)  # type: ignore[arg-type]
    snapshot = store.snapshot(net.key)
    rows = [np.frombuffer(snapshot.rows(d), "<f4").reshape(-1, 2) for d in (0, 1)]
    return sorted(int(x) for x in np.concatenate(rows)[:, 0])


def observers(url: str, processes: int, count: int) -> tuple[list[Any], "Queue[Any]"]:
    queue = FORKS.Queue()
    started = [
        FORKS.Process(target=_observe, args=(url, number, count, queue))
        for number in range(processes)
    ]
    for process in started:
        process.start()
    return started, queue


def test_eight_processes_observe_at_once(server: Server) -> None:
    with nr.connect(server.url) as db:
        db.execute("NR.DEL", "net")
        net = db.create("net", "regressor", [1, 1], dataset=4000, test=2000)
        processes, queue = observers(server.url, 8, 300)
        told = [queue.get(timeout=60) for _ in processes]
        for process in processes:
            process.join()
        assert all(not unknown for _, unknown in told)
        assert observed(net) == list(range(2400))


def test_what_was_acknowledged_outlives_a_killed_server() -> None:
    with running(Server, *DURABLE) as server, nr.connect(server.url) as db:
        net = db.create("net", "regressor", [1, 1], dataset=8000, test=4000)
        processes, queue = observers(server.url, 4, 1500)
        for expected in 300, 1200:
            until(lambda n=expected: net.info().train_len + net.info().test_len > n)
            server.kill()
            server.start()
        told = [queue.get(timeout=60) for _ in processes]
        for process in processes:
            process.join()
        found = observed(net)
        acknowledged = {i for done, _ in told for i in done}
        unknown = {i for _, perhaps in told for i in perhaps}
        assert len(found) == len(set(found))
        assert acknowledged <= set(found) <= acknowledged | unknown
        assert len(acknowledged) > 1200
