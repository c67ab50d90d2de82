"""What RedisInsight sends when it opens a database, by its own source: each line is answered.

Its client is ioredis, in version 2 of the protocol. What a server of Redis' own refuses, since it
is no Sentinel, no cluster and has no search, is refused here too, and in the way that it expects.
"""

from collections.abc import Iterator

import pytest
import redis
from serving import Serving

KINDS = ("string", "hash", "list", "set", "zset", "stream", "ReJSON-RL", "neural-NN")


@pytest.fixture
def client(served_memory: Serving) -> Iterator[redis.Redis]:
    with served_memory.client(decode_responses=True, protocol=2) as client:
        if names := client.keys():
            client.delete(*names)
        client.response_callbacks.clear()  # replies as they come
        client.execute_command("NR.CREATE", "club", "REGRESSOR", 1, "->", 1)
        yield client


def fields_of(info: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)


def test_it_connects_and_finds_out_what_this_is(client: redis.Redis) -> None:
    ask = client.execute_command
    assert ask("INFO").startswith("# Server\r\n")
    assert ask("CLIENT SETNAME", "redisinsight-common-4b1e0f52") == "OK"
    assert ask("SELECT", 0) == "OK"
    for line, why in (
        ("SENTINEL MASTERS", "unknown command 'SENTINEL'"),
        ("CLUSTER INFO", "This instance has cluster support disabled"),
        ("FT._LIST", r"unknown command 'FT\._LIST'"),
        ("SELECT 1", "DB index is out of range"),
    ):
        with pytest.raises(redis.ResponseError, match=why):
            ask(*line.split())
    assert ask("CONFIG GET", "databases") == ["databases", "1"]
    [module] = ask("MODULE LIST")
    assert module[:3] == ["name", "neuralredis", "ver"]
    assert ask("COMMAND INFO", "ft.search", "json.get") == [None, None]
    names = [command[0] for command in ask("COMMAND")]
    assert {"nr.run", "scan", "info"} <= set(names)
    assert ask("ACL WHOAMI") == "default"


def test_it_shows_an_overview(client: redis.Redis) -> None:
    ask = client.execute_command
    found = fields_of(ask("INFO"))
    wanted = ("redis_version", "role", "used_memory", "connected_clients", "uptime_in_seconds")
    assert all(found[name] for name in (*wanted, "used_cpu_sys", "used_cpu_user"))
    assert found["db0"] == "keys=1,expires=0,avg_ttl=0"
    assert fields_of(ask("INFO", "keyspace")).keys() == {"db0"}
    assert ask("DBSIZE") == 1
    assert "name=" in ask("CLIENT LIST")
    assert ask("SLOWLOG LEN") == 0
    assert ask("SLOWLOG GET", 50) == []
    assert ask("CONFIG GET", "slowlog*") == []
    assert ask("LATENCY LATEST") == []


def test_it_browses_the_keys(client: redis.Redis) -> None:
    ask = client.execute_command
    assert ask("SCAN", 0, "MATCH", "*", "COUNT", 10000) == ["0", ["club"]]
    found = [ask("SCAN", "0", "MATCH", "*", "COUNT", "500", "TYPE", kind)[1] for kind in KINDS]
    assert found == [[]] * 7 + [["club"]]
    with client.pipeline(transaction=False) as pipe:
        pipe.response_callbacks = {}
        for line in ("TTL club", "MEMORY USAGE club SAMPLES 0", "TYPE club"):
            pipe.execute_command(*line.split())
        lifetime, size, kind = pipe.execute()
    assert (lifetime, kind) == (-1, "neural-NN")
    assert size is None or size > 0
    assert ask("OBJECT ENCODING", "club") == "raw"


def test_what_is_not_recorded_says_so(client: redis.Redis) -> None:
    for line, why in (
        ("SLOWLOG HELP", "unknown subcommand 'HELP' of SLOWLOG: there are GET, LEN"),
        ("LATENCY DOCTOR", "unknown subcommand 'DOCTOR' of LATENCY: there are HISTORY, LATEST"),
        ("ACL LIST", "unknown subcommand 'LIST' of ACL: there is ACL WHOAMI"),
    ):
        with pytest.raises(redis.ResponseError) as refused:
            client.execute_command(*line.split())
        assert str(refused.value) == why
