"""Much work in the module, which threads do: what becomes of it, of its client and its network."""

import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from conformance import content
from module_calls import Asking, blocked
from redis_private import until
from redis_server import Server, redis_server, running

import nr
from nr.backends import Backend, connect

LARGE = "CLASSIFIER 100 20000 -> 3 SEED 1 MEMBERS 1 DATASET 20 TEST 0"  # 8 MB
ONES = [b"1"] * 100
BLOB = struct.pack("<100f", *[1] * 100)
LONG = ("NR.RUN", "large", "FP32", struct.pack("<100f", *[i / 100 for i in range(100)]) * 3000)
SAMPLES = struct.pack("<1010f", *[v for i in range(10) for v in (*[i / 10] * 100, i % 3)])


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with server.client() as client:
        yield client


@pytest.fixture
def backend(server: Server) -> Iterator[Backend]:
    backend = connect(server.url())
    yield backend
    backend.close()


def create(execute: Callable[..., Any], key: str = "large") -> None:
    execute(*f"NR.CREATE {key} {LARGE}".encode().split())
    execute(b"NR.OBSERVE", key.encode(), b"FP32", SAMPLES)


def train(execute: Callable[..., Any], key: str = "large") -> None:
    execute(*f"NR.TRAIN {key} MAXCYCLES 2 MAXTIME 0".encode().split())
    assert execute(b"NR.WAIT", key.encode(), b"0") == 1


@pytest.fixture
def large(backend: Backend, memory: Backend) -> list[Backend]:
    """The same network in both."""
    create(backend.execute)
    create(memory.execute)
    return [backend, memory]


# ---- the same replies ----


def test_much_work_has_the_replies_of_little(large: list[Backend]) -> None:
    commands = [
        (b"NR.RUN", b"large", *ONES),
        (b"NR.CLASS", b"large", *ONES),
        (b"NR.RUN", b"large", b"FP32", BLOB),
        (b"NR.CLASS", b"large", b"FP32", BLOB * 30),
        (b"NR.IMPORTANCE", b"large"),
        (b"NR.RUN", b"large", b"1"),
        (b"NR.RUN", b"large", b"FP32", BLOB[:-4] + b"\0\0\x80\x7f"),
    ]
    for _ in range(2):
        for command in commands:
            replies = []
            for each in large:
                try:
                    replies.append(each.execute(*command))
                except nr.CommandError as error:
                    replies.append(str(error))
            assert replies[0] == replies[1], command[:3]
        dumps = [each.execute(b"NR.DUMP", b"large") for each in large]
        assert content(dumps[0]) == content(dumps[1])
        for each in large:
            train(each.execute)


def test_rows_stay_although_the_server_moves_its_arguments(large: list[Backend]) -> None:
    """The server takes a large argument with the buffer it came in, as large as the one before,
    and gives the surplus back once the command has returned: while a thread reads the rows."""
    rows = [struct.pack("<f", i / 1000) * 100 for i in range(1000)]
    few, many = b"".join(rows[:90]), b"".join(rows[100:500])
    backend, memory = large
    for _ in range(5):
        backend.execute(b"NR.RUN", b"large", b"FP32", many)
        found = backend.execute(b"NR.RUN", b"large", b"FP32", few)
        assert found == memory.execute(b"NR.RUN", b"large", b"FP32", few)


def test_a_transaction_and_a_script_do_much_work_at_once(server: Server) -> None:
    with server.client() as client:
        create(client.execute_command)
        expected = client.execute_command("NR.RUN", "large", *ONES)
        with client.pipeline(transaction=True) as transaction:
            transaction.execute_command("NR.RUN", "large", *ONES)
            transaction.execute_command("NR.RESET", "large")
            transaction.execute_command("NR.RUN", "large", *ONES)
            before, _, after = transaction.execute()
        assert before == expected != after
        script = "return redis.call('NR.RUN', 'large', unpack(ARGV))"
        assert [*map(float, client.eval(script, 0, *ONES))] == [*map(float, after)]


# ---- what happens to the network meanwhile ----


