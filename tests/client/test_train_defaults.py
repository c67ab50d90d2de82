"""Trainings where nobody says how: Python starts them with AUTOSTOP BACKTRACK, of any network.

What comes of them is that of the command which says so, to the bit, and good.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nr


def inputs(n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(3).normal(size=(n, 3))


def plain_classifier(db: nr.Database) -> None:
    X = inputs(300)
    db.create("net", "classifier", [3, 8, 2], seed=1).observe_many(X, X[:, 0] * X[:, 1] > 0)


def plain_regressor(db: nr.Database) -> None:
    X = inputs(300)
    y = X[:, 0] * X[:, 1] + 0.1 * X[:, 2]
    db.create("net", "regressor", [3, 8, 1], seed=1).observe_many(X, y)


def fields_classifier(db: nr.Database) -> None:
    kinds = {"age": "number", "country": "category", "note": "text"}
    net = db.create("net", "classifier", kinds, target="joined", seed=1)
    for age, country, note in inputs(300):
        net.observe(
            {
                "age": age,
                "country": "IT" if country > 0 else "FR",
                "note": "likes jazz" if note > 0 else None,
                "joined": "yes" if (age > 0) == (country > 0) else "no",
            }
        )


def fields_regressor(db: nr.Database) -> None:
    kinds = {"age": "number", "country": "category"}
    net = db.create("net", "regressor", kinds, target="spent", seed=1)
    for age, country, noise in inputs(300):
        land = "IT" if country > 0 else "FR"
        spent = 2 * age + (country > 0) + 0.1 * noise
        net.observe({"age": age, "country": land, "spent": spent})


def sequences(db: nr.Database) -> None:
    net = db.create("net", "classifier", {"pages": "sequence(category)"}, target="page", seed=1)
    for x in inputs(60):
        first, second, last = ("a" if x[1] > 0 else "b", "c", "x" if x[0] > 0 else "y")
        net.observe({"pages": [first, second, last], "page": last})


def forecaster(db: nr.Database) -> None:
    db.execute("NR.CREATE net FORECASTER -> demand:number SEED 1 SEASON 4 WINDOW 8 HORIZON 2")
    for i, x in enumerate(inputs(120)):
        db["net"].observe({"demand": 10 + i % 4 * 3 + 0.1 * x[0]})


def classic(db: nr.Database) -> None:
    X = inputs(300)
    net = db.create("net", "classifier", [3, 8, 2], classic=True, seed=1)
    net.observe_many(X, X[:, 0] * X[:, 1] > 0)


Make = Callable[[nr.Database], None]


def outcome(make: Make, train: Callable[[nr.Database], object]) -> nr.Info:
    with nr.connect("memory://") as db:
        make(db)
        train(db)
        db.execute("NR.WAIT net 0")
        return db["net"].info()


def same(one: nr.Info, other: nr.Info) -> bool:
    """Whether both trainings came to the same, to the last bit of their errors."""
    names = ("ended_by", "cycles", "steps", "train_error", "test_error", "overfitting", "layout")
    return all(getattr(one, name) == getattr(other, name) for name in names)


QUICK = [plain_classifier, plain_regressor, fields_classifier, fields_regressor, forecaster]


@pytest.mark.parametrize("make", QUICK)
def test_a_training_without_limits_or_with_wide_ones_stops_by_itself(make: Make) -> None:
    said = outcome(make, lambda db: db.execute("NR.TRAIN net AUTOSTOP BACKTRACK MAXTIME 60000"))
    assert said.ended_by == "autostop"
    for limits in ({}, {"timeout": 60}, {"maxcycles": 5000}):
        assert same(said, outcome(make, lambda db: db["net"].train(**limits))), limits  # noqa: B023


@pytest.mark.parametrize("make", [*QUICK, sequences])
def test_a_training_of_few_cycles_keeps_the_best_of_them(make: Make) -> None:
    said = outcome(make, lambda db: db.execute("NR.TRAIN net MAXCYCLES 30 AUTOSTOP BACKTRACK"))
    assert said.ended_by == "cycles"
    assert same(said, outcome(make, lambda db: db["net"].train(maxcycles=30)))
    to_the_end = outcome(make, lambda db: db["net"].train(maxcycles=30, autostop=False))
    assert to_the_end.cycles == 30
    assert not same(said, to_the_end)


def test_a_classic_training_goes_to_its_limit() -> None:
    said = outcome(classic, lambda db: db.execute("NR.TRAIN net MAXCYCLES 30"))
    assert (said.ended_by, said.cycles) == ("cycles", 30)
    assert same(said, outcome(classic, lambda db: db["net"].train(maxcycles=30)))


def test_what_is_learned_without_a_word_is_good() -> None:
    errors = {make.__name__: outcome(make, lambda db: db["net"].train()) for make in QUICK}
    assert errors["plain_classifier"].class_errors <= 5  # per cent
    assert errors["fields_classifier"].class_errors <= 2
    assert errors["plain_regressor"].test_error < 0.15  # of a variance of about 1
    assert errors["fields_regressor"].test_error < 0.005


def test_a_forecaster_trained_within_a_time_knows_its_season() -> None:
    with nr.connect("memory://") as db:
        forecaster(db)
        db["net"].train(timeout=60).wait()
        first, second = (float(row[1]) for row in db.execute("NR.RUN net"))  # type: ignore
        assert abs(first - 10) < 0.5
        assert abs(second - 13) < 0.5


def test_sequences_are_learned() -> None:
    with nr.connect("memory://") as db:
        sequences(db)
        net = db["net"]
        net.train(maxcycles=30).wait()
        assert [net.classify({"pages": ["b", "c", last]}) for last in "xy"] == ["x", "y"]
