"""How sure answers are, from Python and over HTTP: their shapes and forms."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import nr
import nr.aio
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
