"""What the tests of the SQL driver share."""

import sqlalchemy as sa
from drivers import DATABASES

import nr

SERVERS = [driver for driver in DATABASES if not driver.__name__.startswith("sqlite")]


def engine_of(db: nr.Database) -> sa.Engine:
    engine: sa.Engine = db.backend.store.engine  # type: ignore[attr-defined]
    return engine


def trained(db: nr.Database, name: str = "net") -> nr.Network:
    net = db.create(name, "regressor", [2, 3, 1], dataset=8, test=4, seed=1)
    net.observe_many([[i, i + 1] for i in range(20)], range(20))
    net.train(maxcycles=5, autostop=False).wait()
    return net
