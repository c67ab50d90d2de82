"""The module in a real server: what other drivers do not have, and Neural Redis' defects."""

import json
import os
import resource
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import redis
from conformance import content
from redis_server import Server, redis_62, redis_server, running

import nr
from nr.backends import Backend, connect
from nr.engine import module_path as installed_module

ROWS = [(1, 2), (4, 5), (3, 3), (0, 9), (7, 5), (3, 1)]
ENDLESS = ("MAXTIME", "0")


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with server.client(decode_responses=True) as client:
        yield client


@pytest.fixture
def backend(server: Server) -> Iterator[Backend]:
    backend = connect(server.url())
    yield backend
    backend.close()


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


def nrx(client: redis.Redis, line: str, *more: Any) -> Any:
    return client.execute_command(*line.split(), *more)


def network(client: redis.Redis, key: str = "net", options: str = "") -> None:
    nrx(client, f"NR.CREATE {key} REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 {options}")
    for a, b in ROWS:
        nrx(client, f"NR.OBSERVE {key} {a} {b} -> {a + b}")


def train(client: redis.Redis, key: str = "net", options: str = "MAXTIME 0 MAXCYCLES 50") -> None:
    nrx(client, f"NR.TRAIN {key} {options}")
    assert nrx(client, f"NR.WAIT {key} 0") == 1


def info(client: redis.Redis, key: str = "net") -> dict[str, Any]:
    reply = nrx(client, f"NR.INFO {key}")
    return dict(zip(reply[::2], reply[1::2], strict=True))


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        threading.Event().wait(0.01)
    return condition()


def refused(client: redis.Redis, line: str, *more: Any) -> str:
    with pytest.raises(redis.ResponseError) as error:
        nrx(client, line, *more)
    return str(error.value)


# ---- loading ----


def test_the_module_is_executable() -> None:
    assert os.access(installed_module(), os.X_OK)


def test_module_path_prints_where_it_is() -> None:
    from click.testing import CliRunner

    from nr.cli import main

    result = CliRunner().invoke(main, ["module-path"])
    assert result.output.strip() == str(installed_module())


@pytest.mark.parametrize(
    "words", ["THREADS 0", "MEMORY 0", "MEMORY 8gb", "MEMORY", "THREADS 1 MEMORY", "SPACE 1"]
)
def test_a_wrong_module_argument_is_refused(tmp_path: Path, words: str) -> None:
    server = Server(redis_server(), tmp_path)
    command = [*server.command(), *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=server.env)
    assert done.returncode != 0
    assert "THREADS n, from 1 to" in done.stdout
    assert "MEMORY n, bytes" in done.stdout


def test_a_training_takes_at_most_half_of_maxmemory(own: Callable[..., Server]) -> None:
    server = own("MEMORY", "500000000", "THREADS", "1")
    with server.client(decode_responses=True) as client:
        nrx(client, "NR.CREATE net REGRESSOR 2000 1000 -> 1 MEMBERS 1")  # 48 million bytes
        nrx(client, "NR.OBSERVE net FP32", struct.pack("<2001f", *range(2001)))
        client.config_set("maxmemory", 80_000_000)
        assert nrx(client, "NR.TRAIN net MAXCYCLES 1") == "Training has started"
        assert nrx(client, "NR.WAIT net 0") == 1
    server = own()
    with server.client(decode_responses=True) as client:
        nrx(client, "NR.CREATE net REGRESSOR 2000 1000 -> 1 MEMBERS 1")
        nrx(client, "NR.OBSERVE net FP32", struct.pack("<2001f", *range(2001)))
        client.config_set("maxmemory", 80_000_000)
        assert "the memory of 80000000:" in refused(client, "NR.TRAIN net MAXCYCLES 1")
        client.config_set("maxmemory", 0)
        assert nrx(client, "NR.TRAIN net MAXCYCLES 1") == "Training has started"
        assert nrx(client, "NR.WAIT net 0") == 1


