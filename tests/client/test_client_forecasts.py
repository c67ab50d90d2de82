"""Forecasters from Python: frames of one series or several, forecasts as arrays, a plot."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nr

SEASON = np.array([0.0, 5.0, 2.0, 8.0])
FAST = {"maxcycles": 40, "autostop": True, "backtrack": True, "timeout": 0}


def values(n: int, level: float = 0) -> Any:
    return level + np.arange(n) + SEASON[np.arange(n) % 4]


def frame(n: int) -> pd.DataFrame:
    """Two stores, day by day, in no order."""
    days = pd.date_range("2026-01-01", periods=n)
    stores = [
        pd.DataFrame({"day": days, "store": store, "sold": values(n, level), "price": 3})
        for store, level in (("north", 0), ("south", 500))
    ]
    return pd.concat(stores).sample(frac=1, random_state=1)


@pytest.fixture
def sales(db: nr.Database) -> nr.Network:
    fields = {"price": "number"}
    options: dict[str, Any] = {"horizon": 4, "window": 16, "seed": 1, "members": 1}
    return db.create("sales", "forecaster", fields, target="demand", **options)


def test_series_of_a_frame_are_learned_and_forecast(sales: nr.Network) -> None:
    grown = sales.observe_series(frame(60), time="day", value="sold", by="store")
    assert grown == {"north": 60, "south": 60}
    sales.train(**FAST).wait()
    assert sales.forecast("north") == pytest.approx(values(64)[60:], abs=1.5)
    sure = sales.forecast("south", interval=0.8)
    assert sure.shape == (4, 3)
    assert sure[:, 1] == pytest.approx(values(64, 500)[60:], abs=1.5)
    assert (np.diff(sure, axis=1) >= 0).all()
    metrics = sales.metrics()
    assert metrics
    assert metrics.season == 4
    assert metrics.mase
    assert metrics.naive_mase
    assert metrics.mase[0][0] < metrics.naive_mase[0][0]
    assert len(metrics.rmse[0]) == 5


def test_one_series_needs_no_name(sales: nr.Network) -> None:
    table = pd.DataFrame({"demand": values(10), "more": "not a field"})
    assert sales.observe_series(table) == {"": 10}
    assert sales.observe_series(table[:2]) == {"": 12}
    found = sales.sample("train", 0)
    assert found["series"] == ""
    assert found["demand"] == [*values(10), *values(2)]
    assert found["price"] == [None] * 12
    assert sales.forget({"series": ""}) == 1


def test_outputs_that_are_several_come_by_name(db: nr.Database) -> None:
    options: dict[str, Any] = {"horizon": 2, "window": 8, "season": 4, "seed": 1, "members": 1}
    net = db.create("two", "forecaster", {}, target=["a", "b"], **options)
    net.observe_series(pd.DataFrame({"a": values(40), "b": -values(40)}))
    net.train(**FAST).wait()
    found = net.forecast()
    assert found["a"] == pytest.approx(values(42)[40:], abs=1.5)
    assert found["b"] == pytest.approx(-values(42)[40:], abs=1.5)
    assert net.forecast(interval=0.5)["b"].shape == (2, 3)


@pytest.mark.parametrize(
    ("table", "columns", "why"),
    [
        ([1, 2], {}, "ERR a frame with a column a field is needed, not list"),
        (
            pd.DataFrame({"demand": [1.0]}),
            {"by": "shop"},
            "ERR the frame has no column 'shop', it has: demand",
        ),
        (pd.DataFrame({"price": [1.0]}), {}, "ERR sample 0: field demand: an output is needed"),
        (
            pd.DataFrame({"demand": [math.nan]}),
            {},
            "ERR sample 0: field demand: an output is needed",
        ),
    ],
)
def test_frames_that_are_no_series_are_refused(
    sales: nr.Network, table: Any, columns: Any, why: str
) -> None:
    with pytest.raises(nr.CommandError) as refused:
        sales.observe_series(table, **columns)
    assert str(refused.value) == why


def test_value_names_one_output(db: nr.Database) -> None:
    net = db.create("two", "forecaster", {}, target=["a", "b"])
    with pytest.raises(nr.CommandError, match="name the columns as the outputs, which are a, b"):
        net.observe_series(pd.DataFrame({"x": [1.0]}), value="x")


def test_a_forecast_is_drawn_with_its_interval(sales: nr.Network) -> None:
    sales.observe_series(frame(60), time="day", value="sold", by="store")
    sales.train(**FAST).wait()
    assert [axes.get_title() for axes in sales.plot().axes] == ["The last training"]
    (axes,) = sales.plot_forecast("north", 0.8).axes
    assert [line.get_label() for line in axes.lines] == ["observed", "forecast"]
    assert axes.lines[1].get_ydata()[0] == values(60)[-1]
    assert len(axes.collections) == 1


def test_a_forecaster_has_a_thousand_series_at_most() -> None:
    with nr.connect("memory://") as db:
        db.execute("NR.CREATE net FORECASTER -> y:number")
        for i in range(1000):
            assert db.execute(f"NR.OBSERVE net FOR s{i} -> y=1") == [1, i + 1]
        why = "a forecaster has 1000 series at most: NR.FORGET drops one"
        with pytest.raises(nr.CommandError, match=why):
            db.execute("NR.OBSERVE net FOR more -> y=1")
        assert db.execute("NR.OBSERVE net FOR s7 -> y=1") == [2, 1000]
