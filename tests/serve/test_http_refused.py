"""What is refused over HTTP: wrong requests, in the texts of the commands; who is kept out."""

from collections.abc import Iterator
from typing import Any

import pytest
from http_calls import HERE, TOKENS, client_of, problem
from starlette.testclient import TestClient

import nr
from nr import engine
from nr.serve.web.table import ROWS

# ---- errors ----

WRONG: list[tuple[str, str, Any, int, str]] = [
    ("POST", "net/run", {"inputs": [1, "x"]}, 422,
     "ERR inputs, column 1: 'x' is not a number; for text: one input a category, 1 or 0 "
     "(pandas.get_dummies)"),
    ("POST", "net/run", {"inputs": {"a": 1}}, 422,
     "ERR net has no fields: give it numbers, in the order of its inputs"),
    ("POST", "net/run", {"inputs": "x"}, 422, "ERR inputs is an array or an object, not 'x'"),
    ("POST", "net/run", {}, 422,
     "ERR inputs is missing: One row or several: an array of numbers, or an object of fields "
     "and values."),
    ("POST", "net/run", {"inptus": [1, 2]}, 422,
     "ERR no member 'inptus' is known here, did you mean inputs?"),
    ("POST", "net/run", {"inputs": [1, 2], "x": 1}, 422,
     "ERR no member 'x' is known here: inputs, ignore_extra, interval are"),
    ("POST", "net/class", {"inputs": [1, 2]}, 422,
     "ERR you can't call NR.CLASS with a regressor network. Use this command with a classifier "
     "network"),
    ("POST", "net/observe", {"inputs": [1, 2]}, 422,
     "ERR outputs are missing: give inputs and outputs, or samples"),
    ("POST", "net/observe", {"samples": {"a": 1}, "outputs": 2}, 422,
     "ERR samples have their outputs among them: no inputs, no outputs"),
    ("POST", "net/observe", {"samples": []}, 422, "ERR no samples were given"),
    ("POST", "net/observe", {"inputs": [1, 2], "outputs": 3, "weight": 2}, 422,
     "ERR weight is for samples of a network with fields"),
    ("POST", "net/observe", {"inputs": [1, 2], "outputs": 3, "series": "a"}, 422,
     "ERR series is for samples of a network with fields"),
    ("GET", "net/forecast", None, 422,
     "ERR wrong number of arguments for 'nr.run' command"),
    ("POST", "net/observe", {"inputs": [1, 2], "outputs": 3, "to": "tset"}, 422,
     "ERR the dataset must be 'train' or 'test', not 'tset'"),
    ("POST", "net/train", {"maxcycles": True}, 422,
     "ERR maxcycles is a whole number, not True"),
    ("POST", "net/train", {}, 422,
     "ERR Can't start training: the training dataset is empty, add samples with NR.OBSERVE"),
    ("POST", "net/forget", {"values": {"a": 1}}, 422,
     "ERR net has no fields to find samples by: NR.CLEAR drops all of them"),
    ("PATCH", "net/options", {"seed": 2}, 422,
     "ERR Syntax error in NR.CONFIGURE: SEED is fixed when the network is created"),
    ("PATCH", "net/options", {"learnrate": 0}, 422,
     "ERR Syntax error in NR.CONFIGURE: LEARNRATE must be AUTO or a number above 0 and up to "
     "1000000, not '0'"),
    ("PATCH", "net/fields", {}, 422, "ERR neither add nor drop names a field"),
    ("PUT", "net", {"type": "regressor", "layout": [1, 1]}, 409, "ERR the key name is busy"),
    ("PUT", "new", {"type": "regressor"}, 422,
     "ERR a network has a layout, as [2, 3, 1], or fields, as {'age': 'number'}"),
    ("PUT", "new", {"type": "regressor", "layout": [1, 1], "target": "x"}, 422,
     "ERR target and hidden go with fields: a layout says both"),
    ("PUT", "new", {"type": "oracle", "layout": [1, 1]}, 422,
     "ERR invalid neural network type. Must be CLASSIFIER, REGRESSOR, FORECASTER or GENERATOR"),
    ("PUT", "new", {"type": "classifier", "fields": {"a": "number"}}, 422,
     "ERR target names the fields that are to be learned, as target='joined'"),
    ("GET", "nut/metrics", None, 404, "ERR no such key"),
    ("DELETE", "nut", None, 404, "ERR no such key"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), WRONG)
