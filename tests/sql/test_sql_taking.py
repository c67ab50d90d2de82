"""An order that is taken in one statement (taking.py), and by several in a transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from orders import LIMITS, set_deadline

import nr
from nr.backends.sql.statements import Text
from nr.contracts.store import ATTEMPTS, OLDEST, Standing


@pytest.fixture
def store(db: nr.Database) -> Any:
    net = db.create("net", "regressor", [1, 2, 1], seed=1, members=1)
    net.observe_many([1, 2, 3], [1, 2, 3])
    return db.backend.store  # type: ignore[attr-defined]


@contextmanager
def past_sqlalchemy(met: Callable[[Any, str], None]) -> Iterator[None]:
    """Meets statements that are transactions by themselves, before they are said."""
    alone = Text.alone

    def said(text: Text, raw: Any, values: dict[str, Any]) -> Any:
        met(raw, text._text)
        return alone(text, raw, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "alone", said)
        yield


def test_an_order_that_waits_is_taken(store: Any) -> None:
    assert store.take(b"net") is None
    store.order(b"net", LIMITS, held=False)
    lease = store.take(b"net")
    shape = store.header(b"net")[0].shape
    order = lease.order
    assert (order.nn_id, order.revision, order.number) == (shape.id, shape.revision, 0)
    assert (order.key, order.attempt, order.limits) == (b"net", 1, LIMITS)
    assert store.take(b"net") is None
    assert store.header(b"net")[1] is Standing.HELD
    [running] = store.orders()
    assert running.worker
    set_deadline(store, b"net", -1)
    again = store.take(b"net")
    assert again.order.attempt == 2
    assert again.token != lease.token
    assert not store.merge(store.header(b"net")[0], lease)


def test_one_that_was_taken_too_often_is_told_as_failed(db: nr.Database, store: Any) -> None:
    store.order(b"net", LIMITS, held=False)
    for _ in range(ATTEMPTS):
        assert store.take(b"net")
        set_deadline(store, b"net", -1)
    assert store.take(b"net") is None
    assert (
        db["net"].info().last_training.startswith(f"failed: its worker was lost {ATTEMPTS} times")
    )


def test_whoever_has_the_network_is_not_waited_for(store: Any) -> None:
    if store._sql.unlocked is None:
        pytest.skip("SQLite has one lock for all")
    store.order(b"net", LIMITS, held=False)
    networks = store._schema.networks
    with store.engine.connect() as other:
        other.execute(sa.select(networks.c.id).with_for_update())
        assert store.take(b"net") is None
    assert store.take(b"net")


def test_postgresql_places_and_takes_it_in_one_statement_each(store: Any) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("others have no such statements")
    said: list[str] = []
    with past_sqlalchemy(lambda raw, text: said.append(text)):
        store.order(b"net", LIMITS, held=False)
        assert store.take(b"net")
    assert [text.split()[0] for text in said] == ["WITH", "WITH"]
    assert "pg_notify" in said[0]
    with store.engine.connect() as connection:  # the same one
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_an_order_is_placed_where_none_stands(store: Any) -> None:
    store.order(b"net", LIMITS, held=False)
    with pytest.raises(nr.TrainingError):
        store.order(b"net", LIMITS, held=False)
    with pytest.raises(nr.NotFoundError):
        store.order(b"none", LIMITS, held=False)
    assert store.take(b"net").order.attempt == 1
    with pytest.raises(nr.TrainingError):
        store.order(b"net", LIMITS, held=False)


@pytest.mark.parametrize("does", ["order", "take"])
def test_who_loses_the_connection_is_told_that_nobody_knows(store: Any, does: str) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("others have no such statements")

    def kill(raw: Any, text: str) -> None:
        with store.engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({raw.info.backend_pid})")

    if does == "take":
        store.order(b"net", LIMITS, held=False)
    lost = pytest.raises(nr.BackendError, match="it may have taken place, or not")
    with past_sqlalchemy(kill), lost:
        store.order(b"net", LIMITS, held=False) if does == "order" else store.take(b"net")
    assert store.header(b"net")[1] is (Standing.WAITS if does == "take" else Standing.NONE)


def test_a_worker_looks_at_the_oldest_orders_alone(db: nr.Database) -> None:
    store: Any = db.backend.store  # type: ignore[attr-defined]
    names = [b"a:%02d" % number for number in range(OLDEST + 2)]
    for name in names:
        db.create(name, "regressor", [1, 1], seed=1).observe_many([1, 2], [1, 2], to="train")
        store.order(name, LIMITS, held=False)
    assert store.watch(None).keys(0.0) == names[:OLDEST]
    assert store.watch(lambda key: key >= b"a:60").keys(0.0) == names[60:]
