"""The SQL driver in one process: tables, transactions, errors, queries, functions."""

import itertools
import logging
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from conformance import CASES, content, run
from drivers import DATABASES, DRIVERS, sqlite
from sqlalchemy.exc import OperationalError

import nr
from nr.backends.sql import engines, header, transactions
from nr.backends.sql.schema import HEAD, tables
from nr.backends.sql.store import _Kept
from nr.cli import main

SERVERS = [driver for driver in DATABASES if not driver.__name__.startswith("sqlite")]


@pytest.fixture(params=DATABASES, ids=lambda driver: driver.__name__)
def url(request: pytest.FixtureRequest) -> str:
    return str(request.param(request)["url"])


@pytest.fixture
def db(url: str) -> Iterator[nr.Database]:
    with nr.connect(url) as db:
        yield db


@pytest.fixture
def lite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/nets.db"


def engine_of(db: nr.Database) -> sa.Engine:
    engine: sa.Engine = db.backend.store.engine  # type: ignore[attr-defined]
    return engine


def trained(db: nr.Database, name: str = "net") -> nr.Network:
    net = db.create(name, "regressor", [2, 3, 1], dataset=8, test=4, seed=1)
    net.observe_many([[i, i + 1] for i in range(20)], range(20))
    net.train(maxcycles=5).wait()
    return net


# ---- tables ----


def test_the_tables_are_those_that_the_code_describes(db: nr.Database) -> None:
    schema = tables("nr_", None)
    ours = set(schema.networks.metadata.tables)

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in ours  # an application's tables lie beside them

    options = {"compare_type": False, "version_table": "nr_version", "include_name": is_ours}
    with engine_of(db).connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        found = [
            change
            for change in compare_metadata(context, schema.networks.metadata)
            if isinstance(change, tuple)
        ]
        kinds = [(change[0], getattr(change[1], "name", "")) for change in found]
        # PostgreSQL has a trigger instead, which is tested below.
        assert [kind for kind in kinds if kind[0] != "add_fk"] == []
        assert len(kinds) == (connection.dialect.name == "postgresql")


def left(db: nr.Database) -> dict[str, int]:
    schema = tables("nr_", None)
    with engine_of(db).connect() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in (schema.networks, *schema.parts)
        }


def test_deleting_a_network_leaves_nothing(db: nr.Database) -> None:
    net = trained(db)
    net.train(maxtime=0)
    assert min(left(db).values()) > 0
    del db["net"]
    assert set(left(db).values()) == {0}


def test_a_network_deleted_in_sql_leaves_nothing(db: nr.Database) -> None:
    trained(db)
    with engine_of(db).connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.rollback()
        connection.exec_driver_sql("DELETE FROM nr_networks")
        connection.commit()
    assert set(left(db).values()) == {0}


def test_people_can_read_the_columns(db: nr.Database) -> None:
    net = trained(db)
    info = net.info()
    with engine_of(db).connect() as connection:
        sql = "SELECT * FROM nr_networks WHERE name = 'net' AND train_error < 1000"
        row: Any = connection.execute(sa.text(sql)).mappings().one()
    assert (row["kind"], row["layout"]) == ("regressor", "2-3-1")
    assert (row["train_len"], row["test_len"]) == (info.train_len, info.test_len)
    assert row["train_error"] == info.train_error
    assert row["created_at"] is not None
    assert row["trained_at"] is not None


def test_the_history_is_a_view(db: nr.Database) -> None:
    net = trained(db)
    with engine_of(db).connect() as connection:
        sql = "SELECT name, cycle, train_error FROM nr_training_history ORDER BY point"
        rows = [tuple(row) for row in connection.execute(sa.text(sql))]
    assert rows == [("net", cycle, error) for cycle, error, *_ in net.history().tolist()]
    net.reset()
    assert left(db)["nr_history"] == left(db)["nr_arrays"] == 0


def test_a_header_survives_its_columns() -> None:
    fields = {
        "format": 2,
        "revision": 2**64 - 1,
        "total_ms": 2**63,
        "layout": [2, 3, 1],
        "random": [1, 2, 3, 4, 5, 2**32 - 1],
        "learnrate": None,
        "l2": 0.1,
        "trained": True,
        "of a later core": [1, 2.5, None],
    }
    names = [name for name in fields if not name.startswith("of ")] + [header.MORE]
    written = header.all_columns(fields, names)
    assert all(
        not isinstance(value, int) or -(2**63) <= value < 2**63 for value in written.values()
    )
    assert header.header_of(names, [written[name] for name in names]) == fields


