"""What a server with the module tells of it: to redis-cli, to INFO, to MONITOR, to `redis://`."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
from redis_private import Servers, until
from redis_server import Server, bundled, missing, running
from serving import Serving

import nr
from nr import engine

SERVERS = ["redis-8.2", "valkey-9.1"]


def docs_of(client: redis.Redis) -> Any:
    """What COMMAND DOCS has to say of nr's commands."""
    return client.execute_command("COMMAND DOCS", *(spec.name for spec in engine.specs()))


def test_redis_cli_shows_the_syntax(server: Server, served_memory: Serving) -> None:
    """Redis' own of 7.0, whose help and hints are one text; and `nr serve` tells the same."""
    if server.version < (7,):
        pytest.skip("servers before 7.0 have no COMMAND DOCS")
    cli = shutil.which("redis-cli")
    if cli is None:
        missing("redis-cli")
    for port in server.port, served_memory.resp:
        for command, syntax in (
            (
                "NR.TRAIN",
                "key [MAXCYCLES maxcycles] [MAXTIME maxtime] [AUTOSTOP] [BACKTRACK] [QUEUE]",
            ),
            ("NR.DEL", "key [key ...]"),
            ("NR.CLASS", "key input [input ...] "),
            ("NR.LIST", "[pattern]"),
            ("NR.CLEAR", "key [TRAIN|TEST]"),
            ("NR.THREADS", ""),
        ):
            argv = [str(cli), "-p", str(port), "help", command]
            told = subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout
            assert f"{command}\x1b[0m \x1b[90m{syntax}" in told


@pytest.mark.skipif("NR_TEST_PRELOAD" in os.environ, reason="Valkey 9.1 loads no sanitized one")
@pytest.mark.parametrize("name", SERVERS)
def test_arguments_are_described_alike(name: str, served_memory: Serving, tmp_path: Path) -> None:
    with running(bundled(name), tmp_path) as server:
        with server.client(protocol=3) as client:
            theirs = docs_of(client)
        ours = docs_of(served_memory.client(protocol=3))
        for spec in engine.specs():
            one, other = (docs[spec.name.lower().encode()] for docs in (theirs, ours))
            assert one.get(b"arguments") == other.get(b"arguments")
            assert one[b"summary"] == other[b"summary"]
            options = [arg for arg in one.get(b"arguments", ()) if b"token" in arg]
            assert [arg[b"token"].decode() for arg in options] == [o.word for o in spec.options]
        [train] = [a for a in theirs[b"nr.train"][b"arguments"] if a[b"name"] == b"maxtime"]
        assert (train[b"type"], train[b"display_text"], train[b"flags"]) == (
            b"integer", b"ms", [b"optional"]
        )  # fmt: skip


def test_info_has_a_section_of_its_own(server: Server, client: redis.Redis) -> None:
    ask = client.execute_command
    for key in ("one", "two"):
        ask("NR.CREATE", key, "REGRESSOR", 1, "->", 1)
        ask("NR.OBSERVE", key, 1, "->", 2, "TRAIN")
    idle = client.info("neuralredis")
    assert idle["neuralredis_instruction_set"] == engine.isa()
    assert idle["neuralredis_trainings_running"] == idle["neuralredis_memory_reserved"] == 0
    ask("NR.TRAIN", "one", "MAXCYCLES", 0, "MAXTIME", 0)
    ask("NR.TRAIN", "two", "QUEUE")
    with socket.create_connection(("127.0.0.1", server.port)) as waiting:
        waiting.sendall(b"NR.WAIT one 0\r\n")
        until(lambda: client.info("neuralredis")["neuralredis_clients_waiting"] == 1)
        until(lambda: client.info("neuralredis")["neuralredis_trainings_running"] == 1)
        found = client.info("everything")
        assert found["neuralredis_trainings_waiting"] == 1
        assert found["neuralredis_trainings_outside"] == 0
        ask("NR.STOP", "one")
    ask("NR.STOP", "two")


def test_a_monitor_sees_each_command_once_and_as_it_was_sent(
    server: Server, client: redis.Redis
) -> None:
    """Binary samples among them, and nothing of what threads do besides."""
    blob = bytes(range(256)) * 3
    with server.client() as other, other.monitor() as monitor:
        client.execute_command("NR.CREATE", "net", "REGRESSOR", 1, "->", 1, "DATASET", 5)
        client.execute_command("NR.OBSERVE", "net", 1, "->", 2, "TRAIN")
        client.execute_command("NR.TRAIN", "net", "MAXCYCLES", 5)
        client.execute_command("NR.WAIT", "net", 0)
        with pytest.raises(redis.ResponseError, match="invalid network"):
            client.execute_command("NR.RESTORE", "other", blob)
        client.execute_command("ECHO", "end")
        seen = []
        while not seen or not seen[-1].startswith("ECHO"):
            seen.append(monitor.next_command()["command"])
    names = [command.split()[0] for command in seen if command.startswith(("NR.", "nr."))]
    assert names == ["NR.CREATE", "NR.OBSERVE", "NR.TRAIN", "NR.WAIT", "NR.RESTORE"]
    assert client.ping()


def test_the_plain_driver_says_that_the_module_is_there(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.url().replace("+module", "")
    with nr.connect(url) as db:
        assert list(db) == []
    [record] = caplog.records
    assert "redis+module://" in record.getMessage()
    caplog.clear()
    with server.client() as client:
        client.execute_command("ACL SETUSER", "shy", "on", ">a", "~*", "+@all", "-command")
    with nr.connect(url.replace("//", "//shy:a@")) as db:  # who may not ask is not told
        assert list(db) == []
    with server.client() as client:
        client.execute_command("ACL DELUSER", "shy")
    assert caplog.records == []


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_server_without_the_module_is_none_that_has_it(
    redis_servers: Servers, caplog: pytest.LogCaptureFixture, protocol: int
) -> None:
    with nr.connect(redis_servers.empty("protocol3")["url"], protocol=protocol) as db:
        assert list(db) == []
    assert caplog.records == []
