"""Forecasters, networks of sequences, generators, and networks that are watched, of an earlier
version open for good.

As test_golden.py: they reply what they did, to the last bit, observe further and learn on, and come
to what the same dump comes to in memory. What is computed of those that are watched, explanations
among it, may differ by the rounding of another order of sums.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import pytest
import sqlalchemy as sa
from golden_series import said
from redis_private import CONFORMING, Servers
from redis_server import Server, redis_62
from servers import Server as Database
from test_golden import near, script, uncounted, upgraded

import nr
from nr.backends import Backend

MORE = {
    "series-2": {
        "sales": "NR.OBSERVE sales FOR new -> demand=4",
        "untrained": "NR.OBSERVE untrained FOR b -> a=1 b=2",
        "visits": "NR.OBSERVE visits pages=home -> page=other",
        "moves": "NR.OBSERVE moves path=[[1,2]] -> speed=2",
    },
    "texts-1": {
        "words": 'NR.OBSERVE words -> text="the dog ran on"',
        "letters": "NR.OBSERVE letters -> text=rug",
        "unread": "NR.OBSERVE unread -> s=b",
    },
    "phrases-1": {
        "say": 'NR.OBSERVE say word=fee -> sounds="E E F"',
        "tell": "NR.OBSERVE tell ask=rug -> tell=r",
        "unsaid": "NR.OBSERVE unsaid a=z -> b=three",
    },
    "drift-1": {
        "line": "NR.OBSERVE line x=0.5 -> y=0.5",
        "club": "NR.OBSERVE club age=9 city=A -> joined=no",
        "pairs": "NR.OBSERVE pairs 1 2 -> 0",
    },
}
LEARN = {
    "series-2": {
        "sales": "MAXCYCLES 2 AUTOSTOP BACKTRACK",
        "visits": "MAXCYCLES 2 AUTOSTOP BACKTRACK",
        "moves": "MAXCYCLES 2",
    },
    "texts-1": {"words": "MAXCYCLES 2 AUTOSTOP BACKTRACK", "letters": "MAXCYCLES 2"},
    "phrases-1": {"say": "MAXCYCLES 2 AUTOSTOP BACKTRACK", "tell": "MAXCYCLES 2"},
    "drift-1": {
        "line": "MAXCYCLES 2 AUTOSTOP BACKTRACK",
        "club": "MAXCYCLES 2",
        "pairs": "MAXCYCLES 2",
    },
}


@dataclass(frozen=True)
class Golden:
    """A folder of what one version wrote."""

    name: str

    @property
    def folder(self) -> Path:
        return Path(__file__).parent / "data" / "golden" / self.name

    def opens(self, **options: Any) -> None:
        with nr.connect(**options) as db:
            self.holds(db)

    def holds(self, db: nr.Database) -> None:
        expected = json.loads((self.folder / "expected.json").read_text("utf-8"))
        for key, replies in said(db, self.name).items():
            told = expected.pop(key)
            same = near(replies, told) if self.name == "drift-1" else replies == told
            assert same, (key, replies, told)
        assert not expected
        assert self.gone_on(db) == self.of_dumps()

    def restore(self, db: nr.Database) -> None:
        for key, blob in msgpack.unpackb((self.folder / "dumps.msgpack").read_bytes()).items():
            db.restore(key, blob)

    @cache  # noqa: B019
    def of_dumps(self) -> dict[str, Any]:
        with nr.connect("memory://") as db:
            self.restore(db)
            return self.gone_on(db)

    def gone_on(self, db: nr.Database) -> dict[str, Any]:
        """All observe more, those that can learn on, and what all come to."""
        for line in MORE[self.name].values():
            db.execute(line)
        for key, limits in LEARN[self.name].items():
            db.execute(f"NR.TRAIN {key} {limits} MAXTIME 0")
            assert db.execute(f"NR.WAIT {key} 0") == 1
            assert db[key].info().last_training == "merged", key
        return {key: uncounted(db[key].dump()) for key in MORE[self.name]}


@pytest.fixture(params=sorted(MORE))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_dumps_are_restored(golden: Golden, backend: Backend) -> None:
    db = nr.Database(backend)
    golden.restore(db)
    golden.holds(db)


def test_an_sqlite_file_opens(golden: Golden, tmp_path: Path) -> None:
    shutil.copy(golden.folder / "sqlite.db", tmp_path / "nets.db")
    url = f"sqlite:///{tmp_path}/nets.db"
    upgraded(url)
    golden.opens(url=url)


def test_tables_of_postgresql_open(golden: Golden, postgres: Database) -> None:
    url = f"{postgres.url}&options=-csearch_path%3Dgolden"
    script(postgres.url, "DROP SCHEMA IF EXISTS golden CASCADE", "CREATE SCHEMA golden")
    try:
        script(url, (golden.folder / "postgresql.sql").read_text())
        upgraded(url)
        golden.opens(url=url)
    finally:
        script(postgres.url, "DROP SCHEMA golden CASCADE")


def test_tables_of_mariadb_open(golden: Golden, mariadb: Database) -> None:
    url = sa.make_url(mariadb.url).set(database="golden").render_as_string(hide_password=False)
    script(mariadb.url, "DROP DATABASE IF EXISTS golden", "CREATE DATABASE golden")
    try:
        script(url, *(golden.folder / "mariadb.sql").read_text().split(";\n"))
        upgraded(url)
        golden.opens(url=url)
    finally:
        script(mariadb.url, "DROP DATABASE golden")


@pytest.mark.parametrize("kind", CONFORMING)
def test_hashes_of_redis_open(golden: Golden, redis_servers: Servers, kind: str) -> None:
    options = redis_servers.empty(kind)
    hashes = msgpack.unpackb((golden.folder / "redis.msgpack").read_bytes())
    with nr.connect(**options) as db:
        client = db.backend.store._link.client  # type: ignore[attr-defined]
        for key, fields in hashes.items():
            client.hset(key, mapping=fields)
    golden.opens(**options)


@pytest.mark.parametrize("store", ["module.rdb", "module.aof"])
def test_files_of_the_module_are_loaded(
    golden: Golden, own: Callable[..., Server], store: str
) -> None:
    server = own("--appendonly", "no", binary=redis_62())
    server.kill()
    aof = store.endswith("aof")
    shutil.copy(golden.folder / store, server.directory / ("appendonly.aof" if aof else "dump.rdb"))
    server.start("--appendonly", "yes" if aof else "no")
    golden.opens(url=server.url())
