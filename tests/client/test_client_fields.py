"""Networks with fields from Python: samples by name, in whatever form they come."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nr

KINDS = {
    "age": "number",
    "country": "category",
    "vip": "flag",
    "since": "time",
    "note": "text",
    "place": "vector(2)",
    "name": "key",
}
NOTES = ("likes jazz", "hates rock", "plays chess and jazz")


def people(n: int) -> pd.DataFrame:
    """Rows with gaps, whose last column follows from the first two."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "country": rng.choice(["IT", "FR", "NA"], n),
            "vip": rng.random(n) < 0.3,
            "since": pd.date_range("2026-01-01", periods=n, freq="D", tz="Europe/Rome"),
            "note": rng.choice(NOTES, n),
        }
    )
    frame["joined"] = np.where((frame.age > 40) == (frame.country == "IT"), "yes", "no")
    frame.loc[::9, "age"] = np.nan
    frame.loc[::7, "country"] = None
    return frame


@pytest.fixture
def club(db: nr.Database) -> nr.Network:
    return db.create("club", "classifier", KINDS, target="joined", seed=1, dataset=60, test=30)


def test_fields_are_told_as_they_were_given(club: nr.Network) -> None:
    assert club.info().fields == (
        *("age:number", "country:category", "vip:flag", "since:time", "note:text"),
        *("place:vector(2)", "name:key", "->", "joined:category"),
    )
    assert club.info().parameters == 0


def test_a_sample_is_kept_as_it_was_said(club: nr.Network) -> None:
    said = {
        "age": Decimal("33.5"),
        "country": "IT",
        "vip": np.True_,
        "since": datetime(2026, 11, 27, 10, tzinfo=UTC),
        "note": "likes jazz",
        "place": np.array([1, 0.5]),
        "name": "ann",
        "joined": "yes",
    }
    assert club.observe(said, to="train") == (1, 0)
    assert club.observe({"joined": "no", "since": date(2026, 1, 2)}, to="test") == (1, 1)
    assert club.sample("train", 0) == {
        "age": 33.5,
        "country": "IT",
        "vip": "yes",
        "since": "2026-11-27T10:00:00Z",
        "note": "likes jazz",
        "place": [1.0, 0.5],
        "name": "ann",
        "joined": "yes",
    }
    empty = dict.fromkeys(KINDS) | {"since": "2026-01-02T00:00:00Z", "joined": "no"}
    assert club.sample("test", 0) == empty


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.nan, "", "NaN"])
def test_what_says_nothing_is_missing(club: nr.Network, missing: Any) -> None:
    club.observe({"age": missing, "since": missing, "vip": missing, "joined": "no"}, to="train")
    assert club.sample("train", 0) == dict.fromkeys(KINDS) | {"joined": "no"}


def test_a_frame_a_list_and_an_array_are_the_same_samples(db: nr.Database) -> None:
    frame = people(40)
    rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
    forms: list[Any] = [frame, frame[frame.columns[::-1]], rows]
    dumps = []
    for form in forms:
        net = db.create("n", "classifier", KINDS, target="joined", seed=1, dataset=30, test=9)
        assert net.observe_many(form) == (30, 9)
        dumps.append([net.sample("train", row) for row in range(30)])
        del db["n"]
    assert dumps[0] == dumps[1] == dumps[2]
    plain = db.create("n", "regressor", {"a": "number", "b": "flag"}, target="y", seed=1)
    array = np.array([(1.5, True, 2), (2.5, False, 4)], [("a", "f8"), ("b", "?"), ("y", "i4")])
    plain.observe_many(array, to="train")
    assert plain.sample("train", 1) == {"a": 2.5, "b": "no", "y": 4.0}


