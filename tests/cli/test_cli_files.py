"""`nr observe KEY FILE`, `nr list` and `--quiet`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_calls import run

import nr
from nr.cli import files

ROWS = [
    {
        "Age (years)": None if i % 9 == 0 else 18 + i % 50,
        "country": ("IT", "FR", None)[i % 3],
        "note": ("likes, or so he says, jazz", 'calls it "fun" at times', "")[i % 7 % 3],
        "since": f"2024-01-{1 + i % 28:02}",
        "vip": ("yes", "no")[i % 2],
        "joined": ("no", "yes")[i % 3 % 2],
    }
    for i in range(60)
]


def cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text


def csv(path: Path, encoding: str = "utf-8") -> None:
    lines = [",".join(map(cell, ROWS[0])), *(",".join(map(cell, r.values())) for r in ROWS)]
    path.write_bytes("\r\n".join(lines).encode(encoding))


def jsonl(path: Path) -> None:
    path.write_text("\n".join(map(json.dumps, ROWS)))


def parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/nets.db"


@pytest.mark.parametrize("write", [csv, jsonl, parquet])
def test_a_file_makes_its_network(
    url: str, tmp_path: Path, write: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "AT_ONCE", 25)
    path = tmp_path / f"people.{write.__name__}"
    write(path)
    done = run("observe", "club", path, "--target", "joined", "--url", url)
    assert done.output.splitlines() == [
        "club is new, a classifier of joined, with the fields",
        "  Age (years)  number",
        "  country      category",
        "  note         category",
        "  since        time",
        "  vip          flag",
        "club has 40 training and 20 testing samples.",
    ]
    with nr.connect(url) as db:
        wanted = [
            {
                "Age_years": row["Age (years)"],
                "country": row["country"],
                "note": row["note"] or None,
                "since": f"{row['since']}T00:00:00Z",
                "vip": row["vip"],
                "joined": row["joined"],
            }
            for row in ROWS
        ]
        found = [*db["club"].samples("train"), *db["club"].samples("test")]
        assert sorted(map(str, found)) == sorted(str(row | {}) for row in map(floats, wanted))
    again = run("observe", "club", path, "--target", "joined", "--url", url, "-q")
    assert (again.exit_code, again.stdout) == (0, "")  # that it is full is told beside it


def floats(row: dict[str, Any]) -> dict[str, Any]:
    age = row["Age_years"]
    return row | {"Age_years": None if age is None else float(age)}


def test_numbers_of_a_file_go_to_a_network_without_fields(url: str, tmp_path: Path) -> None:
    path = tmp_path / "sum.csv"
    path.write_text("sum;a;b\n3;1;2\n\n7;3;4\n")
    with nr.connect(url) as db:
        net = db.create("sum", "regressor", [2, 1])
        assert run("observe", "sum", path, "--target", "sum", "--to", "train", "--url", url)
        inputs, outputs = net.sample("train", 1)
    assert (inputs.tolist(), outputs.tolist()) == ([3.0, 4.0], [7.0])


def test_a_target_of_many_numbers_makes_a_regressor(url: str, tmp_path: Path) -> None:
    path = tmp_path / "double.csv"
    path.write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(30)))
    assert "a regressor of y" in run("observe", "d", path, "--target", "y", "--url", url).output


BAD: list[tuple[str, bytes, str]] = [
    ("a.csv", b"a,y\n1,b\n2,c,d\n", "a.csv, line 3, column 3: 2 cells are needed, not 3"),
    ("a.csv", b"a,y\n1,b\n2\n", "a.csv, line 3, column 2: 2 cells are needed, not 1"),
    ("a.csv", b"a,a,y\n", "a.csv, line 1, column 2: a column needs a name of its own, not 'a'"),
    ("a.csv", b'a,y\n"1,b\n', "a.csv, line 2: unexpected end of data"),
    ("a.csv", b"a,y\n1,b\nx\xe9,b\n", "a.csv, line 3, column 2: the byte 0xe9 is not utf-8: say"),
    ("a.csv", b"a,y\n", "a.csv has no rows"),
    ("a.csv", b"a,z\n1,2\n", "a.csv has no column 'y': a, z"),
    ("a.jsonl", b'{"a":1,"y":"b"}\n{"a":1,,}\n', "a.jsonl, line 2, column 8: "),
    ("a.jsonl", b'{"a":1,"y":"b"}\n[1]\n', "a.jsonl, line 2: an object is needed, not [1]"),
    ("a.jsonl", b'{"a":1,"y":"b"}\n{"a":2}\n', "a.jsonl, line 2, column y: an output is needed"),
    ("a.parquet", b"PAR1 or not", "a.parquet cannot be read: "),
    ("a.txt", b"a,y\n", "a.txt: the name of a file ends with .csv, .tsv, .jsonl"),
]


@pytest.mark.parametrize(("name", "content", "text"), BAD)
def test_a_file_that_is_wrong_is_told_by_line_and_column(
    url: str, tmp_path: Path, name: str, content: bytes, text: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = run("observe", "net", path, "--target", "y", "--url", url)
    assert done.exit_code == 1
    assert f"{tmp_path}/{text}" in done.output
    assert run("list", "--url", url).output == "There are no networks.\n"


def test_a_cell_that_does_not_fit_is_told_behind_quoted_lines(url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('How old,note,y\n3,"two\nlines",b\nold,x,b\n')
    kinds = {"How_old": "number", "note": "text"}
    with nr.connect(url) as db:
        db.create("net", "classifier", kinds, target="y")
        done = run("observe", "net", path, "--target", "y", "--url", url)
        assert db["net"].info().observed == 0
    wanted = "a.csv, line 4, column How old: a number or nothing is needed, not 'old'"
    assert wanted in done.output


def test_another_encoding_is_read(url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("name,y\nJosé,b\nAnna,c\n".encode("latin-1"))
    run("observe", "net", path, "--target", "y", "--encoding", "latin-1", "--url", url)
    with nr.connect(url) as db:
        names = {row["name"] for which in ("train", "test") for row in db["net"].samples(which)}
    assert names == {"José", "Anna"}
    done = run("observe", "net", path, "--target", "y", "--encoding", "latin-0", "--url", url)
    assert "a.csv cannot be read: unknown encoding: latin-0" in done.output


@pytest.mark.parametrize("more", [[], ["--query", "SELECT 1", "a.csv"], ["a.csv", "--replace"]])
def test_a_file_or_a_query_is_needed(more: list[str]) -> None:
    done = run("observe", "net", "--target", "y", *more)
    assert done.exit_code == 2
    assert "Give a file, or --query" in done.output


def test_networks_are_listed(url: str, tmp_path: Path) -> None:
    csv(tmp_path / "people.csv")
    run("observe", "club", tmp_path / "people.csv", "--target", "joined", "--url", url)
    run("--url", url, "-e", "NR.CREATE sum REGRESSOR 2 3 -> 1")
    head, club, total = run("list", "--url", url).output.splitlines()
    assert head.split()[:4] == ["name", "type", "of", "training"]
    assert club.split() == [
        *("club", "classifier", "Age_years", "country", "note", "since", "vip", "->", "..."),
        *("40", "20", "0", "-"),
    ]
    assert total.split() == ["sum", "regressor", "2-3-1", "0", "0", "0", "-"]
    assert run("--url", url, "-e", "list").output.splitlines() == [head, club, total]


def test_quiet_scripts_print_what_was_asked_for_and_errors() -> None:
    done = run("-q", "-e", "NR.CREATE net REGRESSOR 1 -> 1", "-e", "list", "-e", "NR.RUN net x")
    assert "(integer)" not in done.output
    assert "net  regressor" in done.output
    assert "ERR" in done.output
