"""How fast it is on this machine: `make bench`, or python -m benchmarks.

Each figure is the best of several runs, for a machine has other things to do as well.
"""

import platform
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

import nr
from nr import engine


def best(call: Callable[[], object], times: int, runs: int = 7) -> float:
    """Seconds a call takes, in the best of some runs of so many calls."""
    found = []
    for _ in range(runs):
        start = perf_counter()
        for _ in range(times):
            call()
        found.append((perf_counter() - start) / times)
    return min(found)


def show(what: str, figure: str) -> None:
    print(f"{what:<52} {figure:>12}")


def importing() -> None:
    code = "import numpy; from time import perf_counter as t; a = t(); import nr; print(t() - a)"
    runs = [subprocess.check_output([sys.executable, "-c", code]) for _ in range(5)]
    show("import nr, numpy imported", f"{min(map(float, runs)) * 1e3:.0f} ms")


def running(db: nr.Database) -> None:
    net = db.create("run", "classifier", [9, 15, 2], normalize=True, seed=1)
    rng = np.random.default_rng(1)
    row, rows = rng.random(9), rng.random((10000, 9), np.float32)
    as_list = row.tolist()
    conversion = best(lambda: np.ascontiguousarray(row, np.float32), 20000)
    array, plain = (best(lambda x=x: net.run(x), 20000) for x in (row, as_list))
    command = best(lambda: db.execute("NR.RUN", "run", *as_list), 5000)
    many = best(lambda: net.run(rows), 20) / len(rows)
    show("numpy's conversion of 9 numbers to float32", f"{conversion * 1e6:.2f} us")
    show("net.run of 9-15-2, an array", f"{array * 1e6:.2f} us")
    show("net.run of 9-15-2, a list", f"{plain * 1e6:.2f} us")
    show("NR.RUN of 9-15-2, a command", f"{command * 1e6:.2f} us")
    show("net.run of 9-15-2, 10000 rows, a row", f"{many * 1e6:.3f} us")


def observing(db: nr.Database) -> None:
    net = db.create("observe", "classifier", [9, 15, 2], seed=1)
    row = [0.5] * 9
    rows = np.random.default_rng(1).random((10000, 9), np.float32)
    classes = np.zeros(len(rows))
    show("net.observe of 9-15-2", f"{best(lambda: net.observe(row, 1), 5000) * 1e6:.2f} us")
    many = best(lambda: net.observe_many(rows, classes), 10) / len(rows)
    show("net.observe_many of 9-15-2, a sample", f"{many * 1e6:.3f} us")


def training(db: nr.Database) -> None:
    for layout, cycles in (([9, 15, 2], 2000), ([64, 30, 10], 500), ([784, 100, 10], 20)):
        net = db.create("train", "classifier", layout, dataset=1000, test=0, seed=1)
        rng = np.random.default_rng(1)
        net.observe_many(rng.random((1000, layout[0])), rng.integers(0, layout[-1], 1000))

        def train(net: nr.Network = net, cycles: int = cycles) -> None:
            net.train(maxcycles=cycles, timeout=0, autostop=False).wait()

        seconds = best(train, 1, runs=3) / cycles
        name = "-".join(map(str, layout))
        show(f"training {name}, a cycle of 1000 samples", f"{seconds * 1e6:.0f} us")
        del db["train"]


def main() -> None:
    print(f"nr {nr.__version__}, {engine.isa()}, {platform.machine()}, {platform.python_version()}")
    importing()
    with nr.connect("memory://") as db:
        running(db)
        observing(db)
        training(db)


main()
