"""Measures of other samples: those of NR.METRICS by the same definitions, and their pictures."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_curve

import nr
from nr.cli import main
from nr.scores import roc


@pytest.fixture(params=["memory://", "sqlite"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[nr.Database]:
    url = request.param if "://" in request.param else f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        yield db


def alike(found: nr.Metrics, wanted: nr.Metrics) -> None:
    """The core keeps them as float32."""
    for field in dataclasses.fields(wanted):
        same(getattr(found, field.name), getattr(wanted, field.name), field.name)


def same(a: Any, b: Any, name: str) -> None:
    if isinstance(b, tuple):
        for one, other in zip(a, b, strict=True):
            same(one, other, name)
    else:
        assert a == (pytest.approx(b, rel=2e-6) if isinstance(b, float) else b), name


def trained(net: nr.Network) -> nr.Network:
    """What was measured at its end was not learned from."""
    net.train(maxcycles=15, autostop=False, backtrack=False).wait()
    return net


def people(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": random.integers(18, 70, n), "country": random.choice([*"ab"], n)})
    frame["group"] = np.where(random.random(n) < 0.8, frame.age // 20, 3)
    return frame


@pytest.mark.parametrize("classes", [2, 4])
def test_classes_of_plain_networks_are_measured_as_the_core_does(
    db: nr.Database, classes: int
) -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(240, 3))
    Y = (np.abs(X[:, 0] + random.normal(size=240) / 2) * 2).astype(int) % classes
    net = db.create("net", "classifier", [3, 4, classes], seed=1)
    net.observe_many(X[:160], Y[:160], to="train")
    net.observe_many(X[160:], Y[160:], to="test")
    alike(trained(net).evaluate(X[160:], Y[160:]), net.metrics())
    assert (net.metrics().auc is None) == (classes == 4)


def test_values_are_measured_as_the_core_does(db: nr.Database) -> None:
    random = np.random.default_rng(4)
    X = random.normal(size=(90, 2))
    Y = np.column_stack([X.sum(axis=1) * 100 + 7, np.full(90, 3.0)])
    net = db.create("net", "regressor", [2, 3, 2], seed=1)
    net.observe_many(X[:60], Y[:60], to="train")
    net.observe_many(X[60:], Y[60:], to="test")
    alike(trained(net).evaluate(X[60:], Y[60:]), net.metrics())
    assert net.metrics().r2[1] is None


def test_fields_are_measured_as_the_core_does_in_every_form(db: nr.Database) -> None:
    net = db.create_from("club", people(300, 1), "group", seed=1)
    trained(net)
    test = net.samples("test")
    alike(net.evaluate(test), net.metrics())
    frame = people(80, 2)
    found = net.evaluate(frame)
    assert found == net.evaluate(frame.drop(columns="group"), frame.group)
    assert found == net.evaluate(frame.drop(columns="group").to_dict("records"), [*frame.group])
    assert found.samples == 80
    assert found.classes == ("0", "1", "2", "3")


def test_what_cannot_be_judged_is_told(db: nr.Database) -> None:
    net = trained(db.create_from("club", people(120, 1), "group", seed=1))
    frame = people(9, 2)
    for X, y, text in [
        (frame.assign(group=[0] * 8 + [7]), None, "sample 8: its class is '7', none of 0, 1, 2, 3"),
        (frame.assign(group=None), None, "sample 0: its class is missing"),
        (frame.drop(columns="group"), None, "outputs are missing: group"),
        (frame, [1], "9 rows of inputs and 1 of outputs"),
        ([[1, 2]], None, "a frame or a list of dictionaries is needed"),
    ]:
        with pytest.raises(nr.ValuesError, match=f"ERR {text}"):
            net.evaluate(X, y)
    with pytest.raises(nr.ValuesError, match=r"ERR outputs are missing: net\.evaluate"):
        db.create("plain", "regressor", [1, 1]).evaluate([[1.0]])


def test_the_curve_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(5)
    chances, truth = random.integers(0, 9, 50) / 9, random.random(50) < 0.4
    false, true, _ = roc_curve(truth, chances, drop_intermediate=False)
    assert np.allclose(roc(chances, truth), (false, true))


def test_pictures_show_what_was_measured(db: nr.Database) -> None:
    net = trained(db.create_from("club", people(120, 1), "group", seed=1))
    reliability, curves = net.plot_evaluation(people(60, 2)).axes
    assert reliability.get_title() == "Reliability"
    assert [text.get_text() for text in curves.get_legend().get_texts()] == ["0", "1", "2", "3"]
    plain = trained(small(db))
    [residuals] = plain.plot_evaluation([[1.0], [2.0]], [1.0, 2.0]).axes
    points = residuals.collections[0].get_offsets()
    assert np.allclose(points.sum(axis=1), [1.0, 2.0])


def small(db: nr.Database) -> nr.Network:
    net = db.create("small", "regressor", [1, 1], seed=1)
    net.observe_many([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])
    return net


def test_metrics_as_json_are_those_of_the_network(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        net = db.create_from("club", people(120, 1), "group", seed=1)
        told = json.loads(
            CliRunner().invoke(main, ["metrics", "club", "--url", url, "--json"]).output
        )
        assert told == {"metrics": None, "importance": None}
        found = trained(net).metrics()
    told = json.loads(CliRunner().invoke(main, ["metrics", "club", "--url", url, "--json"]).output)
    assert told["metrics"]["accuracy"] == found.accuracy
    assert told["metrics"]["classes"] == ["0", "1", "2", "3"]
    assert [*told["importance"]] == ["age", "country"]
