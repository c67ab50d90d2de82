"""Workers outside of the server: NR.ORDER, and a module without threads of its own."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from redis_private import until
from redis_server import Server, redis_server

import nr
from nr.trainings.worker import Worker


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Whose trainings are for workers outside."""
    running = Server(redis_server(), tmp_path, "THREADS", "0").start()
    yield running
    running.kill()


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with server.client() as found:
        yield found


@pytest.fixture
def db(server: Server) -> Iterator[nr.Database]:
    with nr.connect(server.url()) as found:
        yield found


def network(db: nr.Database) -> nr.Network:
    net = db.create("net", "regressor", [1, 2, 1], seed=1, members=1)
    net.observe_many([1, 2, 3], [1, 2, 3])
    return net


def order(db: nr.Database) -> dict[str, str]:
    [line] = db.execute("NR.THREADS")  # type: ignore[misc, union-attr]
    return dict(pair.partition("=")[::2] for pair in str(line).split(" "))


def test_a_worker_trains_as_the_server_would(server: Server, db: nr.Database) -> None:
    net = network(db)
    training = net.train(maxcycles=20, timeout=0, autostop=False)
    assert not training.wait(0.05)
    found = order(db)
    assert (found["state"], found["worker"], found["attempt"]) == ("waiting", "-", "0")
    assert nr.run_waiting(server.url()) == 1
    assert training.result(0).cycles == 20
    with nr.connect("memory://") as memory:
        twin = network(memory)
        twin.train(maxcycles=20, timeout=0, autostop=False).wait()
        assert (net.run([[1], [2]]) == twin.run([[1], [2]])).all()
        assert net.info().last_training == "merged"
        assert db.execute("NR.THREADS") == []


def test_samples_make_trainings_due_for_workers(server: Server, db: nr.Database) -> None:
    net = network(db)
    net.configure(trainevery=2)
    net.observe_many([4, 5, 6, 7], [4, 5, 6, 7])
    assert (net.info().ordered, order(db)["state"]) == (2, "waiting")
    assert db.execute("NR.STOP net") == 1
    until(lambda: db.execute("NR.THREADS") == [])
    assert net.info().last_training == "kept: stopped before its first cycle"


def test_a_worker_is_told_to_stop_and_gives_back(server: Server, db: nr.Database) -> None:
    net = network(db)
    with nr.connect(server.url()) as other:
        trainings: Any = other.backend.trainings  # type: ignore[attr-defined]
        trainings._store.renewal = 0.05
        worker = Worker(trainings, 1)
        thread = threading.Thread(target=worker.work)
        thread.start()
        training = net.train(timeout=0, autostop=False)
        until(lambda: order(db)["state"] == "running" and int(order(db)["cycle"]) > 0)
        assert training.stop()
        assert training.wait(60)
        assert net.info().ended_by == "stop"
        training = net.train(timeout=0, autostop=False)
        until(lambda: order(db)["state"] == "running")
        worker.end()
        thread.join(60)
        assert worker.close(0) == 1
        assert (order(db)["state"], order(db)["attempt"]) == ("waiting", "0")
        net.reset()
        with pytest.raises(nr.CommandError, match="was dropped: its network was reset"):
            training.wait(60)


def test_an_order_belongs_to_its_token(client: redis.Redis, db: nr.Database) -> None:
    net = network(db)

    def ask(*words: Any) -> Any:
        return client.execute_command("NR.ORDER", *words)

    assert ask("TAKE", "net", "a", "host:1") is None
    net.train(maxcycles=7, timeout=0, autostop=False)
    taken = ask("TAKE", "net", "a", "host:1 x")
    assert taken[1:] == [0, 0, 1, 7, 0, 0, 0]
    assert order(db)["worker"] == "host:1?x"
    assert ask("TAKE", "net", "b", "host:2") is None
    assert ask("RENEW", "net", "b", 1, 0, 0, 0) == 0
    assert ask("RENEW", "net", "a", 3, 0.5, "nan", -1) == 1
    assert (order(db)["cycle"], order(db)["trainerr"]) == ("3", "0.500000")
    assert (order(db)["testerr"], order(db)["classerr"]) == ("0.000000", "0.000000")
    assert db.execute("NR.STOP net") == 1
    assert ask("RENEW", "net", "a", 3, 0, 0, 0) == 2
    assert ask("FAIL", "net", "b", "failed: so") == 0
    for bad in ("so", "failed", "failed: \x01"):
        with pytest.raises(redis.ResponseError, match="not what becomes of a training"):
            ask("FAIL", "net", "a", bad)
    with pytest.raises(redis.ResponseError, match="invalid network"):
        ask("MERGE", "net", "a", "not a dump")
    assert ask("FAIL", "net", "a", "failed: so") == 1
    assert net.info().last_training == "failed: so"
    assert ask("FAIL", "net", "a", "failed: so") == 0
    assert ask("GIVE", "net", "a") == 0
    assert net.info().trainings == 1


def test_what_is_no_order(client: redis.Redis, db: nr.Database) -> None:
    network(db)
    client.set("text", "x")
    wrong: dict[tuple[str, ...], str] = {
        ("KEEP", "net", "a"): "Syntax error in NR.ORDER",
        ("TAKE", "net", "a"): "wrong number of arguments",
        ("TAKE", "none", "a", "w"): "no such key",
        ("TAKE", "text", "a", "w"): "wrong kind of value",
        ("TAKE", "net", "", "w"): "a token has 1 to 63 bytes",
        ("TAKE", "net", "a" * 64, "w"): "a token has 1 to 63 bytes",
    }
    for words, why in wrong.items():
        with pytest.raises(redis.ResponseError, match=why):
            client.execute_command("NR.ORDER", *words)


def test_a_workers_user_needs_no_more(server: Server, client: redis.Redis, db: nr.Database) -> None:
    rules = "on >secret ~net* +nr.order +nr.threads +nr.dump +@connection +command"
    client.execute_command(f"ACL SETUSER worker {rules}")
    network(db).train(maxcycles=2, timeout=0, autostop=False)
    assert nr.run_waiting(server.url().replace("//", "//worker:secret@")) == 1
    assert db["net"].info().cycles == 2


def test_orders_are_for_those_who_may(client: redis.Redis, db: nr.Database) -> None:
    network(db)
    client.execute_command("ACL SETUSER app on nopass ~* +@all -@dangerous")
    client.execute_command("AUTH app any")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command("NR.ORDER", "TAKE", "net", "a", "w")


def test_replicas_and_the_aof_count_and_order_nothing(tmp_path: Path) -> None:
    words = ("THREADS", "0", "--appendonly", "yes", "--appendfsync", "always")
    server = Server(redis_server(), tmp_path, *words).start()
    try:
        with nr.connect(server.url()) as db:
            net = network(db)
            net.configure(trainevery=2)
            for number in range(5):
                net.observe(number, number)
            assert order(db)["state"] == "waiting"
            before = net.info()
        server.kill()
        server.start()
        with nr.connect(server.url()) as db:
            after = db["net"].info()
            assert (after.observed, after.new, after.ordered, after.coalesced) == (8, 1, 2, 1)
            assert after == replace(before, training=False)
            assert db.execute("NR.THREADS") == []
    finally:
        server.kill()
