"""Clients of `nr serve`: what they begin with, their order, and those that mean harm."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from redis_private import until
from serving import Serving, serving

import nr.aio
from nr.serve.commands import Commands
from nr.serve.server import Server
from nr.serve.settings import Settings


@pytest.fixture
def client(served_memory: Serving) -> Iterator[redis.Redis]:
    with served_memory.client(decode_responses=True) as client:
        if names := client.keys():
            client.delete(*names)
        yield client


class Raw:
    """A client that sends what it likes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> "Raw":
        self.socket.sendall(data)
        return self

    def line(self) -> bytes:
        return self.file.readline()

    def rest(self) -> bytes:
        """All until the server closes."""
        return self.file.read()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def raw(served_memory: Serving) -> Iterator[Callable[[], Raw]]:
    made: list[Raw] = []

    def make() -> Raw:
        made.append(Raw(served_memory.resp))
        return made[-1]

    yield make
    for one in made:
        one.close()


def error(client: redis.Redis, *argv: Any) -> str:
    with pytest.raises(redis.ResponseError) as refused:
        client.execute_command(*argv)
    return str(refused.value)


# ---- what they begin with ----


def test_either_protocol_is_spoken(served_memory: Serving, client: redis.Redis) -> None:
    client.execute_command("NR.CREATE", "net", "CLASSIFIER", 2, "->", 2, "SEED", 1)
    both = [
        served_memory.client(protocol=version).execute_command("NR.RUN", "net", 1, 2)
        for version in (2, 3)
    ]
    assert [type(value) for value in both[0] + both[1]] == [bytes, bytes, float, float]
    assert [float(value) for value in both[0]] == both[1]


def test_a_client_is_greeted(raw: Callable[[], Raw]) -> None:
    one = raw().send(b"HELLO 4\r\nHELLO 3 SETNAME me LIMIT\r\nHELLO 3 SETNAME me\r\n")
    assert one.line() == b"-NOPROTO unsupported protocol version\r\n"
    assert one.line() == b"-ERR Syntax error in HELLO option 'LIMIT'\r\n"
    assert one.line() == b"%7\r\n"


def test_it_is_asked_for_names_and_numbers(client: redis.Redis) -> None:
    ask = client.execute_command
    assert ask("ECHO", "a b") == "a b"
    assert ask("SELECT", 0)
    assert error(client, "SELECT", 1) == "DB index is out of range: there is database 0 alone"
    assert error(client, "SELECT", "a") == "value is not an integer or out of range"
    assert ask("CLIENT SETNAME", "me")
    assert ask("CLIENT GETNAME") == "me"
    assert ask("CLIENT SETINFO", "LIB-NAME", "mine")
    assert error(client, "CLIENT SETINFO", "LIB", "mine") == (
        "Unrecognized option: there are LIB-NAME and LIB-VER"
    )
    assert error(client, "CLIENT SETNAME", "a b") == (
        "Client names cannot contain spaces, newlines or special characters."
    )
    assert error(client, "CLIENT KILL") == (
        "unknown subcommand 'KILL' of CLIENT: there are GETNAME, ID, INFO, LIST, NO-EVICT, "
        "NO-TOUCH, SETINFO, SETNAME"
    )
    assert error(client, "CLIENT ID", 1) == "wrong number of arguments for 'client|id' command"
    told = client.client_info()
    assert (told["name"], told["lib-name"]) == ("me", "mine")
    assert int(told["id"]) == ask("CLIENT ID")
    assert int(told["id"]) in [int(one["id"]) for one in client.client_list()]


def test_networks_are_keys(client: redis.Redis) -> None:
    ask = client.execute_command
    for i in range(25):
        ask("NR.CREATE", f"net{i:02}", "REGRESSOR", 1, "->", 1)
    names = [f"net{i:02}" for i in range(25)]
    assert ask("DBSIZE") == 25
    assert sorted(client.keys("net1*")) == names[10:20]
    assert list(client.scan_iter(count=7)) == names
    assert list(client.scan_iter(match="*3", count=7)) == ["net03", "net13", "net23"]
    assert list(client.scan_iter(_type="hash")) == []
    assert (client.type("net00"), client.type("none")) == ("neural-NN", "none")
    assert (client.ttl("net00"), client.ttl("none"), client.exists("net00", "none")) == (-1, -2, 1)
    assert client.object("encoding", "net00") == "raw"
    assert client.memory_usage("net00") is None or client.memory_usage("net00") > 0
    assert client.unlink("net00", "net01", "none") == 2
    assert error(client, "SCAN", "a") == "invalid cursor"
    assert error(client, "SCAN", 0, "COUNT", 0) == "syntax error"


