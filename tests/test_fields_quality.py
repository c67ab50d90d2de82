"""The benchmark of networks with fields: its sets and claims, not its results."""

import pandas as pd
import pytest

from benchmarks.fields import claims, contenders
from benchmarks.fields.sets import BY_NAME, TABLES, TEXTS, texts
from benchmarks.fields.tried import tried
from benchmarks.quality.runs import Result, content
from benchmarks.quality.scoring import Score


def test_a_third_of_the_tables_and_of_the_texts_is_held_out():
    assert len(BY_NAME) == len(TABLES) + len(TEXTS)
    for some in (TABLES, TEXTS):
        held_out = claims.held_out(some)
        assert len(held_out) >= len(some) / 3
    assert {table.classifier for table in claims.held_out(TABLES)} == {True, False}
    earlier = {"titanic", "credit", "chile", "hotels", "loans", "flights", "ames"}
    assert not any(BY_NAME[name].held_out for name in earlier)


@pytest.mark.parametrize(("ours", "holds"), [(20.1, True), (20.3, False)])
def test_a_gain_that_is_too_small_is_told(ours, holds):
    scores = {"fields": ours, "native": 21.0, "catboost": 20.0}
    found = {
        (TABLES[0].name, name): [Result(seed, Score(loss, 0.0, 0.0), 0.1, 0.1) for seed in (0, 1)]
        for name, loss in scores.items()
    }
    over, behind = claims.gains(found, TABLES[:1], "one")
    assert over.holds is holds
    assert over.figures == f"{21 - ours:+.2f} points, of 1 tables"
    assert behind.holds


def test_gaps_stay_gaps_and_frames_are_told_apart():
    column = texts(pd.Series(["a", None, float("nan"), 3]))
    assert column.dropna().tolist() == ["a", "3"]
    frame = pd.DataFrame({"a": [1, 2]})
    assert content(frame) != content(frame.assign(a=[1, 3]))


@pytest.mark.filterwarnings("ignore:Series.dt")  # names that pandas is to give up
def test_peers_get_times_as_numbers_and_rare_categories_as_one():
    x = pd.DataFrame({"t": pd.to_datetime(["1970-01-03 06:00"]), "c": ["rare"]})
    assert contenders.with_parts(x, ["t"]).iloc[0, 1:].tolist() == [2.25, 6.0, 5.0, 3.0]
    known = contenders.as_categories(x, {"c": ["often"]})
    assert known["c"].tolist() == ["\0other"]


def test_what_was_tried_is_a_table():
    assert tried().count("\n| ") >= 10
