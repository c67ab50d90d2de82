"""Frames of polars and Arrow come out as they came in; sparse matrices are run block by block."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

import nr
from nr import frames, sparse


@pytest.fixture
def db() -> Any:
    with nr.connect("memory://") as db:
        yield db


def people(n: int) -> pl.DataFrame:
    rows = range(n)
    return pl.DataFrame(
        {
            "age": [None if i % 9 == 0 else 18 + i % 60 for i in rows],
            "country": pl.Series([("IT", "FR", None)[i % 3] for i in rows], dtype=pl.Categorical),
            "vip": [None if i % 7 == 0 else i % 2 == 0 for i in rows],
            "since": [None if i % 5 == 0 else datetime(2024, 1, 1 + i % 28, 3) for i in rows],
            "born": [date(1990, 1, 1 + i % 28) for i in rows],
            "path": [[float(i), 1.0] for i in rows],
            "joined": [("no", "yes")[i % 3 % 2] for i in rows],
        }
    )


def forms(frame: pl.DataFrame) -> dict[str, Any]:
    table = frame.to_arrow()
    return {
        "polars": frame,
        "arrow": table,
        "batch": table.combine_chunks().to_batches()[0],
        "rows": frame.to_dicts(),
    }


def test_frames_of_all_libraries_are_the_same_samples(db: nr.Database) -> None:
    kinds = frames.guessed(people(40), "joined")
    assert kinds == {
        "age": "number",
        "country": "category",
        "vip": "flag",
        "since": "time",
        "born": "time",
        "path": "sequence",
    }
    kept = []
    for name, form in forms(people(40)).items():
        net = db.create(name, "classifier", kinds, target="joined", seed=1)
        net.observe_many(form)
        kept.append((net.samples("train"), net.samples("test")))
    assert kept[1:] == kept[:-1]
    assert kept[0][0][0]["age"] is None


@pytest.mark.parametrize("form", ["polars", "arrow", "batch"])
def test_what_came_in_comes_out(db: nr.Database, form: str) -> None:
    frame = people(90).drop("path")
    net = db.create_from("club", forms(frame)[form], "joined", seed=1, hidden="linear")
    net.train(maxcycles=20).wait()
    asked = forms(frame.drop("joined"))
    found, wanted = net.run(asked[form]), net.run(asked["rows"])
    assert type(found) is type(asked[form])
    assert (found.to_dicts() if form == "polars" else found.to_pylist()) == wanted
    classes = net.classify(asked[form])
    assert list(map(str, classes)) == net.classify(asked["rows"])
    extra = net.run(forms(frame)[form], ignore_extra=True)
    assert extra.equals(found)


def test_a_frame_of_pandas_keeps_its_index(db: nr.Database) -> None:
    frame = people(60).drop("path").to_pandas().set_index(pd.Index(range(100, 160)))
    net = db.create_from("club", frame, "joined", seed=1, hidden="linear")
    net.train(maxcycles=5).wait()
    asked = frame.drop(columns="joined")
    assert net.run(asked).index.equals(frame.index)
    assert list(net.run(asked).columns) == ["no", "yes"]
    assert net.classify(asked).index.equals(frame.index)


def test_large_whole_numbers_keep_their_digits() -> None:
    column = frames.column(pl.DataFrame({"id": [2**60 + 1, None]}), "id")
    assert column.tolist() == [2**60 + 1, None]
    again = frames.column(pa.table({"id": [2**60 + 1, None]}), "id")
    assert again.tolist() == [2**60 + 1, None]


def test_times_with_a_zone_are_the_same_moments() -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    for frame in pl.DataFrame({"t": [moment]}), pa.table({"t": [moment]}):
        assert frames.column(frame, "t").astype("M8[us]").item() == moment.replace(tzinfo=None)


def test_series_of_polars_are_those_of_pandas(db: nr.Database) -> None:
    frame = pl.DataFrame(
        {"day": [3, 1, 2, 1], "shop": ["a", "a", None, "b"], "sold": [3.0, 1.0, 9.0, 7.0]}
    )
    for name, form in {"a": frame, "b": frame.to_pandas(), "c": frame.to_arrow()}.items():
        net = db.create(name, "forecaster", {"sold": "number"}, target="sold")
        assert net.observe_series(form, time="day", by="shop") == {"a": 2, "b": 1}
    assert db["a"].samples("train") == db["b"].samples("train") == db["c"].samples("train")


def test_a_target_that_is_no_column_is_told(db: nr.Database) -> None:
    with pytest.raises(nr.ValuesError, match="ERR the frame has no column 'jned', it has: age,"):
        db.create_from("club", people(9), "jned")


# ---- sparse matrices ----


def numbers(rows: int) -> Any:
    return sp.random(rows, 6, 0.4, format="coo", random_state=1, dtype=np.float64)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
def test_a_sparse_matrix_is_its_rows(
    db: nr.Database, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse, "BLOCK", 4 * 6 * 7)  # seven rows
    X, Y = numbers(40), np.arange(40) % 3
    some, dense = (db.create(n, "classifier", [6, 4, 3], seed=1) for n in ("some", "dense"))
    assert some.observe_many(X.asformat(form), Y) == dense.observe_many(X.toarray(), Y)
    for name in "train", "test":
        rows = zip(some.samples(name), dense.samples(name), strict=True)
        assert all((a == b).all() for pair in rows for a, b in zip(*pair, strict=True))
    assert (some.run(X.asformat(form)) == dense.run(X.toarray())).all()
    assert (some.classify(X.asformat(form)) == dense.classify(X.toarray())).all()


def test_a_sparse_matrix_that_is_wrong_is_told_before_anything_is_sent(db: nr.Database) -> None:
    net = db.create("net", "regressor", [6, 1])
    X = numbers(30).tolil()
    with pytest.raises(nr.ValuesError, match="ERR 30 rows of inputs and 29 of outputs"):
        net.observe_many(X, np.zeros(29))
    with pytest.raises(nr.ValuesError, match="rows of 6 are needed, not of 5"):
        net.observe_many(X[:, :5], np.zeros(30))
    with pytest.raises(nr.ValuesError, match="rows are needed"):
        net.run(X[:0])
    X[28, 3] = np.nan
    with pytest.raises(nr.ValuesError, match="inputs, row 28, column 3: nan is no number"):
        net.observe_many(X, np.zeros(30))
    assert net.info().train_len + net.info().test_len == 0