def test_answers_have_names(club: nr.Network) -> None:
    frame = people(90)
    with pytest.raises(nr.CommandError, match="net has not been trained yet"):
        club.run({"age": 3})
    club.observe_many(frame)
    club.train(maxcycles=60, autostop=False).wait()
    found = club.run({"age": 50, "country": "IT"})
    assert found.keys() == {"no", "yes"}
    assert sum(found.values()) == pytest.approx(1)
    best = max(found, key=found.__getitem__)
    assert club.classify({"country": "IT", "age": 50}) == best
    some = frame.drop(columns="joined").iloc[:5]
    classes, chances = club.classify(some), club.run(some)
    assert list(chances.columns) == ["no", "yes"]
    assert (chances.idxmax(axis=1) == classes).all()
    assert list(classes.index) == list(some.index)
    rows = some.astype(object).where(some.notna(), None).to_dict("records")
    assert club.classify(rows) == classes.tolist()
    assert club.classify([{}, {"country": "never seen"}])[0] in {"no", "yes"}
    importance = club.importance()
    assert list(importance) == list(KINDS)
    assert importance["name"] == 0
    metrics = club.metrics()
    assert metrics is not None
    assert metrics.classes == ("no", "yes")


def test_a_regressor_tells_its_outputs_in_their_unit(db: nr.Database) -> None:
    net = db.create("price", "regressor", {"area": "number"}, target=["price", "rent"], seed=1)
    for area in range(20, 120):
        net.observe({"area": area, "price": 1e9 + area, "rent": area / 10})
    net.train(maxcycles=300, autostop=False).wait()
    found = net.run({"area": 70})
    assert found["price"] == pytest.approx(1e9 + 70, abs=3)
    assert found["rent"] == pytest.approx(7, abs=0.3)
    metrics = net.metrics()
    assert metrics is not None
    assert metrics.outputs == ("price", "rent")
    assert metrics.rmse is not None
    assert metrics.rmse[0] is not None
    assert metrics.rmse[0] < 3


def test_a_network_from_a_frame(db: nr.Database) -> None:
    frame = people(90)
    net = db.create_from("club", frame, "joined", kinds={"note": "text"}, seed=1)
    assert net.info().fields[:5] == (
        *("age:number", "country:category", "vip:flag", "since:time", "note:text"),
    )
    assert (net.info().train_len, net.info().test_len) == (60, 30)
    with pytest.raises(nr.CommandError, match="field age: a number or nothing is needed, not 'x'"):
        db.create_from("other", frame.assign(age="x"), "joined", kinds={"age": "number"})
    assert "other" not in db


def test_a_frame_that_is_refused_leaves_a_network_that_was_there(db: nr.Database) -> None:
    frame = people(30)[["age", "joined"]]
    db.create("club", "classifier", {"age": "number"}, target="joined", seed=1)
    net = db.create_from("club", frame, "joined", exist_ok=True)
    assert net.info().train_len + net.info().test_len == 30
    bad = frame.assign(age="x")
    with pytest.raises(nr.CommandError, match="field age: a number or nothing is needed, not 'x'"):
        db.create_from("club", bad, "joined", kinds={"age": "number"}, exist_ok=True)
    assert net.info().train_len + net.info().test_len == 30


def test_columns_that_are_no_fields_are_left_out_where_that_is_asked_for(db: nr.Database) -> None:
    kinds = {"age": "number", "country": "category"}
    net = db.create("club", "classifier", kinds, target="joined", seed=1)
    plain = people(80)[["age", "country", "joined"]]
    wide = plain.assign(colour="red", extra=1.5)[["extra", "joined", "colour", "country", "age"]]
    with pytest.raises(nr.CommandError, match="no fields 'extra', 'colour' in club"):
        net.observe_many(wide)
    assert sum(net.observe_many(wide, to="train", ignore_extra=True)) == 80
    rows = wide[:3].to_dict("records")
    assert net.observe_many(rows, to="test", ignore_extra=True) == (80, 3)
    assert net.observe_many(wide[:2].to_records(), to="test", ignore_extra=True) == (80, 5)
    assert [net.sample("test", at) for at in (3, 4)] == [net.sample("train", at) for at in (0, 1)]
    net.train(maxcycles=20, autostop=False).wait()
    asked = plain[["age", "country"]]
    assert net.run(wide, ignore_extra=True).equals(net.run(asked))
    assert net.classify(wide, ignore_extra=True).equals(net.classify(asked))
    known = [{name: row[name] for name in kinds} for row in rows]
    assert net.run(rows, ignore_extra=True) == net.run(known)
    assert net.classify(rows[0], ignore_extra=True) == net.classify(known[0])
    for call, why in (
        (lambda: net.run(wide.drop(columns="joined")), "no fields 'extra', 'colour' in club"),
        (lambda: net.classify(rows), "sample 0: no fields 'extra', 'colour' in club"),
        (lambda: net.run({"extra": 1}), "no field 'extra' in club"),
        (lambda: net.run(wide[["colour"]], ignore_extra=True), "none of the columns.*: colour"),
        (lambda: net.classify(rows[0], ignore_extra="no"), "ignore_extra is True or False"),
    ):
        with pytest.raises(nr.CommandError, match=why):
            call()
    numbers = db.create("numbers", "regressor", [1, 1], seed=1)
    with pytest.raises(nr.ValuesError, match="networks with fields: numbers takes numbers"):
        numbers.observe_many([[1]], [[2]], ignore_extra=True)


