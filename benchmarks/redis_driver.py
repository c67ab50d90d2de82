"""The plain Redis driver against what a bare Redis does on the same machine.

    python benchmarks/redis_driver.py

Starts a redis-server of its own. Ratios are of one run, the two sides measured in turns,
and the median of the turns is taken: a machine's speed cancels out.
"""

import multiprocessing
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Barrier
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import redis

import nr

PROCESSES, SAMPLES, TURNS = 8, 10_000, 20


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--dir", folder, "--save", ""]
        process = subprocess.Popen([*command, "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        url = f"redis://127.0.0.1:{port}"
        try:
            nr.connect(url).close()
            yield url
        finally:
            process.terminate()
            process.wait()


def rate(call: Callable[[], Any], seconds: float = 0.4) -> float:
    """Calls a second."""
    done, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        for _ in range(50):
            call()
        done += 50
    return done / spent


def ratio(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[float, float, float]:
    """The rates of both, and the median of their ratios in turns."""
    turns = [(rate(one), rate(other)) for _ in range(7)]
    return (
        median(a for a, _ in turns),
        median(b for _, b in turns),
        median(a / b for a, b in turns),
    )


# ---- many processes ----


def _observer(url: str, barrier: Barrier, number: int) -> None:
    with nr.connect(url) as db:
        each = SAMPLES // TURNS
        client = redis.Redis.from_url(url)
        empty = client.script_load("return 1")
        numbers = np.random.default_rng(number).random((SAMPLES, 10)).tolist()
        for turn in range(TURNS):
            barrier.wait()
            for row in numbers[turn * each : (turn + 1) * each]:
                db.execute("NR.OBSERVE", "many", *row[:9], "->", row[9])
            barrier.wait()
            barrier.wait()
            for row in numbers[turn * each : (turn + 1) * each]:
                client.evalsha(empty, 1, "many", *row[:9], "->", row[9])
            barrier.wait()


def observing(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES + 1)
    with nr.connect(url) as db:
        db.create("many", "regressor", [9, 15, 1], dataset=70_000, test=20_000)
        processes = [
            context.Process(target=_observer, args=(url, barrier, n)) for n in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        rates: list[tuple[float, ...]] = []
        for _ in range(TURNS):
            pair = []
            for _ in "observe", "empty":
                barrier.wait()
                start = time.perf_counter()
                barrier.wait()
                pair.append(PROCESSES * SAMPLES / TURNS / (time.perf_counter() - start))
            rates.append(tuple(pair))
        for process in processes:
            process.join()
        info = db["many"].info()
    print(
        f"{PROCESSES} processes, {SAMPLES} samples each: {info.train_len + info.test_len} counted"
    )
    ours, empty = median(a for a, _ in rates), median(b for _, b in rates)
    both = median(a / b for a, b in rates)
    print(f"  NR.OBSERVE {ours:,.0f}/s, an empty script {empty:,.0f}/s, ratio {both:.2f} (>= 0.8)")


# ---- one process ----


def bulk(url: str) -> None:
    with nr.connect(url) as db:
        net = db.create("bulk", "regressor", [9, 1], dataset=20_000, test=0)
        X, Y = np.random.default_rng(1).random((10_000, 9)), np.zeros(10_000)
        row, y = X[0].tolist(), 0.5
        turns = []
        for _ in range(5):
            start = time.perf_counter()
            net.observe_many(X, Y)
            many = len(X) / (time.perf_counter() - start)
            turns.append((many, rate(lambda: net.observe(row, y))))
    print(
        f"observe_many {median(a for a, _ in turns):,.0f} samples/s, observe "
        f"{median(b for _, b in turns):,.0f}/s, ratio {median(a / b for a, b in turns):.0f} (>= 20)"
    )


def running(url: str) -> None:
    client = redis.Redis.from_url(url)
    client.set("text", b"x" * 16)
    row = [0.1] * 9
    for options in {"protocol": 2}, {"protocol": 3}:
        bare = redis.Redis.from_url(url, **options)  # type: ignore[arg-type]
        with nr.connect(url, **options) as db:
            net = db["run"] if "run" in db else db.create("run", "classifier", [9, 15, 2])
            ours, get, both = ratio(partial(net.run, row), partial(bare.get, "text"))
        print(f"run {options}: {ours:,.0f}/s, GET {get:,.0f}/s, ratio {both:.2f} (>= 0.8)")
    with nr.connect(url, cache=True) as db:
        net = db["run"]
        time.sleep(0.5 if net.run(row) is not None else 0)
        kept = median(rate(lambda: net.run(row)) for _ in range(5))
    print(f"run, cache=True: {kept:,.0f}/s (>= 100,000)")


def memory(url: str) -> None:
    client = redis.Redis.from_url(url)
    with nr.connect(url) as db:
        net = db.create("memory", "regressor", [9, 2], dataset=10_000, test=0)
        before = client.memory_usage("memory", samples=0)
        rows = np.random.default_rng(2).random((10_000, 11))
        net.observe_many(rows[:, :9], rows[:, 9:])
        used = (client.memory_usage("memory", samples=0) - before) / len(rows)
        print(f"{used:.1f} bytes a sample of 9+2 floats (<= 120)")
        store = db.backend.store  # type: ignore[attr-defined]
        times = []
        for _ in range(40):
            start = time.perf_counter()
            found = np.frombuffer(store.snapshot(b"memory").rows(0), "<f4").reshape(-1, 11)
            times.append(time.perf_counter() - start)
        assert (found == rows.astype(np.float32)).all()
    print(
        f"10,000 samples into numpy: {min(times) * 1000:.1f} ms at best, "
        f"{median(times) * 1000:.1f} in the median (< 15)"
    )


def main() -> None:
    with server() as url:
        observing(url)
        bulk(url)
        running(url)
        memory(url)


if __name__ == "__main__":
    main()
