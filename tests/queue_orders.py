"""An application with an executor: orders 200 trainings, kills a worker amidst one, waits for all.

    python queue_orders.py URL PROGRAM [dask | ray]

PROGRAM is a page's, and opens the database as ``db``. What came of it all is printed as JSON.
"""

import json
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import nr

ORDERS = 200
CYCLES = 20_000
BEFORE = 20  # trainings that have ended when the worker is killed


def begin(kind: str, stack: ExitStack) -> dict[str, str]:
    """Starts what the page takes for granted; what to put for its addresses."""
    if kind == "dask":
        from dask.distributed import LocalCluster

        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        stack.enter_context(cluster)
        return {"tcp://scheduler:8786": cluster.scheduler_address}
    if kind == "ray":
        return {'ray.init("auto")': "ray.init(num_cpus=2, include_dashboard=False)"}
    return {}


def held(db: nr.Database) -> list[tuple[str, int, int]]:
    """Orders that somebody carries out: key, process and attempt."""
    lines: Any = db.execute("NR.THREADS")
    found = [dict(pair.partition("=")[::2] for pair in line.split(" ")) for line in lines]
    return [
        (one["key"], int(one["worker"].rpartition(":")[2]), int(one["attempt"]))
        for one in found
        if one["state"] == "running"
    ]


def kill(db: nr.Database) -> tuple[str, int]:
    """Kills a worker that carries out an order: one that stands still holds it yet."""
    while True:
        for key, pid, attempt in held(db):
            os.kill(pid, signal.SIGSTOP)
            if (key, pid, attempt) in held(db):
                os.kill(pid, signal.SIGKILL)
                return key, pid
            os.kill(pid, signal.SIGCONT)
        sleep(0.01)


def attempts(db: nr.Database, key: str) -> int:
    """How often the order of the killed worker was taken, seen when another has it."""
    seen = 1
    end = monotonic() + 60
    while seen == 1 and monotonic() < end and db[key].info().training:
        seen = next((attempt for of, _, attempt in held(db) if of == key), 1)
        sleep(0.01)
    return seen


def main(url: str, program: str, kind: str = "") -> None:
    with ExitStack() as stack:
        text = Path(program).read_text("utf-8")
        for address, ours in (begin(kind, stack) | {"postgresql://app:secret@db/app": url}).items():
            text = text.replace(address, ours)
        names: dict[str, Any] = {"__name__": "application"}
        exec(compile(text, program, "exec"), names)
        db: nr.Database = stack.enter_context(names["db"])
        nets = [db.create(f"n{number}", "regressor", [2, 3, 1], seed=1, members=1)
                for number in range(ORDERS)]  # fmt: skip
        for net in nets:
            net.observe_many([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], to="train")
        start = monotonic()
        trainings = [net.train(maxcycles=CYCLES, timeout=0, autostop=False) for net in nets]
        for training in trainings[:BEFORE]:
            training.wait(120)
        key, pid = kill(db)
        again = attempts(db, key)
        ended = [training.wait(120) for training in trainings]
        infos = [net.info() for net in nets]
        print(
            json.dumps(
                {
                    "killed": pid,
                    "attempts": again,
                    "ended": sum(ended),
                    "merged": sum(info.last_training == "merged" for info in infos),
                    "trainings": sorted({info.trainings for info in infos}),
                    "cycles": sorted({info.cycles for info in infos}),
                    "left": len(db.execute("NR.THREADS")),  # type: ignore[arg-type]
                    "seconds": round(monotonic() - start, 1),
                }
            )
        )
        if kind == "dask":
            names["client"].close()


if __name__ == "__main__":
    main(*sys.argv[1:])
