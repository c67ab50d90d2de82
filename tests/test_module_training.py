"""Trainings in the module: who waits for them, and what becomes of their keys."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis
from module_calls import ENDLESS, eventually, info, network, nrx, refused, train
from redis_server import Server

# ---- waiting ----


def test_wait_blocks_its_client_alone(server: Server, client: redis.Redis) -> None:
    network(client)
    nrx(client, "NR.TRAIN net", *ENDLESS)
    replies: list[int] = []

    def wait() -> None:
        with server.client() as other:
            replies.append(nrx(other, "NR.WAIT net 0"))

    waiting = [threading.Thread(target=wait) for _ in range(5)]
    for thread in waiting:
        thread.start()
    assert eventually(lambda: client.info("clients")["blocked_clients"] == 5)
    assert nrx(client, "NR.RUN net 1 1")
    nrx(client, "NR.STOP net")
    for thread in waiting:
        thread.join(60)
    assert replies == [1] * 5


def test_wait_ends_with_time_with_its_client_and_with_its_network(
    server: Server, client: redis.Redis
) -> None:
    network(client)
    nrx(client, "NR.TRAIN net", *ENDLESS)
    assert nrx(client, "NR.WAIT net 1") == 0
    with server.client() as gone:
        connection = gone.connection_pool.get_connection()
        connection.send_command("NR.WAIT", "net", "0")
        assert eventually(lambda: client.info("clients")["blocked_clients"] == 1)
        connection.disconnect()
    assert eventually(lambda: client.info("clients")["blocked_clients"] == 0)
    with client.pipeline(transaction=True) as transaction:
        transaction.execute_command("NR.WAIT", "net", "0")
        assert transaction.execute() == [0]
    assert client.eval("return redis.call('NR.WAIT', 'net', '0')", 0) == 0
    replies: list[str] = []

    def told() -> None:
        replies.append(refused(server.client(), "NR.WAIT net 0"))

    thread = threading.Thread(target=told)
    thread.start()
    assert eventually(lambda: client.info("clients")["blocked_clients"] == 1)
    client.delete("net")
    thread.join(60)
    assert replies == ["the training of net was dropped: its network was deleted or replaced"]
    assert client.ping()


# ---- what happens to the key of a network in training ----

GONE: dict[str, Callable[[redis.Redis], Any]] = {
    "DEL": lambda c: c.delete("net"),
    "UNLINK": lambda c: c.unlink("net"),
    "NR.DEL": lambda c: nrx(c, "NR.DEL net"),
    "SET over it": lambda c: c.set("net", "x"),
    "RENAME over it": lambda c: (c.set("text", "x"), c.rename("text", "net")),
    "FLUSHDB": lambda c: c.flushdb(),
    "FLUSHALL ASYNC": lambda c: c.flushall(asynchronous=True),
    "PEXPIRE": lambda c: (c.pexpire("net", 1), eventually(lambda: not c.exists("net"))),
    "PEXPIRE in the past": lambda c: c.pexpireat("net", 1),
    "NR.RESET": lambda c: nrx(c, "NR.RESET net"),
    "NR.RESTORE over it": lambda c: (
        network(c, "other"),
        c.execute_command("NR.DUMP", "other", NEVER_DECODE=True),
        c.eval(
            "return redis.call('NR.RESTORE', 'net', redis.call('NR.DUMP', 'other'), 'REPLACE')", 0
        ),
        c.delete("other"),
    ),
    "RESTORE over it": lambda c: c.eval(
        "return redis.call('RESTORE', 'net', 0, redis.call('DUMP', 'net'), 'REPLACE')", 0
    ),
    "SORT over it": lambda c: (c.rpush("list", 2, 1), c.sort("list", store="net")),
    "COPY over it": lambda c: (c.set("text", "x"), c.copy("text", "net", replace=True)),
}


@pytest.mark.parametrize("how", GONE)
def test_a_training_ends_without_trace_when_its_network_goes(client: redis.Redis, how: str) -> None:
    network(client)
    nrx(client, "NR.TRAIN net", *ENDLESS)
    GONE[how](client)
    assert nrx(client, "NR.THREADS") == []
    if client.type("net") == "neural-NN":
        assert info(client)["training"] == 0
        assert info(client)["training-total-cycles"] == 0
    client.delete("net")
    for _ in range(3):  # the threads are free again
        network(client)
        train(client)
        assert info(client)["training-total-cycles"] == 50
        client.delete("net")


def test_a_training_follows_its_network(client: redis.Redis) -> None:
    network(client)
    nrx(client, "NR.TRAIN net", *ENDLESS)
    client.rename("net", "one")
    client.copy("one", "other")
    assert info(client, "other")["training"] == 0
    client.move("one", 3)
    client.swapdb(3, 4)
    client.delete("other")
    lines = nrx(client, "NR.THREADS")
    assert len(lines) == 1
    assert " key=one db=4 " in lines[0]
    client.select(4)
    assert info(client, "one")["training"] == 1
    assert eventually(lambda: " cycle=0 " not in nrx(client, "NR.THREADS")[0])
    assert nrx(client, "NR.STOP one") == 1
    assert nrx(client, "NR.WAIT one 0") == 1
    assert info(client, "one")["training-total-cycles"] > 0
    assert info(client, "one")["training-ended-by"] == "stop"
    client.flushall()
    client.select(0)


def test_a_training_is_merged_when_it_ends(client: redis.Redis) -> None:
    network(client)
    before = nrx(client, "NR.RUN net 1 1")
    nrx(client, "NR.TRAIN net MAXTIME 0 MAXCYCLES 50")
    assert eventually(lambda: client.execute_command("NR.RUN", "net", 1, 1) != before)


def test_the_end_of_a_training_is_an_event(server: Server, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "EA")
    with server.client() as listener, listener.pubsub() as events:
        events.subscribe("__keyevent@0__:nr.trained")
        events.get_message(timeout=10)
        network(client)
        train(client)
        message = events.get_message(timeout=10)
    client.config_set("notify-keyspace-events", "")
    assert message is not None
    assert message["data"] == b"net"


def test_the_line_holds_keys_of_any_bytes(client: redis.Redis) -> None:
    network(client, "net")
    client.rename("net", b"a b\n\\\xff")
    client.execute_command("NR.TRAIN", b"a b\n\\\xff", *ENDLESS)
    assert " key=a\\x20b\\x0a\\x5c\\xff db=0 " in nrx(client, "NR.THREADS")[0]
    client.flushall()


def test_threads_and_list_show_what_the_user_may_read(server: Server, client: redis.Redis) -> None:
    if str(client.info("server")["redis_version"]).startswith("6."):
        pytest.skip("Redis 6 tells a module nothing of the keys that a user may read")
    for key in "mine", "yours":
        network(client, key)
        nrx(client, f"NR.TRAIN {key}", *ENDLESS)
    client.execute_command(
        "ACL SETUSER me on nopass %R~mine %RW~both +nr.threads +nr.list +nr.run +nr.observe"
    )
    with server.client(username="me", password="x", decode_responses=True) as me:
        lines = nrx(me, "NR.THREADS")
        assert [line.split()[2] for line in lines] == ["key=mine"]
        assert nrx(me, "NR.LIST") == ["mine"]
        assert nrx(me, "NR.RUN mine 1 1")
        assert "permission" in refused(me, "NR.OBSERVE mine 1 1 -> 1")
        assert "permission" in refused(me, "NR.RUN yours 1 1")
    client.execute_command("ACL DELUSER me")
    client.flushall()


# ---- those in line, and what is left as it was ----


def test_a_training_in_line_that_is_stopped_leaves_its_network(
    own: Callable[..., Server],
) -> None:
    with own("THREADS", "1").client(decode_responses=True) as client:
        for key in "first", "second":
            network(client, key)
            nrx(client, f"NR.TRAIN {key}", *ENDLESS)
        assert nrx(client, "NR.STOP second") == 1
        assert nrx(client, "NR.WAIT second 0") == 1
        told = info(client, "second")
        assert told["last-training"] == "kept: stopped before its first cycle"
        assert (told["training-ended-by"], told["trainings"]) == ("never", 1)
        assert info(client, "first")["training"] == 1
        nrx(client, "NR.STOP first")
        assert nrx(client, "NR.WAIT first 0") == 1
        train(client, "second")


def test_trainings_together_take_no_more_than_one_alone_may(own: Callable[..., Server]) -> None:
    """As much of the memory as its error says, and half as much again."""
    with own("MEMORY", "1").client(decode_responses=True) as client:
        network(client)
        size = int(refused(client, "NR.TRAIN net").partition(" bytes")[0].split()[-1])
    server = own("THREADS", "3", "MEMORY", str(3 * size))
    with server.client(decode_responses=True) as client:
        for key in "abc":
            network(client, key)
            nrx(client, f"NR.TRAIN {key}", *ENDLESS)
        for number, key in enumerate("abc"):

            def cycles() -> list[bool]:
                return [" cycle=0 " not in line for line in nrx(client, "NR.THREADS")]

            assert eventually(lambda: cycles()[0])
            assert cycles()[1:] == [False] * (2 - number)
            nrx(client, f"NR.STOP {key}")
            assert nrx(client, f"NR.WAIT {key} 0") == 1


def test_what_became_of_a_training_is_in_the_aof(own: Callable[..., Server]) -> None:
    server = own("--appendonly", "yes", "--appendfsync", "always")
    with server.client(decode_responses=True) as client:
        network(client, options="SEED 1")
        train(client, options="MAXCYCLES 50 MAXTIME 0 AUTOSTOP BACKTRACK")
        nrx(client, "NR.CONFIGURE net OPTIMIZER SGD LEARNRATE 0.000001 PATIENCE 1000000")
        nrx(client, "NR.TRAIN net AUTOSTOP BACKTRACK", *ENDLESS)
        nrx(client, "NR.STOP net")
        assert nrx(client, "NR.WAIT net 0") == 1
        told, digest = info(client), client.execute_command("DEBUG", "DIGEST")
    assert told["last-training"].startswith("kept: stopped ")
    server.kill()
    server.start()
    with server.client(decode_responses=True) as client:
        assert info(client) == told
        assert client.execute_command("DEBUG", "DIGEST") == digest
