"""Samples of any length and parts that are kept as they are, through the stores as they are."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgpack
import pytest
import redis
from conformance import content
from drivers import DRIVERS, Driver
from dumps import closed, opened
from redis_server import Server

import nr
from nr.backends import Backend
from nr.backends.store import Store
from nr.engine import Net, records
from nr.errors import CommandError

STORES = [one for one in DRIVERS if one.__name__ != "module"]
OVER = (
    "ERR the training samples would take 300 bytes, more than BYTES 256: give the network more "
    "BYTES, or shorter samples"
)


@pytest.fixture(params=STORES, ids=lambda driver: driver.__name__)
def stored(request: pytest.FixtureRequest) -> Iterator[nr.Database]:
    """Every store in turn, empty."""
    driver: Driver = request.param
    with nr.connect(**driver(request)) as db:
        yield db


def blank(**changes: Any) -> bytes:
    """The dump of a network whose samples are records, and with a part of a version to come."""
    with nr.connect("memory://") as db:
        net = db.create("net", "regressor", [2, 1], dataset=20, test=7, seed=3)
        header, parts = opened(net.dump())
    parts["schema"] = 1, b"age:number"
    parts["tomorrow"] = 9, bytes(range(256))
    return closed(header | {"records": "variable"} | changes, parts)


def chance(random: Random, n: int) -> list[bytes]:
    """Records of all lengths, mostly short ones."""
    return [random.randbytes(random.choice((1, 3, 20, 200, 70_000))) for _ in range(n)]


def store_of(db: nr.Database) -> Store:
    store: Store = db.backend.store  # type: ignore[attr-defined]
    return store


def put(db: nr.Database, found: list[bytes], dataset: int = 2) -> Any:
    return store_of(db).put(b"net", lambda net: records.joined(found), dataset)


def filled() -> tuple[list[tuple[list[bytes], int]], Net]:
    """What is put, in several steps, and the core's own network after it."""
    random, net = Random(5), Net.load(blank(), 0)
    steps = [(chance(random, n), which) for n, which in [(1, 2), (30, 2), (5, 1), (1, 0), (40, 2)]]
    for found, dataset in steps:
        net.put(records.joined(found), dataset)
    return steps, net


def test_records_are_split_as_they_were_joined() -> None:
    found = chance(Random(1), 20)
    assert records.split(records.joined(found)) == found
    assert records.split(b"") == []


def test_records_are_put_evicted_and_read_back(stored: nr.Database) -> None:
    steps, net = filled()
    stored.restore("net", blank())
    lengths = [put(stored, *step) for step in steps]
    assert lengths[0] in ([1, 0], (1, 0))
    assert list(lengths[-1]) == [20, 7]
    dump = stored["net"].dump()
    assert content(dump) == content(net.dump())
    for dataset, name in enumerate((b"TRAIN", b"TEST")):
        there = records.split(net.rows(dataset))
        read = [stored.execute(b"NR.GETDATA", b"net", name, slot) for slot in range(len(there))]
        assert read == there
        assert stored.execute(b"NR.GETDATA", b"net", name, len(there)) is None
    stored.restore("net", dump, replace=True)
    again = stored["net"].dump()
    assert content(again) == content(dump)
    for _ in range(3):  # and it goes on from there as before
        found = chance(Random(7), 3)
        put(stored, found)
        net.put(records.joined(found), 2)
    assert content(stored["net"].dump()) == content(net.dump())


def test_the_longest_record_is_kept(stored: nr.Database) -> None:
    longest = Random(2).randbytes(1 << 20)
    stored.restore("net", blank())
    put(stored, [longest, b"x"], 0)
    assert stored.execute("NR.GETDATA net TRAIN 0") == longest
    header, parts = opened(stored["net"].dump())
    assert header["train_bytes"] == len(longest) + 1
    assert parts["train"] == (1, records.joined([longest, b"x"]))


def test_bytes_are_limited_alike(stored: nr.Database) -> None:
    stored.restore("net", blank(max_bytes=256))
    put(stored, [b"a" * 100, b"b" * 100], 0)
    before = stored["net"].dump()
    for found in [b"c" * 100], [b"c", b"d" * 99]:
        with pytest.raises(CommandError) as caught:
            put(stored, found, 0)
        assert str(caught.value) == OVER
    with pytest.raises(CommandError, match=r"ERR the testing samples would take 257 bytes"):
        put(stored, [b"e" * 257], 1)
    assert stored["net"].dump() == before
    put(stored, [b"c" * 56], 0)
    assert opened(stored["net"].dump())[0]["train_bytes"] == 256


