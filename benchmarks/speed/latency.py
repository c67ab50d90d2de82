"""How long one net.run takes while other networks train in the same process: memory driver.

A training holds the interpreter's lock for some microseconds between its steps, and where there are
as many trainings as processors, the runs wait for the operating system's turns.
"""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep

import numpy as np

import nr
from benchmarks.speed.nets import NETS, rows, samples

RUNS = 4000
SECONDS = 4.0  # the trainings' longest time
PERCENTILES = (50, 99, 99.9)

Latencies = dict[int, list[float]]


def _runs(net: nr.Network) -> list[float]:
    """Percentiles, in microseconds, with pauses, as requests of a server come."""
    row, run, taken = rows(NETS["b"])[0], net.run, []
    end = perf_counter() + SECONDS / 2
    while perf_counter() < end and len(taken) < RUNS:
        start = perf_counter()
        run(row)
        taken.append(perf_counter() - start)
        sleep(0.0002)
    return [float(np.percentile(taken, p)) * 1e6 for p in PERCENTILES]


def latencies() -> Latencies:
    """By the number of trainings that run meanwhile: percentiles of net.run in microseconds."""
    found: Latencies = {}
    given = samples(NETS["d"])
    with ThreadPoolExecutor(2) as workers, nr.connect("memory://", executor=workers) as db:
        asked = db.create("asked", "classifier", list(NETS["b"].layers), seed=1)
        layers, size = list(NETS["d"].layers), len(given.x)
        learning = [
            db.create(f"learns{i}", "classifier", layers, dataset=size, seed=1) for i in range(2)
        ]
        for net in learning:
            net.observe_many(given.x, given.ids)
        for count in range(3):
            trainings = [net.train(timeout=SECONDS, autostop=False) for net in learning[:count]]
            sleep(0.2)  # they have begun
            found[count] = _runs(asked)
            assert all(training.running for training in trainings)
            for training in trainings:
                training.stop()
                training.wait()
    return found
