"""How sure answers are, and what they rest on: shapes and forms, and against arithmetic by hand."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from math import factorial

import numpy as np
import pandas as pd
import pytest
from dumps import opened
from starlette.testclient import TestClient

import nr
import nr.aio
from nr import engine
from nr.cli.session import Session
from nr.commands.explanation import Explanation
from nr.serve.web import Options, application

ROWS = [{"size": i % 50, "price": i % 50 + (i * 37 % 11 - 5) / 2} for i in range(120)]
ASKED = [{"size": 20}, {"size": 40}]


@pytest.fixture
def db() -> Iterator[nr.Database]:
    with nr.connect("memory://") as db:
        yield db


@pytest.fixture
def plain(db: nr.Database) -> nr.Network:
    net = db.create("plain", "regressor", [2, 3], seed=1)
    X = np.random.default_rng(1).normal(size=(150, 2))
    net.observe_many(X, np.c_[X.sum(1), X[:, 0], X[:, 1] ** 2])
    net.train(maxcycles=20).wait()
    return net


@pytest.fixture
def house(db: nr.Database) -> nr.Network:
    net = db.create("house", "regressor", {"size": "number"}, target="price", seed=1)
    net.observe_many(ROWS)
    net.train(maxcycles=20).wait()
    return net


def test_an_interval_of_a_plain_network_is_an_axis_of_three(plain: nr.Network) -> None:
    one, two = plain.run([1, 2], interval=0.9), plain.run([[0, 0], [1, 2]], interval=0.9)
    assert (one.shape, two.shape) == ((3, 3), (2, 3, 3))
    assert (two[1] == one.astype(np.float32)).all()
    assert (one[:, 1] == plain.run([1, 2])).all()
    assert (one[:, 0] < one[:, 1]).all()
    assert np.allclose(one[:, 2] - one[:, 1], one[:, 1] - one[:, 0], atol=1e-5)


def test_a_larger_share_is_a_wider_interval(plain: nr.Network) -> None:
    widths = [np.ptp(plain.run([1, 2], interval=p), 1) for p in (0.1, 0.5, 0.9, 0.97)]
    assert all((narrow <= wide).all() for narrow, wide in pairwise(widths))
    assert (widths[0] < widths[-1]).all()


def test_an_interval_by_name_is_a_tuple_and_in_a_frame_three_columns(house: nr.Network) -> None:
    lower, price, upper = house.run(ASKED[0], interval=0.5)["price"]
    assert lower < price < upper
    assert house.run(ASKED, interval=0.5)[0] == {"price": (lower, price, upper)}
    frame = house.run(pd.DataFrame(ASKED, index=[7, 8]), interval=0.5)
    assert [*frame.columns] == ["price_lower", "price", "price_upper"]
    assert [*frame.index] == [7, 8]
    assert tuple(frame.iloc[0]) == (lower, price, upper)


def test_classes_that_are_not_sure_enough_are_none(db: nr.Database) -> None:
    net = db.create("pair", "classifier", [1, 2], seed=1)
    x = np.linspace(-1, 1, 200)
    net.observe_many(x[:, None], (x + np.sin(np.arange(200)) / 2 > 0).astype(int))
    net.train(maxcycles=60).wait()
    assert net.classify([1.0], sure=0.8) == 1
    assert net.classify([0.0], sure=0.95) is None
    found = net.classify([[-1.0], [0.0], [1.0]], sure=0.95)
    assert found.tolist() == [0, None, 1]
    for class_, y in zip(net.classify(x[:, None], sure=0.7), net.run(x[:, None]), strict=True):
        assert class_ == (int(y.argmax()) if y.max() >= 0.7 else None)
    with pytest.raises(nr.CommandError, match="SURE must be a number above 0 and up to 1"):
        net.classify([0.0], sure=80)


def test_asyncio_has_the_same(house: nr.Network) -> None:
    async def ask() -> object:
        async with nr.aio.connect("memory://") as db:
            net = await db.restore("house", house.dump())
            return await net.run(ASKED[0], interval=0.5)

    assert asyncio.run(ask()) == house.run(ASKED[0], interval=0.5)


def test_http_has_the_same(db: nr.Database, house: nr.Network, plain: nr.Network) -> None:
    app = application(db, Options())
    with TestClient(app, "http://127.0.0.1") as http:
        body = {"inputs": ASKED[0], "interval": 0.5}
        [found] = http.post("/networks/house/run", json=body).json()["outputs"].values()
        assert tuple(found) == house.run(ASKED[0], interval=0.5)["price"]
        body = {"inputs": [1, 2], "interval": 0.5}
        rows = http.post("/networks/plain/run", json=body).json()["outputs"]
        assert rows == plain.run([1, 2], interval=0.5).tolist()
        told = http.post("/networks/plain/run", json=body | {"interval": 0.999}).json()["detail"]
        assert "takes at least 999 testing samples at the last training, there were 50" in told
        db.create("guess", "classifier", [1, 2], seed=1)
        asked = http.post("/networks/guess/class", json={"inputs": [1], "sure": 1})
        assert asked.json() == {"class": None}


# ---- what an answer rests on ----


def shapley(net: nr.Network, x: np.ndarray, class_: int | None = None) -> np.ndarray:
    """Shapley values by their definition: of all coalitions, from what NR.RUN replies."""
    m, background = len(x), opened(net.dump())[1]["background"][1]
    others = np.frombuffer(background, "<f4").reshape(-1, m)
    inside = (np.arange(1 << m)[:, None] >> np.arange(m)) & 1 == 1
    rows = np.where(inside[:, None, :], x, others[None])
    y = net.run(rows.reshape(-1, m)).reshape(1 << m, len(others), -1)
    if class_ is None:
        worth = y[:, :, 0].mean(1)
    else:
        own = y[:, :, class_]
        worth = (np.log(own) - np.log(y.sum(2) - own)).mean(1)
    shares = np.zeros(m)
    for i in range(m):
        without = np.flatnonzero(~inside[:, i])
        size = inside[without].sum(1)
        weight = [factorial(s) * factorial(m - s - 1) / factorial(m) for s in size]
        shares[i] = np.dot(weight, worth[without | 1 << i] - worth[without])
    return shares


@pytest.mark.parametrize(("inputs", "classes"), [(7, 0), (7, 2), (9, 3), (1, 2), (12, 0), (12, 2)])
def test_attributions_are_shapley_values(db: nr.Database, inputs: int, classes: int) -> None:
    kind = "classifier" if classes else "regressor"
    net = db.create("net", kind, [inputs, 6, classes or 1], seed=inputs, members=3)
    rng = np.random.default_rng(inputs)
    X = rng.normal(size=(300, inputs)).astype(np.float32)
    z = X @ rng.normal(size=inputs) + 2 * X[:, 0] * X[:, -1]
    net.observe_many(X, (np.argsort(np.argsort(z)) * classes // 300) if classes else z)
    net.train(maxcycles=60).wait()
    why = net.explain(X[5])
    wanted = shapley(net, X[5], int(why.of) if classes else None)
    found = np.array([why.attributions[i] for i in range(inputs)])
    assert abs(why.prediction - why.baseline - found.sum()) < 1e-9
    off = np.abs(found - wanted).sum() / np.abs(wanted).sum()
    assert (why.error == 0) == (inputs <= 10)
    assert off < (1e-4 if inputs <= 10 else 0.1)
    assert np.abs(found - wanted).max() <= 1e-4 + 5 * why.error
    y = net.run(X[5])
    answer = np.log(y.max() / (y.sum() - y.max())) if classes else y[0]
    assert abs(why.prediction - answer) < 1e-4


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "leakyrelu"])
@pytest.mark.parametrize("hidden", [(6,), (5, 4)])
def test_an_explanation_is_the_same_on_every_instruction_set(
    db: nr.Database, activation: str, hidden: tuple[int, ...]
) -> None:
    """And right where the first layer's sums are far beyond what powers of them may be."""
    layout = [4, *hidden, 1]
    net = db.create("net", "regressor", layout, seed=2, members=3, activation=activation)
    X = np.random.default_rng(2).normal(size=(120, 4)).astype(np.float32)
    net.observe_many(X, X[:, 0] * X[:, 3] + X[:, 1])
    net.train(maxcycles=60).wait()
    rows, best = [X[0], X[1] * np.float32(300)], engine.isa()
    told: list[list[Explanation]] = []
    for isa in ("baseline", "avx2", "avx512"):
        try:
            engine.set_isa(isa)
        except nr.EngineError:
            continue
        try:
            told.append([net.explain(row) for row in rows])
        finally:
            engine.set_isa(best)
    assert told == [told[0]] * len(told)
    for row, why in zip(rows, told[0], strict=True):
        wanted = shapley(net, row)
        found = np.array([why.attributions[i] for i in range(4)])
        assert np.abs(found - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())


