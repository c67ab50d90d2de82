"""Networks as tools: clients of the protocol, on standard input and output and over HTTP."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from http_server import served
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

import nr
import nr.aio
from nr.serve.tools import tools

READING = {"describe_network", "list_networks", "network_metrics", "predict"}
WRITING = {"create_network", "delete_network", "observe", "train"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with one network that is trained."""
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        net = db.create("club", "classifier", {"age": "number"}, target="joined", seed=1)
        net.observe_many([{"age": i, "joined": "yes" if i > 45 else "no"} for i in range(20, 70)])
        net.train(maxcycles=40).wait()
    return url


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers, or the text of its error."""
    result = await client.call_tool(tool, arguments)
    [content] = result.content
    return content.text if result.is_error else result.structured_content


def test_an_assistant_asks_over_standard_input_and_output(url: str) -> None:
    async def session() -> None:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "nr", "mcp", "--url", url]
        )
        async with Client(server) as client:
            found = (await client.list_tools()).tools
            assert {tool.name for tool in found} == READING
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in found)
            assert await called(client, "list_networks") == {"networks": ["club"], "more": False}
            asked = await called(client, "predict", name="club", inputs={"age": 60})
            with nr.connect(url) as db:
                assert asked == {"outputs": db["club"].run({"age": 60}), "class": "yes"}

    asyncio.run(session())


def test_what_an_assistant_is_told(url: str) -> None:
    async def session() -> None:
        async with nr.aio.connect(url) as db, Client(tools(db)) as client:
            club = await db["club"]
            told = await called(client, "describe_network", name="club")
            assert told["fields"][0]["name"] == "age"
            assert (told["type"], told["options"]["seed"]) == ("classifier", 1)
            told = await called(client, "network_metrics", name="club")
            metrics = await club.metrics()
            assert metrics
            assert told["metrics"]["accuracy"] == metrics.accuracy
            assert told["importance"] == await club.importance()
            rows = [{"age": 25}, {"age": 65}]
            told = await called(client, "predict", name="club", inputs=rows)
            assert told["class"] == ["no", "yes"]

    asyncio.run(session())


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("describe_network", {"name": "nut"}, "ERR no such key: 'nut'"),
        ("predict", {"name": "club", "inputs": {"aeg": 1}},
         "ERR no field 'aeg' in club, did you mean age?"),
        ("predict", {"name": "club", "inputs": [1.0]},
         "ERR the network has fields: give their values by name"),
    ],
)  # fmt: skip
def test_an_assistant_reads_the_texts_of_errors(
    url: str, tool: str, arguments: Any, text: str
) -> None:
    async def session() -> None:
        async with nr.aio.connect(url) as db, Client(tools(db)) as client:
            assert (await called(client, tool, **arguments)).endswith(text)

    asyncio.run(session())


def test_nothing_is_written_unless_that_is_allowed(url: str) -> None:
    async def session() -> None:
        async with nr.aio.connect(url) as db, Client(tools(db)) as client:
            for tool in WRITING:
                assert await called(client, tool, name="club") == f"Unknown tool: {tool}"
            assert await db.contains("club")

    asyncio.run(session())


def test_an_assistant_may_be_allowed_to_write() -> None:
    async def session() -> None:
        async with nr.aio.connect("memory://") as db, Client(tools(db, writes=True)) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == READING | WRITING
            kinds = {"age": "number", "joined": "category"}
            made = {"name": "club", "type": "classifier", "fields": kinds, "target": ["joined"]}
            told = await called(client, "create_network", **made)
            assert told["fields"] == ["age:number", "->", "joined:category"]
            rows = [{"age": i, "joined": "yes" if i > 45 else "no"} for i in range(20, 70)]
            told = await called(client, "observe", name="club", samples=rows)
            assert told["training"] + told["testing"] == 50
            told = await called(client, "train", name="club")
            assert told == {"status": "Training has started"}
            await db.execute("NR.WAIT", "club", 0)
            await called(client, "create_network", name="sum", type="regressor", layout=[2, 1])
            pairs = {"samples": [[1, 2], [3, 4]], "outputs": [3, 7]}
            told = await called(client, "observe", name="sum", **pairs)
            assert told == {"training": 1, "testing": 1}
            assert await called(client, "delete_network", name="club") == {"deleted": "club"}
            assert not await db.contains("club")

    asyncio.run(session())


# ---- over HTTP ----


@dataclass(frozen=True)
class User:
    writes: bool
    only: bytes = b""

    def may_use(self, key: bytes) -> bool:
        return key.startswith(self.only)


TOKENS = {b"all": User(True), b"read": User(False), b"app": User(True, b"app:")}


@asynccontextmanager
async def assistant(url: str, token: str = "") -> AsyncIterator[Client]:
    """One that asks at /mcp."""
    told = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx.AsyncClient(headers=told, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


def test_an_assistant_asks_over_http(url: str) -> None:
    async def session(place: str) -> None:
        async with assistant(place) as client:
            found = (await client.list_tools()).tools
            assert {tool.name for tool in found} == READING
            assert await called(client, "list_networks") == {"networks": ["club"], "more": False}
            rows = [{"age": 25}, {"age": 65}]
            told = await called(client, "predict", name="club", inputs=rows)
            assert told["class"] == ["no", "yes"]
            told = await called(client, "predict", name="nut", inputs={"age": 1})
            assert told.endswith("ERR no such key: 'nut'")
            assert await called(client, "train", name="club") == "Unknown tool: train"

    with nr.connect(url) as db, served(db) as place:
        asyncio.run(session(place))


def test_an_older_assistant_asks_over_http(url: str) -> None:
    """It says hello first, and would hear events by GET."""

    async def session(place: str) -> None:
        async with Client(f"{place}/mcp", mode="legacy") as client:
            assert await called(client, "list_networks") == {"networks": ["club"], "more": False}

    with nr.connect(url) as db, served(db) as place:
        asyncio.run(session(place))
        assert httpx.get(f"{place}/mcp").status_code == 405
        assert httpx.delete(f"{place}/mcp").status_code == 405


def test_an_assistant_may_do_what_its_token_allows(db: nr.Database) -> None:
    async def session(place: str) -> None:
        layout = {"type": "regressor", "layout": [1, 1]}
        async with assistant(place, "app") as client:
            refused = await called(client, "create_network", name="net", **layout)
            assert refused.endswith("NOPERM this token may not use this network")
            await called(client, "create_network", name="app:net", **layout)
            assert "net" not in db
        async with assistant(place, "read") as client:
            refused = await called(client, "delete_network", name="app:net")
            assert refused.endswith("NOPERM this token may read networks, not change them")
            assert "app:net" in db
            db.create("other", "regressor", [1, 1])
            told = await called(client, "list_networks")
            assert told["networks"] == ["app:net", "other"]
        async with assistant(place, "app") as client:
            assert (await called(client, "list_networks"))["networks"] == ["app:net"]

    with served(db, user_of=TOKENS.get, assistants_write=True) as place:
        asyncio.run(session(place))
        assert httpx.post(f"{place}/mcp", json={}).status_code == 401


def test_a_page_of_another_origin_is_no_assistant(db: nr.Database) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    takes = {"Accept": "application/json, text/event-stream"}
    with served(db) as place:
        told = httpx.post(f"{place}/mcp", json=hello, headers=takes)
        assert (told.status_code, len(told.json()["result"]["tools"])) == (200, len(READING))
        told = httpx.post(f"{place}/mcp", json=hello, headers=takes | {"Origin": "http://evil"})
        assert told.status_code == 403
        told = httpx.post(f"{place}/mcp", json=hello, headers=takes | {"Host": "evil"})
        assert told.status_code == 421
        assert httpx.post(f"{place}/mcp", content=b"{", headers=takes).status_code == 400


def test_a_server_without_the_extra_says_what_to_install(
    db: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "nr.serve.tools")
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with served(db) as place:
        told = httpx.post(f"{place}/mcp", json={})
        assert told.status_code == 501
        assert told.json()["detail"].endswith("pip install 'nr[mcp]'")
