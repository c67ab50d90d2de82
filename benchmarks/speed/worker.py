"""A contender's process: reads tasks, one JSON object a line, and answers with seconds.

``{"task": "classic", "net": "b"}`` is answered by what one call took, by the clock and in processor
time: the task is prepared, tried until it takes long enough to be timed, and then timed.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter, process_time

from benchmarks.speed import ours, peers
from benchmarks.speed.nets import ALL, Layout

LONG_ENOUGH = 0.04  # seconds of a measurement, unless one call takes longer

Prepare = Callable[[Layout], Callable[[int], int | None]]

CLASSIC, ONE = "CLASSIC", "MEMBERS 1"


_OURS: dict[str, Prepare] = {
    "classic": partial(ours.train, options=CLASSIC),
    "one": partial(ours.train, options=ONE),
    "default": partial(ours.train, options=""),
    "normalized": partial(ours.train, options="MEMBERS 1 NORMALIZE"),
    "row": partial(ours.row, options=CLASSIC),
    "batch": partial(ours.batch, options=CLASSIC),
    "default row": partial(ours.row, options=""),
    "default batch": partial(ours.batch, options=""),
    "python": partial(ours.python, options=CLASSIC),
    "default python": partial(ours.python, options=""),
}


_NUMPY: dict[str, Prepare] = {
    "classic": peers.numpy_train,
    "lists": peers.numpy_lists_train,
    "sgemm": peers.sgemm,
}


CONTENDERS: dict[str, dict[str, Prepare]] = {
    "nr": _OURS,
    "nr avx2": _OURS,
    "nr panels": _OURS,
    "nr lists": _OURS,
    "fann": {"classic": peers.fann_train, "row": peers.fann_row},
    "numpy plain": {"classic": peers.plain_train},
    "numpy": _NUMPY,
    "numpy skylakex": _NUMPY,
    "torch": {
        "classic": partial(peers.torch_train, threads=1),
        "lists": partial(peers.torch_train, threads=1, lists=True),
    },
    "torch 2": {"classic": partial(peers.torch_train, threads=2)},
    "onnxruntime": {"python": peers.onnx_row},
    "scikit-learn": {"python": peers.sklearn_row},
}


def seconds(call: Callable[[int], int | None]) -> tuple[float, float]:
    """Seconds of one call: (by the clock, in processor time)."""
    times = 1
    while True:
        clock, processor = perf_counter(), process_time()
        done = call(times) or times
        clock, processor = perf_counter() - clock, process_time() - processor
        if processor >= LONG_ENOUGH:
            return clock / done, processor / done
        times = max(times * 2, int(times * LONG_ENOUGH * 1.2 / max(processor, 1e-6)))


def main(contender: str) -> None:
    if contender == "nr avx2":
        from nr.engine import set_isa

        set_isa("avx2")
    tasks = CONTENDERS[contender]
    for line in sys.stdin:
        asked = json.loads(line)
        net = ALL[asked["net"]]
        clock, processor = seconds(tasks[asked["task"]](net))
        print(json.dumps([clock, processor]), flush=True)
