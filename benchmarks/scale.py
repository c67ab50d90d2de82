"""What a network costs where there are many: the same work in a small store and in large ones.

    python -m benchmarks.scale [postgresql] [sqlite] [redis] [--networks N ...] [--rounds N]

Starts servers of its own, and fills a store of each size with copies of one trained network of 9
inputs, 15 hidden units and 1 output, with 20 samples. Copies are made by the database (INSERT ...
SELECT; RESTORE): a hundred thousand by NR.CREATE would take most of an hour. All sizes are open at
once and do the same work in turns, by a connection that knows none of the networks yet; what is
printed is the median of the turns, and of their ratios to the smallest store, so that the machine's
speed cancels out: by the clock, and by the processor time of client and server, which what else the
machine does hardly touches.

- create, observe (a sample), run (a network that is not in memory): each on another network
- list: NR.LIST of a pattern that ten networks are like; all: NR.LIST without one, a network
- order: a sample makes a training due (TRAINEVERY), and a worker finds and takes the order
- train: an order of 50 cycles by a worker, from taking it to merging
- look: what a worker looks at once a second
- scan: what one worker of a Redis looks at once a minute, a network
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import redis
import sqlalchemy as sa

import nr
from nr.backends.sql.schema import tables
from nr.contracts.store import Store

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests")]
from redis_driver import server  # noqa: E402
from servers import private_postgres  # noqa: E402

INPUTS, EACH, ALIKE = 9, 60, 10
KINDS = ("postgresql", "sqlite", "redis")
BATCH = 1000
ROW = np.random.default_rng(1).random(INPUTS).tolist()
Work = Callable[[], object]
Times = dict[str, tuple[float, float]]
"""Seconds that each kind of work takes, once or for a network: by the clock, of processors."""


@dataclass
class Filled:
    """A store of so many networks, and how to reach it."""

    networks: int
    url: str
    options: dict[str, Any]
    size: float = 0.0
    """Bytes of each network, on disk or in Redis' memory."""
    pid: int | None = None
    """The server's."""
    times: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    @contextmanager
    def opened(self) -> Iterator[nr.Database]:
        with nr.connect(self.url, trainings="queue", **self.options) as db:
            yield db


def key(number: int) -> str:
    return f"net:{number:07}"


# ---- filling ----


def pattern(db: nr.Database) -> nr.Network:
    """What all others are copies of."""
    net = db.create("pattern", "regressor", [INPUTS, 15, 1], seed=1, members=1)
    rows = np.random.default_rng(2).random((20, INPUTS))
    net.observe_many(rows, rows.sum(axis=1))
    net.train(maxcycles=20).wait()
    return net


def fill_sql(filled: Filled) -> None:
    schema = tables(filled.options["prefix"], None)
    with filled.opened() as db:
        pattern_id = made_here(db, filled)
        engine: sa.Engine = db.backend.store.engine  # type: ignore[attr-defined]
        if engine.dialect.name == "sqlite":
            new_key = "CAST(printf('net:%07d', i) AS BLOB)"
        else:
            new_key = "convert_to('net:' || lpad(i::text, 7, '0'), 'UTF8')"
        new_id = "((i * 40503) & 65535) * 137438953472 + i"  # scattered, as those of NR.CREATE are
        with engine.begin() as connection:
            for table in (schema.networks, schema.arrays, schema.samples, schema.history):
                given = {'"id"': new_id, '"network_id"': new_id, '"key"': new_key}
                columns = [f'"{column.name}"' for column in table.columns]
                mine = "id" if table is schema.networks else "network_id"
                connection.exec_driver_sql(
                    f"WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers "
                    f"WHERE i < {filled.networks - 1}) INSERT INTO {table.name} "
                    f"({', '.join(columns)}) SELECT "
                    f"{', '.join(given.get(name, name) for name in columns)} "
                    f"FROM {table.name}, numbers WHERE {mine} = {pattern_id}"
                )
        del db["pattern"]
        with engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("ANALYZE")
                sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                names = [table.name for table in (schema.networks, *schema.parts)]
                for name in names:
                    connection.exec_driver_sql(f"VACUUM ANALYZE {name}")
                sql = "SELECT " + " + ".join(f"pg_total_relation_size('{n}')" for n in names)
            filled.size = float(connection.exec_driver_sql(sql).scalar_one()) / filled.networks


def made_here(db: nr.Database, filled: Filled) -> int:
    """The pattern's id, once it is trained; by this process, to whom no trainings are left."""
    with nr.connect(filled.url, **filled.options) as here:
        return pattern(here).info().id


def fill_redis(filled: Filled) -> None:
    with filled.opened() as db, redis.Redis.from_url(filled.url) as client:
        made_here(db, filled)
        blob: Any = client.dump("pattern")
        client.delete("pattern", "nr:trainings")
        before = client.info("memory")["used_memory"]
        for first in range(0, filled.networks, BATCH):
            pipeline = client.pipeline(transaction=False)
            for number in range(first, min(first + BATCH, filled.networks)):
                pipeline.restore(key(number), 0, blob)
                pipeline.hset(key(number), "id", number + 1)
            pipeline.execute()
        filled.size = (client.info("memory")["used_memory"] - before) / filled.networks


# ---- work ----


