"""The SQL driver where others set the terms: engines and transactions of a caller's, PgBouncer."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from conformance import content
from drivers import DATABASES, postgresql
from servers import Server
from sql_stores import SERVERS, engine_of, trained
from sqlalchemy.exc import DBAPIError

import nr
from nr.backends.sql.engines import dialect_of_engine


def observe_at_once(net: nr.Network, threads: int, each: int) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(each):
                net.observe([number, i], [i])
        except BaseException as error:
            failed.append(error)

    started = [Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert failed == []


# ---- engines in AUTOCOMMIT ----


@pytest.fixture(params=DATABASES, ids=lambda driver: driver.__name__)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    url = request.param(request)["url"]
    pool: dict[str, Any] = {"poolclass": sa.StaticPool} if url == "sqlite://" else {}
    arguments: dict[str, Any] = {"connect_args": {"check_same_thread": False}} if pool else {}
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", **pool, **arguments)
    yield engine
    engine.dispose()


def test_threads_observe_on_an_engine_in_autocommit(engine: sa.Engine) -> None:
    with nr.connect(engine=engine) as db:
        net = db.create("net", "regressor", [2, 1], dataset=70, test=200, seed=1)
        observe_at_once(net, 4, 30)
        info = net.info()
        assert info.train_len + info.test_len == 120
        with nr.connect("memory://") as memory:  # whole, or it would be refused
            assert content(memory.restore("net", net.dump()).dump()) == content(net.dump())


def test_an_engine_in_autocommit_stays_so(engine: sa.Engine) -> None:
    with nr.connect(engine=engine) as db:
        trained(db).dump()
    autocommits = dialect_of_engine(engine).autocommits
    for _ in range(3):
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert autocommits(raw) or engine.dialect.name == "sqlite"


@pytest.mark.parametrize("driver", SERVERS, ids=lambda driver: driver.__name__)
def test_a_connection_in_autocommit_is_no_transaction(
    driver: Any, request: pytest.FixtureRequest
) -> None:
    with nr.connect(driver(request)["url"]) as db, engine_of(db).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(nr.BackendError, match=r"AUTOCOMMIT.*READ COMMITTED.* makes one"):
            db.using(connection)


# ---- within a caller's transaction ----


def test_what_fails_in_a_callers_transaction_leaves_it_usable(db: nr.Database) -> None:
    with engine_of(db).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS orders")
        connection.exec_driver_sql("CREATE TABLE orders (id integer)")
    net = db.create("net", "regressor", [1, 1], seed=1)
    with engine_of(db).connect() as connection:
        connection.exec_driver_sql("INSERT INTO orders VALUES (1)")
        inside = db.using(connection)
        inside["net"].observe([1], [2], to="train")
        for query in ("SELECT nope FROM nowhere", "SELECT 1 AS x, NULL AS y"):
            with pytest.raises(nr.Error):
                inside["net"].observe_query(query, target="y")
        with pytest.raises(nr.CommandError, match="busy"):
            inside.create("net", "regressor", [1, 1])
        assert connection.scalar(sa.text("SELECT count(*) FROM orders")) == 1
        inside["net"].observe([3], [4], to="train")
        connection.commit()
    assert net.info().train_len == 2


@pytest.mark.parametrize("driver", SERVERS, ids=lambda driver: driver.__name__)
def test_a_key_that_a_transaction_cannot_see_yet_is_busy(
    driver: Any, request: pytest.FixtureRequest
) -> None:
    with nr.connect(driver(request)["url"]) as db, engine_of(db).connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        inside = db.using(connection)
        assert list(inside) == []  # the moment that the transaction sees
        db.create("net", "regressor", [1, 1], seed=1)
        with pytest.raises(nr.BusyError):
            inside.create("net", "regressor", [1, 1])
        inside.create("other", "regressor", [1, 1])
        connection.commit()
        assert sorted(db) == ["net", "other"]


# ---- PgBouncer ----


def test_all_works_behind_pgbouncer(request: pytest.FixtureRequest, pgbouncer: Server) -> None:
    postgresql(request)  # empties it
    with nr.connect(pgbouncer.url) as db:
        net = trained(db)
        observe_at_once(net, 4, 30)
        for _ in range(20):
            net.run([1, 2])
            net.info()
        net.observe_query("SELECT 1 AS a, 2 AS b, 3 AS c", target="c")
        with engine_of(db).connect() as connection:
            inside = db.using(connection)["net"]
            for _ in range(8):
                inside.observe([1, 2], [3])
            connection.commit()
        assert net.train(maxcycles=3, autostop=False).result().cycles == 8


def test_a_callers_engine_works_behind_pgbouncer(
    request: pytest.FixtureRequest, pgbouncer: Server
) -> None:
    postgresql(request)
    engine = sa.create_engine(pgbouncer.url)
    with nr.connect(engine=engine) as db:
        observe_at_once(trained(db), 4, 30)
    engine.dispose()


def test_without_it_statements_are_lost_behind_pgbouncer(
    request: pytest.FixtureRequest, pgbouncer: Server
) -> None:
    """What the driver finds out by itself is there to be found."""
    postgresql(request)
    engine = sa.create_engine(pgbouncer.url)

    with engine.connect() as one, engine.connect() as two:

        def work() -> None:
            for connection in (one, two) * 30:
                connection.execute(sa.text("SELECT 1"))
                connection.commit()

        with pytest.raises(DBAPIError, match="prepared statement"):
            work()
    engine.dispose()


def test_direct_connections_prepare_statements(request: pytest.FixtureRequest) -> None:
    url = postgresql(request)["url"]
    thresholds = {"": 5, "&prepare_threshold=none": None, "&prepare_threshold=2": 2}
    for option, threshold in thresholds.items():
        with nr.connect(url + option) as db, engine_of(db).connect() as connection:
            raw: Any = connection.connection.driver_connection
            list(db)
            assert raw.prepare_threshold == threshold
    with pytest.raises(nr.BackendError, match="prepare_threshold is a number or none, not 'x'"):
        nr.connect(url + "&prepare_threshold=x")