@pytest.mark.parametrize(
    "event",
    ["DEL large", "UNLINK large", "FLUSHALL", "FLUSHALL ASYNC", "SET large text", "RENAME large b",
     "NR.RESET large", "PEXPIRE large 1", "SWAPDB 0 1", "RESTORE", "NR.TRAIN large MAXCYCLES 1"],
)  # fmt: skip
def test_a_reply_is_of_the_network_as_it_was(
    large: list[Backend], server: Server, client: redis.Redis, event: str
) -> None:
    for each in large:
        train(each.execute)
    expected = large[1].execute(b"NR.RUN", b"large", b"FP32", LONG[3])
    other = large[1].execute(b"NR.DUMP", b"large")
    asking = Asking(server, *LONG)
    if event == "RESTORE":
        client.execute_command("NR.RESTORE", "large", other, "REPLACE")
    else:
        client.execute_command(*event.split())
    assert client.ping()
    assert asking.reply() == expected


def test_weights_made_for_many_while_the_network_is_reset(
    large: list[Backend], server: Server
) -> None:
    """Every reply is of one of the networks that there were, and the last one of the last."""
    backend, memory = large
    allowed = []
    for _ in range(4):
        allowed.append(memory.execute(b"NR.RUN", b"large", b"FP32", BLOB))
        memory.execute(b"NR.RESET", b"large")
    found: list[bytes] = []

    def run() -> None:
        with server.client() as client:
            found.extend(client.execute_command("NR.RUN", "large", "FP32", BLOB) for _ in range(8))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        threading.Event().wait(0.02)
        backend.execute(b"NR.RESET", b"large")
    for thread in threads:
        thread.join()
    assert len(found) == 48
    assert set(found) <= set(allowed)
    assert backend.execute(b"NR.RUN", b"large", b"FP32", BLOB) == allowed[3]


# ---- what happens to the client ----


def test_much_work_blocks_its_client_alone(
    large: list[Backend], server: Server, client: redis.Redis
) -> None:
    train(client.execute_command)
    while True:  # it may be through before it was looked at
        asking = Asking(server, *LONG)
        assert client.ping()
        waiting = [int(told["id"]) for told in client.client_list() if "b" in told["flags"]]
        unblocked = [client.client_unblock(number) for number in waiting]
        assert len(asking.reply()) == 3000 * 3 * 4
        assert unblocked in ([], [0])  # it has no time limit to pass
        if unblocked:
            break


def test_a_client_that_leaves_much_work_behind(large: list[Backend], server: Server) -> None:
    with server.client() as client:
        train(client.execute_command)
        for _ in range(4):
            Asking(server, *LONG).leave()
        many = [Asking(server, *LONG) for _ in range(6)]  # some stand in line
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert all(is_whole_or_cut_off(each) for each in many)
        until(lambda: blocked(client) == 0)
        assert len(client.execute_command("NR.IMPORTANCE", "large")) == 100


def is_whole_or_cut_off(asking: Asking) -> bool:
    """Of one who may have been answered before the connection was closed."""
    try:
        return len(asking.reply()) == 3000 * 3 * 4
    except redis.ConnectionError:
        return True


# ---- what happens to the server ----


def test_a_server_that_stops_does_not_wait_for_much_work(tmp_path: Path) -> None:
    with running(redis_server(), tmp_path) as server:
        with server.client() as client:
            create(client.execute_command)
            train(client.execute_command)
        many = [Asking(server, *LONG) for _ in range(3)]
        assert server.stop() == 0
        assert all(is_whole_or_cut_off(each) for each in many)


def test_much_work_on_a_replica_and_on_a_master_that_becomes_one(tmp_path: Path) -> None:
    with (
        running(redis_server(), tmp_path / "master") as master,
        running(redis_server(), tmp_path / "replica") as replica,
        master.client() as client,
        replica.client() as other,
    ):
        create(client.execute_command)
        train(client.execute_command)
        expected = client.execute_command(*LONG)
        other.execute_command("REPLICAOF", "127.0.0.1", master.port)
        until(lambda: other.info("replication")["master_link_status"] == "up")
        asking = Asking(replica, *LONG)
        client.flushall()
        assert asking.reply() == expected
        create(client.execute_command)
        train(client.execute_command)
        other.execute_command("REPLICAOF", "NO", "ONE")
        told = b""
        while "UNBLOCKED" not in str(told):  # it may be through before
            asking = Asking(master, *LONG)
            client.execute_command("REPLICAOF", "127.0.0.1", 1)
            try:
                told = asking.reply()
            except redis.ResponseError as error:
                told = error
            client.execute_command("REPLICAOF", "NO", "ONE")
            assert told == expected or "UNBLOCKED" in str(told)
        assert client.execute_command(*LONG) == expected
