"""Orders: how soon an idle worker begins one, and what TRAINEVERY costs those who observe.

    python benchmarks/orders.py

Starts servers of its own. What is compared takes turns in one run: a machine's speed cancels out.
An empty round trip is one client that wakes another, which waits: RPUSH and BLMOVE, or NOTIFY and
LISTEN.
"""

import multiprocessing
import select
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg
import redis
import sqlalchemy as sa

import nr
from nr.waiting import worker_of

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests")]
from module_driver import (  # noqa: E402
    BATCHES,
    CLIENTS,
    PIPELINE,
    Load,
    numbers,
    request,
    serving,
)
from redis_driver import ratio, server  # noqa: E402
from servers import private_mariadb, private_postgres  # noqa: E402
from sql_driver import ROUNDS, SINGLE, Bare, compared  # noqa: E402

TURNS, EVERY, INPUTS = 100, 100, 9
Wake = Callable[[], object]


# ---- how soon ----


def work(url: str, told: Connection) -> None:
    """A worker that says when it has taken an order."""
    with nr.connect(url) as db, worker_of(db, 1, None) as worker:
        trainings: Any = db.backend.trainings  # type: ignore[attr-defined]
        take = trainings.take

        def timed(key: bytes) -> Any:
            job = take(key)
            if job:
                told.send(time.perf_counter())
            return job

        trainings.take = timed
        told.send(0.0)
        worker.work()


def move(url: str, told: Connection) -> None:
    client = redis.Redis.from_url(url)
    told.send(0.0)
    while True:
        client.blmove("bench:from", "bench:to", 0)
        told.send(time.perf_counter())


def listen(url: str, told: Connection) -> None:
    connection = _psycopg(url)
    connection.execute("LISTEN bench")
    told.send(0.0)
    while True:
        select.select([connection.pgconn.socket], [], [])
        connection.pgconn.consume_input()
        if connection.pgconn.notifies():
            told.send(time.perf_counter())


def _psycopg(url: str) -> "psycopg.Connection[Any]":
    found = sa.make_url(url).translate_connect_args(username="user", database="dbname")
    return psycopg.connect(**found, **sa.make_url(url).query, autocommit=True)  # type: ignore[arg-type]


@contextmanager
def waiting(function: Callable[[str, Connection], None], url: str) -> Iterator[Connection]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=function, args=(url, there), daemon=True)
    process.start()
    here.recv()
    try:
        yield here
    finally:
        process.kill()
        process.join()


def delay(wake: Wake, told: Connection) -> float:
    time.sleep(0.05)  # it is idle
    start = time.perf_counter()
    wake()
    found: float = told.recv()
    return found - start


def beginnings(name: str, url: str, empty: Callable[[str, Connection], None], wake: Wake) -> None:
    with nr.connect(url, trainings="queue") as db:
        net = db.create("bench:net", "regressor", [1, 1], seed=1, members=1)
        net.observe_many([1, 2], [1, 2])

        def order() -> None:
            db.execute("NR.TRAIN bench:net MAXCYCLES 1 MAXTIME 0")

        with waiting(work, url) as worker, waiting(empty, url) as other:
            turns = []
            for _ in range(TURNS):
                turns.append((delay(order, worker), delay(wake, other)))
                db.execute("NR.WAIT bench:net 0")
    ours, theirs = (median(times) for times in zip(*turns, strict=True))
    print(
        f"{name:<11} an order begins after {ours * 1e6:.0f} us, an empty round trip takes "
        f"{theirs * 1e6:.0f} us: {median(a / b for a, b in turns):.1f} times (at most 10)",
        flush=True,
    )


# ---- what it costs to observe ----


def network(db: nr.Database, every: int | None) -> nr.Network:
    options: Any = {"trainevery": every} if every else {}
    return db.create("bench:one", "regressor", [INPUTS, 15, 1], dataset=10_000, test=0, **options)


