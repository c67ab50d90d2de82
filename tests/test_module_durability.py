"""Replicas, the AOF and RDB files hold what the server held, to the last bit."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from module_load import apply, settle
from redis_private import until
from redis_server import Server, redis_62, redis_server

AOF = ("--appendonly", "yes", "--appendfsync", "always")
SIXTY_TWO = "6.2"
PAUSE = ("CLIENT", "PAUSE", "600000", "WRITE")  # as a failover does


@contextmanager
def pair(binary: str, directory: Path, *options: str) -> Iterator[tuple[Server, Server]]:
    """A master and its replica."""
    servers = []
    for name in "master", "replica":
        (directory / name).mkdir()
        servers.append(Server(binary, directory / name, *(options if name == "master" else ())))
    master, replica = servers
    try:
        master.start()
        replica.start("--replicaof", "127.0.0.1", str(master.port))
        await_link(replica)
        yield master, replica
    finally:
        replica.kill()
        master.kill()


def await_link(replica: Server) -> None:
    with replica.client() as client:
        for _ in range(3000):
            if client.info("replication").get("master_link_status") == "up":
                return
            threading.Event().wait(0.02)
    raise AssertionError(replica.log[-2000:])


def digest(server: Server) -> str:
    with server.client(decode_responses=True) as client:
        found: str = client.execute_command("DEBUG", "DIGEST")
        return found


def replicated(master: Server, replica: Server) -> bool:
    """Once the replica has all of the master's stream."""
    with master.client() as client:
        client.set("marker", "x")
        assert client.wait(1, 60000) == 1
    return digest(master) == digest(replica)


def run(client: redis.Redis, line: str) -> None:
    client.execute_command(*line.split())


def load(server: Server, count: int, seed: int) -> None:
    with server.client(single_connection_client=True) as client:
        apply(client, count, seed)


def restarted(server: Server, *options: str) -> str:
    """The digest after kill -9 and a new start."""
    server.kill()
    server.start(*options)
    return digest(server)


def rewrite(server: Server, preamble: str) -> None:
    with server.client() as client:
        client.config_set("aof-use-rdb-preamble", preamble)
        before = client.info("stats")["total_forks"] if server.version >= (6, 2) else 0
        client.bgrewriteaof()
        for _ in range(3000):
            told = client.info("persistence")
            if not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]:
                break
            threading.Event().wait(0.02)
        assert told["aof_last_bgrewrite_status"] == "ok"
        assert client.info("stats")["total_forks"] > before


@pytest.fixture(params=["installed", SIXTY_TWO])
def binary(request: pytest.FixtureRequest) -> str:
    return redis_62() if request.param == SIXTY_TWO else redis_server()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_thousand_commands_on_a_replica_and_after_each_way_of_restarting(
    tmp_path: Path, seed: int
) -> None:
    with pair(redis_server(), tmp_path, *AOF) as (master, replica):
        load(master, 10_000, seed)
        assert replicated(master, replica)
        held = digest(master)
        assert restarted(master) == held
        for preamble in "no", "yes":
            rewrite(master, preamble)
            assert restarted(master) == held
        await_link(replica)
        load(master, 500, seed + 10)
        assert replicated(master, replica)
        held = digest(master)
        assert restarted(master) == held


def test_redis_62_replicates_and_restarts(tmp_path: Path) -> None:
    with pair(redis_62(), tmp_path, *AOF) as (master, replica):
        load(master, 2_000, 4)
        assert replicated(master, replica)
        held = digest(master)
        assert restarted(master) == held
        for preamble in "no", "yes":
            rewrite(master, preamble)
            assert restarted(master) == held


def test_a_file_holds_all_of_it(tmp_path: Path, binary: str) -> None:
    """SAVE right after a training; and the file moves on from 6.2 to what is installed."""
    with pair(binary, tmp_path) as (master, _):
        load(master, 1_000, 5)
        with master.client() as client:
            run(client, "NR.CREATE last REGRESSOR 1 2 -> 1")
            run(client, "NR.OBSERVE last 1 -> 2 TRAIN")
            run(client, "NR.TRAIN last MAXCYCLES 7 MAXTIME 0")
            run(client, "NR.WAIT last 0")
            until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0)
            client.save()
        held = digest(master)
        assert restarted(master) == held
        with master.client() as client:
            assert 7 in client.execute_command("NR.INFO", "last")
        (tmp_path / "new").mkdir()
        new = Server(redis_server(), tmp_path / "new")
        (tmp_path / "new" / "dump.rdb").write_bytes((tmp_path / "master" / "dump.rdb").read_bytes())
        try:
            assert digest(new.start()) == held
        finally:
            new.kill()