def test_a_scan_tells_those_that_stay_once(client: redis.Redis) -> None:
    ask = client.execute_command
    for i in range(20):
        ask("NR.CREATE", f"net{i:02}", "REGRESSOR", 1, "->", 1)
    cursor, told = ask("SCAN", 0)
    ask("DEL", *told)
    cursor, others = ask("SCAN", cursor)
    assert told + others == [f"net{i:02}" for i in range(20)]
    assert int(cursor) == 0


def test_the_server_is_described(client: redis.Redis) -> None:
    info = client.info()
    assert (info["redis_mode"], info["loading"], info["role"]) == ("standalone", 0, "master")
    assert set(client.info("clients")) == {"connected_clients", "maxclients"}
    assert client.config_get("max*") == {
        "maxclients": str(info["maxclients"]), "maxmemory": "0", "maxmemory-policy": "noeviction"
    }  # fmt: skip
    assert error(client, "CONFIG SET", "save", "") == (
        "unknown subcommand 'SET' of CONFIG: there is CONFIG GET, settings are options of nr serve"
    )
    assert [one["name"] for one in client.module_list()] == ["neuralredis"]
    assert error(client, "MODULE LOAD") == (
        "unknown subcommand 'LOAD' of MODULE: there is MODULE LIST"
    )
    assert error(client, "MEMORY DOCTOR") == (
        "unknown subcommand 'DOCTOR': there is MEMORY USAGE key"
    )
    assert error(client, "OBJECT HELP") == (
        "unknown subcommand 'HELP': there is OBJECT ENCODING key"
    )


def test_commands_are_described(client: redis.Redis) -> None:
    ask = client.execute_command
    found = client.command()
    assert found["nr.class"]["arity"] == -3
    assert found["nr.class"]["flags"] == ["readonly"]
    assert found["nr.del"]["last_key_pos"] == -1
    assert ask("COMMAND GETKEYS", "NR.DEL", "a", "b") == ["a", "b"]
    assert error(client, "COMMAND GETKEYS", "NR.LIST") == "The command has no key arguments"
    assert error(client, "COMMAND GETKEYS", "GET", "a") == "Invalid command specified"
    assert error(client, "COMMAND HELP") == (
        "unknown subcommand 'HELP' of COMMAND: there are COUNT, DOCS, GETKEYS, INFO, LIST"
    )
    docs = ask("COMMAND DOCS", "nr.class", "none")
    assert "nr.class" in docs
    assert len(docs) in (1, 2)  # a map, or its name and what there is to say
    assert error(client, "DBSIZE", 1) == "wrong number of arguments for 'dbsize' command"


# ---- order ----


def test_replies_come_in_the_order_of_commands(client: redis.Redis, raw: Callable[[], Raw]) -> None:
    ask = client.execute_command
    ask("NR.CREATE", "net", "CLASSIFIER", 1, "->", 2, "SEED", 1)
    ask("NR.OBSERVE", "net", 1, "->", 1, "TRAIN")
    ask("NR.TRAIN", "net", "MAXCYCLES", 0, "MAXTIME", 0)
    waiting = raw().send(b"NR.WAIT net 0\r\nPING\r\nNR.CLASS net 1\r\nNR.WAIT net a\r\nECHO x\r\n")
    hasty = raw().send(b"NR.WAIT net 1\r\nECHO y\r\n")
    assert (hasty.line(), hasty.line()) == (b":0\r\n", b"$1\r\n")
    assert ask("NR.STOP", "net") == 1
    assert waiting.line() == b":1\r\n"
    assert waiting.line() == b"+PONG\r\n"
    assert waiting.line()[:1] == b":"
    assert waiting.line().startswith(b"-ERR ")
    assert waiting.line() == b"$1\r\n"


def test_a_pipeline_on_several_networks_is_answered(client: redis.Redis) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        client.execute_command("NR.CREATE", name, "REGRESSOR", 1, "->", 1, "SEED", seed)
    alone = [client.execute_command("NR.RUN", name, 3) for name in "ab"]
    with client.pipeline(transaction=False) as pipe:
        for _ in range(300):
            pipe.execute_command("NR.RUN", "a", 3)
            pipe.execute_command("NR.RUN", "b", 3)
            pipe.execute_command("NR.RUN", "b", 3)
        assert pipe.execute() == [alone[0], alone[1], alone[1]] * 300


def test_a_network_that_is_replaced_is_run_anew(client: redis.Redis) -> None:
    ask = client.execute_command
    ask("NR.CREATE", "net", "REGRESSOR", 1, "->", 1, "SEED", 1)
    first = ask("NR.RUN", "net", 3)
    ask("NR.DEL", "net")
    assert error(client, "NR.RUN", "net", 3) == "no such key"
    ask("NR.CREATE", "net", "REGRESSOR", 1, "->", 1, "SEED", 2)
    assert ask("NR.RUN", "net", 3) != first