def test_what_is_wrong_is_told(club: nr.Network) -> None:
    def refused(call: Any, text: str) -> None:
        with pytest.raises(nr.CommandError) as caught:
            call()
        assert str(caught.value) == text

    refused(lambda: club.run({"aeg": 3}), "ERR no field 'aeg' in club, did you mean age?")
    refused(
        lambda: club.observe({"age": "old", "joined": "yes"}),
        "ERR field age: a number or nothing is needed, not 'old'",
    )
    refused(lambda: club.observe({"age": 3}), "ERR field joined: an output is needed")
    refused(
        lambda: club.run({"joined": "yes"}),
        "ERR field joined is an output: it is asked for, not given",
    )
    refused(
        lambda: club.observe_many([{"joined": "no"}, {"place": [1], "joined": "no"}]),
        "ERR sample 1: field place: 2 numbers are needed, not 1",
    )
    refused(
        lambda: club.observe({"joined": "yes"}, "yes"),
        "ERR samples with names have their outputs among them",
    )
    refused(
        lambda: club.observe([1.0], 1),
        "ERR club has fields: give their values by name, as age=value, or as JSON",
    )
    refused(
        lambda: club.observe_many([{"joined": "no"}, None]),
        "ERR sample 1: a dictionary of fields is needed, not None",
    )
    with pytest.raises(nr.ValuesError, match="is no value of a field"):
        club.observe({"age": object(), "joined": "yes"})
    assert club.info().train_len == 0


def test_a_sample_counts_as_often_as_its_weight_says(db: nr.Database) -> None:
    net = db.create("n", "classifier", {"a": "flag"}, target="y", seed=1, hidden="linear")
    for _ in range(20):
        net.db.execute("NR.OBSERVE", "n", "a=1", "->", "y=no", "TRAIN")
        net.db.execute("NR.OBSERVE", "n", "a=1", "->", "y=yes", "WEIGHT", "9", "TRAIN")
    net.train(maxcycles=300, autostop=False).wait()
    assert net.run({"a": True})["yes"] == pytest.approx(0.9, abs=0.06)
    same = db.create("m", "classifier", {"a": "flag"}, target="y", seed=1, hidden="linear")
    for _ in range(19):
        same.observe({"a": True, "y": "no"}, to="train")
        same.observe({"a": True, "y": "yes"}, to="train", weight=9)
    same.observe_many([{"a": 1, "y": "no"}, {"a": 1, "y": "yes"}], to="train", weights=[1, 9])
    same.train(maxcycles=300, autostop=False).wait()
    assert same.run({"a": True}) == net.run({"a": True})
    for weights, why in (
        ([1], "weights: 2 numbers are needed, one a sample, not 1"),
        ([1, 0], "weights, row 1: above 0 is needed, not 0"),
        ([1, np.nan], "weights, row 1: "),
    ):
        with pytest.raises(nr.ValuesError, match=why):
            same.observe_many([{"y": "no"}, {"y": "yes"}], weights=weights)
    plain = db.create("plain", "regressor", [1, 1])
    for call in (
        lambda: plain.observe(1, 2, weight=3),
        lambda: plain.observe_many([[1]], [[2]], weights=[3]),
    ):
        with pytest.raises(nr.ValuesError, match="weights are for samples with names"):
            call()
    with pytest.raises(nr.CommandError, match="WEIGHT must be a number above 0"):
        net.db.execute("NR.OBSERVE", "n", "a=1", "->", "y=no", "WEIGHT", "0")


