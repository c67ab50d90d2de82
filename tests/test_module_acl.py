"""Users of a server with the module, and clients that move about: what Redis itself leaves open."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from module_calls import network, nrx, refused
from redis_server import Server, redis_62, redis_server

ROOT = Path(__file__).parents[1]


@pytest.fixture(params=["installed", "6.2"])
def server(request: pytest.FixtureRequest, own: Callable[..., Server]) -> Server:
    return own(binary=redis_62() if request.param == "6.2" else redis_server())


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with server.client(decode_responses=True) as client:
        network(client)
        yield client


def user(server: Server, client: redis.Redis, rules: str) -> redis.Redis:
    client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">x", "~*", *rules.split())
    return server.client(username="app", password="x", decode_responses=True)


@pytest.mark.parametrize(
    "rules",
    ["+@all -@admin -@dangerous", "+@all -@admin", "+@all -@dangerous", "+@all -nr.replay",
     "+@read +@write"],
)  # fmt: skip
def test_replay_is_an_admin_command_everywhere(
    server: Server, client: redis.Redis, rules: str
) -> None:
    with user(server, client, f"{rules} +@connection") as app:
        assert "permission" in refused(app, "NR.REPLAY ID net 12345678")
        if "@all" in rules:
            script = "return redis.call('NR.REPLAY', 'ID', 'net', '12345678')"
            with pytest.raises(redis.ResponseError, match=r"permission|NOPERM|ACL|can't run"):
                app.eval(script, 0)


@pytest.mark.parametrize("rules", ["+@all", "-@all +nr.replay"])
def test_replay_is_for_whom_it_is_given(server: Server, client: redis.Redis, rules: str) -> None:
    with user(server, client, rules) as app:
        assert app.execute_command("NR.REPLAY", "ID", "net", b"\1" + b"\0" * 7) == "OK"


def documented(which: str) -> list[str]:
    """The rules that docs/module.md gives."""
    text = (ROOT / "docs/module.md").read_text()
    return re.findall(rf"ACL SETUSER {which} (.*)", text)


def test_all_commands_are_in_a_category_of_their_own(server: Server, client: redis.Redis) -> None:
    """On servers that have such: what docs/module.md says of them was tried on each of them."""
    if server.version < ((8, 1) if server.is_valkey else (7, 4)):
        assert "nr" not in client.execute_command("ACL", "CAT")
        return
    with user(server, client, "+@nr +@connection") as app:
        for line in "NR.RUN net 1 2", "NR.OBSERVE net 1 2 -> 3", "NR.TRAIN net MAXCYCLES 1":
            assert nrx(app, line)
        assert "permission" in refused(app, "NR.REPLAY ID net 12345678")
        assert "permission" in refused(app, "GET net")


@pytest.mark.parametrize("who", ["app", "dashboard"])
def test_the_documented_rules_work(server: Server, client: redis.Redis, who: str) -> None:
    rules = documented(who)
    assert len(rules) == 2  # by category, and by name where there are no categories
    categories = server.version >= (7, 2)
    rule = rules[0 if categories else 1].removeprefix("on >secret ~net* ")
    with user(server, client, f"resetkeys ~net* {rule}") as app:
        assert nrx(app, "NR.RUN net 1 2")
        assert nrx(app, "NR.INFO net")
        assert nrx(app, "NR.LIST") == ["net"]
        for line in "NR.OBSERVE net 1 2 -> 3", "NR.RESET net", "NR.CREATE net2 REGRESSOR 1 -> 1":
            if who == "app":
                nrx(app, line)
            else:
                assert "permission" in refused(app, line)
        assert "permission" in refused(app, "NR.INFO other")
        assert "permission" in refused(app, "NR.REPLAY ID net 12345678")


@pytest.mark.parametrize(
    ("first", "queued"),
    [
        (0, ["SELECT 1", "SET k x", "COPY k other"]),
        (0, ["SELECT 1", "SET k x", "COPY k other DB 5"]),
        (0, ["SET k x", "COPY k other DB 5", "COPY k third", "SELECT 1"]),
        (1, ["SELECT 0", "SET k x", "SELECT 1", "SET k x", "COPY k other REPLACE DB 5"]),
        (5, ["SET k x", "COPY k other", "SELECT 1"]),
    ],
)
def test_a_client_goes_where_its_transaction_says(
    server: Server, client: redis.Redis, first: int, queued: list[str]
) -> None:
    """A copy that is queued is noted before the transaction has selected its database."""
    client.flushall()
    with server.client(single_connection_client=True, decode_responses=True) as other:
        other.execute_command("SELECT", 5)
        other.set("k", "x")
        other.copy("k", "stale", destination_db=1)
        other.execute_command("SELECT", first)
        for line in ["MULTI", *queued, "SET marker x", "EXEC", "SET after x"]:
            other.execute_command(*line.split())
    for db in 0, 1, 5:
        client.execute_command("SELECT", db)
        assert client.exists("marker", "after") == (2 if db == 1 else 0), db
    client.execute_command("SELECT", 0)


@pytest.mark.parametrize("kind", ["network", "text"])
@pytest.mark.parametrize("way", ["plain", "MULTI"])
def test_a_client_stays_in_its_database(
    server: Server, client: redis.Redis, kind: str, way: str
) -> None:
    """Valkey 8.1 took it along when a module listens to events."""
    with server.client(single_connection_client=True, decode_responses=True) as other:
        for command in (["MOVE", "k", "3"], ["COPY", "k", "k", "DB", "4", "REPLACE"]):
            if kind == "text":
                other.set("k", "x")
            else:
                other.copy("net", "k", replace=True)
            if way == "MULTI":
                with other.pipeline(transaction=True) as transaction:
                    transaction.execute_command(*command)
                    transaction.set("marker", "x")
                    assert transaction.execute()[0] == 1
            else:
                assert other.execute_command(*command) == 1
                other.set("marker", "x")
            assert client.delete("marker") == 1
            client.delete("k")
