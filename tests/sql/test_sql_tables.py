"""The SQL driver's tables: what is in them, how they come about, and connecting to them."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from conformance import CASES, content, run
from drivers import DRIVERS, sqlite
from sql_stores import SERVERS, engine_of, trained

import nr
from nr.backends.sql import header
from nr.backends.sql.schema import HEAD, tables
from nr.cli import main

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


def test_keys_that_begin_alike_are_found_by_their_index(tmp_path: Path) -> None:
    with nr.connect(f"sqlite:///{tmp_path}/nets.db") as db:
        plans, engine = [], engine_of(db)

        def explain(connection: Any, cursor: Any, sql: str, values: Any, *more: object) -> None:
            if sql.startswith("SELECT nr_networks"):
                plans.extend(cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())

        sa.event.listen(engine, "before_cursor_execute", explain)
        for pattern in "shop:*", "shop:1", "*":
            db.execute("NR.LIST", pattern)
    how = [plan[-1].partition(" USING COVERING INDEX ")[::2] for plan in plans]
    assert [(verb, index.partition(" ")[2]) for verb, index in how] == [
        ("SEARCH nr_networks", "(key>? AND key<?)"),
        ("SEARCH nr_networks", "(key=?)"),
        ("SCAN nr_networks", ""),
    ]


def test_deleting_a_network_leaves_nothing(db: nr.Database) -> None:
    net = trained(db)
    net.train(timeout=0, autostop=False)
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
    monkeypatch.setattr("nr.backends.sql.migrate.HEAD", "9998")
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


def copied(store: str, key: str, fields: str) -> str:
    argv = ["copy", store, key, store, "--as", f"{key}2", "--fields", fields]
    result = CliRunner().invoke(main, argv)
    assert result.exit_code == bool(result.output)
    return result.output


def test_nr_copy_makes_a_network_with_fields(lite: str) -> None:
    with nr.connect(lite) as db:
        sizes = {"dataset": 70, "test": 40}
        options = {"l2": 0.5, "trainevery": 500, **sizes}
        plain = db.create("net", "classifier", [2, 4, 3], seed=3, **options)
        rows = [[i / 10, i % 2] for i in range(100)]
        plain.observe_many(rows, [i % 3 for i in range(100)])
        plain.train(maxcycles=3, autostop=False).wait()
        assert copied(lite, "net", "age: number, kind:category(0,1,2),joined") == ""
        net, now = db["net2"], db["net2"].info()
        assert now.fields == ("age:number", "kind:category(0,1,2)", "->", "joined:category")
        assert (now.train_len, now.test_len) == (plain.info().train_len, plain.info().test_len)
        assert (now.train_maxlen, now.test_maxlen, now.trainings) == (70, 40, 0)
        assert net.configure() == plain.configure()
        for dataset, length in (("train", now.train_len), ("test", now.test_len)):
            for at in range(length):
                (age, kind), outputs = plain.sample(dataset, at)
                said = {"age": age, "kind": f"{kind:.0f}", "joined": str(outputs.argmax())}
                assert net.sample(dataset, at) == said
        net.train(maxcycles=5, autostop=False).wait()
        assert net.classify({"age": 3, "kind": "1"}) in ("0", "1", "2")


def test_nr_copy_names_several_outputs(lite: str) -> None:
    with nr.connect(lite) as db:
        plain = db.create("net", "regressor", [1, 2], seed=3)
        plain.observe_many([[1], [2]], [[3, 4], [5, 6]], to="train")
        assert copied(lite, "net", "x:number,a:number,b:number") == ""
        assert db["net2"].sample("train", 1) == {"x": 2, "a": 5, "b": 6}
        assert db["net2"].info().fields == ("x:number", "->", "a:number", "b:number")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("x:number", "1 fields for 2 inputs and 1 outputs: name each"),
        ("", "0 fields for 2 inputs"),
        ("a:number,b:number,c:number,d:number", "4 fields for 2 inputs"),
        ("a:number,a:number,y:category", "field a is given twice"),
        ("a-b:number,b:number,y:category", "fields are name:kind, name:kind ..., not 'a-b:number"),
        ("a:category(x,b:number,y:category", "fields are name:kind"),
        ("a:numbr,b:number,y:category", "did you mean"),
        ("a:number,b:number,y:number", "y"),
    ],
)
def test_nr_copy_refuses_what_are_no_fields_of_a_network(lite: str, fields: str, why: str) -> None:
    with nr.connect(lite) as db:
        db.create("net", "classifier", [2, 3], seed=3)
        db.create("named", "classifier", {"a": "number"}, target="y", seed=3)
        assert why in copied(lite, "net", fields)
        assert "has fields already" in copied(lite, "named", fields)
        assert sorted(db) == ["named", "net"]


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


# ---- statements ----


def test_a_forecast_is_one_statement(db: nr.Database) -> None:
    """Behind a training it takes more, since it reads the new weights."""
    said: list[str] = []
    net = db.create("sales", "forecaster", {}, target="y", horizon=2, season=1, seed=1)
    net.observe_series(pd.DataFrame({"y": np.arange(30.0) ** 1.5}))
    net.train(maxcycles=3).wait()
    before = net.forecast().tolist()
    sa.event.listen(engine_of(db), "before_cursor_execute", lambda *told: said.append(told[2]))
    assert net.forecast().tolist() == before
    assert len(said) == 1, said
    net.train(maxcycles=200).wait()
    after = db.restore("copy", net.dump()).forecast().tolist()
    assert net.forecast().tolist() == after != before
    db.execute("NR.DEL sales")
    with pytest.raises(nr.NotFoundError):
        net.forecast()