@pytest.fixture
def party(db: nr.Database) -> nr.Network:
    kinds = {"age": "number", "city": "category", "note": "text"}
    net = db.create("party", "classifier", kinds, target="joined", seed=1)
    rows = [{"age": i % 50, "city": "AB"[i % 2], "note": f"w{i % 7} x"} for i in range(200)]
    net.observe_many([row | {"joined": "yes" if row["age"] > 25 else "no"} for row in rows])
    net.train(maxcycles=40).wait()
    return net


def test_an_explanation_is_bars_a_table_and_a_plot(party: nr.Network) -> None:
    pytest.importorskip("matplotlib")
    why = party.explain({"age": 40, "city": "A"})
    assert why.of == "yes"
    assert next(iter(why.attributions)) == "age"
    head, first, *_ = repr(why).splitlines()
    assert head.startswith("class yes: ")
    assert first.split()[0] == "age"
    assert first.endswith("+" * 30)
    assert "<td>age</td>" in why._repr_html_()
    [axes] = why.plot().axes
    assert len(axes.patches) == 3
    top = party.explain({"age": 40, "city": "A"}, top=1)
    assert [*top.attributions] == ["age"]
    assert top.others == pytest.approx(sum(why.attributions.values()) - why.attributions["age"])
    assert "others" in repr(top)


