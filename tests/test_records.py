"""Samples of any length and parts that are kept as they are, on every driver as in memory."""

import json
from random import Random
from typing import Any

import msgpack
import pytest
import redis
from conformance import content
from dumps import closed, opened
from redis_private import until
from redis_server import Server

import nr
from nr.backends import Backend
from nr.engine import records
from nr.errors import CommandError

CREATE = "NR.CREATE net REGRESSOR note:text age:number -> y:number DATASET 20 TEST 7 SEED 3"
TOMORROW = {"tomorrow": (9, bytes(range(256)))}


ROWS = (
    ["note=a word", "age=3"],
    ["JSON", '{"age": 3}'],
    ["JSON", '[{"age": 3}, {"note": "word x"}]'],
)


def blank(**changes: Any) -> bytes:
    """The dump of a network whose samples are records, and with a part of a version to come."""
    with nr.connect("memory://") as db:
        db.execute(CREATE)
        header, parts = opened(db["net"].dump())
    return closed(header | changes, parts | TOMORROW)


def said(random: Random) -> dict[str, Any]:
    """A sample of some length, mostly a short one."""
    words = random.choice((0, 1, 2, 3, 20, 200, 5000))
    note = " ".join(random.choice(("a", "word", "héllo", "x" * 9)) for _ in range(words))
    return {"note": note or None, "age": random.choice((None, 3, 0.1)), "y": random.random()}


def observe(db: nr.Database, random: Random) -> list[Any]:
    """Samples in every form, to either dataset and to one: what each is replied."""
    single = said(random)
    words = [f"{name}={value}" for name, value in single.items() if value is not None]
    many = [[said(random) for _ in range(n)] for n in (30, 5, 1, 40)]
    blob = msgpack.packb(many[3])
    return [
        db.execute("NR.OBSERVE", "net", *words[:-1], "->", words[-1]),
        db.execute("NR.OBSERVE", "net", "JSON", json.dumps(many[0])),
        db.execute("NR.OBSERVE", "net", "JSON", json.dumps(many[1]), "TEST"),
        db.execute("NR.OBSERVE", "net", "JSON", json.dumps(many[2][0]), "TRAIN"),
        db.execute("NR.OBSERVE", "net", "MSGPACK", blob),
    ]


def samples(db: nr.Database) -> list[Any]:
    sizes = (("TRAIN", 21), ("TEST", 8))  # one more than there are
    return [db.execute(f"NR.GETDATA net {name} {slot}") for name, n in sizes for slot in range(n)]


def filled() -> bytes:
    with nr.connect("memory://") as db:
        db.restore("net", blank())
        observe(db, Random(5))
        return db["net"].dump()


def test_records_are_split_as_they_were_joined() -> None:
    found = [Random(n).randbytes(n) for n in (1, 3, 255, 256, 70_000)]
    assert records.split(records.joined(found)) == found
    assert records.split(b"") == []


def test_records_are_placed_evicted_and_read_back(backend: Backend) -> None:
    with nr.connect("memory://") as memory:
        replies = []
        for db in memory, nr.Database(backend):
            db.restore("net", blank())
            replies.append((observe(db, Random(5)), samples(db), content(db["net"].dump())))
            again = db.restore("net", db["net"].dump(), replace=True)
            replies[-1] += (observe(db, Random(6)), content(again.dump()))
        assert replies[0] == replies[1]
        assert replies[0][0][-1] == [20, 7]
        assert replies[0][1][20] is None
        header, parts = opened(memory["net"].dump())
        sizes = [sum(map(len, records.split(parts[name][1]))) for name in ("train", "test")]
        assert [header["train_bytes"], header["test_bytes"]] == sizes
        assert parts.items() >= TOMORROW.items()


def test_what_was_learned_from_records_is_the_same_everywhere(backend: Backend) -> None:
    with nr.connect("memory://") as memory:
        replies = []
        for db in memory, nr.Database(backend):
            net = db.restore("net", filled())
            net.train(maxcycles=3, autostop=False).wait()
            run = [db.execute("NR.RUN", "net", *words) for words in ROWS]
            run += [db.execute(f"NR.{word} net") for word in ("METRICS", "IMPORTANCE", "HISTORY")]
            observe(db, Random(8))
            net.train(maxcycles=3, autostop=False).wait()
            replies.append((run, content(net.dump())))
            net.reset()
            replies[-1] += (content(net.dump()),)
        assert replies[0] == replies[1]


