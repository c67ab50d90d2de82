"""What an earlier version wrote opens for good: it is read, run, observed, trained and dumped.

tests/data/golden has a folder a generation of the formats, written by golden_write.py: every
form in which networks rest, and expected.json, what that version replied about them. Samples,
weights and the header's values are the same to the last bit; what is computed from them may
differ by the rounding of another order of sums.
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
from click.testing import CliRunner
from conformance import content
from dumps import as_format_1
from redis_private import CONFORMING, Servers
from redis_server import Server, redis_62, redis_server
from servers import Server as Database

import nr
from nr.backends import Backend
from nr.cli import main

FOLDER = Path(__file__).parent / "data" / "golden" / "0.1.0"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
NETWORKS: dict[str, Any] = EXPECTED["networks"]
DUMPS: dict[bytes, bytes] = msgpack.unpackb((FOLDER / "dumps.msgpack").read_bytes())
NO_TRAIN = "the training dataset is empty"


# ---- what is there ----


def stands(db: nr.Database, own: dict[str, list[Any]] | None = None) -> None:
    """All networks are there, as they were; ``own`` is what this store alone said of them."""
    assert sorted(map(text, keys(db))) == sorted(NETWORKS)
    for key, told in NETWORKS.items():
        unchanged(db, name(key), told)
        if own:
            info = pairs(db.execute("NR.INFO", name(key)))
            assert [info["id"], info["training-total-seconds"]] == own[key], key
    assert db.execute("NR.THREADS") == []


def unchanged(db: nr.Database, key: bytes, told: dict[str, Any]) -> None:
    """To the last bit, and what it computes nearly so."""

    def reply(command: str, *argv: Any) -> Any:
        return db.execute(f"NR.{command}", key, *argv)

    assert pairs(reply("INFO")).items() >= told["info"].items(), key
    assert pairs(reply("CONFIGURE")).items() >= told["configure"].items(), key
    assert reply("HISTORY") == told["history"], key
    assert samples(db, key) == told["samples"], key
    recorded = weights(DUMPS[key])
    assert recorded is None or recorded in reply("DUMP"), key
    assert near(reply("METRICS"), told["metrics"]), key
    assert near(reply("IMPORTANCE"), told["importance"], 1e-3), key
    for inputs, outputs, chosen in told["runs"]:
        assert near(reply("RUN", *inputs), outputs), key
        if chosen is not None:
            assert reply("CLASS", *inputs) == chosen, key


def keys(db: nr.Database) -> list[bytes]:
    return db.execute("NR.LIST")  # type: ignore[return-value]


def name(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def text(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def pairs(reply: Any) -> dict[str, Any]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def samples(db: nr.Database, key: bytes) -> dict[str, list[Any]]:
    """Each row up to the first that is not there."""

    def rows(to: str) -> list[Any]:
        found = []
        while (row := db.execute("NR.GETDATA", key, to, len(found))) is not None:
            found.append(row)
        return found

    return {to: rows(to) for to in ("TRAIN", "TEST")}


def weights(dump: bytes) -> bytes | None:
    """Those of a dump of format 1."""
    found: bytes | None = msgpack.unpackb(dump)[3]
    return found


def near(reply: Any, recorded: Any, by: float = 1e-5) -> bool:
    if isinstance(recorded, list) and isinstance(reply, list):
        return len(reply) == len(recorded) and all(
            near(*both, by) for both in zip(reply, recorded, strict=True)
        )
    if isinstance(recorded, float):
        return bool(reply == pytest.approx(recorded, rel=by, abs=by / 100))
    return bool(reply == recorded)


# ---- what goes on ----


def goes_on(db: nr.Database) -> None:
    """It observes as it would have, trains to what others train to, and moves to another key."""
    for key, told in NETWORKS.items():
        observes(db, name(key), told)
        trains(db, name(key), told)
        blob = db.execute("NR.DUMP", name(key))
        assert isinstance(blob, bytes)
        assert uncounted(blob) == gone_on(name(key)), key
        assert db.execute("NR.RESTORE", "copy", blob, "REPLACE") == "OK"
        assert content(db["copy"].dump()) == content(blob), key
    assert db.execute("NR.DEL", "copy", *map(name, NETWORKS)) == len(NETWORKS) + 1
    assert keys(db) == []


def observes(db: nr.Database, key: bytes, told: dict[str, Any]) -> None:
    """The generator of random numbers goes on from where it was: it chooses what is replaced."""
    then, held = told["then"], {to: [*rows] for to, rows in told["samples"].items()}
    replies = [db.execute("NR.OBSERVE", key, *line) for line in then["observed"]]
    assert replies == then["replies"], key
    for to, changed in then["changed"].items():
        for row, sample in changed:
            held[to][row : row + 1] = [sample]
    assert samples(db, key) == held, key


def trains(db: nr.Database, key: bytes, told: dict[str, Any]) -> None:
    before = told["info"]["training-total-cycles"]
    line = "NR.TRAIN", key, "MAXCYCLES", 3, "MAXTIME", 0
    if db[key].info().train_len == 0:
        with pytest.raises(nr.CommandError, match=NO_TRAIN):
            db.execute(*line)
        return
    assert db.execute(*line) == "Training has started"
    assert db.execute("NR.WAIT", key, 0) == 1
    if told["info"]["training-ended-by"] != "diverged":
        assert db[key].info().cycles == before + 3, key
    assert db[key].info().ended_by in ("cycles", "diverged"), key


@cache
def gone_on(key: bytes) -> Any:
    """What the same dump comes to in memory, after the same commands."""
    with nr.connect("memory://") as db:
        db.restore(key, DUMPS[key])
        observes(db, key, NETWORKS[text(key)])
        trains(db, key, NETWORKS[text(key)])
        return uncounted(db[key].dump())


def uncounted(blob: bytes) -> Any:
    """What a dump holds but for counts: an AOF repeats what was before, and counts it."""
    magic, version, header, arrays = content(blob)
    counts = ("trainings", "observed")
    found = {k: v for k, v in header.items() if k not in counts}
    return magic, version, found, [[*map(_uncounted_part, parts)] for parts in arrays]


def _uncounted_part(part: Any) -> Any:
    """What NR.DRIFT goes by has the count of observed samples in it, as two floats."""
    if part[0] != "reference":
        return part
    return [*part[:2], part[2][:20] + part[2][28:]]


def opens(store: str, **options: Any) -> None:
    with nr.connect(**options) as db:
        stands(db, EXPECTED["own"][store])
        goes_on(db)


# ---- every form, on every driver that reads it ----


def test_dumps_are_restored(backend: Backend) -> None:
    db = nr.Database(backend)
    for key, blob in DUMPS.items():
        db.restore(key, blob)
    stands(db)
    goes_on(db)


def test_nothing_of_a_dump_is_lost() -> None:
    """The fields of the header that no command tells are here: revision, resets, random."""
    with nr.connect("memory://") as db:
        for key, blob in DUMPS.items():
            db.restore("net", blob, replace=True)
            assert content(as_format_1(db["net"].dump())) == content(blob), key


def test_an_sqlite_file_opens(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "sqlite.db", tmp_path / "nets.db")
    url = f"sqlite:///{tmp_path}/nets.db"
    upgraded(url)
    opens("sqlite.db", url=url)


def test_tables_of_postgresql_open(postgres: Database) -> None:
    url = f"{postgres.url}&options=-csearch_path%3Dgolden"
    script(postgres.url, "DROP SCHEMA IF EXISTS golden CASCADE", "CREATE SCHEMA golden")
    try:
        script(url, (FOLDER / "postgresql.sql").read_text())
        upgraded(url)
        opens("postgresql.sql", url=url)
    finally:
        script(postgres.url, "DROP SCHEMA golden CASCADE")


def test_tables_of_mariadb_open(mariadb: Database) -> None:
    url = sa.make_url(mariadb.url).set(database="golden").render_as_string(hide_password=False)
    script(mariadb.url, "DROP DATABASE IF EXISTS golden", "CREATE DATABASE golden")
    try:
        script(url, *(FOLDER / "mariadb.sql").read_text().split(";\n"))
        upgraded(url)
        opens("mariadb.sql", url=url)
    finally:
        script(mariadb.url, "DROP DATABASE golden")


def script(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                if statement.strip():
                    connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def upgraded(url: str) -> None:
    """As one does after a new version of nr was installed."""
    result = CliRunner().invoke(main, ["db", "upgrade", url])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("kind", CONFORMING)
def test_hashes_of_redis_open(redis_servers: Servers, kind: str) -> None:
    options = redis_servers.empty(kind)
    hashes = msgpack.unpackb((FOLDER / "redis.msgpack").read_bytes())
    with nr.connect(**options) as db:
        client = db.backend.store._link.client  # type: ignore[attr-defined]
        for key, fields in hashes.items():
            client.hset(key, mapping=fields)
    opens("redis.msgpack", **options)


@pytest.fixture(params=["installed", "6.2"])
def binary(request: pytest.FixtureRequest) -> str:
    return redis_62() if request.param == "6.2" else redis_server()


@pytest.mark.parametrize("store", ["module.rdb", "module.aof", "module-rewritten.aof"])
def test_files_of_the_module_are_loaded(
    own: Callable[..., Server], binary: str, store: str
) -> None:
    server = own("--appendonly", "no", binary=binary)
    server.kill()
    aof = store.endswith("aof")
    file = server.directory / ("appendonly.aof" if aof else "dump.rdb")
    shutil.copy(FOLDER / store, file)
    server.start("--appendonly", "yes" if aof else "no")
    opens(store, url=server.url())