def test_the_prompt_and_http_explain_as_well(
    db: nr.Database, party: nr.Network, capsys: pytest.CaptureFixture[str]
) -> None:
    why = party.explain({"age": 40}, of="no")
    Session(db).run(b"explain party age=40 CLASS no")
    assert capsys.readouterr().out == f"{why!r}\n"
    assert party.explain({"age": 40, "joined": "yes", "x": 1}, of="no", ignore_extra=True) == why
    with pytest.raises(nr.Error, match="no field 'x' in party"):
        party.explain({"age": 40, "x": 1})
    with pytest.raises(nr.Error, match="Usage: explain KEY input"):
        Session(db).run(b"explain party")
    with TestClient(application(db, Options()), "http://127.0.0.1") as http:
        body = {"inputs": {"age": 40, "tall": 1}, "of": "no", "ignore_extra": True}
        found = http.post("/networks/party/explain", json=body).json()
    assert found["attributions"] == why.attributions
    assert (found["of"], found["prediction"]) == ("no", why.prediction)


def test_threads_do_not_change_an_explanation(db: nr.Database, party: nr.Network) -> None:
    told = []
    for threads in (1, 3):
        other = db.restore(f"party{threads}", party.dump())
        other.configure(threads=threads)
        other.train(maxcycles=5).wait()
        told.append(other.explain({"age": 40}))
    assert told[0] == told[1]


def test_a_background_is_drawn_of_the_training_samples(plain: nr.Network) -> None:
    rows = np.frombuffer(opened(plain.dump())[1]["background"][1], "<f4").reshape(-1, 2)
    samples = {tuple(inputs) for inputs, _ in plain.samples("train")}
    assert len({tuple(row) for row in rows.tolist()}) == len(rows) == 64
    assert {tuple(row) for row in rows.astype(float).tolist()} <= samples