def test_fields_come_and_go_and_the_samples_stay(club: nr.Network) -> None:
    club.observe_many(people(30))
    club.add_fields({"size": "number", "phone": "category(a,b)"})
    club.drop_fields("age", "note")
    assert "age" not in club.sample("train", 0)
    assert club.sample("train", 0)["phone"] is None
    club.observe({"phone": "a", "joined": "yes"}, to="train")
    club.train(maxcycles=3, autostop=False).wait()
    told = {field.name: field for field in club.fields()}
    assert list(told)[-4:] == ["name", "size", "phone", "joined"]
    assert told["phone"] == nr.Field("phone", "category(a,b)", False, ("a", "b"))
    assert told["joined"] == nr.Field("joined", "category", True, ("no", "yes"))
    assert {"IT", "FR"} <= set(told["country"].values)
    with pytest.raises(nr.CommandError, match="ERR no field 'age' in club"):
        club.run({"age": 3})


def test_a_refused_change_of_fields_changes_nothing(club: nr.Network) -> None:
    before = club.fields()
    with pytest.raises(nr.CommandError, match="ERR field x: a kind is"):
        club.add_fields({"size": "number", "x": "numbr"})
    with pytest.raises(nr.CommandError, match="ERR no field 'nobody' in club"):
        club.drop_fields("age", "nobody")
    club.add_fields({})
    club.drop_fields()
    assert club.fields() == before


ASKED: list[dict[str, Any]] = [
    {},
    {"age": 33},
    {"country": "IT", "age": 70},
    {"age": None, "country": "", "vip": True, "note": "jazz and chess"},
    {"age": float("nan"), "country": "never seen", "vip": 0},
    {"age": "70", "since": "2026-02-01", "place": [1, 2.5], "name": "x" * 70},
    {"since": datetime(2026, 3, 1, 12), "vip": np.False_, "age": np.float32(70), "country": "NA"},
    {"place": np.array([0.5, 1]), "age": Decimal("20.5"), "country": pd.NA},
]


@pytest.mark.parametrize("asked", range(len(ASKED)))
def test_a_dictionary_is_answered_as_its_command_is(club: nr.Network, asked: int) -> None:
    frame = people(60)
    frame["place"] = [[i, 1.0] for i in range(len(frame))]
    club.observe_many(frame.to_dict("records"))
    club.train(maxcycles=3, autostop=False).wait()
    row = ASKED[asked]
    several = club.run([row])  # goes as a command
    assert club.run(row) == several[0]
    assert club.classify(row) == club.classify([row])[0]
    shuffled = dict(reversed(row.items()))
    assert club.run(shuffled) == several[0]


def test_a_wrong_dictionary_is_refused_as_its_command_is(club: nr.Network) -> None:
    with pytest.raises(nr.CommandError, match=r"ERR net has not been trained yet: NR\.TRAIN club"):
        club.classify({"age": 3})
    club.observe_many(people(30))
    club.train(maxcycles=3, autostop=False).wait()
    wrong: dict[str, dict[Any, Any]] = {
        "ERR no field 'aeg' in club, did you mean age?": {"aeg": 3},
        "ERR field age: a number or nothing is needed, not 'old'": {"age": "old"},
        "ERR field joined is an output: it is asked for, not given": {"joined": "yes"},
        "ERR field country: text in UTF-8 is needed": {"country": "\udcff"},
        "ERR field place: 2 numbers are needed, not 1": {"place": [1]},
        "ERR a sample is a map of fields and values": {3: 4},
    }
    for why, row in wrong.items():
        for ask in club.run, club.classify:
            with pytest.raises(nr.CommandError) as refused:
                ask(row)
            assert str(refused.value).startswith(why) or "country" in row


def test_a_regressor_of_fields_is_asked_by_name(db: nr.Database) -> None:
    net = db.create("r", "regressor", {"a": "number"}, target=("y", "z"), seed=1)
    net.observe_many([{"a": i, "y": 2 * i, "z": -i} for i in range(30)])
    net.train(maxcycles=5, autostop=False).wait()
    assert net.run({"a": 3}) == net.run([{"a": 3}])[0]
    assert list(net.run({"a": 3})) == ["y", "z"]
    with pytest.raises(nr.CommandError, match=r"you can't call NR\.CLASS with a regressor"):
        net.classify({"a": 3})
