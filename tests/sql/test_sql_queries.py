"""Rows of a query as samples, and networks as functions of SQL."""

import json
import logging
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from conformance import content
from sql_stores import engine_of, trained

import nr
from nr.cli import main

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


def test_a_query_feeds_fields_by_their_names(db: nr.Database) -> None:
    kinds = {"age": "number", "country": "category", "since": "time", "vip": "flag"}
    net = db.create("net", "classifier", kinds, target="joined", seed=1)
    table = sa.Table(
        "visitors",
        sa.MetaData(),
        *(sa.Column("joined", sa.String(9)), sa.Column("since", sa.DateTime)),
        *(sa.Column("vip", sa.Boolean), sa.Column("age", sa.Numeric(5, 2))),
        sa.Column("country", sa.String(9)),
    )
    engine = engine_of(db)
    table.create(engine)
    rows = [("yes", datetime(2026, 11, 27, 10), True, Decimal("33.5"), "IT"), ("no", *[None] * 4)]
    try:
        with engine.begin() as connection:
            connection.execute(
                sa.insert(table), [dict(zip(table.c.keys(), r, strict=True)) for r in rows]
            )
        counts = net.observe_query("SELECT * FROM visitors ORDER BY joined DESC", "joined", "train")
        assert counts == (2, 0)
        assert net.sample("train", 1) == dict.fromkeys(kinds) | {"joined": "no"}
        found = net.sample("train", 0)
        assert (found["age"], found["country"], found["joined"]) == (33.5, "IT", "yes")
        assert (found["since"], found["vip"]) == ("2026-11-27T10:00:00Z", "yes")
        wrong = "SELECT country, 'x' AS aeg, joined FROM visitors"
        with pytest.raises(nr.CommandError, match="no field 'aeg' in net, did you mean age"):
            net.observe_query(wrong, "joined")
        assert net.info().train_len == 2
    finally:
        table.drop(engine)


def test_rows_that_do_not_fit_are_told(db: nr.Database, caplog: pytest.LogCaptureFixture) -> None:
    net = db.create("net", "regressor", [2, 1], dataset=10, test=5, seed=1)
    for _ in range(2):  # as many as fit, and again in their place
        net.observe_query(series(db, 15), "c", replace=True)
    assert net.info().full == "both"
    assert caplog.messages == []
    net.observe_query(series(db, 16), "c", replace=True)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("net: a dataset is full, so that each new sample replaces")


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
        ("SELECT 1 AS a, 'male' AS sex, 0 AS y", "y", r"column 'sex', row 0: 'male' is text.*CASE"),
        ("SELECT 1 AS a, NULL AS age, 0 AS y", "y", r"'age', row 0: NULL.*COALESCE\(age, 0\)"),
        ("SELECT 1 AS a, 2 AS b, NULL AS y", "y", r"'y', row 0: NULL.*WHERE y IS NOT NULL"),
        ("SELECT 1 AS a, 1e300 AS b, 0 AS y", "y", r"'b', row 0: 1e\+300 does not fit 32 bits"),
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
            with pytest.raises(nr.ValuesError, match=r"'x', row 0: NaN is no number.*NULLIF\(x, "):
                net.observe_query(f"SELECT 'NaN'::{number} AS x, 1 AS y", "y")
        with pytest.raises(nr.ValuesError, match=r"row 0: -inf does not fit 32 bits"):
            net.observe_query("SELECT '-Infinity'::float8 AS x, 1 AS y", "y")
    huge = {"sqlite": "9e999", "mysql": "1e30 * 1e30"}.get(kind, "1e400")
    with pytest.raises(nr.ValuesError, match=r"'x', row 0: .* does not fit 32 bits"):
        net.observe_query(f"SELECT {huge} AS x, 1 AS y", "y")
    mark = "`" if kind == "mysql" else '"'
    name = f"{mark}a 'b'; --{mark}"
    with pytest.raises(nr.ValuesError, match=r"column \"a 'b'; --\", row 0: NULL") as caught:
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
        ({"replace": "no"}, "replace is True or False, not 'no'"),
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
    with pytest.raises(nr.ValuesError, match="column 'b', row 3000"):
        net.observe_query(sql, "c")
    assert net.info().train_len == net.info().test_len == 0
    with pytest.raises(nr.BackendError, match="nothing was changed"):
        net.observe_query("SELECT no FROM such_table", "no")
    assert net.observe([1, 2], 1) == (1, 0)