def test_errors_have_the_texts_of_the_commands(
    http: TestClient, net: nr.Network, method: str, path: str, body: Any, status: int, text: str
) -> None:
    before = net.dump()
    assert problem(http.request(method, f"/networks/{path}", json=body), status) == text
    assert net.dump() == before


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"{", 400, "ERR the body is no JSON: "),
        (b"\xff", 400, "ERR the body is no JSON: "),
        (b'{"inputs": [NaN, 1]}', 400, "ERR the body is no JSON: NaN is no number of JSON"),
        (b'{"inputs": [-Infinity]}', 400, "ERR the body is no JSON: -Infinity is no number"),
        (b"[1]", 400, "ERR the body is an object of JSON, as {...}"),
        (b'{"inputs":' + b"[" * 100000, 400, "ERR the body is no JSON"),
        (b'{"inputs": [%s, 1]}' % (b"9" * 5000), 400, "ERR the body is no JSON"),
        (b'{"inputs": [1e999, 1]}', 422, "ERR inputs, column 0: inf is no number"),
        (b'{"inputs": [%s, 1]}' % (b"9" * 400), 422, "ERR inputs, column 0: an integer that"),
    ],
)
def test_a_body_that_is_none_is_told(
    http: TestClient, net: nr.Network, body: bytes, status: int, text: str
) -> None:
    headers = {"content-type": "application/json"}
    response = http.post("/networks/net/run", content=body, headers=headers)
    assert problem(response, status).startswith(text)


def test_a_body_of_another_type_is_refused(http: TestClient, net: nr.Network) -> None:
    headers = {"content-type": "text/plain"}
    response = http.post("/networks/net/run", content=b'{"inputs":[1,2]}', headers=headers)
    assert problem(response, 415) == (
        "ERR the Content-Type of a body is application/json, not 'text/plain'"
    )


def test_a_value_that_is_no_unicode_is_told(http: TestClient, club: nr.Network) -> None:
    headers = {"content-type": "application/json"}
    body = rb'{"inputs": {"country": "\ud800"}}'
    text = problem(http.post("/networks/club/run", content=body, headers=headers), 422)
    assert text.startswith("ERR not the fields and values of samples: ")


def test_unknown_paths_and_methods_are_problems(http: TestClient, net: nr.Network) -> None:
    assert problem(http.get("/nowhere"), 404) == "ERR Not Found"
    assert problem(http.get("/networks/net/"), 404) == "ERR Not Found"
    response = http.get("/networks/net/run")
    assert problem(response, 405) == "ERR Method Not Allowed"
    assert response.headers["allow"] == "POST"
    assert problem(http.get("/page/nothing.js"), 404) == "ERR there is no such file"