def test_bytes_are_limited_alike(backend: Backend) -> None:
    db, note = nr.Database(backend), "note=" + "a" * 100
    db.restore("net", blank())
    for _ in range(2):
        db.execute("NR.OBSERVE", "net", note, "->", "y=1", "TRAIN")
    header, parts = opened(db["net"].dump())
    size, most = header["train_bytes"] // 2, header["train_bytes"] + 20
    db.restore("net", closed(header | {"max_bytes": most}, parts), replace=True)
    before = db["net"].dump()
    many = json.dumps([{"note": "a" * 100, "y": 1}])
    for words in [note, "->", "y=1", "TRAIN"], ["JSON", many, "TRAIN"]:
        with pytest.raises(CommandError) as caught:
            db.execute("NR.OBSERVE", "net", *words)
        assert str(caught.value) == (
            f"ERR the training samples would take {3 * size} bytes, more than BYTES {most}: give "
            "the network more BYTES, or shorter samples"
        )
    assert db["net"].dump() == before
    assert db.execute("NR.OBSERVE", "net", note, "->", "y=1", "TEST") == [2, 1]


def test_unknown_parts_are_kept_through_a_training(backend: Backend) -> None:
    db = nr.Database(backend)
    with nr.connect("memory://") as memory:
        net = memory.create("net", "regressor", [2, 3, 1], dataset=20, test=7, seed=3)
        header, parts = opened(net.dump())
    kept = {"tomorrow": (9, bytes(5_000_000)), "another": (1, b"")}
    net = db.restore("net", closed(header, parts | kept))
    net.observe_many([[i, i] for i in range(30)], range(30))
    net.observe([1, 2], 3)
    net.train(maxcycles=3, autostop=False).wait()
    net.configure(l2=0.1)
    assert opened(net.dump())[1].items() >= kept.items()
    net.reset()
    blob = net.dump()
    assert opened(blob)[1].items() >= kept.items()
    assert list(opened(blob)[1])[-2:] == ["another", "tomorrow"]
    del db["net"]
    assert content(db.restore("net", blob).dump()) == content(blob)


# ---- the module: files and replicas ----


def test_files_of_the_module_hold_records_and_parts(server: Server) -> None:
    with server.client() as client:
        client.execute_command("NR.RESTORE", "net", filled())
        before = client.execute_command("NR.DUMP", "net")
        digest = client.execute_command("DEBUG", "DIGEST-VALUE", "net")
        assert content(before) == content(filled())
        client.execute_command("DEBUG", "RELOAD")
        assert client.execute_command("NR.DUMP", "net") == before
        assert client.execute_command("DEBUG", "DIGEST-VALUE", "net") == digest
        client.execute_command("COPY", "net", "copy")
        assert content(client.execute_command("NR.DUMP", "copy")) == content(before)
        client.restore("other", 0, client.dump("net"))
        assert content(client.execute_command("NR.DUMP", "other")) == content(before)
        for blob in b"\xff\xff\xff\xff", records.joined([b"a"]), records.joined([b"\x94\xc0"]):
            with pytest.raises(redis.ResponseError):
                client.execute_command("NR.REPLAY", "TRAIN", "other", blob)
        assert client.execute_command("NR.DUMP", "net") == before


def rewriting(client: redis.Redis) -> bool:
    told = client.info("persistence")
    return bool(told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"])


def test_the_aof_of_the_module_holds_records_and_parts(own: Any) -> None:
    server = own("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    with server.client() as client:
        client.execute_command("NR.RESTORE", "net", filled())
        client.bgrewriteaof()
        until(lambda: not rewriting(client))
        client.execute_command("NR.OBSERVE", "net", "note=one more", "->", "y=1")
        before = client.execute_command("NR.DUMP", "net")
        client.execute_command("DEBUG", "LOADAOF")
        assert client.execute_command("NR.DUMP", "net") == before
