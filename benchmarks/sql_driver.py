"""What the SQL driver costs beside the bare database, as ratios from one interleaved run.

python benchmarks/sql_driver.py [URL ...]

Without a URL: a SQLite file, and private servers of PostgreSQL and MariaDB with their
default (durable) settings. The bare side is the database's own driver: one INSERT and its
commit; executemany, or COPY, of 10,000 rows made beforehand; a SELECT of as many blobs into
numpy. Rounds of both sides take turns, and the ratio is the median of the rounds' ratios.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import sqlalchemy as sa

import nr

ROWS, INPUTS, SINGLE, ROUNDS = 10_000, 9, 50, 15
Work = Callable[[], object]


class Bare:
    """The database through its own driver, and a table like the driver's."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        self.kind = self.engine.dialect.name
        if self.kind == "sqlite":  # as the driver sets its connections
            sa.event.listen(self.engine, "connect", _like_the_driver)
        self.connection: Any = self.engine.raw_connection()
        self.mark = "?" if self.kind == "sqlite" else "%s"
        blob = {"postgresql": "bytea", "mysql": "longblob"}.get(self.kind, "blob")
        self.run("DROP TABLE IF EXISTS bare")
        rowid = " WITHOUT ROWID" if self.kind == "sqlite" else ""
        self.run(
            "CREATE TABLE bare (network bigint, dataset smallint, slot integer, "
            f"data {blob}, PRIMARY KEY (network, dataset, slot)){rowid}"
        )

    def run(self, sql: str, *values: Any) -> Any:
        cursor = self.connection.cursor()
        cursor.execute(sql, *values)
        self.connection.commit()
        return cursor

    def insert(self, slot: int, blob: bytes) -> None:
        self.run(f"INSERT INTO bare VALUES ({', '.join([self.mark] * 4)})", (1, 0, slot, blob))

    def many(self, rows: list[tuple[Any, ...]]) -> None:
        cursor = self.connection.cursor()
        if self.kind == "postgresql":
            with cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "int2", "int4", "bytea"])
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.executemany(f"INSERT INTO bare VALUES ({', '.join([self.mark] * 4)})", rows)
        self.connection.commit()

    def read(self, network: int) -> np.ndarray[Any, Any]:
        cursor = self.connection.cursor()
        cursor.execute(
            f"SELECT data FROM bare WHERE network = {self.mark} AND dataset = 0 ORDER BY slot",
            (network,),
        )
        joined = b"".join(row[0] for row in cursor.fetchall())
        self.connection.rollback()
        return np.frombuffer(joined, "<f4").reshape(-1, INPUTS + 1)

    def close(self) -> None:
        self.run("DROP TABLE bare")
        self.connection.close()
        self.engine.dispose()


def _like_the_driver(connection: Any, record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=FULL").close()


def timed(work: Work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def compared(rounds: Iterator[tuple[Work, Work]]) -> tuple[float, float, float]:
    """Medians of (bare, driver) seconds, and of the ratio driver / bare."""
    times = []
    for number, (bare, driver) in enumerate(rounds):
        if number % 2:  # neither side always goes first
            times.append((timed(bare), timed(driver)))
        else:
            times.append((timed(driver), timed(bare))[::-1])
    times = times[1:]  # the first warms up
    return (
        median(b for b, _ in times),
        median(d for _, d in times),
        median(d / b for b, d in times),
    )


def measure(url: str) -> None:
    with nr.connect(url) as db, ExitStack() as stack:
        bare = Bare(db.backend.store.engine.url.render_as_string(hide_password=False))
        stack.callback(bare.close)
        for name in list(db):
            del db[name]
        random = np.random.default_rng(1)
        X = random.normal(size=(ROWS, INPUTS)).astype(np.float32)
        Y = X.sum(1)
        blobs = [row.tobytes() for row in np.hstack([X, Y[:, None]])]

        def singles() -> Iterator[tuple[Work, Work]]:
            net = db.create("one", "regressor", [INPUTS, 15, 1], dataset=ROWS, test=0)
            x, y = X[0].tolist(), [float(Y[0])]
            for number in range(ROUNDS + 1):
                slots = range(number * SINGLE, (number + 1) * SINGLE)
                yield (
                    lambda slots=slots: [bare.insert(slot, blobs[0]) for slot in slots],
                    lambda: [net.observe(x, y) for _ in range(SINGLE)],
                )

        def bulks() -> Iterator[tuple[Work, Work]]:
            for number in range(ROUNDS + 1):
                net = db.create(f"n{number}", "regressor", [INPUTS, 15, 1], dataset=ROWS, test=0)
                rows = [(net.info().id, 0, slot, blob) for slot, blob in enumerate(blobs)]
                yield (
                    lambda rows=rows: bare.many(rows),
                    lambda net=net: net.observe_many(X, Y),
                )

        def reads() -> Iterator[tuple[Work, Work]]:
            store = db.backend.store
            for number in range(ROUNDS + 1):
                key = b"n%d" % number

                def read(key: bytes = key) -> None:
                    found = np.frombuffer(store.snapshot(key).rows(0), "<f4")
                    assert found.size == ROWS * (INPUTS + 1)

                id = db[f"n{number}"].info().id
                yield lambda id=id: bare.read(id), read

        name = bare.kind
        b, d, ratio = compared(singles())
        print(
            f"{name:<11} single: INSERT {SINGLE / b:,.0f}/s, observe {SINGLE / d:,.0f}/s: "
            f"{1 / ratio:.2f} of its rate (at least 0.4)"
        )
        b, d, ratio = compared(bulks())
        how = "COPY" if name == "postgresql" else "executemany"
        print(
            f"{name:<11} {ROWS:,}: {how} {b * 1e3:.0f} ms, observe_many {d * 1e3:.0f} ms: "
            f"{ratio:.2f} times (at most 1.5)"
        )
        b, d, ratio = compared(reads())
        print(
            f"{name:<11} read {ROWS:,}: SELECT {b * 1e3:.1f} ms, snapshot {d * 1e3:.1f} ms: "
            f"{ratio:.2f} times (at most 2)",
            flush=True,
        )


@contextmanager
def databases() -> Iterator[list[str]]:
    """A SQLite file and two servers of ours, with the settings they come with."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from servers import private_mariadb, private_postgres

    with ExitStack() as stack:
        here = stack.enter_context(tempfile.TemporaryDirectory())
        servers = [stack.enter_context(make()) for make in (private_postgres, private_mariadb)]
        yield [f"sqlite:///{here}/nets.db", *(server.url for server in servers)]


def main() -> None:
    given = sys.argv[1:]
    if given:
        for url in given:
            measure(url)
        return
    with databases() as urls:
        for url in urls:
            measure(url)


if __name__ == "__main__":
    main()