def test_who_closes_its_half_still_hears(client: redis.Redis, raw: Callable[[], Raw]) -> None:
    client.execute_command("NR.CREATE", "net", "REGRESSOR", 1, "->", 1)
    one = raw().send(b"NR.WAIT net 1\r\nPING\r\n")
    one.socket.shutdown(socket.SHUT_WR)
    assert one.rest() == b":1\r\n+PONG\r\n"
    assert raw().send(b"PING\r\nQUIT\r\nPING\r\n").rest() == b"+PONG\r\n+OK\r\n"


# ---- passwords ----


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret\n")
    with serving(tmp_path, "--resp", "0", "--password-file", str(path)) as served:
        one = Raw(served.resp)
        one.send(b"PING\r\nAUTH wrong\r\nHELLO 3\r\nAUTH secret\r\nPING\r\nRESET\r\nPING\r\n")
        assert one.line() == b"-NOAUTH Authentication required.\r\n"
        assert one.line() == (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
        assert one.line().startswith(b"-NOAUTH HELLO must be called with the client already auth")
        assert (one.line(), one.line(), one.line()) == (b"+OK\r\n", b"+PONG\r\n", b"+RESET\r\n")
        assert one.line() == b"-NOAUTH Authentication required.\r\n"
        assert one.send(b"*17\r\n").rest() == (b"-ERR Protocol error: invalid multibulk length\r\n")
        one.close()
        assert served.client(password="secret").ping()
        with nr.connect(f"redis+module://:secret@127.0.0.1:{served.resp}") as db:
            assert list(db) == []


def test_users_may_do_what_their_line_says(tmp_path: Path) -> None:
    path = tmp_path / "users"
    lines = ("app on >a ~app:* ~common +@all", "eye on >e ~* +@read", "x off >x")
    path.write_text("".join(f"user {line}\n" for line in lines))
    with serving(tmp_path, "--resp", "0", "--acl", str(path)) as served:
        app, eye = (
            served.client(username=name, password=name[0], decode_responses=True)
            for name in ("app", "eye")
        )
        for name in ("app:net", "common"):
            app.execute_command("NR.CREATE", name, "REGRESSOR", 1, "->", 1)
            app.execute_command("NR.RUN", name, 1)
            eye.execute_command("NR.RUN", name, 1)
        denied = "No permissions to access a key", "User app has no permissions to access one of"
        for argv in (("NR.RUN", "other", 1), ("DEL", "app:net", "other"), ("TYPE", "other")):
            with pytest.raises(redis.exceptions.NoPermissionError, match="|".join(denied)):
                app.execute_command(*argv)
        for argv in (("NR.TRAIN", "app:net"), ("DEL", "app:net")):
            with pytest.raises(redis.exceptions.NoPermissionError, match="it may read alone"):
                eye.execute_command(*argv)
        with pytest.raises(redis.AuthenticationError):
            served.client(username="x", password="x").ping()
        with pytest.raises(redis.AuthenticationError):
            served.client(password="a").ping()


def test_without_passwords_one_is_refused(raw: Callable[[], Raw]) -> None:
    one = raw().send(b"AUTH a\r\nAUTH default a\r\nAUTH other a\r\n")
    assert one.line().startswith(b"-ERR AUTH <password> called without any password configured")
    assert one.line() == b"+OK\r\n"
    assert one.line().startswith(b"-WRONGPASS ")


# ---- those that mean harm ----


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"*3333333333\r\n", b"invalid multibulk length"),
        (b"*2\r\n$4\r\nECHO\r\n$1073741824\r\n", b"invalid bulk length"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n*a\r\n", b"invalid multibulk length"),
        (b"PING 'a\r\n", b"unbalanced quotes in request"),
    ],
)
def test_what_is_no_command_ends_the_connection(
    raw: Callable[[], Raw], sent: bytes, told: bytes
) -> None:
    assert raw().send(sent).rest().endswith(b"-ERR Protocol error: " + told + b"\r\n")


def test_who_does_not_read_is_not_read(client: redis.Redis, raw: Callable[[], Raw]) -> None:
    silent = raw().socket
    silent.settimeout(0.5)
    line = b"*2\r\n$4\r\nECHO\r\n$65536\r\n" + bytes(65536) + b"\r\n"
    sent = 0
    with suppress(TimeoutError):
        for _ in range(2000):
            silent.sendall(line)
            sent += len(line)
    assert sent < 100 << 20
    assert client.info("memory")["client_memory"] < 4 << 20
    assert client.ping()