def singles(url: str) -> None:
    with nr.connect(url, trainings="queue") as db:
        store: Any = db.backend.store  # type: ignore[attr-defined]
        bare = Bare(store.engine.url.render_as_string(hide_password=False))
        for every in (None, EVERY):
            if "bench:one" in db:
                del db["bench:one"]
            net, x, blob = network(db, every), np.ones(INPUTS).tolist(), bytes(4 * INPUTS + 4)
            bare.run("DELETE FROM bare")

            def rounds(net: nr.Network = net, x: Any = x, blob: bytes = blob) -> Iterator[Any]:
                for number in range(ROUNDS + 1):
                    slots = range(number * SINGLE, (number + 1) * SINGLE)
                    yield (
                        lambda slots=slots: [bare.insert(slot, blob) for slot in slots],
                        lambda: [net.observe(x, [1.0]) for _ in range(SINGLE)],
                    )

            b, d, times = compared(rounds())
            print(
                f"{bare.kind:<11} TRAINEVERY {every or 'OFF'}: INSERT {SINGLE / b:,.0f}/s, observe "
                f"{SINGLE / d:,.0f}/s: {1 / times:.2f} of its rate (at least 0.50)",
                flush=True,
            )
        bare.close()


def scripts(url: str) -> None:
    """Beside a script that does nothing, with the same arguments."""
    client = redis.Redis.from_url(url)
    empty = client.script_load("return 1")
    row = [*np.random.default_rng(1).random(INPUTS).tolist(), "->", 0.5]
    with nr.connect(url, trainings="queue") as db:
        for every in (None, EVERY):
            if "bench:one" in db:
                del db["bench:one"]
            network(db, every)
            ours, theirs, share = ratio(
                lambda: db.execute("NR.OBSERVE", "bench:one", *row),
                lambda: client.evalsha(empty, 1, "bench:one", *row),
            )
            print(
                f"redis       TRAINEVERY {every or 'OFF'}: empty script {theirs:,.0f}/s, observe "
                f"{ours:,.0f}/s: {share:.2f} of its rate (at least 0.80)",
                flush=True,
            )


def in_the_server() -> None:
    """The processor time of the server's main thread for a request, many clients in pipelines.

    What the server's own statistics say (INFO commandstats) is printed beside it: that begins when
    a request has been read and taken apart, which takes both as long, and is a clock's ticks of a
    microsecond, so it is no ratio of what a server can do.
    """
    rows = numbers(1, 6)
    commands = {
        "nr.observe": (lambda row: ["NR.OBSERVE", "net", *row[:9], "->", row[9]], 3),
        "rpush": (lambda row: ["RPUSH", "list", *row], 1),
    }
    with serving("THREADS", "0") as running:
        running(f"NR.CREATE net REGRESSOR {INPUTS} 15 -> 1 DATASET 10000 TEST 0 TRAINEVERY {EVERY}")
        load, turns = Load(running.port), []
        for _ in range(ROUNDS + 1):  # the first one warms up
            running.client.config_resetstat()
            spent = []
            for words, lines in commands.values():
                pipeline, start = b"".join(request(*words(row)) for row in rows), running.cpu()
                for _ in range(BATCHES):
                    load.batch(pipeline, lines * PIPELINE)
                spent.append((running.cpu() - start) / (BATCHES * CLIENTS * PIPELINE * 1000))
            stats: Any = running.client.info("commandstats")
            told = [stats[f"cmdstat_{name}"]["usec_per_call"] for name in commands]
            turns.append((*spent, spent[0] / spent[1], told[0] / told[1]))
            running("DEL list")
        load.close()
    ours, theirs, share, told_share = (median(column) for column in zip(*turns[1:], strict=True))
    print(
        f"module      TRAINEVERY {EVERY}: RPUSH {theirs:.2f} us, NR.OBSERVE {ours:.2f} us of the "
        f"server: {share:.2f} times (at most 1.12); by INFO commandstats {told_share:.2f}"
    )


def main() -> None:
    with server() as url:
        client = redis.Redis.from_url(url)
        beginnings("redis", url, move, lambda: client.rpush("bench:from", "x"))
        scripts(url)
    with private_postgres() as postgres, private_mariadb() as mariadb:
        connection = _psycopg(postgres.url)
        beginnings("postgresql", postgres.url, listen, lambda: connection.execute("NOTIFY bench"))
        with tempfile.TemporaryDirectory() as folder:
            for url in f"sqlite:///{folder}/nets.db", postgres.url, mariadb.url:
                singles(url)
    in_the_server()


if __name__ == "__main__":
    main()
