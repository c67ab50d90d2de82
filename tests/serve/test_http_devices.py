"""What devices ask that follow a network: as much of it as answers, samples once, other origins."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from http_calls import FIELDS, HERE, TOKENS, client_of, problem
from http_server import served
from starlette.requests import Request
from starlette.testclient import TestClient

import nr
from nr.errors import ArgumentError
from nr.serve.settings import Settings, settings_of
from nr.serve.web.once import HEADER, Once

BARE = "/networks/club/dump?samples=false"
ROW = {"age": 50, "country": "IT", "joined": "yes"}


def trained(db: nr.Database) -> nr.Network:
    net = db.create("club", "classifier", FIELDS, target="joined", seed=1)
    ages = [20 + i % 50 for i in range(200)]
    net.observe_many(
        [
            {
                "age": age,
                "country": "IT" if age % 2 else "FR",
                "joined": "yes" if age > 45 else "no",
            }
            for age in ages
        ]
    )
    net.train(maxcycles=60).wait()
    return net


@pytest.fixture(params=["memory", "sqlite", "elsewhere"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A database and its client; of the last one networks run elsewhere, as the module's do."""
    url = f"sqlite:///{tmp_path}/nets.db" if request.param == "sqlite" else "memory://"
    with nr.connect(url) as db, client_of(db) as http:
        if request.param == "elsewhere":
            http.app.state.api.runner = None  # type: ignore[attr-defined]
        yield db, http


# ---- as much as answers ----


def test_a_dump_without_samples_answers_alike_and_has_none(device: Any, db: nr.Database) -> None:
    there, http = device
    net = trained(there)
    copy = db.restore("copy", http.get(BARE).content)
    info = copy.info()
    assert (info.train_len, info.test_len, info.trainings) == (0, 0, 1)
    rows = [{"age": age, "country": country} for age in range(20, 70) for country in ("IT", "FR")]
    assert copy.run(rows) == net.run(rows)
    assert copy.history().tolist() == net.history().tolist()
    with pytest.raises(nr.CommandError):  # it would go by samples
        copy.explain({"age": 50})
    assert net.info().train_len + net.info().test_len == 200
    assert len(http.get(BARE).content) < len(http.get("/networks/club/dump").content)