@pytest.mark.parametrize("column", ["layout", "random", "kind", "train_len", "more"])
def test_a_damaged_header_is_an_error_and_no_crash(lite: str, column: str) -> None:
    with nr.connect(lite) as db:
        trained(db)
        with engine_of(db).begin() as connection:
            connection.exec_driver_sql(f"UPDATE nr_networks SET {column} = 'x'")
    with nr.connect(lite) as db:
        for command in ("NR.INFO net", "NR.DUMP net", "NR.OBSERVE net 1 2 -> 3", "NR.RESET net"):
            with pytest.raises(nr.BackendError, match="damaged"):
                db.execute(command)
        del db["net"]
        assert list(db) == []


def test_missing_samples_are_an_error(lite: str) -> None:
    with nr.connect(lite) as db:
        net = trained(db)
        with engine_of(db).begin() as connection:
            connection.exec_driver_sql("DELETE FROM nr_samples WHERE slot = 1")
        with pytest.raises(nr.BackendError, match="damaged"):
            net.dump()


def test_prefixes_and_schemas_keep_networks_apart(url: str) -> None:
    with nr.connect(url) as db:
        options: dict[str, Any] = {"prefix": "app_"}
        schema = db.backend.store.engine.dialect.name == "postgresql"  # type: ignore[attr-defined]
        if schema:
            options["schema"] = "ml"
            with engine_of(db).begin() as connection:
                connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS ml")
        trained(db)
        with nr.connect(engine=engine_of(db), **options) as other:
            for name in other:
                del other[name]
            net = trained(other, "mine")
            assert list(db) == ["net"]
            assert list(other) == ["mine"]
            assert net.dump()
            table = f"{'ml.' if schema else ''}app_training_history"
            with engine_of(db).connect() as connection:
                assert connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))
            del other["mine"]


def test_tables_of_a_newer_version_are_refused(lite: str) -> None:
    with nr.connect(lite) as db, engine_of(db).begin() as connection:
        connection.exec_driver_sql("UPDATE nr_version SET version_num = '9999'")
    with pytest.raises(
        nr.BackendError, match=rf"newer version of nr \(9999; this one knows {HEAD}\)"
    ):
        nr.connect(lite)
    result = CliRunner().invoke(main, ["db", "upgrade", lite])
    assert result.exit_code == 1
    assert "newer version of nr" in result.output


