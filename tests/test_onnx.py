"""Files of ONNX answer as nr does: every kind of field, gaps and unseen values, every head."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner

import nr
from nr.cli import main
from nr.onnx import words

CLOSE = 5e-6  # of 1, and of the value itself
KINDS = {
    "size": "number",
    "vip": "flag",
    "at": "time",
    "place": "category",
    "shade": "category(red,blue)",
    "point": "vector(2)",
    "note": "text",
    "who": "key",
}


WORDS = ("The", "the", "café", "CAFÉ", "Übel", "Ως", "東京", "don't", "4x4", "rain", "z" * 90, "—")


def note(random: np.random.Generator, far: float) -> str:
    """Words that repeat, in pairs, with signs between them; some that were never seen, or none."""
    words = [*WORDS, *(f"odd{i}" for i in range(int(20 * (far - 1))))]
    length = int(random.integers(0, 9 * far))
    return str(random.choice(["!", "", "- "])) + str(random.choice([" ", ", ", "\n"])).join(
        random.choice(words, length)
    )


def row(random: np.random.Generator, far: float) -> dict[str, Any]:
    """One sample, of which each value may be missing or, with ``far``, be unlike all others."""
    at = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(hours=float(random.uniform(0, 9000 * far)))
    places = ["Rome", "Zürich", "", *(f"hamlet {i}" for i in range(int(40 * far)))]
    found = {
        "size": float(random.lognormal(0, 2) * far**3),
        "vip": bool(random.random() < 0.5),
        "at": at,
        "place": str(random.choice(places)) or None,
        "shade": str(random.choice(["red", "blue"])),
        "point": [float(x) for x in random.normal(size=2) * far],
        "note": note(random, far),
        "who": f"person {random.integers(10**6)}",
    }
    return {name: None if random.random() < 0.15 else value for name, value in found.items()}


def feed(rows: list[dict[str, Any]], kinds: dict[str, str]) -> dict[str, Any]:
    """The rows as a runtime takes them."""
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        values = [row[name] for row in rows]
        if kind == "text":
            found[name] = words(values)
        elif kind.startswith("category"):
            found[name] = np.array([value or "" for value in values], object)
        elif kind == "time":
            found[name] = np.array([v.timestamp() if v else np.nan for v in values])
        elif kind.startswith("vector"):
            found[name] = np.array([v or [np.nan, np.nan] for v in values], np.float32)
        elif kind != "key":
            found[name] = np.array([np.nan if v is None else float(v) for v in values])
    return found


def target(row: dict[str, Any]) -> float:
    hour = row["at"].hour if row["at"] else 0
    talk = 3 * ("rain" in (row["note"] or "")) + 2 * ("東京" in (row["note"] or ""))
    return (
        np.log1p(row["size"] or 0)
        + 2 * bool(row["vip"])
        + (hour > 11)
        + len(row["place"] or "")
        + talk
    )


@pytest.mark.parametrize("kinds", [*({n: k} for n, k in KINDS.items() if k != "key"), KINDS])
@pytest.mark.parametrize("type", ["classifier", "regressor"])
def test_fields_of_all_kinds_agree(db: nr.Database, kinds: dict[str, str], type: Any) -> None:
    random = np.random.default_rng(1)
    samples = [row(random, 1.0) for _ in range(300)]
    low = np.median([target(one) for one in samples])
    for one in samples:
        one["y"] = target(one) if type == "regressor" else ("è" if target(one) > low else "no")
    net = db.create("net", type, kinds, target="y", seed=1)
    net.observe_many([{name: one[name] for name in (*kinds, "y")} for one in samples])
    net.train(maxcycles=30).wait()
    rows = [row(random, far) for far in (1.0, 2.0) for _ in range(500)]
    runtime = onnxruntime.InferenceSession(net.to_onnx())
    found = runtime.run(None, feed(rows, kinds))
    asked = [{name: one[name] for name in kinds} for one in rows]
    wanted = np.array([[*answer.values()] for answer in net.run(asked)])
    assert np.allclose(found[-1], wanted, rtol=CLOSE, atol=CLOSE)
    if type == "classifier":
        assert found[0].tolist() == net.classify(asked)


@pytest.mark.parametrize(
    ("type", "options"),
    [
        ("classifier", {}),
        ("classifier", {"members": 1, "activation": "relu"}),
        ("classifier", {"loss": "mse", "activation": "leakyrelu"}),
        ("classifier", {"classic": True}),
        ("regressor", {"activation": "sigmoid"}),
        ("regressor", {"normalize": False, "members": 3}),
        ("regressor", {"classic": True}),
    ],
)
def test_networks_without_fields_agree(db: nr.Database, type: Any, options: Any) -> None:
    random = np.random.default_rng(2)
    X = (random.normal(size=(300, 4)) * [1, 10, 0.1, 0]).astype(np.float32)
    Y = (X[:, 0] > 0) + (X[:, 1] > 5) if type == "classifier" else X[:, :2] ** 2
    net = db.create("net", type, [4, 6, 5, 3 if type == "classifier" else 2], seed=1, **options)
    net.observe_many(X, Y)
    net.train(maxcycles=20).wait()
    more = (random.normal(size=(1000, 4)) * [2, 20, 0.2, 1]).astype(np.float32)
    found = onnxruntime.InferenceSession(net.to_onnx()).run(None, {"x": more})
    assert np.allclose(found[-1], net.run(more), rtol=CLOSE, atol=CLOSE)
    if type == "classifier":
        assert found[0].tolist() == net.classify(more).tolist()


def test_a_file_says_what_it_is_of(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path}/nets.db", tmp_path / "net.onnx"
    with nr.connect(url) as db:
        net = db.create("net", "classifier", {"size": "number"}, target="y", hidden="linear")
        net.observe_many([{"size": i, "y": "ab"[i % 2]} for i in range(20)])
        net.train(maxcycles=2).wait()
    command = ["export", "net", "--url", url, "--onnx", str(path)]
    assert CliRunner().invoke(main, command).exit_code == 0
    model = onnx.load(path)
    told = {prop.key: prop.value for prop in model.metadata_props}
    assert told["kind"] == "classifier"
    assert json.loads(told["fields"]) == ["size:number", "y:category"]
    assert [value.name for value in model.graph.output] == ["label", "probabilities"]
    command[-1] = str(tmp_path / "no" / "net.onnx")
    assert "cannot be written" in CliRunner().invoke(main, command).output


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        ({"path": "sequence"}, "ERR field path: a sequence cannot be exported"),
    ],
)
def test_what_cannot_be_exported_is_told(db: nr.Database, kinds: dict[str, str], text: str) -> None:
    [name] = kinds
    net = db.create("net", "classifier", kinds, target="y", seed=1)
    net.observe_many([{name: [1.0, 2.0], "y": "ab"[i % 2]} for i in range(40)])
    with pytest.raises(nr.CommandError, match="has not been trained yet"):
        net.to_onnx()
    net.train(maxcycles=1).wait()
    with pytest.raises(nr.CommandError, match=text):
        net.to_onnx()


def test_a_forecaster_is_refused(db: nr.Database) -> None:
    net = db.create("net", "forecaster", {"y": "number"}, target="y", window=4, horizon=2)
    net.observe_many([{"y": i % 5} for i in range(60)])
    net.train(maxcycles=1).wait()
    with pytest.raises(nr.CommandError, match="ERR a forecaster cannot be exported"):
        net.to_onnx()


@pytest.mark.parametrize("texts", [["one", "two"], ["one two", "two one"], ["?", "!"], ["", ""]])
def test_texts_with_few_words_agree(db: nr.Database, texts: list[str]) -> None:
    """Where there are no pairs of words, no words, or no texts at all."""
    net = db.create("net", "classifier", {"note": "text", "x": "number"}, target="y", seed=1)
    rows = [{"note": texts[i % 2] or None, "x": i % 7, "y": "ab"[i % 2]} for i in range(40)]
    net.observe_many(rows)
    net.train(maxcycles=5).wait()
    asked = [{"note": note, "x": 3} for note in ("one two", "two", "?", None, "", "one three one")]
    fed = {"note": words(row["note"] for row in asked), "x": np.full(len(asked), 3.0)}
    found = onnxruntime.InferenceSession(net.to_onnx()).run(None, fed)
    wanted = [[*answer.values()] for answer in net.run(asked)]
    assert np.allclose(found[1], wanted, rtol=CLOSE, atol=CLOSE)


def test_words_are_those_of_the_core() -> None:
    found = words(["Don't, ÉCLAIR", "東京 4x4", "…", None, "", "é" * 40])
    assert found.tolist() == [
        ["don", "t", "éclair"],
        ["東", "京", "4x4"],
        [" ", "", ""],
        ["", "", ""],
        ["", "", ""],
        ["é" * 32, "", ""],
    ]
    assert words([]).shape == (0, 1)
