"""Sequences from Python: lists, ragged lists and arrays, in dictionaries and in frames."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nr

KINDS = {"path": "sequence(2)", "beat": "sequence", "pages": "sequence(category)"}


@pytest.fixture
def move(db: nr.Database) -> nr.Network:
    return db.create("move", "classifier", KINDS, target="way", seed=1, dataset=90, test=40)


@pytest.mark.parametrize(
    "path",
    [
        [[1, 2.5], [3, -4]],
        ((1, 2.5), (3, -4)),
        np.array([[1, 2.5], [3, -4]]),
        pd.DataFrame({"east": [1, 3], "north": [2.5, -4]}),
        np.array([[1, 2.5], [3, -4]], "f4", order="F"),
        [np.array([1, 2.5]), np.array([3, -4])],
    ],
)
def test_vectors_are_taken_in_any_form(move: nr.Network, path: Any) -> None:
    move.observe({"path": path, "way": "left"}, to="train")
    assert move.sample("train", 0)["path"] == [[1.0, 2.5], [3.0, -4.0]]


@pytest.mark.parametrize(
    "beat",
    [
        *([1, 2], [1.0, 2.0], (1, 2.0), range(1, 3)),
        *(np.array([1, 2]), np.float32([1, 2]), pd.Series([1, 2]), pd.Series([1.0, 2.0], [7, 8])),
    ],
)
def test_numbers_are_taken_in_any_form(move: nr.Network, beat: Any) -> None:
    move.observe({"beat": beat, "way": "left"}, to="train")
    assert move.sample("train", 0)["beat"] == [1.0, 2.0]


def test_numbers_in_bytes_are_those_of_a_list(move: nr.Network) -> None:
    beat = [-0.0, 2.0**-149, 3.0]
    for form in (beat, np.float32(beat)):
        move.observe({"beat": form, "way": "left"}, to="train")
    for row in move.samples("train"):
        assert [x.hex() for x in row["beat"]] == [x.hex() for x in (0.0, 2.0**-149, 3.0)]


@pytest.mark.parametrize(
    ("pages", "kept"),
    [
        ("home  shoes", ["home", "shoes"]),
        (["home", "to buy"], ["home", "to buy"]),
        (np.array(["home", "shoes"]), ["home", "shoes"]),
        (pd.Series(["home", "shoes"]), ["home", "shoes"]),
        ([7, 16_777_217], ["7", "16777217"]),
        ([True, "x"], ["true", "x"]),
        (None, None),
    ],
)
def test_symbols_are_kept_as_text(move: nr.Network, pages: Any, kept: Any) -> None:
    move.observe({"pages": pages, "way": "left"}, to="train")
    assert move.sample("train", 0)["pages"] == kept


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"path": []}, "field path: an empty sequence, of which there are none"),
        ({"path": [[1, 2], [3]]}, "field path: step 1 has 1 numbers where 2 are needed"),
        ({"path": np.ones((4, 3))}, "field path: step 0 has 3 numbers where 2 are needed"),
        ({"path": np.ones((2, 2, 2))}, "field path: an array of 3 dimensions"),
        ({"path": [[1.0, "x"]]}, "field path: .* is no list of numbers"),
        ({"beat": np.zeros(65537)}, "field beat: 65537 steps, at most 65536"),
        ({"beat": [1.0, np.nan]}, "field beat: step 1 has what is no finite"),
        ({"beat": [1.0, 3.4028235677973366e38]}, "field beat: step 1 has what is no finite"),
        ({"path": np.float32([[1, 2], [3, np.inf]])}, "field path: step 1 has what is no finite"),
        ({"beat": np.array([1e39])}, "field beat: step 0 has what is no finite"),
        ({"beat": [1.0, 10**400]}, "field beat: .* is no list of numbers"),
        ({"pages": ["a", None]}, "field pages: step 1 is empty, and no symbol"),
        ({"pages": [1.5, 2.5]}, "field pages: its steps are symbols, not numbers with fractions"),
        ({"beat": {1.0, 2.0}}, "field beat: {1.0, 2.0} .set. is no value of a field"),
    ],
)
def test_what_is_no_sequence_is_refused(move: nr.Network, row: Any, why: str) -> None:
    with pytest.raises(nr.CommandError, match=f"^ERR {why}"):
        move.observe({**row, "way": "left"})
    assert (move.info().train_len, move.info().test_len) == (0, 0)


def ragged(n: int) -> pd.DataFrame:
    """Paths that go one way or the other, of 3 to 12 steps."""
    rng = np.random.default_rng(3)
    ways = rng.choice(["left", "right"], n)
    paths = [
        np.cumsum(rng.normal(1 if way == "right" else -1, 1, (rng.integers(3, 13), 2)), axis=0)
        for way in ways
    ]
    return pd.DataFrame({"path": paths, "beat": [list(path[:, 0]) for path in paths], "way": ways})


def test_a_frame_of_ragged_lists_is_learned_and_asked(db: nr.Database) -> None:
    frame = ragged(160)
    net = db.create_from("ragged", frame, target="way", seed=1)
    assert net.info().fields[:2] == ("path:sequence(2)", "beat:sequence")
    net.observe_many(frame[:120])
    net.train(maxcycles=15, autostop=False).wait()
    asked = frame[120:].drop(columns="way")
    answers = net.classify(asked)
    assert (answers == frame.way[120:]).mean() > 0.85
    rows = asked.to_dict("records")
    assert net.classify(rows) == list(answers)
    assert net.classify({"path": frame.path[130].tolist(), "beat": frame.beat[130]}) == answers[130]
