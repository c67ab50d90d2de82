"""The commands over HTTP: every route, its errors, and who is kept out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

import nr
from nr import engine
from nr.serve.web import Options, application
from nr.serve.web.table import ROWS

HERE = "http://127.0.0.1"
FIELDS = {"age": "number", "country": "category"}


@dataclass
class User:
    writes: bool = True
    only: bytes = b""

    def may_use(self, key: bytes) -> bool:
        return key.startswith(self.only)


TOKENS = {b"all": User(), b"read": User(writes=False), b"app": User(only=b"app:")}


def client_of(db: nr.Database, **options: Any) -> TestClient:
    app = application(db, Options(**options))
    return TestClient(app, HERE, raise_server_exceptions=False)


@pytest.fixture
def http(db: nr.Database) -> Iterator[TestClient]:
    with client_of(db) as client:
        yield client


@pytest.fixture
def net(db: nr.Database) -> nr.Network:
    return db.create("net", "regressor", [2, 3, 1], normalize=True, seed=1)


@pytest.fixture
def club(db: nr.Database) -> nr.Network:
    """A classifier with fields that is trained."""
    net = db.create("club", "classifier", FIELDS, target="joined", seed=1)
    rows = [{"age": 20 + i % 50, "country": "IT" if i % 2 else "FR"} for i in range(200)]
    net.observe_many([row | {"joined": "yes" if row["age"] > 45 else "no"} for row in rows])
    net.train(maxcycles=60).wait()
    return net


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["status"] == status
    text: str = found["detail"]
    return text


# ---- the way of a network ----


def test_a_network_is_made_trained_asked_and_deleted(http: TestClient, db: nr.Database) -> None:
    made = http.put("/networks/sum", json={"type": "regressor", "layout": [2, 3, 1], "seed": 1})
    assert made.status_code == 201
    assert made.headers["location"] == "/networks/sum"
    assert made.json()["layout"] == [2, 3, 1]
    rows = [[a, b] for a in range(6) for b in range(6)]
    body = {"inputs": rows, "outputs": [a + b for a, b in rows]}
    assert http.post("/networks/sum/observe", json=body).json() == {"train": 24, "test": 12}
    body = {"inputs": [1, 1], "outputs": 2, "to": "test"}
    assert http.post("/networks/sum/observe", json=body).json() == {"train": 24, "test": 13}
    started = http.post("/networks/sum/train", json={"maxcycles": 30})
    assert (started.status_code, started.json()) == (202, {"status": "Training has started"})
    assert db.execute("NR.WAIT", "sum", 0) == 1
    asked = http.post("/networks/sum/run", json={"inputs": [3, 4]}).json()
    assert asked["outputs"] == db["sum"].run([3, 4]).tolist()
    many = http.post("/networks/sum/run", json={"inputs": [[3, 4], [1, 2]]}).json()
    assert many["outputs"] == db["sum"].run([[3, 4], [1, 2]]).tolist()
    assert len(http.get("/networks/sum/history").json()) == len(db["sum"].history())
    assert http.delete("/networks/sum").status_code == 204
    assert problem(http.get("/networks/sum"), 404) == "ERR no such key"


def test_a_network_with_fields_is_asked_by_name(http: TestClient, db: nr.Database) -> None:
    body = {"type": "classifier", "fields": FIELDS, "target": "joined", "hidden": [4], "seed": 1}
    assert http.put("/networks/club", json=body).status_code == 201
    rows = [
        {"age": 20 + i, "country": "IT", "joined": "yes" if i > 20 else "no"} for i in range(40)
    ]
    kept = http.post("/networks/club/observe", json={"samples": rows}).json()
    assert kept["train"] + kept["test"] == 40
    http.post("/networks/club/observe", json={"samples": rows[0], "weight": 2, "to": "train"})
    http.post("/networks/club/train", json={"maxcycles": 20})
    db.execute("NR.WAIT", "club", 0)
    asked = http.post("/networks/club/run", json={"inputs": {"age": 33}}).json()
    assert asked["outputs"] == db["club"].run({"age": 33})
    one = http.post("/networks/club/class", json={"inputs": {"age": 33}}).json()
    two = http.post("/networks/club/class", json={"inputs": [{"age": 33}, {"age": 59}]}).json()
    assert two["class"] == [one["class"], db["club"].classify({"age": 59})]
    more = {"inputs": {"age": 33, "shoes": 43}, "ignore_extra": True}
    assert http.post("/networks/club/class", json=more).json() == one
    assert http.get("/networks/club/fields").json()[0] == {
        "name": "age", "kind": "number", "output": False, "values": [],
    }  # fmt: skip


def test_any_driver_answers_the_same(options: dict[str, Any]) -> None:
    with nr.connect(**options) as db, client_of(db) as http:
        http.put("/networks/net", json={"type": "classifier", "layout": [2, 3, 2], "seed": 1})
        body = {"inputs": [[0, 1], [1, 0]], "outputs": [0, 1], "to": "train"}
        assert http.post("/networks/net/observe", json=body).json() == {"train": 2, "test": 0}
        with nr.connect("memory://") as memory:
            net = memory.create("net", "classifier", [2, 3, 2], seed=1)
            asked = http.post("/networks/net/run", json={"inputs": [1, 0]}).json()
            assert asked == {"outputs": net.run([1, 0]).tolist()}
            asked = http.post("/networks/net/class", json={"inputs": [[1, 0], [0, 1]]}).json()
            assert asked == {"class": net.classify([[1, 0], [0, 1]]).tolist()}
        assert http.get("/networks/net").json()["train_len"] == 2
        assert http.get("/networks").json()["networks"][0]["name"] == "net"
        assert http.get("/health").json() == {"status": "ok"}
        body = {"inputs": [1, 0, 0]}
        text = problem(http.post("/networks/net/run", json=body), 422)
        assert text == "ERR inputs: rows of 2 are needed, not of 3"
        assert problem(http.post("/networks/nut/run", json=body), 404) == "ERR no such key"


def test_what_there_is_to_know_of_a_network(http: TestClient, club: nr.Network) -> None:
    info = http.get("/networks/club").json()
    assert (info["name"], info["path"], info["type"]) == ("club", "/networks/club", "classifier")
    metrics, found = http.get("/networks/club/metrics").json(), club.metrics()
    assert found
    assert found.confusion_matrix
    assert metrics["accuracy"] == found.accuracy
    assert metrics["confusion_matrix"] == [list(row) for row in found.confusion_matrix]
    assert "rmse" not in metrics
    assert http.get("/networks/club/importance").json() == club.importance()
    assert http.get("/networks/club/options").json()["seed"] == 1
    sample = http.get("/networks/club/samples/train/0").json()
    assert sample == {"sample": club.sample("train", 0)}
    text = problem(http.get("/networks/club/samples/train/1000"), 404)
    assert text == "ERR the train dataset of 'club' has no row 1000"
    text = problem(http.get("/networks/club/samples/train/-1"), 404)
    assert text == "ERR a row is a whole number from 0, not '-1'"


def test_what_is_not_there_yet_is_null(http: TestClient, net: nr.Network) -> None:
    assert http.get("/networks/net/metrics").json() is None
    assert http.get("/networks/net/importance").json() is None
    assert http.get("/networks/net/history").json() == []
    assert http.get("/networks/net/fields").json() == []
    assert http.get("/trainings").json() == []
    net.observe([1, 2], 3)
    assert http.get("/networks/net/samples/train/0").json() == {"inputs": [1, 2], "outputs": [3]}


def test_options_fields_and_samples_are_changed(http: TestClient, club: nr.Network) -> None:
    changed = http.patch("/networks/club/options", json={"optimizer": "adam", "batch": None})
    assert changed.json()["optimizer"] == "adam"
    body = {"add": {"phone": "category"}, "drop": ["country"]}
    names = [field["name"] for field in http.patch("/networks/club/fields", json=body).json()]
    assert names == ["age", "phone", "joined"]
    twenties = http.post("/networks/club/forget", json={"values": {"age": 20}}).json()
    assert twenties == {"dropped": 4}
    train = club.info().train_len
    assert http.post("/networks/club/clear", json={"dataset": "train"}).json() == {"dropped": train}
    assert http.post("/networks/club/clear").json()["dropped"] > 0
    assert http.post("/networks/club/reset").status_code == 204
    assert club.info().cycles == 0
    assert http.post("/networks/club/stop").json() == {"stopped": False}


def test_trainings_are_listed_and_stopped(http: TestClient, net: nr.Network) -> None:
    net.observe_many([[1, 2], [3, 4]], [3, 7], to="train")
    http.post("/networks/net/train", json={"maxtime": 0})
    [line] = http.get("/trainings").json()
    assert (line["network"], line["attempt"]) == ("net", 1)
    assert {"state", "worker", "cycles", "train_error", "test_error", "class_errors"} <= {*line}
    text = problem(http.post("/networks/net/train"), 409)
    assert text == "ERR neural network training already in progress"
    assert http.post("/networks/net/stop").json() == {"stopped": True}


def test_networks_are_listed_in_parts(http: TestClient, db: nr.Database) -> None:
    for i in range(5):
        db.create(f"net:{i}", "regressor", [1, 1])
    db.create("other", "regressor", [1, 1])
    first = http.get("/networks", params={"pattern": "net:*", "limit": 2}).json()
    assert [net["name"] for net in first["networks"]] == ["net:0", "net:1"]
    assert first["after"] == "net:1"
    rest = {"pattern": "net:*", "after": first["after"]}
    found = http.get("/networks", params=rest).json()
    assert ([net["name"] for net in found["networks"]], found["after"]) == (
        ["net:2", "net:3", "net:4"],
        None,
    )
    for limit in "0", "1001", "x", "²":
        text = problem(http.get("/networks", params={"limit": limit}), 422)
        assert text == f"ERR limit is a whole number from 1 to 1000, not {limit!r}"


@pytest.mark.parametrize("key", [b"a/b", b"\xff\x00", b"%2F", "größe".encode(), b" ", b"?#"])
def test_a_key_may_have_any_bytes(http: TestClient, db: nr.Database, key: bytes) -> None:
    db.create(key, "regressor", [1, 1])
    [listed] = http.get("/networks").json()["networks"]
    assert http.get(listed["path"]).json()["id"] == listed["id"]
    assert http.post(f"{listed['path']}/run", json={"inputs": [1]}).status_code == 200
    assert http.delete(listed["path"]).status_code == 204
    assert len(db) == 0


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
     "ERR no member 'x' is known here: inputs, ignore_extra are"),
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


# ---- what is told besides ----


def test_prometheus_is_told_of_networks_and_requests(http: TestClient, db: nr.Database) -> None:
    db.create('a"b\\c\n', "regressor", [2, 1]).observe([1, 2], 3)
    http.get("/networks")
    http.get("/networks/nut")
    response = http.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    assert "nr_networks 1" in lines
    assert r'nr_network_training_samples{network="a\"b\\c\n"} 1' in lines
    assert 'nr_http_requests_total{method="GET",path="/networks",status="200"} 1' in lines
    assert 'nr_http_requests_total{method="GET",path="/networks/{key}",status="404"} 1' in lines
    labels = 'method="GET",path="/networks"'
    assert f'nr_http_request_seconds_bucket{{{labels},le="+Inf"}} 1' in lines
    assert f"nr_http_request_seconds_count{{{labels}}} 1" in lines
    names = [line.split(" ")[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_the_description_has_every_command(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    described = json.dumps(document)
    unrouted = {"NR.WAIT", "NR.DUMP", "NR.RESTORE"}  # events tell; dumps are no JSON
    commands = {spec.name for spec in engine.specs()}
    assert commands - {row.command for row in ROWS} == unrouted
    for spec in engine.specs():
        if spec.name not in unrouted:
            assert f"{spec.name} {spec.syntax}".strip() in described.replace('\\"', '"')
    body = document["paths"]["/networks/{key}"]["put"]["requestBody"]["content"]
    options = body["application/json"]["schema"]["properties"]
    assert options["optimizer"]["enum"] == ["rprop", "adam", "sgd"]
    assert options["batch"]["type"] == ["integer", "null"]


def test_operations_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_import_nr_brings_nothing_of_serving() -> None:
    code = "import sys, nr; print([m for m in sys.modules if m.startswith(('nr.serve', 'starl'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("path", "inputs"),
    [
        ("net/run", [1, 2]),
        ("net/run", [True, 1e30]),
        ("net/run", [1, 2, 3]),
        ("net/run", [1e39, 0]),
        ("net/run", [None, 1]),
        ("net/run", {"age": 1}),
        ("net/class", [1, 2]),
        ("club/run", {"age": 33}),
        ("club/run", {"aeg": 33}),
        ("club/class", {"age": 33, "country": "IT"}),
        ("club/class", {}),
        ("club/class", [1, 2]),
        ("nut/run", [1, 2]),
        ("net/run", "x"),
    ],
)
def test_the_short_way_answers_as_the_usual_one(
    http: TestClient, net: nr.Network, club: nr.Network, path: str, inputs: Any
) -> None:
    body = json.dumps({"inputs": inputs}).encode()
    short, usual = (
        http.post(f"/networks/{path}", content=body, headers={"content-type": kind})
        for kind in ("application/json", "application/json; charset=utf-8")
    )
    assert (short.status_code, short.json()) == (usual.status_code, usual.json())
    assert dict(short.headers) == dict(usual.headers)
    count = f'path="/networks/{{key}}/{path.partition("/")[2]}",status="{short.status_code}"}} 2'
    assert count in http.get("/metrics").text
