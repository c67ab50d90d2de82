"""The SQL driver in transactions: a caller's, failing ones, other processes'."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from drivers import sqlite
from sql_stores import SERVERS, engine_of, trained
from sqlalchemy.exc import OperationalError

import nr
from nr.backends.sql import engines, transactions
from nr.backends.sql.store import Store
from nr.backends.sql.supply import rested


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
    monkeypatch.setattr(engines, "IDLE", 0)
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
            rested(connection)
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
            raw.execute(f"PRAGMA max_page_count={pages}")

        def fill() -> None:
            for _ in range(100):
                net.observe([0.5] * 200, 1)

        with pytest.raises(nr.BackendError, match="nothing was changed: database or disk is full"):
            fill()
        count = net.info().train_len
        with pytest.raises(nr.BackendError, match="nothing was changed: database or disk is full"):
            net.observe_many([[0.5] * 200] * 1000, [1] * 1000)
        assert net.info().train_len == count
        assert len(net.dump()) > 800 * count
    with nr.connect(lite) as db:  # on a disk that has room again
        assert db["net"].observe([0.5] * 200, 1) == (count + 1, 0)


def test_a_training_that_does_not_fit_on_the_disk_is_told(
    lite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Store, "patience", 0.2)
    with nr.connect(lite) as db:
        net = db.create("net", "regressor", [300, 300, 1], seed=1)
        net.observe_many([[0.5] * 300] * 4, [1] * 4)

        @sa.event.listens_for(engine_of(db), "checkout")
        def full(raw: Any, record: Any, proxy: Any) -> None:
            [pages] = raw.execute("PRAGMA page_count").fetchone()
            raw.execute(f"PRAGMA max_page_count={pages + 2}")

        training = net.train(maxcycles=1, autostop=False)
        for wait in training.wait, lambda: db.execute("NR.WAIT net 0"):
            with pytest.raises(nr.CommandError, match=r"net failed: .*database or disk is full"):
                wait()
        info = net.info()
        assert info.last_training.endswith("database or disk is full")
        assert (info.cycles, info.training) == (0, False)
    assert "the training of b'net' failed: " in caplog.text


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