def test_there_are_so_many_clients_at_most(tmp_path: Path) -> None:
    with serving(tmp_path, "--resp", "0", "--max-clients", "2") as served:
        two = [Raw(served.resp) for _ in range(2)]
        for one in two:
            assert one.send(b"PING\r\n").line() == b"+PONG\r\n"
        third = Raw(served.resp)
        assert third.rest() == b"-ERR max number of clients reached\r\n"
        third.close()
        two.pop().close()
        until(lambda: _pings(served.resp))
        two.pop().close()


def _pings(port: int) -> bool:
    one = Raw(port)
    try:
        return one.send(b"PING\r\n").line() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        one.close()


def served_here(body: Callable[[Server], Awaitable[None]], **settings: Any) -> None:
    """Runs a test beside a server in its own loop."""

    async def run() -> None:
        async with nr.aio.connect("memory://") as db:
            server = Server(Settings(resp=0, **settings), Commands(db))
            await server.open()
            try:
                await body(server)
            finally:
                await server.close(5)

    asyncio.run(run())


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(server: Server, sent: bytes) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def close(*streams: Streams) -> None:
    for _, writer in streams:
        writer.close()
    for _, writer in streams:
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])


def test_what_clients_have_begun_to_send_is_bounded() -> None:
    async def body(server: Server) -> None:
        begun = b"*2\r\n$4\r\nECHO\r\n$400000\r\n" + bytes(399999)
        clients = [await opened(server, begun) for _ in range(8)]
        told = [asyncio.ensure_future(reader.read()) for reader, _ in clients]
        done, waiting = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        assert {one.result() for one in done} == {
            b"-ERR the server has no memory for what its clients send: try again later\r\n"
        }
        assert server.counted <= 1 << 20
        for one in waiting:
            one.cancel()
        last = await opened(server, b"PING\r\n")
        assert await last[0].readline() == b"+PONG\r\n"
        await close(last, *clients)

    served_here(body, most_memory=1 << 20)


def test_who_takes_too_long_is_let_go(tmp_path: Path) -> None:
    from nr.serve.users import users_of

    path = tmp_path / "password"
    path.write_text("secret")

    async def body(server: Server) -> None:
        late = await opened(server, b"PI")
        early = await opened(server, b"AUTH secret\r\n")
        assert await early[0].readline() == b"+OK\r\n"
        loop = asyncio.get_running_loop()
        server.time = lambda: loop.time() + 61
        server.sweep(list(server.clients))
        assert await late[0].read() == b""
        early[1].write(b"PING\r\n")
        assert await early[0].readline() == b"+PONG\r\n"
        await close(late, early)

    served_here(body, users=users_of(path, None))


def test_who_is_gone_is_not_waited_for() -> None:
    async def body(server: Server) -> None:
        made = b"NR.CREATE net REGRESSOR 1 -> 1\r\nNR.OBSERVE net 1 -> 1 TRAIN\r\n"
        one = await opened(server, made)
        await one[0].readline()
        one[1].write(b"NR.TRAIN net MAXCYCLES 0 MAXTIME 0\r\nNR.WAIT net 0\r\n")
        await one[1].drain()
        await close(one)
        loop = asyncio.get_running_loop()
        server.time = lambda: loop.time() + 61
        while server.sessions():
            server.sweep(server.clients)
            await asyncio.sleep(0.01)
        other = await opened(server, b"NR.STOP net\r\n")
        assert await other[0].readline() == b":1\r\n"
        await close(other)

    served_here(body)


def test_who_is_gone_before_a_command_begins_leaves_nothing() -> None:
    async def body(server: Server) -> None:
        made = await opened(server, b"NR.CREATE net REGRESSOR 1 -> 1\r\n")
        await made[0].readline()
        one = await opened(server, b"")
        while len(server.clients) < 2:
            await asyncio.sleep(0)
        [late] = [client for client in server.clients if client.id == 2]
        late.data_received(b"NR.WAIT net 0\r\n")
        late.connection_lost(None)  # in the same turn of the loop
        late.transport.abort()
        await close(one, made)

    served_here(body)
    gc.collect()  # which would tell of a coroutine that nobody awaited


def test_who_asks_much_at_once_leaves_others_their_turn() -> None:
    async def body(server: Server) -> None:
        greedy, other = [await opened(server, b"PING\r\n") for _ in range(2)]
        for reader, _ in (greedy, other):
            assert await reader.readline() == b"+PONG\r\n"
        greedy[1].write(b"ECHO x\r\n" * 30_000)
        while server.commands_ran < 3:
            await asyncio.sleep(0)
        other[1].write(b"PING\r\n")
        assert await other[0].readline() == b"+PONG\r\n"
        assert server.commands_ran < 4000
        assert await greedy[0].readexactly(7 * 30_000) == b"$1\r\nx\r\n" * 30_000
        await close(greedy, other)

    served_here(body)