class Broken:
    """A store that has gone, and then something that nobody thought of."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def execute(self, *argv: bytes) -> engine.Reply:
        raise self.error

    def close(self) -> None:
        pass


def test_a_store_that_has_gone_is_503() -> None:
    with client_of(nr.Database(Broken(nr.BackendError("the server has gone")))) as http:
        assert problem(http.get("/health"), 503) == "the server has gone"
        assert problem(http.get("/networks"), 503) == "the server has gone"


def test_what_nobody_thought_of_tells_nothing() -> None:
    with client_of(nr.Database(Broken(ZeroDivisionError("secret")))) as http:
        assert problem(http.get("/networks"), 500) == "ERR the server has failed; its log says why"


# ---- who is kept out ----


def test_another_host_is_refused(db: nr.Database) -> None:
    with client_of(db) as http:
        for host in "localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]", "[::1]:8080":
            assert http.get("/health", headers={"host": host}).status_code == 200
        for host in "evil.example", "127.0.0.1.evil.example", "[::2]", "", "localhost:x":
            text = problem(http.get("/health", headers={"host": host}), 421)
            assert text == f"ERR this server is not {host!r}: it is asked as localhost alone"
    with client_of(db, hosts=None) as http:
        assert http.get("/health", headers={"host": "nets.example"}).status_code == 200


def test_a_page_of_another_origin_changes_nothing(http: TestClient, net: nr.Network) -> None:
    for origin in "http://evil.example", "null", "http://127.0.0.1:81", "http://[":
        response = http.post("/networks/net/reset", headers={"origin": origin})
        text = problem(response, 403)
        assert text == "ERR a page of another origin may not change anything here"
        got = http.get("/networks", headers={"origin": origin})
        assert "access-control-allow-origin" not in got.headers
    assert http.post("/networks/net/reset", headers={"origin": HERE}).status_code == 204


def test_a_body_is_bounded(db: nr.Database, net: nr.Network) -> None:
    def chunks() -> Iterator[bytes]:
        yield from [b"1, " * 20] * 3

    headers = {"content-type": "application/json"}
    with client_of(db, body=100) as http:
        for body in (b"x" * 101, chunks()):
            response = http.post("/networks/net/run", content=body, headers=headers)
            text = problem(response, 413)
            assert text == "ERR the body of a request has at most 100 bytes"
        assert http.post("/networks/net/run", json={"inputs": [1, 2]}).status_code == 200


def test_tokens_are_asked_for(db: nr.Database, net: nr.Network) -> None:
    with client_of(db, user_of=TOKENS.get) as http:
        response = http.get("/networks")
        assert problem(response, 401) == (
            "NOAUTH Authentication required: a bearer token is needed"
        )
        assert response.headers["www-authenticate"] == 'Bearer realm="nr"'
        for scheme in "Bearer wrong", "Basic YWxsOg==", "Bearer", "all":
            assert http.get("/networks", headers={"authorization": scheme}).status_code == 401
        reads, all = ({"authorization": f"Bearer {token}"} for token in ("read", "all"))
        assert http.get("/networks", headers=reads).status_code == 200
        asked = http.post("/networks/net/run", json={"inputs": [1, 2]}, headers=reads)
        assert asked.status_code == 200
        text = problem(http.post("/networks/net/reset", headers=reads), 403)
        assert text == "NOPERM this token may read networks, not run NR.RESET"
        assert http.post("/networks/net/reset", headers=all).status_code == 204
        for path in "/", "/health", "/openapi.json", "/page/style.css":
            assert http.get(path).status_code == 200


def test_a_token_may_be_for_some_networks(db: nr.Database, net: nr.Network) -> None:
    app = db.create("app:a b", "regressor", [1, 1])
    for one in app, net:
        one.observe([1] * (1 if one is app else 2), 1, to="train")
        one.train(timeout=0)
    with client_of(db, user_of=TOKENS.get) as http:
        http.headers["authorization"] = "Bearer app"
        [listed] = http.get("/networks").json()["networks"]
        assert listed["name"] == "app:a b"
        assert [one["network"] for one in http.get("/trainings").json()] == [r"app:a\x20b"]
        assert "nr_networks 1\n" in http.get("/metrics").text
        for path in "/networks/net", "/events?network=net":
            text = problem(http.get(path), 403)
            assert text == "NOPERM this token may not use this network"
        assert http.get("/networks/app%3Aa%20b").status_code == 200


def test_every_route_but_health_asks_for_a_token(db: nr.Database) -> None:
    with client_of(db, user_of=TOKENS.get) as http:
        for row in ROWS:
            path = row.path.replace("{key}", "net").replace("{dataset}", "train")
            response = http.request(row.method, path.replace("{row}", "0"))
            assert response.status_code == (401 if row.command else 200), row.path


def test_answers_are_of_the_type_that_they_say(http: TestClient) -> None:
    for path in "/", "/networks", "/nowhere", "/page/style.css":
        assert http.get(path).headers["x-content-type-options"] == "nosniff"
