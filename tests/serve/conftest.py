from collections.abc import Iterator

import pytest
from http_calls import FIELDS, client_of
from starlette.testclient import TestClient

import nr


@pytest.fixture
def http(db: nr.Database) -> Iterator[TestClient]:
    with client_of(db) as client:
        yield client


@pytest.fixture
def net(db: nr.Database) -> nr.Network:
    return db.create("net", "regressor", [2, 3, 1], normalize=True, seed=1)


@pytest.fixture
def club(db: nr.Database) -> nr.Network:
    """A classifier with fields that is trained."""
    net = db.create("club", "classifier", FIELDS, target="joined", seed=1)
    rows = [{"age": 20 + i % 50, "country": "IT" if i % 2 else "FR"} for i in range(200)]
    net.observe_many([row | {"joined": "yes" if row["age"] > 45 else "no"} for row in rows])
    net.train(maxcycles=60).wait()
    return net
