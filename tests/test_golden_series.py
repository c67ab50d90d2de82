"""Forecasters and networks of sequences that an earlier version wrote open for good, in every form.

As test_golden.py: they reply what they did, to the last bit, observe further and learn on, and come
to what the same dump comes to in memory.
"""

import json
import shutil
from collections.abc import Callable
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
from test_golden import script, uncounted, upgraded

import nr
from nr.backends import Backend

FOLDER = Path(__file__).parent / "data" / "golden" / "series-2"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))
DUMPS: dict[bytes, bytes] = msgpack.unpackb((FOLDER / "dumps.msgpack").read_bytes())
MORE = {
    "sales": "NR.OBSERVE sales FOR new -> demand=4",
    "untrained": "NR.OBSERVE untrained FOR b -> a=1 b=2",
    "visits": "NR.OBSERVE visits pages=home -> page=other",
    "moves": "NR.OBSERVE moves path=[[1,2]] -> speed=2",
}
LEARN = {
    "sales": "MAXCYCLES 2 AUTOSTOP BACKTRACK",
    "visits": "MAXCYCLES 2 AUTOSTOP BACKTRACK",
    "moves": "MAXCYCLES 2",
}


def opens(**options: Any) -> None:
    with nr.connect(**options) as db:
        assert said(db) == EXPECTED
        assert gone_on(db) == of_dumps()


def gone_on(db: nr.Database) -> dict[str, Any]:
    """All observe more, those that can learn on, and what all come to."""
    for line in MORE.values():
        db.execute(line)
    for key, limits in LEARN.items():
        db.execute(f"NR.TRAIN {key} {limits} MAXTIME 0")
        assert db.execute(f"NR.WAIT {key} 0") == 1
        assert db[key].info().last_training == "merged", key
    return {key: uncounted(db[key].dump()) for key in MORE}


@cache
def of_dumps() -> dict[str, Any]:
    with nr.connect("memory://") as db:
        restore(db)
        return gone_on(db)


def restore(db: nr.Database) -> None:
    for key, blob in DUMPS.items():
        db.restore(key, blob)


def test_dumps_are_restored(backend: Backend) -> None:
    db = nr.Database(backend)
    restore(db)
    assert said(db) == EXPECTED
    assert gone_on(db) == of_dumps()


def test_an_sqlite_file_opens(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "sqlite.db", tmp_path / "nets.db")
    opens(url=f"sqlite:///{tmp_path}/nets.db")


def test_tables_of_postgresql_open(postgres: Database) -> None:
    url = f"{postgres.url}&options=-csearch_path%3Dgolden"
    script(postgres.url, "DROP SCHEMA IF EXISTS golden CASCADE", "CREATE SCHEMA golden")
    try:
        script(url, (FOLDER / "postgresql.sql").read_text())
        upgraded(url)
        opens(url=url)
    finally:
        script(postgres.url, "DROP SCHEMA golden CASCADE")


def test_tables_of_mariadb_open(mariadb: Database) -> None:
    url = sa.make_url(mariadb.url).set(database="golden").render_as_string(hide_password=False)
    script(mariadb.url, "DROP DATABASE IF EXISTS golden", "CREATE DATABASE golden")
    try:
        script(url, *(FOLDER / "mariadb.sql").read_text().split(";\n"))
        upgraded(url)
        opens(url=url)
    finally:
        script(mariadb.url, "DROP DATABASE golden")


@pytest.mark.parametrize("kind", CONFORMING)
def test_hashes_of_redis_open(redis_servers: Servers, kind: str) -> None:
    options = redis_servers.empty(kind)
    hashes = msgpack.unpackb((FOLDER / "redis.msgpack").read_bytes())
    with nr.connect(**options) as db:
        client = db.backend.store._link.client  # type: ignore[attr-defined]
        for key, fields in hashes.items():
            client.hset(key, mapping=fields)
    opens(**options)


@pytest.mark.parametrize("store", ["module.rdb", "module.aof"])
def test_files_of_the_module_are_loaded(own: Callable[..., Server], store: str) -> None:
    server = own("--appendonly", "no", binary=redis_62())
    server.kill()
    aof = store.endswith("aof")
    shutil.copy(FOLDER / store, server.directory / ("appendonly.aof" if aof else "dump.rdb"))
    server.start("--appendonly", "yes" if aof else "no")
    opens(url=server.url())