def test_one_thread_trains_one_network_at_a_time(own: Callable[..., Server]) -> None:
    server = own("THREADS", "1")
    with server.client(decode_responses=True) as client:
        network(client, "first")
        network(client, "second")
        nrx(client, "NR.TRAIN first", *ENDLESS)
        nrx(client, "NR.TRAIN second", *ENDLESS)
        assert eventually(lambda: " cycle=0 " not in nrx(client, "NR.THREADS")[0])
        assert " cycle=0 " in nrx(client, "NR.THREADS")[1]
        assert info(client, "second")["training"] == 1
        assert nrx(client, "NR.STOP second") == 1
        assert info(client, "second")["training"] == 0
        assert info(client, "second")["training-total-cycles"] == 0
        nrx(client, "NR.TRAIN second MAXCYCLES 5")
        nrx(client, "NR.STOP first")
        assert nrx(client, "NR.WAIT second 0") == 1
        assert info(client, "second")["training-total-cycles"] == 5


def test_commands_tell_clients_of_themselves(client: redis.Redis) -> None:
    docs = client.execute_command("COMMAND DOCS", "nr.observe")
    assert "Adds samples" in str(docs)
    keys = client.execute_command("COMMAND GETKEYS", "NR.DEL", "a", "b")
    assert keys == ["a", "b"]


# ---- the driver ----


@pytest.mark.parametrize("protocol", [2, 3])
def test_values_are_the_same_over_both_protocols(server: Server, protocol: int) -> None:
    with nr.connect(server.url(), protocol=protocol) as db, nr.connect("memory://") as memory:
        for each in db, memory:
            net = each.create("net", "classifier", [2, 3, 2], seed=3)
            net.observe_many([[1, 2], [4, 5], [0.1, 3]], [0, 1, 1])
            net.train(maxcycles=7, maxtime=0).wait()
        for line in (
            "NR.RUN net 1 2.5",
            "NR.CLASS net 1 2",
            "NR.GETDATA net TRAIN 0",
            "NR.GETDATA net TRAIN 9",
            "NR.HISTORY net",
            "NR.CONFIGURE net",
            "NR.LIST",
            "NR.THREADS",
            "NR.RESET net",
        ):
            ours, theirs = db.execute(line), memory.execute(line)
            assert repr(ours) == repr(theirs), line


def test_errors_keep_their_codes(server: Server) -> None:
    with nr.connect(server.url()) as db, server.client() as client:
        client.set("text", "x")
        with pytest.raises(nr.CommandError) as error:
            db.execute("NR.INFO text")
        assert error.value.code == "WRONGTYPE"
        client.execute_command("ACL SETUSER reader on nopass ~* +@connection +command +nr.info")
        url = server.url().replace("//", "//reader:x@")
        with nr.connect(url) as other, pytest.raises(nr.CommandError) as error:
            other.execute("NR.DEL text")
        assert error.value.code == "NOPERM"
        client.execute_command("ACL DELUSER reader")


def test_what_is_no_network_is_left_alone(server: Server) -> None:
    wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    with nr.connect(server.url()) as db, server.client() as client:
        client.set("text", "x")
        db.create("net", "regressor", [1, 1])
        blob = db["net"].dump()
        for line in "OBSERVE text 1 -> 1", "RUN text 1", "TRAIN text", "DUMP text", "WAIT text 0":
            with pytest.raises(nr.CommandError, match=wrong):
                db.execute(f"NR.{line}")
        with pytest.raises(nr.CommandError, match=wrong):
            db.execute("NR.RESTORE", "text", blob, "REPLACE")
        with pytest.raises(nr.CommandError, match="ERR the key name is busy"):
            db.execute("NR.CREATE text REGRESSOR 1 -> 1")
        assert db.execute("NR.DEL text") == 0
        assert db.execute("NR.LIST") == [b"net"]
        assert client.get("text") == b"x"


def test_a_server_that_is_not_there_is_a_backend_error(own: Callable[..., Server]) -> None:
    server = own()
    db = nr.connect(server.url())
    server.kill()
    with pytest.raises(nr.BackendError):
        db.execute("NR.LIST")
    with pytest.raises(nr.BackendError):
        nr.connect(server.url())
    db.close()
    with pytest.raises(nr.BackendError, match="closed"):
        db.execute("NR.LIST")


def test_a_server_without_the_module_is_told(tmp_path: Path) -> None:
    server = Server(redis_server(), tmp_path)
    server.command = lambda *_: [  # type: ignore[method-assign,misc]
        server.binary, "--port", str(server.port), "--save", "", "--dir", str(tmp_path)
    ]  # fmt: skip
    server.start()
    try:
        with pytest.raises(nr.BackendError, match="nr module-path"):
            nr.connect(server.url())
    finally:
        server.kill()