def test_a_query_replaces_the_samples(db: nr.Database) -> None:
    net = db.create("net", "classifier", [2, 3], dataset=9000, test=9000, seed=1)
    net.observe_many([[7, 7]] * 20, [1] * 20)
    assert net.observe_query(series(db, 3000), "b", to="train", replace=True) == (3000, 10)
    assert net.sample("train", 0)[0].tolist() == [0.5, 1]
    assert net.observe_query("SELECT 1 AS a, 2 AS b, 0 AS y", "y", replace=True) == (1, 0)
    assert net.observe([3, 4], 1) == (1, 1)
    none = "SELECT 1 AS a, 2 AS b, 0 AS y FROM nr_networks WHERE 1 = 0"
    assert net.observe_query(none, "y", "test", replace=True) == (1, 0)
    assert net.observe_query(none, "y", replace=True) == (0, 0)


def test_a_query_replaces_records(db: nr.Database) -> None:
    net = db.create("net", "classifier", {"age": "number"}, target="joined", seed=1)
    net.observe_many([{"age": age, "joined": "no"} for age in range(9)], to="train")
    sql = "SELECT 33 AS age, 'yes' AS joined UNION ALL SELECT 44, 'yes'"
    assert net.observe_query(sql, "joined", to="train", replace=True) == (2, 0)
    assert net.sample("train", 1) == {"age": 44, "joined": "yes"}


def test_a_query_that_fails_replaces_nothing(db: nr.Database) -> None:
    net = db.create("net", "classifier", [2, 3], dataset=5000, seed=1)
    net.observe_many([[1, 2], [3, 4]], [0, 1], to="train")
    before = content(net.dump())
    sql = f"SELECT a, b, c FROM ({series(db, 3000)}) AS t UNION ALL SELECT 1, NULL, 1"
    with pytest.raises(nr.ValuesError, match="column 'b', row 3000"):
        net.observe_query(sql, "c", replace=True)
    with pytest.raises(nr.BackendError, match="nothing was changed"):
        net.observe_query("SELECT no FROM such_table", "no", replace=True)
    assert content(net.dump()) == before


def test_a_replacement_belongs_to_the_callers_transaction(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], seed=1)
    net.observe_many([[1], [2], [3]], [[1], [2], [3]], to="train")
    with engine_of(db).connect() as connection:
        inside = db.using(connection)["net"]
        assert inside.observe_query("SELECT 1 AS x, 2 AS y", "y", "train", replace=True) == (1, 0)
        connection.rollback()
    assert net.info().train_len == 3


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
    again = CliRunner().invoke(main, [*argv, "--to", "test", "--replace"])
    assert again.output == "net has 1 training and 2 testing samples.\n"
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
        net.train(maxcycles=5, autostop=False).wait()
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


def club(db: nr.Database) -> nr.Network:
    kinds = {"age": "number", "country": "category", "place": "vector(2)"}
    net = db.create("club", "classifier", kinds, target="joined", seed=1)
    rows = [(age, "IT" if age % 3 else "FR", "yes" if age > 40 else "no") for age in range(80)]
    named = [dict(zip(("age", "country", "joined"), row, strict=True)) for row in rows]
    net.observe_many([row | {"place": [row["age"], 1.5]} for row in named])
    return net