def test_a_revision_that_is_known_is_not_sent_again(device: Any) -> None:
    there, http = device
    net = trained(there)
    first = http.get(BARE)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"

    def asked(known: str) -> httpx.Response:
        found: httpx.Response = http.get(BARE, headers={"If-None-Match": known})
        return found

    net.observe(ROW)
    for known in (tag, f'"x", {tag}'):
        again = asked(known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert asked('W/"1-2-3"').status_code == 200
    changes: list[Callable[[], Any]] = [
        lambda: net.train(maxcycles=3).wait(),
        lambda: net.forget({"age": 22}),
        lambda: net.reset(),
        lambda: there.restore("club", net.dump(), replace=True),
    ]
    for change in changes:
        change()
        found = asked(tag)
        assert found.status_code == 200
        assert found.headers["etag"] != tag
        tag = found.headers["etag"]
        assert asked(tag).status_code == 304


def test_what_is_wrong_with_a_dump_is_told(http: TestClient, net: nr.Network) -> None:
    wrong = http.get("/networks/net/dump", params={"samples": "no"})
    assert problem(wrong, 422) == "ERR samples is true or false, not 'no'"
    assert problem(http.get("/networks/nut/dump?samples=false"), 404) == "ERR no such key"


# ---- samples once ----


def observed(http: TestClient, name: str | None, body: Any = None, **more: str) -> httpx.Response:
    headers = more | ({HEADER: name} if name is not None else {})
    body = body or {"inputs": [1, 2], "outputs": 3}
    return http.post("/networks/net/observe", json=body, headers=headers)


def test_a_request_of_the_same_name_is_done_once(http: TestClient, net: nr.Network) -> None:
    first = observed(http, "a1")
    observed(http, "a2")
    again = observed(http, "a1")
    assert (again.status_code, again.json()) == (200, first.json())
    assert net.info().observed == 2
    observed(http, None)
    observed(http, None)
    assert net.info().observed == 4
    other = observed(http, "a1", {"inputs": [1, 2], "outputs": 4})
    assert problem(other, 422) == "ERR the Idempotency-Key 'a1' was that of another request"
    assert problem(observed(http, ""), 400) == "ERR an Idempotency-Key has 1 to 255 characters"
    assert problem(observed(http, "x" * 256), 400).endswith("1 to 255 characters")
    assert net.info().observed == 4


def test_a_refused_request_leaves_its_name_free(http: TestClient, net: nr.Network) -> None:
    for _ in range(2):
        assert observed(http, "a", {"inputs": [1], "outputs": 3}).status_code == 422
    assert observed(http, "a").status_code == 200
    assert net.info().observed == 1


def test_names_belong_to_who_asks_and_to_the_network(db: nr.Database) -> None:
    for key in "app:1", "net":
        db.create(key, "regressor", [2, 1], seed=1)
    with client_of(db, user_of=TOKENS.get) as http:
        observed(http, "a", Authorization="Bearer all")
        body = {"inputs": [1, 2], "outputs": 3}
        for token in ("all", "app", "app"):
            headers = {HEADER: "a", "Authorization": f"Bearer {token}"}
            response = http.post("/networks/app:1/observe", json=body, headers=headers)
            assert response.status_code == 200
    assert (db["net"].info().observed, db["app:1"].info().observed) == (1, 2)


def test_of_many_names_the_oldest_are_forgotten(http: TestClient, net: nr.Network) -> None:
    http.app.state.api.once = Once(most=3)  # type: ignore[attr-defined]
    for name in ("a", "b", "c", "c", "d", "b", "a"):
        observed(http, name)
    assert net.info().observed == 5


def test_who_goes_away_and_asks_again_has_added_a_sample_once(db: nr.Database) -> None:
    net = db.create("net", "regressor", [2, 1], seed=1)
    with served(db) as url, httpx.Client(base_url=url) as client:
        body = b'{"inputs": [1, 2], "outputs": 3}'
        for i in range(20):
            request = (
                f"POST /networks/net/observe HTTP/1.1\r\nHost: {url[7:]}\r\n{HEADER}: n{i}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as one:
                one.sendall(request.encode() + body)
                if i % 2:
                    one.recv(1)
            headers = {HEADER: f"n{i}", "Content-Type": "application/json"}
            client.post("/networks/net/observe", content=body, headers=headers)
    assert net.info().observed == 20


def test_who_asks_again_meanwhile_waits_for_the_first() -> None:
    assert asyncio.run(asked_thrice()) == ([7, 7], [1])


async def asked_thrice() -> tuple[list[int], list[int]]:
    """What is answered when the first goes away, and how often it was worked for."""
    once, ran, goes_on = Once(), [], asyncio.Event()
    scope = {"type": "http", "path": "/", "headers": [(HEADER.lower().encode(), b"a")]}

    async def work() -> int:
        ran.append(1)
        await goes_on.wait()
        return 7

    asked = [asyncio.create_task(once.answer(Request(scope), b"", work)) for _ in range(3)]
    await asyncio.sleep(0.01)
    asked[0].cancel()
    goes_on.set()
    return await asyncio.gather(*asked[1:]), ran


# ---- other origins ----

ORIGIN = "https://shop.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Origin": ORIGIN}


def test_a_page_of_an_origin_that_is_allowed_may_ask(db: nr.Database) -> None:
    db.create("net", "regressor", [2, 1], seed=1)
    with client_of(db, user_of=TOKENS.get, origins=frozenset({ORIGIN})) as http:
        asked = http.options("/networks/net/observe", headers=PREFLIGHT)
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == ORIGIN
        assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
        token = {"Authorization": "Bearer all", "Origin": ORIGIN}
        posted = observed(http, "a", **token)
        assert posted.status_code == 200
        for found in posted, observed(http, "a", Origin=ORIGIN):
            assert found.headers["access-control-allow-origin"] == ORIGIN
            assert found.headers["access-control-expose-headers"] == "ETag, Location"
            assert found.headers["vary"] == "Origin"
        run = http.post("/networks/net/run", json={"inputs": [1, 2]}, headers=token)
        assert run.headers["access-control-allow-origin"] == ORIGIN


def test_a_page_of_any_other_origin_may_not(db: nr.Database) -> None:
    net = db.create("net", "regressor", [2, 1], seed=1)
    for origins in (frozenset[str](), frozenset({ORIGIN})):
        with client_of(db, origins=origins) as http:
            other = {"Origin": "https://evil.example"}
            text = problem(observed(http, None, **other), 403)
            assert text == "ERR a page of another origin may not change anything here"
            for found in (
                http.options("/networks/net/observe", headers=PREFLIGHT | other),
                http.get("/networks/net", headers=other),
                http.get("/networks/net", headers={"Origin": HERE}),
            ):
                assert "access-control-allow-origin" not in found.headers
            here = observed(http, None, Origin=HERE)
            assert here.status_code == 200
    assert net.info().observed == 2


def of_cors(*cors: str, password_file: Path | None = None) -> Settings:
    return settings_of(
        url=None, resp=None, http=0, host="127.0.0.1", password_file=password_file, acl=None,
        certificate=None, key=None, grace=1, most_clients=1, cors=cors,
    )  # fmt: skip


def test_origins_are_checked(tmp_path: Path) -> None:
    assert of_cors().origins == frozenset()
    assert of_cors("https://Shop.example", "http://localhost:8001").origins == {
        "https://shop.example",
        "http://localhost:8001",
    }
    for wrong in ("shop.example", "https://shop.example/", "null", ""):
        with pytest.raises(ArgumentError, match="an origin is scheme, host and port"):
            of_cors(wrong)
    with pytest.raises(ArgumentError, match="lets pages of anybody in"):
        of_cors("*")
    secret = tmp_path / "secret"
    secret.write_text("x")
    assert of_cors("*", password_file=secret).origins == {"*"}