def test_rows_can_be_put_as_well(stored: nr.Database) -> None:
    rows = [[float(i), float(i * i), -float(i)] for i in range(40)]
    with nr.connect("memory://") as memory:
        for db in memory, stored:
            net = db.create("net", "regressor", [2, 1], dataset=20, test=7, seed=3)
            if db is memory:
                net.observe_many([row[:2] for row in rows], [row[2] for row in rows])
            else:
                blob = b"".join(
                    msgpack.packb(x, use_single_float=True)[:0:-1] for r in rows for x in r
                )
                reply = store_of(db).put(b"net", lambda net: blob, 2)  # noqa: B023
                assert list(reply) == [20, 7]  # type: ignore[arg-type]
        assert content(stored["net"].dump()) == content(memory["net"].dump())


def test_what_needs_rows_is_refused(backend: Backend) -> None:
    _, net = filled()
    assert backend.execute(b"NR.RESTORE", b"net", net.dump()) == "OK"
    text = "ERR the network has format 2 with a schema, by which this version keeps samples"
    for line in "OBSERVE net 1 2 -> 3", "TRAIN net MAXCYCLES 1", "IMPORTANCE net":
        with pytest.raises(nr.FormatError, match=text):
            backend.execute(*f"NR.{line}".encode().split())
    assert backend.execute(b"NR.RUN", b"net", b"1", b"2")
    assert backend.execute(b"NR.CONFIGURE", b"net", b"L2", b"0.5") == "OK"
    assert backend.execute(b"NR.RESET", b"net") == "OK"
    header, parts = opened(backend.execute(b"NR.DUMP", b"net"))  # type: ignore[arg-type]
    assert header["train_len"] == 20
    assert parts["tomorrow"] == (9, bytes(range(256)))


def test_unknown_parts_are_kept_through_a_training(backend: Backend) -> None:
    db = nr.Database(backend)
    with nr.connect("memory://") as memory:
        net = memory.create("net", "regressor", [2, 3, 1], dataset=20, test=7, seed=3)
        header, parts = opened(net.dump())
    kept = {"tomorrow": (9, bytes(5_000_000)), "another": (1, b"")}
    net = db.restore("net", closed(header, parts | kept))
    net.observe_many([[i, i] for i in range(30)], range(30))
    net.observe([1, 2], 3)
    net.train(maxcycles=3).wait()
    net.configure(l2=0.1)
    assert opened(net.dump())[1].items() >= kept.items()
    net.reset()
    blob = net.dump()
    assert opened(blob)[1].items() >= kept.items()
    assert list(opened(blob)[1])[-2:] == ["another", "tomorrow"]
    del db["net"]
    assert content(db.restore("net", blob).dump()) == content(blob)


@pytest.mark.parametrize("parts", [{}, {"schema": (2, b"")}])
def test_records_want_a_schema_that_is_known(backend: Backend, parts: dict[str, Any]) -> None:
    header, others = opened(filled()[1].dump())
    del others["schema"]
    text = "'schema' of version 2, newer than the 1" if parts else "ERR invalid network: its schema"
    with pytest.raises(CommandError, match=text):
        backend.execute(b"NR.RESTORE", b"net", closed(header, others | parts))


# ---- the module: files and replicas ----


def test_files_of_the_module_hold_records_and_parts(server: Server) -> None:
    _, net = filled()
    with server.client() as client:
        client.execute_command("NR.RESTORE", "net", net.dump())
        before = client.execute_command("NR.DUMP", "net")
        digest = client.execute_command("DEBUG", "DIGEST-VALUE", "net")
        assert content(before) == content(net.dump())
        client.execute_command("DEBUG", "RELOAD")
        assert client.execute_command("NR.DUMP", "net") == before
        assert client.execute_command("DEBUG", "DIGEST-VALUE", "net") == digest
        client.execute_command("COPY", "net", "copy")
        assert content(client.execute_command("NR.DUMP", "copy")) == content(before)
        client.restore("other", 0, client.dump("net"))
        assert content(client.execute_command("NR.DUMP", "other")) == content(before)
        with pytest.raises(redis.ResponseError, match="invalid records: number 0"):
            client.execute_command("NR.REPLAY", "TRAIN", "net", b"\xff\xff\xff\xff")
        assert client.execute_command("NR.DUMP", "net") == before


def test_the_aof_of_the_module_holds_records_and_parts(own: Any) -> None:
    _, net = filled()
    server = own("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    with server.client() as client:
        client.execute_command("NR.RESTORE", "net", net.dump())
        before = client.execute_command("NR.DUMP", "net")
        client.bgrewriteaof()
        while client.info("persistence")["aof_rewrite_in_progress"]:
            pass
        client.execute_command("DEBUG", "LOADAOF")
        assert client.execute_command("NR.DUMP", "net") == before
