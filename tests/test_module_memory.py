"""maxmemory: what the module makes by itself is accounted for before it is made."""

import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis
from module_calls import eventually, nrx, refused, train
from redis_server import Server

MB = 10**6
ONES = ["1"] * 1000
OOM = "command not allowed when used memory > 'maxmemory'."
ROW = struct.pack("<1000f", *[1.0] * 1000)


def create(client: redis.Redis, count: int = 8) -> None:
    """Networks of 80 MB each, that are not made yet."""
    for i in range(count):
        nrx(client, f"NR.CREATE net{i} REGRESSOR 1000 20000 -> 1 MEMBERS 1 SEED {i}")


def used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def attempt(client: redis.Redis, *argv: Any) -> Any:
    try:
        return client.execute_command(*argv)
    except redis.exceptions.OutOfMemoryError as error:
        return str(error)


def test_weights_that_a_first_run_makes_count_for_maxmemory(own: Callable[..., Server]) -> None:
    with own("--maxmemory", "100mb").client(decode_responses=True) as client:
        create(client)
        assert used(client) < 10 * MB
        assert attempt(client, "NR.RUN", "net0", *ONES) != OOM
        for i in range(1, 8):
            assert attempt(client, "NR.RUN", f"net{i}", *ONES) == OOM
            assert attempt(client, "NR.RUN", f"net{i}", "FP32", ROW) == OOM
        assert 80 * MB < used(client) < 100 * MB
        with client.pipeline(transaction=True) as transaction:
            transaction.execute_command("NR.RUN", "net1", *ONES)
            transaction.execute_command("NR.RUN", "net0", *ONES)
            made, had = transaction.execute(raise_on_error=False)
        assert str(made) == OOM
        assert len(had) == 1
        script = "return redis.pcall('NR.RUN', 'net2', unpack(ARGV))"
        assert OOM in str(attempt(client, "EVAL", script, 0, *ONES))
        client.delete("net0")
        assert eventually(lambda: used(client) < 10 * MB)  # some servers free it in a thread
        assert attempt(client, "NR.RUN", "net1", *ONES) != OOM


def test_first_runs_at_once_do_not_count_on_the_same_memory(own: Callable[..., Server]) -> None:
    server = own("THREADS", "4", "--maxmemory", "100mb")
    with server.client(decode_responses=True) as client:
        create(client)
        replies: list[Any] = []

        def run(i: int) -> None:
            with server.client(decode_responses=True) as other:
                replies.append(attempt(other, "NR.RUN", f"net{i % 8}", *ONES))

        threads = [threading.Thread(target=run, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replies.count(OOM) in (14, 15)  # two of them ran the same network
        assert int(client.info("memory")["used_memory_peak"]) < 110 * MB


def test_many_clients_may_wait_for_the_same_weights(own: Callable[..., Server]) -> None:
    server = own("THREADS", "4", "--maxmemory", "100mb")
    with server.client(decode_responses=True) as client:
        create(client, 1)
        replies: list[Any] = []

        def run() -> None:
            with server.client(decode_responses=True) as other:
                replies.append(attempt(other, "NR.RUN", "net0", *ONES))

        threads = [threading.Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({str(reply) for reply in replies}) == 1
        assert replies[0] != OOM
        assert int(client.info("memory")["used_memory_peak"]) < 110 * MB


@pytest.mark.parametrize("options", ["", "SEED 1"])
def test_where_memory_is_short_nothing_is_kept(own: Callable[..., Server], options: str) -> None:
    """Small networks run all the same: made anew each time, or one member after the other."""
    with own().client(decode_responses=True) as client:
        nrx(client, f"NR.CREATE net CLASSIFIER 9 15 -> 2 MEMBERS 8 {options}")
        nrx(client, "NR.OBSERVE net 1 2 3 4 5 6 7 8 9 -> 1 TRAIN")
        nrx(client, "NR.OBSERVE net 2 2 3 4 5 6 7 8 9 -> 0 TRAIN")
        for trained in False, True:
            if trained:
                train(client)
            before = client.memory_usage("net")
            client.config_set("maxmemory", 1)
            short = nrx(client, "NR.RUN net 1 2 3 4 5 6 7 8 9")
            assert nrx(client, "NR.CLASS net 1 2 3 4 5 6 7 8 9") in (0, 1)
            assert client.memory_usage("net") == before
            assert "command not allowed" in refused(client, "NR.TRAIN net MAXCYCLES 1")
            client.config_set("maxmemory", 0)
            assert nrx(client, "NR.RUN net 1 2 3 4 5 6 7 8 9") == short
            assert client.memory_usage("net") > before


def test_a_short_command_with_a_long_reply_is_refused(own: Callable[..., Server]) -> None:
    with own("--maxmemory", "100mb").client() as client:
        nrx(client, "NR.CREATE wide CLASSIFIER 1 -> 1000000 MEMBERS 1")
        rows = struct.pack("<400f", *[1.0] * 400)
        for command in "NR.RUN", "NR.CLASS":
            assert attempt(client, command, "wide", "FP32", rows) == OOM  # 1.6 GB, 0.5 GB
        assert used(client) < 60 * MB
        assert nrx(client, "NR.CLASS wide 1") < 1_000_000


def test_a_server_that_evicts_keys_makes_room(own: Callable[..., Server]) -> None:
    server = own("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    create = "NR.CREATE {} REGRESSOR 1000 20000 -> 1 MEMBERS 1"
    with server.client(decode_responses=True) as client:
        for key in "abc":
            nrx(client, create.format(key))
            assert attempt(client, "NR.RUN", key, *ONES) != OOM
            client.ping()
            assert eventually(lambda: used(client) < 105 * MB)  # some servers free it in a thread
        client.config_set("maxmemory", "60mb")
        client.ping()
        assert eventually(lambda: used(client) < 60 * MB)
        nrx(client, create.format("last"))
        assert attempt(client, "NR.RUN", "last", *ONES) == OOM  # it could never hold it


def test_a_training_that_does_not_fit_beside_the_data_is_refused(
    own: Callable[..., Server],
) -> None:
    with own("THREADS", "1", "--maxmemory", "120mb").client() as client:
        nrx(client, "NR.CREATE net REGRESSOR 2000 1000 -> 1 MEMBERS 1")  # 48 MB to train
        nrx(client, "NR.OBSERVE net FP32", struct.pack("<2001f", *range(2001)))
        for i in range(8):
            client.set(f"text{i}", b"x" * (10 * MB))
        assert OOM in refused(client, "NR.TRAIN net MAXCYCLES 1")
        client.delete(*[f"text{i}" for i in range(8)])
        assert nrx(client, "NR.TRAIN net MAXCYCLES 1") == b"Training has started"
        assert nrx(client, "NR.WAIT net 0") == 1