def processor(pid: int | None) -> float:
    """Seconds of this process, and of a server and its children, on a processor."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    used = own.ru_utime + own.ru_stime
    for folder in Path("/proc").glob("[0-9]*") if pid else ():
        with suppress(OSError):  # it has ended
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if pid in (parent, int(folder.name)):
                used += int((folder / "schedstat").read_text().split()[0]) / 1e9
    return used


def turn(filled: Filled, turn: int) -> Times:
    """The work, once over."""

    def timed(work: Work, parts: int = 1) -> tuple[float, float]:
        used, start = processor(filled.pid), time.perf_counter()
        work()
        took = time.perf_counter() - start
        return took / parts, (processor(filled.pid) - used) / parts

    def each(names: Sequence[str], work: Callable[[str], object]) -> tuple[float, float]:
        return timed(lambda: [work(name) for name in names], len(names))

    found: Times = {}
    with filled.opened() as db:
        store: Store = db.backend.store  # type: ignore[attr-defined]
        chosen = random.Random(turn).sample(range(ALIKE, filled.networks), 4 * EACH)
        warm, ours, others, due = ([key(number) for number in chosen[part::4]] for part in range(4))
        due = due[: EACH // 5]

        def create(name: str) -> object:
            return db.execute("NR.CREATE", name, "REGRESSOR", INPUTS, 15, "->", 1, "SEED", 1)

        def observe(name: str) -> object:
            return db.execute("NR.OBSERVE", name, *ROW, "->", 1)

        def run(name: str) -> object:
            return db.execute("NR.RUN", name, *ROW)

        def order(name: str) -> None:
            observe(name)
            while name.encode() not in watch.keys(1.0):
                pass
            leases.append(store.take(name.encode()))

        watch, leases = store.watch(None), list[Any]()
        new = [f"new:{number}" for number in range(EACH)]
        create("warm")
        for name in warm[:20]:
            observe(name)
            run(name)
        db.execute("NR.LIST", "none*")
        found["create"] = each(new, create)
        db.execute("NR.DEL", "warm", *new)
        found["observe"] = each(ours, observe)
        found["run"] = each(others, run)
        alike = f"{key(0)[:-1]}*"
        assert len(db.execute("NR.LIST", alike)) == ALIKE  # type: ignore[arg-type]
        found["list"] = each([alike] * 10, lambda name: db.execute("NR.LIST", name))
        found["all"] = timed(lambda: db.execute("NR.LIST"), filled.networks)
        found["scan"] = timed(lambda: watch.keys(0.0), filled.networks)
        found["look"] = each([""] * 20, lambda _: store.orders())
        for name in due:
            db.execute("NR.CONFIGURE", name, "TRAINEVERY", 1)
        found["order"] = each(due, order)
        for name, lease in zip(due, leases, strict=True):
            db.execute("NR.CONFIGURE", name, "TRAINEVERY", "OFF")
            store.withdraw(lease)
        for name in due:
            db.execute("NR.TRAIN", name, "MAXCYCLES", 50, "MAXTIME", 0)
        found["train"] = timed(lambda: nr.run_waiting(db, len(due), threads=1), len(due))
        watch.close()
        return found


def measure(kind: str, stores: list[Filled], rounds: int) -> None:
    for number in range(rounds + 1):
        for filled in stores if number % 2 else stores[::-1]:
            for what, seconds in turn(filled, number).items():
                filled.times.setdefault(what, []).append(seconds)
    for filled in stores:
        print(f"{kind}: {filled.networks:,} networks of {filled.size:,.0f} bytes")
    for what in stores[0].times:
        if what == "scan" and kind != "redis":
            continue
        for how, of in enumerate(("by the clock", "of processors")):
            first = [times[how] for times in stores[0].times[what][1:]]  # the first one warms up
            line = f"  {what:<8} {of:<14} {median(first) * 1e6:>12,.2f} us"
            for filled in stores[1:]:
                here = [times[how] for times in filled.times[what][1:]]
                share = median(a / b for a, b in zip(here, first, strict=True))
                line += f" | {filled.networks:,}: {median(here) * 1e6:,.2f} us, {share:.2f} times"
            print(line, flush=True)


@contextmanager
def stores_of(kind: str, sizes: Sequence[int]) -> Iterator[list[Filled]]:
    with ExitStack() as stack:
        if kind == "sqlite":
            here = stack.enter_context(TemporaryDirectory())
            made = [
                Filled(size, f"sqlite:///{here}/{size}.db", {"prefix": "nr_"}) for size in sizes
            ]
        elif kind == "postgresql":
            running = stack.enter_context(private_postgres())
            made = [
                Filled(size, running.url, {"prefix": f"nr{size}_"}, pid=running.pid)
                for size in sizes
            ]
        else:
            url = stack.enter_context(server())
            with redis.Redis.from_url(url) as client:
                pid = client.info("server")["process_id"]
            made = [
                Filled(size, f"{url}/{number}", {}, pid=pid) for number, size in enumerate(sizes)
            ]
        for filled in made:
            (fill_redis if kind == "redis" else fill_sql)(filled)
        yield made


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS))
@click.option("--networks", multiple=True, type=int, default=(1_000, 10_000, 100_000))
@click.option("--rounds", default=7)
def main(kinds: tuple[str, ...], networks: tuple[int, ...], rounds: int) -> None:
    for kind in kinds or KINDS:
        with stores_of(kind, sorted(networks)) as stores:
            measure(kind, stores, rounds)


if __name__ == "__main__":
    main()