@pytest.mark.parametrize("url", ["redis+module://", "redis+module://localhost:x/0"])
def test_a_url_of_nothing_is_refused(url: str) -> None:
    with pytest.raises(nr.BackendError):
        nr.connect(url, port=1) if url.endswith("//") else nr.connect(url)


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
    replies: list[int] = []
    thread = threading.Thread(target=lambda: replies.append(nrx(server.client(), "NR.WAIT net 0")))
    thread.start()
    assert eventually(lambda: client.info("clients")["blocked_clients"] == 1)
    client.delete("net")
    thread.join(60)
    assert replies == [1]
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


# ---- memory ----


def test_memory_usage_counts_the_samples(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 9 15 -> 2 DATASET 10000 TEST 0")
    before, used = client.memory_usage("net"), client.info("memory")["used_memory"]
    blob = struct.pack("<110000f", *[0.5] * 110000)
    client.execute_command("NR.OBSERVE", "net", "FP32", blob)
    each = (client.memory_usage("net") - before) / 10000
    client.config_resetstat()
    assert 44 <= each <= 46
    del blob
    assert eventually(lambda: client.info("memory")["used_memory"] - used < 46 * 10000)


def test_a_copy_is_a_network_of_its_own(client: redis.Redis) -> None:
    network(client)
    assert client.copy("net", "copy")
    assert info(client)["id"] != info(client, "copy")["id"]
    runs = [nrx(client, f"NR.RUN {key} 3 4") for key in ("net", "copy")]
    assert runs[0] == runs[1]
    train(client, "copy")
    assert nrx(client, "NR.RUN net 3 4") == runs[0] != nrx(client, "NR.RUN copy 3 4")
    nrx(client, "NR.OBSERVE net 1 1 -> 2")
    assert info(client, "copy")["training-dataset-len"] == 5
    client.delete("net")
    assert nrx(client, "NR.RUN copy 1 1")


def test_restored_networks_get_ids_of_their_own(server: Server, client: redis.Redis) -> None:
    network(client)
    with server.client() as raw:
        payload = raw.dump("net")
        ids = {info(client)["id"]}
        for key in "abc":
            raw.restore(key, 0, payload)
            ids.add(info(client, key)["id"])
        raw.restore("a", 0, payload, replace=True)
        ids.add(info(client, "a")["id"])
    assert len(ids) == 5
    nrx(client, "NR.TRAIN a", *ENDLESS)
    nrx(client, "NR.RESET a")
    train(client, "b")
    assert info(client, "a")["training-total-cycles"] == 0
    assert info(client, "b")["training-total-cycles"] == 50


def test_digest_covers_weights_and_samples(client: redis.Redis) -> None:
    def digest() -> str:
        found: str = client.execute_command("DEBUG DIGEST-VALUE", "net")[0]
        return found

    network(client, options="SEED 1")
    seen = {digest()}
    nrx(client, "NR.RESET net")
    seen.add(digest())
    nrx(client, "NR.OBSERVE net 1 1 -> 2")
    seen.add(digest())
    train(client)
    seen.add(digest())
    assert len(seen) == 4
    client.execute_command("DEBUG RELOAD")
    assert digest() in seen


def no_memory(client: redis.Redis, *argv: Any) -> bool:
    try:
        client.execute_command(*argv)
    except redis.exceptions.OutOfMemoryError:
        return True
    return False


def test_a_limit_of_memory_is_kept(own: Callable[..., Server]) -> None:
    with own("--maxmemory", "3mb").client(decode_responses=True) as client:
        nrx(client, "NR.CREATE net REGRESSOR 9 15 -> 2 DATASET 10000000 TEST 0")
        blob = struct.pack("<11000f", *[0.5] * 11000)
        replies = [no_memory(client, "NR.OBSERVE", "net", "FP32", blob) for _ in range(200)]
        assert not replies[0]
        assert replies[-1]
        assert nrx(client, "NR.RUN net 1 2 3 4 5 6 7 8 9")


def test_allocations_that_fail_are_errors(own: Callable[..., Server]) -> None:
    """More than the process may have: refused, and the server lives on."""
    server = own("MEMORY", str(1 << 40))  # so that trainings start
    assert server.process is not None
    with server.client(decode_responses=True) as client:
        network(client)
        train(client)  # its thread is there now, with its stack
        pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + (100 << 20)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        nrx(client, "NR.CREATE big REGRESSOR 10000 10000 -> 1")
        ones = ["1"] * 10000
        for _ in range(3):
            assert refused(client, "NR.RUN big", *ones) == "out of memory"
        nrx(client, "NR.OBSERVE big", *ones, "->", "1", "TRAIN")
        failed = "the training of big failed: out of memory"
        nrx(client, "NR.TRAIN big MAXCYCLES 1")
        assert refused(client, "NR.WAIT big 0") == failed
        assert info(client, "big")["training-total-cycles"] == 0
        assert info(client, "big")["training-ended-by"] == "memory"
        assert refused(client, "NR.WAIT big 0") == failed
        nrx(client, "NR.RESET big")
        assert nrx(client, "NR.WAIT big 0") == 1
        assert "is lost: ERR out of memory" in server.log
        client.delete("big")
        train(client)
        assert info(client)["training-total-cycles"] == 100


# ---- hostile payloads ----


def test_damaged_payloads_are_refused(server: Server, client: redis.Redis) -> None:
    """Every byte changed in turn, with a checksum that is right: refused, unless it is the same
    network all the same (the payload is compressed, and several ways lead to equal bytes)."""
    nrx(client, "NR.CREATE net CLASSIFIER 2 3 -> 2 SEED 1 DATASET 8 TEST 4")
    for a, b in ROWS:
        nrx(client, f"NR.OBSERVE net {a} {b} -> {a % 2}")
    train(client)
    with server.client() as raw:
        original = content(raw.execute_command("NR.DUMP", "net"))
        body = raw.dump("net")[:-8]
        for at in range(len(body) - 2):
            damaged = body[:at] + bytes([body[at] ^ (1 << at % 8)]) + body[at + 1 :]
            if restored := taken(raw, damaged):
                assert content(restored) == original
        for length in range(0, len(body) - 2, 7):
            assert not taken(raw, body[:length] + body[-2:])


def test_damaged_payloads_of_neural_redis_are_refused(own: Callable[..., Server]) -> None:
    """Encoding 2 has no checksum of its own: a changed weight is another weight. No crash."""
    with own_of_neural_redis(own).client() as raw:
        bodies = [raw.dump(key)[:-8] for key in raw.scan_iter()]
        for body in bodies:
            for at in range(0, len(body) - 2, 3):
                for bits in 1 << at % 8, 0xFF:
                    damaged = body[:at] + bytes([body[at] ^ bits]) + body[at + 1 :]
                    taken(raw, damaged)
            for length in range(0, len(body) - 2, 13):
                assert not taken(raw, body[:length] + body[-2:])
        assert raw.ping()


def taken(raw: redis.Redis, body: bytes) -> bytes | None:
    """What RESTORE makes of a payload: a dump of the network, or None where it is refused."""
    try:
        raw.restore("bad", 0, body + crc64(body), replace=True)
    except redis.ResponseError:
        return None
    if raw.type("bad") == b"neural-NN":
        dump: bytes = raw.execute_command("NR.DUMP", "bad")
        return dump
    return None


def crc64(data: bytes) -> bytes:
    """The checksum of DUMP's payloads: CRC-64/Jones, as Redis has it."""
    crc = 0
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return struct.pack("<Q", crc)


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = _crc_table()


# ---- Neural Redis' defects that are not above ----


def test_many_trainings_at_once_all_end_and_none_is_lost(client: redis.Redis) -> None:
    keys = [f"net{i}" for i in range(32)]
    for i, key in enumerate(keys):
        network(client, key)
        nrx(client, f"NR.TRAIN {key} MAXTIME 0 MAXCYCLES {50 + i}")
    assert [nrx(client, f"NR.WAIT {key} 0") for key in keys] == [1] * 32
    cycles = [info(client, key)["training-total-cycles"] for key in keys]
    assert cycles == [50 + i for i in range(32)]


def test_getdata_past_the_length_is_nil(client: redis.Redis) -> None:
    network(client)
    for row in 5, 49, 50, 10**6, 2**31, 2**32:
        assert nrx(client, f"NR.GETDATA net TRAIN {row}") is None


def test_layers_and_units_beyond_the_limits_are_refused(client: redis.Redis) -> None:
    layers = " ".join(["3"] * 63)
    assert "too many layers" in refused(client, f"NR.CREATE net REGRESSOR 2 {layers} -> 1")
    for units in 2**24 + 1, 2**31, 2**32, 2**32 + 1, 2**63, 2**64:
        assert "too many units" in refused(client, f"NR.CREATE net REGRESSOR {units} -> 1")
    assert "too many parameters" in refused(client, "NR.CREATE net REGRESSOR 99999 99999 -> 1")
    assert "too large a dataset" in refused(
        client, "NR.CREATE net REGRESSOR 2 -> 1 DATASET 4294967297"
    )
    assert not client.exists("net")


def test_a_training_without_a_limit_can_be_stopped(client: redis.Redis) -> None:
    network(client)
    nrx(client, "NR.TRAIN net MAXTIME 0")
    assert nrx(client, "NR.STOP net") == 1
    assert nrx(client, "NR.WAIT net 0") == 1


def test_a_full_testing_dataset_is_refreshed(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 -> 1 DATASET 4 TEST 4 SEED 1")
    for i in range(8):
        nrx(client, f"NR.OBSERVE net {i} -> 0")
    old = [nrx(client, f"NR.GETDATA net TEST {i}") for i in range(4)]
    for i in range(100):
        nrx(client, f"NR.OBSERVE net {100 + i} -> 0")
    assert [nrx(client, f"NR.GETDATA net TEST {i}") for i in range(4)] != old


def test_infinities_are_refused(client: redis.Redis) -> None:
    network(client)
    for text in "inf", "-inf", "nan", "1e39":
        assert "invalid neural network input" in refused(client, f"NR.OBSERVE net {text} 1 -> 1")
        assert "invalid neural network input" in refused(client, f"NR.RUN net {text} 1")
    blob = struct.pack("<3f", 1, float("inf"), 1)
    assert "infinity" in refused(client, "NR.OBSERVE net FP32", blob)


def test_outputs_can_be_negative(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 3 -> 1 NORMALIZE DATASET 50 TEST 0 SEED 1")
    for i in range(20):
        nrx(client, f"NR.OBSERVE net {i} -> {-10 * i}")
    train(client, options="MAXTIME 0 MAXCYCLES 500")
    assert float(nrx(client, "NR.RUN net 10")[0]) == pytest.approx(-100, abs=20)


def test_a_network_runs_as_before_until_its_training_is_merged(client: redis.Redis) -> None:
    network(client)
    train(client)
    before = nrx(client, "NR.RUN net 3 4")
    for i in range(20):
        nrx(client, f"NR.OBSERVE net {1000 * i} {1000 * i} -> {2000 * i}")
    nrx(client, "NR.TRAIN net", *ENDLESS)
    assert eventually(lambda: " cycle=0 " not in nrx(client, "NR.THREADS")[0])
    assert nrx(client, "NR.RUN net 3 4") == before
    nrx(client, "NR.RESET net")


def test_samples_for_a_dataset_of_none_are_refused(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 -> 1 DATASET 4 TEST 0")
    assert "TEST 0" in refused(client, "NR.OBSERVE net 1 -> 1 TEST")
    assert info(client)["training-dataset-len"] == 0


def test_reset_forgets_that_overfitting_was_detected(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 9 9 -> 1 DATASET 9 TEST 9 SEED 1 PATIENCE 1")
    for i in range(18):
        nrx(client, f"NR.OBSERVE net {i * 7 % 18} -> {i * 5 % 7}")
    train(client, options="MAXTIME 0 AUTOSTOP")
    assert info(client)["overfitting-detected"] == "yes"
    nrx(client, "NR.RESET net")
    assert info(client)["overfitting-detected"] == "no"


def test_a_large_network_is_created_and_trained_without_holding_the_server(
    server: Server, client: redis.Redis
) -> None:
    """No figure here, a benchmark has it: only that others are served meanwhile."""
    nrx(client, "NR.CREATE big REGRESSOR 5000 5000 -> 1 DATASET 2000 TEST 0")
    client.execute_command("NR.OBSERVE", "big", "FP32", struct.pack("<5001f", *[1] * 5001))
    nrx(client, "NR.TRAIN big", *ENDLESS)
    for _ in range(20):
        assert client.ping()
    client.delete("big")
    assert nrx(client, "NR.THREADS") == []


# ---- Neural Redis' files ----

NEURAL_REDIS = Path(__file__).parent / "data" / "neural-redis-encoding-2"


def own_of_neural_redis(own: Callable[..., Server]) -> Server:
    """A server that has loaded a file of Neural Redis'."""
    server = own("--dbfilename", "dump.rdb")
    server.kill()
    shutil.copy(NEURAL_REDIS.with_suffix(".rdb"), server.directory / "dump.rdb")
    return server.start()


def test_networks_of_neural_redis_are_loaded(own: Callable[..., Server]) -> None:
    expected = json.loads(NEURAL_REDIS.with_suffix(".json").read_text())
    with nr.connect(own_of_neural_redis(own).url()) as db:
        assert sorted(db) == sorted(expected)
        for key, want in expected.items():
            told = dict(zip(*[iter(db.execute("NR.INFO", key))] * 2, strict=True))  # type: ignore[arg-type]
            for field, value in want["info"].items():
                if field not in ("id", "training-total-seconds"):
                    assert told[field] == (value if field in told else None) or float(
                        told[field]
                    ) == pytest.approx(float(value), rel=1e-6)
            assert db[key].configure()["classic"] is True
            for inputs, outputs in want["runs"]:
                assert db[key].run(inputs).tolist() == pytest.approx(outputs, rel=1e-5, abs=1e-7)
            for dataset in "TRAIN", "TEST":
                if want[dataset]:
                    x, y = db[key].sample(dataset, 3)
                    assert [x.tolist(), y.tolist()] == want[dataset]
        db["sum"].train(maxcycles=20, maxtime=0).wait()
        assert db["sum"].info().cycles == 320
        assert db["sum"].info().train_error < 0.001


def test_networks_of_neural_redis_are_the_same_each_time(own: Callable[..., Server]) -> None:
    server = own_of_neural_redis(own)
    with server.client() as client:
        first = {key: client.execute_command("NR.DUMP", key) for key in client.scan_iter()}
    server.kill()
    with server.start().client() as client:
        assert first == {key: client.execute_command("NR.DUMP", key) for key in client.scan_iter()}


# ---- the internal command ----


def test_replay_takes_nothing_on_trust(server: Server, client: redis.Redis) -> None:
    network(client)
    for words in (
        ["PUT", "x", "nonsense"],
        ["MERGE", "none", "nonsense"],
        ["MERGE", "net", "nonsense"],
        ["TRAIN", "net", "abc"],
        ["TEST", "net", b"\0\0\x80\x7f" * 3],
        ["TRAIN", "net", b"\0" * 12 * 1000],
        ["ID", "net", "abc"],
        ["ID", "net", b"\xff" * 8],
        ["NOTHING", "net", "abc"],
    ):
        refused(client, "NR.REPLAY", *words)
    assert info(client)["training-dataset-len"] == 5
    with server.client() as raw:
        blob = raw.execute_command("NR.DUMP", "net")
        raw.set("text", "x")
        raw.execute_command("NR.REPLAY", "PUT", "text", blob)
        assert raw.execute_command("NR.DUMP", "text") == blob
    client.execute_command("ACL SETUSER app on nopass ~* +@all -nr.replay")
    with server.client(username="app", password="x") as app:
        assert "permission" in refused(app, "NR.REPLAY PUT net x")
    client.execute_command("ACL DELUSER app")


# ---- Redis 6.2 ----


def test_redis_62_runs_the_module(tmp_path: Path) -> None:
    with running(redis_62(), tmp_path / "old") as server, nr.connect(server.url()) as db:
        net = db.create("net", "regressor", [2, 3, 1], normalize=True, dataset=50, test=10)
        net.observe_many(ROWS, [a + b for a, b in ROWS])
        net.train(maxcycles=50, maxtime=0).wait()
        assert net.info().cycles == 50
        with server.client() as client:
            client.copy("net", "copy")
        assert db["copy"].info().id != net.info().id
        assert db["copy"].run([3, 4]) == net.run([3, 4])
        net.train(maxtime=0)
        with server.client() as client:
            client.rename("net", "other")
        assert len(db.execute("NR.THREADS")) == 1  # type: ignore[arg-type]
        del db["other"]
        assert db.execute("NR.THREADS") == []
