"""The application behind a real server: events as they come, and keys as they are sent."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from http_server import served

import nr


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