def test_tables_of_an_older_version_say_how_to_upgrade(
    lite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nr.connect(lite).close()
    nr.connect(lite, prefix="app_").close()
    monkeypatch.setattr("nr.backends.sql.migrate.HEAD", "0003")
    with pytest.raises(nr.BackendError, match="run 'nr db upgrade URL'"):
        nr.connect(lite)
    with pytest.raises(nr.BackendError, match="run 'nr db upgrade URL --prefix app_'"):
        nr.connect(lite, prefix="app_")


def test_nr_db_upgrade_creates_the_tables(lite: str) -> None:
    result = CliRunner().invoke(main, ["db", "upgrade", lite])
    assert result.output == f"The tables are at revision {HEAD}.\n"
    again = CliRunner().invoke(main, ["db", "upgrade", lite])
    assert again.exit_code == 0
    nr.connect(lite).close()


@pytest.mark.parametrize("driver", [sqlite, *SERVERS], ids=lambda driver: driver.__name__)
def test_nr_db_upgrade_takes_a_prefix_and_a_schema(driver: Any, request: Any) -> None:
    url = driver(request)["url"]
    with nr.connect(url) as db:
        engine, options = engine_of(db), {"prefix": "up_"}
        if engine.dialect.name == "postgresql":
            options["schema"] = "upgraded"
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS upgraded")
        argv = [word for name, value in options.items() for word in (f"--{name}", value)]
        for _ in range(2):
            result = CliRunner().invoke(main, ["db", "upgrade", url, *argv])
            assert result.output == f"The tables are at revision {HEAD}.\n"
        assert sa.inspect(engine).has_table("up_networks", options.get("schema"))
        with nr.connect(engine=engine, **options) as other:
            assert list(other) == []


@pytest.mark.parametrize(
    "url",
    ["oracle://x", "mssql+pyodbc://x", "mysql+mysqldb://x", "gopher://x", "sqlite+aiosqlite://"],
)
def test_databases_that_are_not_supported_are_named(url: str) -> None:
    result = CliRunner().invoke(main, ["db", "upgrade", url])
    assert result.exit_code == 1
    name = url.partition(":")[0]
    assert f"no support for {name}: sqlite, postgresql+psycopg and" in result.output
    with pytest.raises(nr.BackendError, match=name.replace("+", r"\+")):
        nr.connect(url)


@pytest.mark.parametrize("driver", [sqlite, *SERVERS], ids=lambda driver: driver.__name__)
def test_processes_may_create_the_tables_at_once(driver: Any, request: Any) -> None:
    url = driver(request)["url"]
    drop = [table.name for table in reversed(tables("race_", None).networks.metadata.sorted_tables)]
    code = "import sys, nr; db = nr.connect(sys.argv[1], prefix='race_'); print(len(db))"
    command = [sys.executable, "-c", code, url]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    results = [process.communicate() for process in processes]
    with nr.connect(url) as db, engine_of(db).begin() as connection:
        connection.exec_driver_sql("DROP VIEW race_training_history")
        for table in [*drop, "race_version"]:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP FUNCTION race_delete_samples()")
    assert [out for out, _ in results] == ["0\n"] * 4, results


# ---- transactions ----


def test_observing_takes_part_in_a_callers_transaction(db: nr.Database) -> None:
    net = db.create("net", "regressor", [2, 1], seed=1)
    net.observe([1, 2], [3])
    with engine_of(db).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS orders")
        connection.exec_driver_sql("CREATE TABLE orders (id integer)")
    for end, orders, samples in (("rollback", 0, 1), ("commit", 1, 3)):
        with engine_of(db).connect() as connection:
            connection.exec_driver_sql("INSERT INTO orders VALUES (1)")
            inside = db.using(connection)["net"]
            assert sum(inside.observe([2, 3], [5])) == 2
            assert sum(inside.observe_many([[3, 4]], [7])) == 3
            getattr(connection, end)()
        with engine_of(db).connect() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM orders")) == orders
        info = net.info()
        assert info.train_len + info.test_len == samples
    assert sum(net.observe([9, 9], [9])) == 4


def test_a_refused_command_leaves_the_callers_transaction_as_it_was(db: nr.Database) -> None:
    db.create("net", "regressor", [2, 1], seed=1)
    with engine_of(db).connect() as connection:
        inside = db.using(connection)
        inside["net"].observe([1, 2], [3])
        for command in (
            "NR.OBSERVE net 1 -> 2",
            "NR.OBSERVE nope 1 2 -> 3",
            "NR.CREATE net REGRESSOR 1 -> 1",
            "NR.TRAIN net",
        ):
            with pytest.raises(nr.CommandError):
                inside.execute(command)
        inside["net"].observe([1, 2], [3])
        connection.commit()
    assert sum(db["net"].observe([1, 2], [3])) == 3


def test_what_a_rolled_back_transaction_trained_on_is_not_remembered(db: nr.Database) -> None:
    net = trained(db)
    before = net.run([1, 2])
    with engine_of(db).connect() as connection:
        inside = db.using(connection)["net"]
        inside.reset()
        assert inside.run([1, 2]) != before
        connection.rollback()
    assert net.run([1, 2]) == before


class Deadlock(Exception):
    """As both drivers tell it."""

    sqlstate = "40P01"

    def __init__(self) -> None:
        super().__init__(1213, "Deadlock found")


@pytest.mark.parametrize("driver", SERVERS, ids=lambda driver: driver.__name__)
@pytest.mark.parametrize("times", [3, 1000])
def test_deadlocks_are_tried_again_a_bounded_number_of_times(
    driver: Any, request: pytest.FixtureRequest, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "_PAUSE", 0)
    with nr.connect(**driver(request)) as db:
        net = db.create("net", "regressor", [2, 1], seed=1)
        met = []

        def after(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if "nr_samples" in statement and len(met) < times:
                met.append(statement)
                raise OperationalError(statement, {}, Deadlock())

        sa.event.listen(engine_of(db), "after_cursor_execute", after)
        if times < transactions.ATTEMPTS:
            assert net.observe([1, 2], [3]) == (1, 0)
            assert net.observe([1, 2], [3]) == (1, 1)
            assert len(met) == times
        else:
            with pytest.raises(nr.BackendError, match="nothing was changed: Deadlock"):
                net.observe([1, 2], [3])
            assert len(met) == transactions.ATTEMPTS
            assert net.info().train_len == 0


@pytest.mark.parametrize("driver", SERVERS, ids=lambda driver: driver.__name__)
def test_connections_that_died_in_the_pool_are_not_used(
    driver: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_IDLE", 0)
    url = driver(request)["url"]
    with nr.connect(url) as db, nr.connect(url) as other:
        net = db.create("net", "regressor", [2, 1], seed=1)
        with engine_of(db).connect() as connection:
            if connection.dialect.name == "postgresql":
                ours = connection.scalar(sa.text("SELECT pg_backend_pid()"))
                kill = f"SELECT pg_terminate_backend({ours})"
            else:
                ours = connection.scalar(sa.text("SELECT connection_id()"))
                kill = f"KILL {ours}"
        with engine_of(other).connect() as connection:
            connection.exec_driver_sql(kill)
        assert net.observe([1, 2], [3]) == (1, 0)


@pytest.mark.parametrize("driver", SERVERS, ids=lambda driver: driver.__name__)
def test_a_connection_lost_before_the_commit_changes_nothing(
    driver: Any, request: pytest.FixtureRequest
) -> None:
    url = driver(request)["url"]
    with nr.connect(url) as db, nr.connect(url) as other:
        net = db.create("net", "regressor", [2, 1], seed=1)
        killed = []

        def kill(connection: sa.Connection, cursor: Any, statement: str, *rest: Any) -> None:
            if "INSERT INTO nr_samples" not in statement or killed:
                return
            killed.append(statement)
            if connection.dialect.name == "postgresql":
                pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
                sql = f"SELECT pg_terminate_backend({pid})"
            else:
                sql = f"KILL {connection.connection.driver_connection.thread_id()}"  # type: ignore[union-attr]
            with engine_of(other).connect() as killer:
                killer.exec_driver_sql(sql)

        sa.event.listen(engine_of(db), "before_cursor_execute", kill)
        with pytest.raises(nr.BackendError, match="connection to the database was lost, nothing"):
            net.observe([1, 2], [3])
        assert killed
        assert net.info().train_len == 0
        assert net.observe([1, 2], [3]) == (1, 0)


def test_sqlite_waits_for_a_writer_of_another_program(lite: str) -> None:
    with nr.connect(lite) as db:
        net = db.create("net", "regressor", [2, 1], seed=1)
        path = lite.removeprefix("sqlite:///")
        script = (
            "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1]); "
            "c.execute('BEGIN IMMEDIATE'); print('ready', flush=True); time.sleep(0.5); c.commit()"
        )
        command = [sys.executable, "-c", script, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            assert net.observe([1, 2], [3]) == (1, 0)


def test_sqlite_locked_for_too_long_changes_nothing(
    lite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_BUSY", 0.1)
    with nr.connect(lite) as db, closing(sqlite3.connect(lite[10:])) as other:
        net = trained(db)
        before = net.run([1, 2])
        other.execute("BEGIN IMMEDIATE")
        for work in (
            lambda: net.observe([1, 2], 3),
            lambda: net.observe_query("SELECT 1 AS a, 2 AS b, 3 AS y", "y"),
            net.reset,
        ):
            with pytest.raises(nr.BackendError, match="nothing was changed: database is locked"):
                work()
        assert net.run([1, 2]) == before
        other.rollback()
        assert sum(net.observe([1, 2], 3)) == 12


def test_a_full_disk_changes_nothing(lite: str) -> None:
    with nr.connect(lite) as db:
        net = db.create("net", "regressor", [200, 1], dataset=5000, test=0)

        @sa.event.listens_for(engine_of(db), "checkout")
        def full(raw: Any, record: Any, proxy: Any) -> None:
            [pages] = raw.execute("PRAGMA page_count").fetchone()
            raw.execute(f"PRAGMA max_page_count={pages + room}")

        def fill() -> None:
            for _ in range(100):
                net.observe([0.5] * 200, 1)

        room = 0
        with pytest.raises(nr.BackendError, match="nothing was changed: database or disk is full"):
            fill()
        count = net.info().train_len
        with pytest.raises(nr.BackendError, match="nothing was changed: database or disk is full"):
            net.observe_many([[0.5] * 200] * 1000, [1] * 1000)
        assert net.info().train_len == count
        assert len(net.dump()) > 800 * count
        room = 1000
        assert net.observe([0.5] * 200, 1) == (count + 1, 0)


def test_networks_in_a_file_that_is_only_read_still_run(lite: str) -> None:
    with nr.connect(lite) as db:
        expected = trained(db).run([1, 2])
    path = lite.removeprefix("sqlite:///")
    with nr.connect(f"sqlite:///file:{path}?immutable=1&uri=true") as db:
        net = db["net"]
        assert net.run([1, 2]) == expected
        for command in ("NR.OBSERVE net 1 2 -> 3", "NR.TRAIN net", "NR.RESET net", "NR.DEL net"):
            with pytest.raises(nr.BackendError, match="attempt to write a readonly database"):
                db.execute(command)


@pytest.mark.parametrize("driver", [sqlite, *SERVERS], ids=lambda driver: driver.__name__)
def test_a_forked_process_has_connections_of_its_own(
    driver: Any, request: pytest.FixtureRequest
) -> None:
    code = (
        "import os, sys, nr\n"
        "db = nr.connect(sys.argv[1]); net = db.create('net', 'regressor', [2, 1], seed=1)\n"
        "pid = os.fork()\n"
        "for i in range(20): net.observe([i, pid > 0], [1])\n"
        "if pid: assert os.waitpid(pid, 0)[1] == 0; print(sum(net.observe([0, 0], [0])))\n"
        "db.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, driver(request)["url"]], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "41\n"), done.stderr


def test_threads_may_remember_networks_at_once() -> None:
    """Whoever forgets the oldest may meet another's insert, which no dict forgives."""
    kept: _Kept[int] = _Kept()
    errors = []

    def fill(thread: int) -> None:
        try:
            for number in range(10_000):
                kept.keep(b"%d %d" % (thread, number), number)
        except Exception as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=fill, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    assert kept.get(b"0 0") is None


# ---- connecting ----


def test_an_engine_of_ones_own_is_used_and_left_alone(lite: str) -> None:
    engine = sa.create_engine(lite.replace("sqlite", "sqlite+pysqlite"))
    with nr.connect(engine=engine) as db:
        trained(db)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM nr_networks").all() == [("net",)]
    engine.dispose()


def test_an_engine_that_begins_by_itself_is_taken_too(lite: str) -> None:
    engine = sa.create_engine(lite)

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    with nr.connect(engine=engine) as db:
        assert sum(trained(db).observe([1, 2], [3])) == 12
    engine.dispose()


def test_what_cannot_be_connected_is_a_sentence_without_the_password() -> None:
    for url in ("postgresql://me:secret@localhost:1/x", "mysql://me:secret@localhost:1/x"):
        with pytest.raises(nr.BackendError, match="nothing was changed") as caught:
            nr.connect(url)
        assert "secret" not in str(caught.value)
    with pytest.raises(nr.BackendError, match="unable to open"):
        nr.connect("sqlite:////no/such/place/nets.db")


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgresql://x", "psycopg", "postgresql"), ("mysql://x", "pymysql", "mariadb")],
)
def test_a_missing_package_is_named_with_its_extra(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(nr.BackendError, match=rf"pip install 'nr\[{extra}\]'"):
        nr.connect(url)


def test_a_key_that_no_index_takes_is_refused(db: nr.Database) -> None:
    db.create(b"\xff" * 2000, "regressor", [1, 1])
    with pytest.raises(nr.CommandError, match="a key of more than 2000 bytes"):
        db.create(b"\xff" * 2001, "regressor", [1, 1])


# ---- between drivers ----


def test_a_network_moves_between_all_drivers(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    databases = [nr.connect(**driver(request)) for driver in DRIVERS]
    try:
        steps = CASES["the tutorial's sums"]
        for db in databases:
            run(db.backend, steps)
        for source, target in itertools.permutations(databases, 2):
            moved = target.restore("moved", source["net"].dump(), replace=True)
            assert content(moved.dump()) == content(source["net"].dump())
            assert moved.run([1, 2]).tolist() == source["net"].run([1, 2]).tolist()
            assert moved.observe([5, 6], [11]) == source["net"].observe([5, 6], [11])
            assert content(moved.dump()) == content(source["net"].dump())
    finally:
        for db in databases:
            db.close()


def test_nr_copy_takes_a_network_along(lite: str, tmp_path: Path) -> None:
    with nr.connect(lite) as db:
        blob = trained(db).dump()
    other = f"sqlite:///{tmp_path}/other.db"
    for extra, code in ([], 0), ([], 1), (["--replace"], 0), (["--as", "copy"], 0):
        result = CliRunner().invoke(main, ["copy", lite, "net", other, *extra])
        assert result.exit_code == code, result.output
    assert "busy" in CliRunner().invoke(main, ["copy", lite, "net", other]).output
    assert "no such key" in CliRunner().invoke(main, ["copy", lite, "nope", other]).output
    with nr.connect(other) as db:
        assert list(db) == ["copy", "net"]
        assert content(db["net"].dump()) == content(blob)


# ---- rows of a query ----

SERIES = {
    "postgresql": "SELECT i * 0.5 AS a, i % 3 AS b, i % 2 AS c FROM generate_series(1, {}) AS s(i)",
    "mysql": "SELECT seq * 0.5 AS a, seq % 3 AS b, seq % 2 AS c FROM seq_1_to_{} ORDER BY seq",
    "sqlite": "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {}) "
    "SELECT i * 0.5 AS a, i % 3 AS b, i % 2 AS c FROM s",
}


def series(db: nr.Database, count: int) -> str:
    return SERIES[engine_of(db).dialect.name].format(count)


def test_rows_of_a_query_are_observed_in_order(db: nr.Database) -> None:
    net = db.create("net", "classifier", [2, 3], dataset=4000, test=4000, seed=1)
    assert net.observe_query(series(db, 5000), "b", to="test", progress=False) == (0, 4000)
    other = db.create("other", "classifier", [2, 3], dataset=4000, test=4000, seed=1)
    rows = range(1, 5001)
    other.observe_many([[i * 0.5, i % 2] for i in rows], [i % 3 for i in rows], to="test")
    assert content(net.dump()) == content(other.dump())


def test_memory_is_bounded_however_many_rows_there_are(db: nr.Database) -> None:
    net = db.create("net", "regressor", [2, 1], dataset=10, test=10, seed=1)
    net.observe_query(series(db, 2000), "c")
    tracemalloc.start()
    try:
        net.observe_query(series(db, 40_000), "c")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20  # all rows at once are more than 8 MB
    assert sum(net.observe([1, 2], [3])) == 20


@pytest.mark.parametrize(
    ("sql", "target", "why"),
    [
        ("SELECT 1 AS a, 'male' AS sex, 0 AS y", "y", r"column 'sex', row 1: 'male' is text.*CASE"),
        ("SELECT 1 AS a, NULL AS age, 0 AS y", "y", r"'age', row 1: NULL.*COALESCE\(age, 0\)"),
        ("SELECT 1 AS a, 2 AS b, NULL AS y", "y", r"'y', row 1: NULL.*WHERE y IS NOT NULL"),
        ("SELECT 1 AS a, 1e300 AS b, 0 AS y", "y", r"'b', row 1: 1e\+300 does not fit 32 bits"),
        ("SELECT 1 AS a, 2 AS y, 0 AS y", "y", "2 columns named 'y'"),
        ("DROP TABLE nr_networks", "y", "only reads.*SELECT.*not 'DROP TABLE nr_networks'"),
        (" /* SELECT */ -- SELECT\n(DELETE FROM nr_networks)", "y", "only reads"),
        ("", "y", "only reads"),
        ("SELECT 1 AS a, 'it''s' AS s, 0 AS y", "y", "is text.*CASE s WHEN 'it''s' THEN 1 ELSE"),
        ("SELECT 1 AS a, 2 AS b, 0 AS y", "z", "no column 'z', it has: a, b, y"),
        ("SELECT 1 AS a, 0 AS y", "y", "1 columns beside 1 as target, the network takes 2 inputs"),
        ("SELECT 1 AS a, 2 AS b, 0.5 AS y", "y", "must be an integer in the range"),
        ("SELECT 1 AS a, 2 AS b, 7 AS y", "y", "must be an integer in the range"),
    ],
)
def test_rows_that_no_network_takes_are_refused(
    db: nr.Database, sql: str, target: str, why: str
) -> None:
    net = db.create("net", "classifier", [2, 3], seed=1)
    with pytest.raises(nr.CommandError, match=why):
        net.observe_query(sql, target)
    assert net.info().train_len == 0


def test_numbers_that_are_none_are_told_with_a_remedy(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    kind = engine_of(db).dialect.name
    if kind == "postgresql":
        for number in ("float8", "numeric"):
            with pytest.raises(nr.ValuesError, match=r"'x', row 1: NaN is no number.*NULLIF\(x, "):
                net.observe_query(f"SELECT 'NaN'::{number} AS x, 1 AS y", "y")
        with pytest.raises(nr.ValuesError, match=r"row 1: -inf does not fit 32 bits"):
            net.observe_query("SELECT '-Infinity'::float8 AS x, 1 AS y", "y")
    huge = {"sqlite": "9e999", "mysql": "1e30 * 1e30"}.get(kind, "1e400")
    with pytest.raises(nr.ValuesError, match=r"'x', row 1: .* does not fit 32 bits"):
        net.observe_query(f"SELECT {huge} AS x, 1 AS y", "y")
    mark = "`" if kind == "mysql" else '"'
    name = f"{mark}a 'b'; --{mark}"
    with pytest.raises(nr.ValuesError, match=r"column \"a 'b'; --\", row 1: NULL") as caught:
        net.observe_query(f"SELECT NULL AS {name}, 1 AS y", "y")
    assert f"COALESCE({name}, 0) AS {name}" in str(caught.value)


def test_a_statement_that_writes_is_refused_before_it_does(db: nr.Database) -> None:
    """Whatever a parser of the first word lets pass, too."""
    net = db.create("net", "regressor", [1, 1], seed=1)
    with engine_of(db).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS kept")
        connection.exec_driver_sql("CREATE TABLE kept (x integer, y integer)")
        connection.exec_driver_sql("INSERT INTO kept VALUES (1, 2), (3, 4)")
    statements = ["DELETE FROM kept", "DROP TABLE kept", "TRUNCATE TABLE kept"]
    if engine_of(db).dialect.name == "sqlite":
        statements.append("WITH t AS (SELECT 1) DELETE FROM kept RETURNING x, y")
    for sql in statements:
        with pytest.raises(nr.CommandError, match="only reads"):
            net.observe_query(sql, "y")
    with engine_of(db).begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM kept")) == 2
    assert net.observe_query("SELECT x, y FROM kept", "y", to="train") == (2, 0)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"to": 1}, "the dataset must be 'train' or 'test', not 1"),
        ({"to": "both"}, "the dataset must be 'train' or 'test', not 'both'"),
        ({"target": 1}, "target is the name of a column, or a list of them, not 1"),
        ({"target": ["y", 2]}, "target is the name of a column, or a list of them, not "),
        ({"sql": 1}, "the query is SQL as text, not int"),
        ({"parameters": [1]}, "parameters are a dict of names and values, not list"),
        ({"sql": "SELECT :a AS x, 2 AS y"}, r"the query has :a, of which .* is written \\:"),
        ({"sql": "SELECT 1 AS x, 2 AS y\0"}, "holds what is no text"),
        ({"sql": "SELECT 1 AS x, '\udcff' AS y"}, "holds what is no text"),
    ],
)
def test_what_is_no_argument_of_a_query_is_a_sentence(
    lite: str, call: dict[str, Any], why: str
) -> None:
    with nr.connect(lite) as db:
        net = db.create("net", "regressor", [1, 1], seed=1)
        given: dict[str, Any] = {"sql": "SELECT 1 AS x, 2 AS y", "target": "y"} | call
        with pytest.raises(nr.ValuesError, match=why):
            net.observe_query(**given)
        assert net.observe_query("SELECT 1 AS x, 2 AS y", "y", "TRAIN") == (1, 0)


def test_a_query_without_rows_adds_nothing(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    assert net.observe_query("SELECT 1 AS x, 2 AS y FROM nr_networks WHERE 1 = 0", "y") == (0, 0)


def test_a_bad_row_at_the_end_leaves_nothing_of_the_others(db: nr.Database) -> None:
    net = db.create("net", "classifier", [2, 3], dataset=5000, seed=1)
    sql = f"SELECT a, b, c FROM ({series(db, 3000)}) AS t UNION ALL SELECT 1, NULL, 1"
    with pytest.raises(nr.ValuesError, match="column 'b', row 3001"):
        net.observe_query(sql, "c")
    assert net.info().train_len == net.info().test_len == 0
    with pytest.raises(nr.BackendError, match="nothing was changed"):
        net.observe_query("SELECT no FROM such_table", "no")
    assert net.observe([1, 2], 1) == (1, 0)


def test_a_query_takes_parameters_and_several_targets(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 2], seed=1)
    sql = "SELECT 1.5 AS x, 3 AS a, 4 AS b UNION ALL SELECT :x, 5, 6"
    assert net.observe_query(sql, ["b", "a"], to="train", parameters={"x": 7.5}) == (2, 0)
    inputs, outputs = net.sample("train", 1)
    assert (inputs.tolist(), outputs.tolist()) == ([7.5], [6, 5])


def test_a_query_sees_the_callers_transaction(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    with engine_of(db).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS fresh")
        connection.exec_driver_sql("CREATE TABLE fresh (x integer, y integer)")
    with engine_of(db).connect() as connection:
        connection.exec_driver_sql("INSERT INTO fresh VALUES (1, 2)")
        inside = db.using(connection)["net"]
        assert inside.observe_query("SELECT x, y FROM fresh", "y") == (1, 0)
        connection.rollback()
    assert net.info().train_len == 0


def test_nr_observe_takes_a_query(lite: str) -> None:
    with nr.connect(lite) as db:
        db.create("net", "classifier", [2, 3])
    query = "SELECT 1 AS a, 2 AS b, 0 AS y UNION ALL SELECT 2, 3, 1"
    argv = ["--url", lite, "observe", "net", "--query", query, "--target", "y"]
    result = CliRunner().invoke(main, argv)
    assert result.output == "net has 1 training and 1 testing samples.\n"
    bad = CliRunner().invoke(main, [*argv[:-1], "z"])
    assert bad.exit_code == 1
    assert "no column 'z'" in bad.output


def test_only_sql_has_queries_and_transactions() -> None:
    with nr.connect("memory://") as db:
        net = db.create("net", "regressor", [1, 1])
        with pytest.raises(nr.BackendError, match="database of SQL"):
            net.observe_query("SELECT 1", "x")
        with pytest.raises(nr.BackendError, match="database of SQL"):
            db.using(None)


def test_using_takes_a_connection_to_the_same_kind_of_database(lite: str) -> None:
    with nr.connect(lite) as db:
        for thing in (None, engine_of(db)):
            with pytest.raises(nr.BackendError, match="using takes a Connection of SQLAlchemy"):
                db.using(thing)


@pytest.mark.parametrize("prefix", [None, 1, "a b", 'a"', "%s", "é", "x" * 41, "a\n"])
def test_a_prefix_that_is_no_part_of_a_name_is_refused(lite: str, prefix: Any) -> None:
    with pytest.raises(nr.BackendError, match="a prefix is up to 40 letters, digits and _, not"):
        nr.connect(lite, prefix=prefix)
    with pytest.raises(nr.BackendError, match="a schema is text, not int"):
        nr.connect(lite, schema=1)


def test_tables_of_others_are_not_taken_for_ours(lite: str) -> None:
    with closing(sqlite3.connect(lite.removeprefix("sqlite:///"))) as raw:
        raw.execute("CREATE TABLE samples (mine)")
        with pytest.raises(nr.BackendError, match="samples already exists"):
            nr.connect(lite, prefix="")
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("samples",)]


# ---- functions in SQL ----


def test_sqlite_runs_networks_in_its_queries(lite: str, caplog: pytest.LogCaptureFixture) -> None:
    with nr.connect(lite) as db, sqlite3.connect(lite.removeprefix("sqlite:///")) as raw:
        net = trained(db)
        three = db.create("three", "classifier", [1, 3], seed=1)
        nr.sqlite_functions(raw)

        def ask(sql: str, *values: Any) -> Any:
            return raw.execute(f"SELECT {sql}", values).fetchone()[0]

        assert ask("nr_run('net', 1, 2.5)") == net.run([1, 2.5])[0]
        assert ask("nr_run(?, 1, 2.5)", b"net") == net.run([1, 2.5])[0]
        assert ask("json_extract(nr_run('three', 1), '$[1]')") == three.run([1])[1]
        assert ask("nr_class('three', 1)") == three.classify([1])
        assert ask("nr_run('net', 1, NULL)") is ask("nr_class('three', NULL)") is None
        before = ask("nr_run('net', 1, 2)")
        net.train(maxcycles=5).wait()
        assert ask("nr_run('net', 1, 2)") == net.run([1, 2])[0] != before
        for call, why in (
            ("nr_run('nope', 1)", "ERR no such key"),
            ("nr_run('net', 1)", "2 inputs"),
            ("nr_run('net', 1, 'x')", "'x' is not a number"),
            ("nr_class('net', 1, 2)", "regressor"),
            ("nr_run('net', 1e300, 1)", "NaN or an infinity"),
            ("nr_run(NULL, 1)", "no such key"),
            ("nr_run()", "argument"),
        ):
            caplog.clear()
            with caplog.at_level(logging.ERROR, "nr"), pytest.raises(sqlite3.OperationalError):
                ask(call)
            assert why in caplog.text
    raw.close()


def test_the_functions_take_a_connection_of_sqlalchemy(lite: str) -> None:
    with nr.connect(lite) as db:
        net = trained(db)
        with engine_of(db).connect() as connection:
            nr.sqlite_functions(connection)
            found = connection.scalar(sa.text("SELECT nr_run('net', 1, 2)"))
        assert found == net.run([1, 2])[0]
    with pytest.raises(nr.BackendError, match="SQLite"):
        nr.sqlite_functions(object())


def test_importing_nr_does_not_import_sqlalchemy() -> None:
    code = "import sys, nr; nr.connect('memory://'); assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