def test_sqlite_runs_networks_with_fields_in_its_queries(
    lite: str, caplog: pytest.LogCaptureFixture
) -> None:
    with nr.connect(lite) as db, closing(sqlite3.connect(lite.removeprefix("sqlite:///"))) as raw:
        net = club(db)
        nr.sqlite_functions(raw)

        def ask(sql: str, *values: Any) -> Any:
            return raw.execute(f"SELECT {sql}", values).fetchone()[0]

        def refused(call: str) -> str:
            caplog.clear()
            with caplog.at_level(logging.ERROR, "nr"), pytest.raises(sqlite3.OperationalError):
                ask(call)
            return caplog.text

        assert "NR.TRAIN club comes first" in refused("nr_class('club')")
        net.train(maxcycles=30, autostop=False).wait()
        for row in ({"age": 33, "country": "IT"}, {"country": None, "age": 70.5}, {}):
            given = [value for pair in row.items() for value in pair]
            marks = "".join(", ?" for _ in given)
            assert ask(f"nr_class('club'{marks})", *given) == net.classify(row)
            assert json.loads(ask(f"nr_run(?{marks})", b"club", *given)) == net.run(row)
        place = np.array([70, 1.5], "<f4").tobytes()
        assert json.loads(ask("nr_run('club', 'place', ?)", place)) == net.run({"place": [70, 1.5]})
        net.add_fields({"phone": "category"})
        assert ask("nr_class('club', 'age', 33)") == net.classify({"age": 33})
        for call, why in (
            ("nr_class('club', 'aeg', 3)", "no field 'aeg' in club, did you mean age"),
            ("nr_class('club', 'age', 'old')", "field age: a number or nothing is needed"),
            ("nr_class('club', 'age')", "club has fields: give their names and values in turn"),
            ("nr_run('club', 33, 'IT')", "as 'age', 33, not 33, 'IT'"),
            ("nr_run('club', 'age', 1, 'age', 2)", "field age is given twice"),
            ("nr_run('nope', 'age', 1)", "ERR no such key"),
        ):
            assert why in refused(call)


def test_sqlite_replies_the_outputs_of_fields_by_name(lite: str) -> None:
    with nr.connect(lite) as db, closing(sqlite3.connect(lite.removeprefix("sqlite:///"))) as raw:
        net = db.create("net", "regressor", {"x": "number"}, target=["a", "b"], seed=1)
        net.observe_many([{"x": x, "a": x, "b": 2 * x} for x in range(40)])
        net.train(maxcycles=5, autostop=False).wait()
        nr.sqlite_functions(raw)
        [(found,)] = raw.execute("SELECT nr_run('net', 'x', 3)")
        assert json.loads(found) == net.run({"x": 3})


def test_sqlite_reads_samples_in_its_queries(lite: str, caplog: pytest.LogCaptureFixture) -> None:
    with nr.connect(lite) as db, closing(sqlite3.connect(lite.removeprefix("sqlite:///"))) as raw:
        named, plain = club(db), trained(db)
        nr.sqlite_functions(raw)
        sql = (
            "SELECT dataset, slot, nr_sample(key, data) FROM nr_networks "
            "JOIN nr_samples ON network_id = id WHERE name = ?"
        )
        found = raw.execute(sql, ("club",)).fetchall()
        assert len(found) == 80
        for dataset, slot, text in found:
            assert json.loads(text) == named.sample(("train", "test")[dataset], slot)
        for dataset, slot, text in raw.execute(sql, ("net",)).fetchall():
            inputs, outputs = plain.sample(("train", "test")[dataset], slot)
            assert json.loads(text) == {"inputs": inputs.tolist(), "outputs": outputs.tolist()}
        for call in ("'net', x'00'", "'club', x'00'", "'club', 3", "'net', NULL", "'net'"):
            caplog.clear()
            with caplog.at_level(logging.ERROR, "nr"), pytest.raises(sqlite3.OperationalError):
                raw.execute(f"SELECT nr_sample({call})").fetchall()
            assert "nr_sample('" in caplog.text


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