def test_a_replica_that_takes_over_trains_what_its_master_trained(tmp_path: Path) -> None:
    with pair(redis_server(), tmp_path) as (master, replica):
        load(master, 300, 6)
        with master.client() as client:
            for line in (
                "NR.CREATE net REGRESSOR 2 3 -> 1",
                "NR.OBSERVE net 1 2 -> 3 TRAIN",
                "NR.TRAIN net MAXTIME 0",
            ):
                run(client, line)
            with replica.client() as other, pytest.raises(redis.exceptions.ReadOnlyError):
                other.execute_command("NR.TRAIN", "net")
            assert client.wait(1, 60000) == 1
            assert len(client.execute_command("NR.THREADS")) == 1
        with replica.client() as other, master.client() as client:
            assert other.execute_command("NR.THREADS") == []
            other.replicaof("NO", "ONE")
            client.replicaof("127.0.0.1", str(replica.port))
            await_link(master)
            assert client.execute_command("NR.THREADS") == []
            run(other, "NR.TRAIN net MAXTIME 0 MAXCYCLES 9")
            settle(other)
        assert replicated(replica, master)


def test_what_was_acknowledged_survives_kill_9_at_any_time(tmp_path: Path) -> None:
    server = Server(redis_server(), tmp_path, *AOF).start()
    acknowledged, cycles = 0, 0
    try:
        for round in range(3):
            with server.client() as client:
                if round == 0:
                    run(client, "NR.CREATE net REGRESSOR 1 2 -> 1 DATASET 99999")
                timer = threading.Timer(0.2, server.process.kill)  # type: ignore[union-attr]
                try:
                    for number in itertools.count(1):
                        run(client, "NR.OBSERVE net 1 -> 2 TRAIN")
                        acknowledged += 1
                        if number % 20 == 0:
                            run(client, "NR.TRAIN net MAXCYCLES 1 MAXTIME 0")
                            run(client, "NR.WAIT net 0")
                            cycles += 1
                        if number == 30:
                            timer.start()
                except redis.ConnectionError:
                    timer.join()
            server.kill()
            server.start()
            with server.client() as client:
                reply = client.execute_command("NR.INFO", "net")
                told = dict(zip(reply[::2], reply[1::2], strict=True))
            assert told[b"training"] == 0
            assert told[b"training-dataset-len"] - acknowledged in (0, 1)
            assert told[b"training-total-cycles"] - cycles in (0, 1)
            acknowledged, cycles = told[b"training-dataset-len"], told[b"training-total-cycles"]
    finally:
        server.kill()
    assert acknowledged > 0
    assert cycles > 0


def nn_id(client: redis.Redis, key: str) -> int:
    told = client.execute_command("NR.INFO", key)
    found: int = told[told.index(b"id") + 1]
    return found


def observed(client: redis.Redis) -> None:
    run(client, "NR.CREATE net REGRESSOR 2 3 -> 1")
    run(client, "NR.OBSERVE net 1 2 -> 3 TRAIN")


def test_a_training_that_ends_while_clients_are_paused_is_merged_afterwards(
    tmp_path: Path, binary: str
) -> None:
    with pair(binary, tmp_path, *AOF) as (master, replica), master.client() as client:
        observed(client)
        with client.pipeline(transaction=False) as pipe:
            pipe.execute_command("NR.TRAIN", "net", "MAXTIME", "2000")  # seen before it ends
            pipe.execute_command(*PAUSE)
            pipe.execute()
        until(lambda: b" cycle=0 " not in client.execute_command("NR.THREADS")[0])
        until(lambda: b" cycle=0 " in client.execute_command("NR.THREADS")[0])
        told = client.execute_command("NR.INFO", "net")
        assert told[told.index(b"training-total-cycles") + 1] == 0
        client.execute_command("CLIENT", "UNPAUSE")
        until(lambda: client.execute_command("NR.THREADS") == [])
        told = client.execute_command("NR.INFO", "net")
        assert told[told.index(b"training-total-cycles") + 1] > 0
        assert replicated(master, replica)


def test_a_copy_just_before_a_pause_gets_its_id_afterwards(tmp_path: Path, binary: str) -> None:
    with pair(binary, tmp_path, *AOF) as (master, replica), master.client() as client:
        observed(client)
        with client.pipeline(transaction=True) as pipe:
            pipe.execute_command("COPY", "net", "other")
            pipe.execute_command(*PAUSE)
            pipe.execute()
        assert client.ping()
        client.execute_command("CLIENT", "UNPAUSE")
        until(lambda: nn_id(client, "other") != nn_id(client, "net"))
        run(client, "NR.OBSERVE other 3 4 -> 5")
        assert replicated(master, replica)


def test_a_failover_takes_what_was_trained_and_no_more(tmp_path: Path, binary: str) -> None:
    with (
        pair(binary, tmp_path, *AOF) as (master, replica),
        master.client() as client,
        replica.client() as other,
    ):
        observed(client)
        run(client, "NR.TRAIN net MAXTIME 0 MAXCYCLES 9")
        run(client, "NR.WAIT net 0")
        run(client, "NR.TRAIN net MAXTIME 0")
        client.execute_command("FAILOVER")
        until(lambda: other.info("replication")["role"] == "master")
        until(lambda: client.info("replication").get("master_link_status") == "up")
        assert client.execute_command("NR.THREADS") == []
        told = other.execute_command("NR.INFO", "net")
        assert told[told.index(b"training-total-cycles") + 1] == 9
        assert replicated(replica, master)
