"""The application behind a real server: events as they come, and keys as they are sent."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from http_server import served

import nr
import nr.aio
from nr.serve.web import serve_http


@pytest.fixture
def url(db: nr.Database) -> Iterator[str]:
    with served(db, tick=0.01, streams=2) as url:
        yield url


def told(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """The events of a stream."""
    event = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, json.loads(value)


def test_events_follow_a_training_to_its_end(url: str, db: nr.Database) -> None:
    net = db.create("net", "classifier", [2, 8, 2], seed=1)
    net.observe_many([[0, 1], [1, 0]] * 50, [0, 1] * 50)
    with (
        httpx.Client(base_url=url, timeout=60) as client,
        client.stream("GET", "/events", params={"network": "net"}) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        events = told(response)
        event, state = next(events)
        assert (event, state["name"], state["training"]) == ("state", "net", False)
        client.post("/networks/net/train", json={"maxtime": 0})
        cycles = 0
        for event, found in events:
            if event == "progress":
                assert found["cycles"] >= cycles
                cycles = found["cycles"]
                if cycles:
                    client.post("/networks/net/stop")
            elif found["trainings"] == 1:
                break
        assert cycles > 0
        assert (found["training"], found["ended_by"]) == (False, "stop")
        db.execute("NR.DEL", "net")
        assert next(events) == ("problem", {"detail": "ERR no such key"})
        assert list(events) == []


def test_events_are_for_so_many(url: str, db: nr.Database) -> None:
    db.create("net", "regressor", [1, 1])
    with httpx.Client(base_url=url, timeout=60) as client:
        text = client.get("/events").json()["detail"]
        assert text == "ERR network is missing: /events?network=NAME tells of its trainings"
        assert client.get("/events?network=nut").json()["detail"] == "ERR no such key"
        one, two = (client.stream("GET", "/events?network=net") for _ in range(2))
        with one as first, two as second:
            heard = told(first), told(second)
            assert [next(events)[0] for events in heard] == ["state", "state"]
            response = client.get("/events?network=net")
            assert response.status_code == 503
            assert response.json()["detail"] == "ERR 2 listen to events already, which is the most"


def test_a_server_that_ends_ends_its_events(db: nr.Database) -> None:
    db.create("net", "regressor", [1, 1])
    with httpx.Client(timeout=60) as client:
        with served(db, tick=0.01) as url:
            stream = client.stream("GET", f"{url}/events?network=net")
            response = stream.__enter__()
            events = told(response)
            next(events)
        assert list(events) == []
        stream.__exit__(None, None, None)


@pytest.mark.parametrize("key", [b"\xff", b"a/b", b"\x00", b"%2F"])
def test_keys_come_through_as_they_are_sent(url: str, db: nr.Database, key: bytes) -> None:
    net = db.create(key, "regressor", [1, 1], seed=1)
    path = "".join(f"%{byte:02X}" for byte in key)
    found = httpx.post(f"{url}/networks/{path}/run", json={"inputs": [1]})
    assert found.json() == {"outputs": net.run([1]).tolist()}


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /networks/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"POST /networks/n/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n",
        b"POST /networks/n/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(url: str, sent: bytes) -> None:
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), 30) as connection:
        connection.sendall(sent)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert httpx.get(f"{url}/health").status_code == 200


@dataclass(frozen=True)
class Settings:
    """Of ``nr serve``."""

    users: Any = None
    host: str = "127.0.0.1"
    http: int = 0
    certificate: None = None
    key: None = None
    most_clients: int = 100
    assistants_write: bool = False
    origins: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """Someone with a password."""

    password: bytes
    writes: bool

    def knows(self, password: bytes) -> bool:
        return password == self.password

    def may_use(self, key: bytes) -> bool:
        return True


class Users:
    def all(self) -> list[Known]:
        return [Known(b"all", True), Known(b"read", False)]


def test_one_loop_serves_beside_other_things() -> None:
    async def run() -> None:
        async with nr.aio.connect("memory://") as db:
            await db.create("net", "regressor", [1, 1], seed=1)
            served = await serve_http(db, Settings(Users()))
            async with httpx.AsyncClient(base_url=f"http://localhost:{served.port}") as client:
                assert (await client.get("/networks")).status_code == 401
                client.headers["authorization"] = "Bearer read"
                asked = await client.post("/networks/net/run", json={"inputs": [1]})
                assert asked.json()["outputs"] == (await (await db["net"]).run([1])).tolist()
                assert (await client.delete("/networks/net")).status_code == 403
                async with client.stream("GET", "/events?network=net") as response:
                    lines = response.aiter_lines()
                    assert await anext(lines) == "event: state"
                    await served.close(5)
                    left = "".join([line async for line in lines])
                    assert left.startswith("data: ")
            assert await db.contains("net")

    asyncio.run(run())


def test_a_port_that_is_taken_is_told() -> None:
    async def run() -> None:
        async with nr.aio.connect("memory://") as db:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                with pytest.raises(nr.BackendError, match=f"--http 127.0.0.1:{port}: "):
                    await serve_http(db, Settings(http=port))

    asyncio.run(run())
