"""Two threads against one, by the clock: the fastest of many short turns each.

A median wants an idle machine; the fastest turn wants one that is idle for some milliseconds.
"""

from time import perf_counter, sleep

from benchmarks.speed import ours
from benchmarks.speed.nets import NETS

SECONDS = 10.0  # of each network


def _speedup(name: str) -> float:
    net = NETS[name]
    calls = {n: ours.train(net, f"CLASSIC THREADS {n}") for n in (1, 2)}
    fastest = dict.fromkeys(calls, float("inf"))
    end = perf_counter() + SECONDS
    while perf_counter() < end:
        for threads, call in calls.items():
            start = perf_counter()
            done = call(1) or 1
            fastest[threads] = min(fastest[threads], (perf_counter() - start) / done)
        sleep(0.001)
    return fastest[1] / fastest[2]


def speedups() -> dict[str, float]:
    """By network: how many times as fast two threads are."""
    return {name: _speedup(name) for name in NETS}
