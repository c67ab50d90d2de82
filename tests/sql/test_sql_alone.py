"""One sample as a transaction by itself (alone.py), where it fails or is interrupted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from drivers import DATABASES

import nr
from nr.backends.sql import transactions


@pytest.fixture(params=DATABASES, ids=lambda driver: driver.__name__)
def db(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[nr.Database]:
    monkeypatch.setattr(transactions, "_PAUSE", 0)
    with nr.connect(**request.param(request)) as db:
        yield db


@pytest.fixture
def net(db: nr.Database) -> nr.Network:
    net = db.create("net", "regressor", [1, 1], seed=1, test=0)
    net.observe(1, 1)
    net.observe(2, 2)
    return net


@contextmanager
def placing(db: nr.Database, meet: Callable[[Any, Callable[[], bool]], bool]) -> Iterator[None]:
    """What meets each sample that is placed alone: it gets the connection, and what places it."""
    statements: Any = db.backend.store._sql  # type: ignore[attr-defined]
    place = statements._place_alone
    statements._place_alone = lambda raw, values: meet(raw, lambda: bool(place(raw, values)))
    try:
        yield
    finally:
        statements._place_alone = place


def held(net: nr.Network) -> list[float]:
    return [float(net.sample("train", row)[1][0]) for row in range(net.info().train_len)]


def deadlock(db: nr.Database) -> Exception:
    """As the database's driver tells it."""
    engine: sa.Engine = db.backend.store.engine  # type: ignore[attr-defined]
    dbapi: Any = engine.dialect.loaded_dbapi
    error: Any = dbapi.OperationalError(1213, "Deadlock found")
    if engine.dialect.name == "postgresql":
        error = dbapi.errors.DeadlockDetected("Deadlock found")
    if engine.dialect.name == "sqlite":
        error.sqlite_errorname = "SQLITE_LOCKED"
    return error  # type: ignore[no-any-return]


def test_samples_are_placed_alone(db: nr.Database, net: nr.Network) -> None:
    calls: list[Any] = []

    def meet(raw: Any, place: Callable[[], bool]) -> bool:
        calls.append(raw)
        return place()

    with placing(db, meet):
        assert net.observe(3, 3) == (3, 0)
    assert len(calls) == 1
    assert held(net) == [1, 2, 3]


@pytest.mark.parametrize("times", [2, 1000])
def test_a_deadlock_is_tried_again(db: nr.Database, net: nr.Network, times: int) -> None:
    met: list[Any] = []

    def meet(raw: Any, place: Callable[[], bool]) -> bool:
        if len(met) < times:
            met.append(raw)
            raise deadlock(db)
        return place()

    with placing(db, meet):
        if times < transactions.ATTEMPTS:
            assert net.observe(3, 3) == (3, 0)
        else:
            with pytest.raises(nr.BackendError, match="nothing was changed: "):
                net.observe(3, 3)
    assert len(met) == min(times, transactions.ATTEMPTS)
    assert net.observe(4, 4)[0] == len(held(net))
    assert held(net) == ([1, 2, 3, 4] if times < transactions.ATTEMPTS else [1, 2, 4])


@pytest.mark.parametrize("late", [False, True])
def test_who_is_interrupted_leaves_no_lock(db: nr.Database, net: nr.Network, late: bool) -> None:
    def meet(raw: Any, place: Callable[[], bool]) -> bool:
        if late:
            place()
        raise KeyboardInterrupt

    with placing(db, meet), pytest.raises(KeyboardInterrupt):
        net.observe(3, 3)
    assert held(net) == [1, 2, 3][: 2 + late]
    assert net.observe(4, 4) == (3 + late, 0)
    assert net.observe(5, 5) == (4 + late, 0)
    assert held(net)[2 + late :] == [4, 5]


def test_who_loses_the_connection_is_told_that_nobody_knows(
    db: nr.Database, net: nr.Network
) -> None:
    engine: sa.Engine = db.backend.store.engine  # type: ignore[attr-defined]
    if engine.dialect.name == "sqlite":
        pytest.skip("it has no server")

    def meet(raw: Any, place: Callable[[], bool]) -> bool:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                kill = f"SELECT pg_terminate_backend({raw.info.backend_pid})"
            else:
                kill = f"KILL {raw.thread_id()}"
            connection.exec_driver_sql(kill)
        return place()

    with placing(db, meet), pytest.raises(nr.BackendError, match="it may have taken place, or not"):
        net.observe(3, 3)
    assert held(net) == [1, 2]
    assert net.observe(4, 4) == (3, 0)


def test_a_network_that_others_changed_is_read_again(db: nr.Database, net: nr.Network) -> None:
    def meet(raw: Any, place: Callable[[], bool]) -> bool:
        assert not place()
        return False

    options: dict[str, Any] = {"url": db.backend.store.engine.url.render_as_string(False)}  # type: ignore[attr-defined]
    if ":memory:" in options["url"] or options["url"].endswith("://"):
        pytest.skip("nobody else is there")
    with nr.connect(**options) as other:
        other["net"].observe(3, 3)
    with placing(db, meet):
        assert net.observe(4, 4) == (4, 0)
    assert held(net) == [1, 2, 3, 4]
