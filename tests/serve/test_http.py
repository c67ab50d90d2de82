"""The commands over HTTP: the way of a network, and every route."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from http_calls import FIELDS, client_of, problem
from starlette.testclient import TestClient

import nr


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


def test_new_samples_beside_what_was_learned(http: TestClient, club: nr.Network) -> None:
    assert http.get("/networks/club/drift").json()["watched"] is False
    assert http.patch("/networks/club/options", json={"drift": True}).status_code == 200
    rows = [{"age": 20 + i, "country": "ES", "joined": "no"} for i in range(60)]
    assert http.post("/networks/club/observe", json={"samples": rows}).status_code == 200
    told, found = http.get("/networks/club/drift").json(), club.drift()
    assert told == json.loads(json.dumps(asdict(found)))
    assert (told["watched"], told["scored"], told["new_samples"]) == (True, 60, 60)
    assert told["loss"] > told["trained_loss"]
    assert told["moved"]["country"] > 0.25


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


def test_samples_are_read_in_ranges(http: TestClient, net: nr.Network, club: nr.Network) -> None:
    rows = [[i, i] for i in range(150)]
    http.post(
        "/networks/net/observe", json={"inputs": rows, "outputs": [*range(150)], "to": "train"}
    )
    place = "/networks/net/samples/train"
    found = http.get(place).json()["samples"]
    assert [one["outputs"] for one in found] == [[i] for i in range(100)]
    found = http.get(place, params={"first": 148, "last": 160}).json()
    assert found == {"samples": [{"inputs": row, "outputs": row[:1]} for row in rows[148:]]}
    assert http.get(place, params={"first": 9, "last": 9}).json()["samples"] == [
        http.get(f"{place}/9").json()
    ]
    named = http.get("/networks/club/samples/test", params={"last": 1}).json()["samples"]
    assert named == [{"sample": sample} for sample in club.samples("test", 0, 1)]
    for wrong in ({"first": -1}, {"last": "x"}):
        assert problem(http.get(place, params=wrong), 404).startswith("ERR a row is a whole number")
    text = problem(http.get(place, params={"first": 5, "last": 4}), 422)
    assert text.startswith("ERR ")
    text = problem(http.get(place, params={"last": 10000000}), 422)
    assert text.endswith("at most 10000 rows at once, not 10000001")


def test_a_network_is_dumped_and_restored(http: TestClient, club: nr.Network) -> None:
    dumped = http.get("/networks/club/dump")
    assert dumped.headers["content-type"] == "application/octet-stream"
    assert dumped.content == club.dump()
    blob = {"content": dumped.content, "headers": {"content-type": "application/octet-stream"}}
    made = http.put("/networks/again/dump", **blob)
    assert (made.status_code, made.headers["location"]) == (201, "/networks/again")
    assert made.json()["train_len"] == club.info().train_len
    asked = {"inputs": {"age": 33}}
    one, other = (http.post(f"/networks/{name}/run", json=asked) for name in ("club", "again"))
    assert one.json() == other.json()
    assert problem(http.put("/networks/again/dump", **blob), 409) == "ERR the key name is busy"
    assert http.put("/networks/again/dump?replace=true", **blob).status_code == 201
    text = problem(http.put("/networks/again/dump?replace=maybe", **blob), 422)
    assert text == "ERR replace is true or false, not 'maybe'"
    text = problem(http.put("/networks/new/dump", **blob | {"content": b"nothing"}), 422)
    assert text.startswith("ERR invalid network: ")
    assert problem(http.put("/networks/new/dump", json={}), 415).endswith("'application/json'")


def test_samples_may_count_more_each(http: TestClient, db: nr.Database) -> None:
    twins = [db.create(name, "classifier", FIELDS, target="y", seed=1) for name in ("a", "b")]
    rows = [{"age": i, "y": "no"} for i in range(5)]
    body = {"samples": rows, "weights": [1, 2, 3, 4, 0.5], "to": "train"}
    assert http.post("/networks/a/observe", json=body).json() == {"train": 5, "test": 0}
    twins[1].observe_many(rows, weights=body["weights"], to="train")
    kept = [http.get(f"/networks/{name}/samples/train").json() for name in ("a", "b")]
    assert kept[0] == kept[1]
    text = problem(http.post("/networks/a/observe", json=body | {"weight": 2}), 422)
    assert text == "ERR weights say how much each sample counts: no weight"
    assert problem(http.post("/networks/a/observe", json=body | {"weights": [1]}), 422)


def test_a_generator_writes_and_judges_texts(http: TestClient, db: nr.Database) -> None:
    db.execute("NR.CREATE lm GENERATOR 8 -> text:sequence(word) SEED 1")
    observed = {"samples": [{"text": "the cat sat"}, {"text": "the dog sat"}] * 10}
    assert http.post("/networks/lm/observe", json=observed).status_code == 200
    db["lm"].train(maxcycles=3, timeout=0).wait()
    asked = {"prompt": "the", "length": 5, "temperature": 0.5, "top": 3, "seed": 4}
    found = http.post("/networks/lm/generate", json=asked).json()
    wanted = db["lm"].generate("the", length=5, temperature=0.5, top=3, seed=4)
    assert found == {"text": wanted}
    assert http.post("/networks/lm/generate", json={}).status_code == 200
    found = http.post("/networks/lm/score", json={"text": "the cat"}).json()
    assert found == asdict(db["lm"].score("the cat"))
    kinds = {"word": "sequence(char)", "back": "sequence(char)"}
    say = db.create("say", "generator", kinds, target="back", hidden=[4], seed=1)
    say.observe_many([{"word": word, "back": word[::-1]} for word in ("ab", "abc", "cab") * 9])
    say.train(maxcycles=1, timeout=0).wait()
    found = http.post("/networks/say/translate", json={"text": "ab", "beam": 3}).json()
    assert found == {"sequences": say.translate("ab", beam=3)}
    found = http.post("/networks/say/score", json={"text": "ba", "of": "ab"}).json()
    assert found == asdict(say.score("ba", of="ab"))
    for path, body, text in [
        ("lm/translate", {"text": "a"}, "BEAM is for generators from one sequence to another"),
        ("say/translate", {"text": "a", "length": 0}, "LENGTH must be an integer from 1 to"),
        ("lm/generate", {"length": 0}, "LENGTH must be an integer from 1 to"),
        ("net/generate", {"prompt": "a"}, "net is no generator"),
        ("net/score", {"text": "a"}, "net is no generator"),
    ]:
        db.create("net", "regressor", [1, 1], exist_ok=True)
        assert text in problem(http.post(f"/networks/{path}", json=body), 422)


def test_a_forecaster_is_told_steps_and_asked_what_comes(http: TestClient, db: nr.Database) -> None:
    body = {"type": "forecaster", "fields": {"demand": "number"}, "target": "demand", "seed": 1,
            "horizon": 3, "window": 8, "season": 4}  # fmt: skip
    assert http.put("/networks/sales", json=body).status_code == 201
    steps = [{"demand": i % 4 + i / 10} for i in range(80)]
    for series in ({}, {"series": "store7"}):
        told = http.post("/networks/sales/observe", json={"samples": steps} | series)
        assert told.status_code == 200, told.text
    db["sales"].train(maxcycles=20).wait()
    found = http.get("/networks/sales/forecast").json()["forecast"]
    assert found == {"demand": db["sales"].forecast().tolist()}
    asked = {"series": "store7", "interval": 0.5}
    found = http.get("/networks/sales/forecast", params=asked).json()["forecast"]
    assert found == {"demand": db["sales"].forecast("store7", 0.5).tolist()}
    assert [len(step) for step in found["demand"]] == [3, 3, 3]
    assert problem(http.get("/networks/sales/forecast", params={"series": "none"}), 422)
    assert problem(http.get("/networks/sales/forecast", params={"interval": "x"}), 422)


def test_a_training_may_be_left_to_workers(tmp_path: Path) -> None:
    with nr.connect(f"sqlite:///{tmp_path}/nets.db") as db, client_of(db) as http:
        net = db.create("net", "regressor", [2, 1])
        net.observe_many([[1, 2], [3, 4]], [3, 7], to="train")
        queued = http.post("/networks/net/train", json={"queue": True, "maxcycles": 3})
        assert queued.json() == {"status": "Training has been queued"}
        [line] = http.get("/trainings").json()
        assert (line["network"], line["state"]) == ("net", "waiting")
        assert nr.run_waiting(db) == 1
        assert http.get("/trainings").json() == []
        assert net.info().cycles == 3


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
