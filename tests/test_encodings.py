"""Encodings that an earlier state of the core fitted go on as they are."""

import json
from pathlib import Path

import pytest

import nr

FIRST = Path(__file__).parent / "data" / "golden" / "fields-1"
KINDS = ["classifier", "regressor"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_dump_from_before_times_had_bins_answers_as_it_did(kind):
    asked = json.loads((FIRST / "asked.json").read_text("utf-8"))
    expected = json.loads((FIRST / "expected.json").read_text("utf-8"))[kind]
    with nr.connect() as db:
        net = db.restore("net", (FIRST / f"{kind}.dump").read_bytes())
        found = [[float(value).hex() for value in row.values()] for row in net.run(asked)]
        assert found == expected


@pytest.mark.parametrize("kind", KINDS)
def test_and_learns_on_with_another_encoding(kind):
    with nr.connect() as db:
        net = db.restore("net", (FIRST / f"{kind}.dump").read_bytes())
        before = net.info().parameters
        net.train(timeout=0, maxcycles=40, autostop=True, backtrack=True).wait()
        assert net.info().parameters > before
        assert len(net.run([{"age": 3}, {"since": 1.6e9}])) == 2


@pytest.mark.parametrize(("backtrack", "knows"), [(True, True), (False, False)])
def test_words_of_testing_texts_are_known_to_a_training_that_learns_from_them(
    db: nr.Database, backtrack: bool, knows: bool
) -> None:
    net = db.create(
        "net", "classifier", {"note": "text"}, target="kind", dataset=60, test=30, seed=1
    )
    for i in range(90):
        bad, to = ("rain", "train") if i % 3 else ("hail", "test")
        kind = "bad" if i % 4 == 0 else "good"
        net.observe({"note": bad if kind == "bad" else "sun", "kind": kind}, to=to)
    net.train(timeout=0, maxcycles=200, autostop=True, backtrack=backtrack).wait()
    assert net.classify({"note": "sun"}) == "good"
    assert (net.classify({"note": "hail"}) == "bad") is knows
