"""The module in a real server: what other drivers do not have."""

import os
import re
import resource
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from module_calls import ENDLESS, ROWS, eventually, info, network, nrx, refused, train
from redis_server import Server, redis_62, redis_server, running

import nr
from nr.backends import Backend, connect
from nr.engine import module_path as installed_module
from nr.limits import group_limits, processors


@pytest.fixture
def backend(server: Server) -> Iterator[Backend]:
    backend = connect(server.url())
    yield backend
    backend.close()


# ---- loading ----


def test_the_module_is_executable() -> None:
    assert os.access(installed_module(), os.X_OK)


def test_module_path_prints_where_it_is() -> None:
    from click.testing import CliRunner

    from nr.cli import main

    result = CliRunner().invoke(main, ["module-path"])
    assert result.output.strip() == str(installed_module())


@pytest.mark.parametrize(
    "words", ["THREADS -1", "MEMORY 0", "MEMORY 8gib", "MEMORY", "THREADS 1 MEMORY", "SPACE 1"]
)
def test_a_wrong_module_argument_is_refused(tmp_path: Path, words: str) -> None:
    server = Server(redis_server(), tmp_path)
    command = [*server.command(), *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=server.env)
    assert done.returncode != 0
    assert "THREADS n, from 0 to" in done.stdout
    assert "MEMORY n, bytes or as 512mb" in done.stdout


def told_limits(server: Server) -> list[int]:
    """Processors, trainings at once and bytes of memory, as the module says when it is loaded."""
    (line,) = re.findall(r"processors that the server may use: .*", server.log)
    return [int(number) for number in re.findall(r": (\d+)", line)]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="taskset is Linux'")
def test_threads_and_memory_are_those_that_the_server_may_use(own: Callable[..., Server]) -> None:
    allowed = os.sched_getaffinity(0)
    machine = os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
    memory = min([machine, *group_limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))])
    assert told_limits(own()) == [processors(), max(1, processors() - 1), memory]
    assert told_limits(own("THREADS", "5", "MEMORY", "1gb")) == [processors(), 5, 1 << 30]
    for some in {min(allowed)}, {min(allowed), max(allowed)}:
        os.sched_setaffinity(0, some)  # as taskset does
        try:
            server = own("--maxmemory", "100mb")
        finally:
            os.sched_setaffinity(0, allowed)
        assert told_limits(server) == [len(some), 1, 100 << 20]
        with server.client(decode_responses=True) as client:
            trains_one_at_a_time(client)


def test_a_training_takes_at_most_half_of_maxmemory(own: Callable[..., Server]) -> None:
    server = own("MEMORY", "477mb", "THREADS", "1")
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


def trains_one_at_a_time(client: redis.Redis) -> None:
    network(client, "first")
    network(client, "second")
    nrx(client, "NR.TRAIN first", *ENDLESS)
    nrx(client, "NR.TRAIN second", *ENDLESS)
    assert eventually(lambda: " cycle=0 " not in nrx(client, "NR.THREADS")[0])
    assert " cycle=0 " in nrx(client, "NR.THREADS")[1]


def test_one_thread_trains_one_network_at_a_time(own: Callable[..., Server]) -> None:
    server = own("THREADS", "1")
    with server.client(decode_responses=True) as client:
        trains_one_at_a_time(client)
        assert info(client, "second")["training"] == 1
        assert nrx(client, "NR.STOP second") == 1
        assert info(client, "second")["training"] == 0
        assert info(client, "second")["training-total-cycles"] == 0
        nrx(client, "NR.TRAIN second MAXCYCLES 5")
        nrx(client, "NR.STOP first")
        assert nrx(client, "NR.WAIT second 0") == 1
        assert info(client, "second")["training-total-cycles"] == 5


def test_commands_tell_clients_of_their_keys(client: redis.Redis) -> None:
    keys = client.execute_command("COMMAND GETKEYS", "NR.DEL", "a", "b")
    assert keys == ["a", "b"]


# ---- the driver ----


@pytest.mark.parametrize("protocol", [2, 3])
def test_values_are_the_same_over_both_protocols(server: Server, protocol: int) -> None:
    with nr.connect(server.url(), protocol=protocol) as db, nr.connect("memory://") as memory:
        for each in db, memory:
            net = each.create("net", "classifier", [2, 3, 2], seed=3)
            net.observe_many([[1, 2], [4, 5], [0.1, 3]], [0, 1, 1])
            net.train(maxcycles=7, timeout=0, autostop=False).wait()
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
        assert info(client, "big")["training-ended-by"] == "never"
        assert info(client, "big")["last-training"] == "failed: out of memory"
        assert refused(client, "NR.WAIT big 0") == failed
        nrx(client, "NR.RESET big")
        assert nrx(client, "NR.WAIT big 0") == 1
        assert " failed: out of memory" in server.log
        client.delete("big")
        train(client)
        assert info(client)["training-total-cycles"] == 100


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
        net.train(maxcycles=50, timeout=0, autostop=False).wait()
        assert net.info().cycles == 50
        with server.client() as client:
            client.copy("net", "copy")
        assert db["copy"].info().id != net.info().id
        assert db["copy"].run([3, 4]) == net.run([3, 4])
        db.execute("NR.CREATE club CLASSIFIER age:number who:category -> joined:category")
        db.execute("NR.OBSERVE club age=6 who=7 -> joined=yes TRAIN")
        told = [b"age", 6.0, b"who", b"7", b"joined", b"yes"]
        assert db.execute("NR.GETDATA club TRAIN 0") == told  # numbers are told from texts
        net.train(timeout=0, autostop=False)
        with server.client() as client:
            client.rename("net", "other")
        assert len(db.execute("NR.THREADS")) == 1  # type: ignore[arg-type]
        del db["other"]
        assert db.execute("NR.THREADS") == []
