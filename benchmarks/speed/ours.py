"""nr itself: the core through its own Python face, rows one by one in C, and net.run."""

from collections.abc import Callable
from ctypes import byref, c_void_p, cast
from functools import cache

import numpy as np

import nr
from benchmarks.speed import harness
from benchmarks.speed.nets import BATCH, Layout, rows, samples
from nr.engine import Net, Trainer, binding, parse

Call = Callable[[int], int | None]


def command(line: str) -> list[bytes]:
    return line.encode().split()


def create(net: Layout, options: str) -> Net:
    kind = "REGRESSOR" if net.layers[-1] == 1 else "CLASSIFIER"
    hidden = " ".join(map(str, net.layers[:-1]))
    line = f"NR.CREATE k {kind} {hidden} -> {net.layers[-1]} SEED 1 DATASET {net.samples} TEST 0"
    if "NORMALIZE" not in options:
        line += " NORMALIZE NO"
    made = Net.create(parse(command(f"{line} {options}")), 1, 1)
    given = samples(net)
    data = np.column_stack([given.x, given.ids]).astype("<f4")
    made.execute(parse([b"NR.OBSERVE", b"k", b"FP32", data.tobytes(), b"TRAIN"]))
    return made


@cache
def network(net: Layout, options: str) -> Net:
    return create(net, options)


def train(net: Layout, options: str) -> Call:
    """Cycles of a training that has just begun: as many as its steps like to make."""
    trainer = Trainer(network(net, options), parse(command("NR.TRAIN k MAXTIME 0")))

    def cycles(times: int) -> int:
        done = trainer.progress().cycles
        while trainer.progress().cycles < done + times:
            trainer.step(0)
        return trainer.progress().cycles - done

    return cycles


def _run(net: Layout, options: str, n: int, distinct: int) -> Call:
    made, data, library = network(net, options), rows(net), harness.load()
    outputs = np.empty((n, net.layers[-1]), np.float32)
    run = cast(binding.free.nr_net_run, c_void_p)
    error = binding.ErrorText()

    def call(times: int) -> None:
        status = library.repeat_run(
            run,
            made._handle,
            data.ctypes.data,
            n,
            net.layers[0],
            distinct,
            outputs.ctypes.data,
            times,
            byref(error),
        )
        assert status == 0, error.text

    return call


def row(net: Layout, options: str) -> Call:
    """Single rows, in C."""
    return _run(net, options, 1, BATCH)


def batch(net: Layout, options: str) -> Call:
    """BATCH rows a call, in C."""
    return _run(net, options, BATCH, 1)


def python(net: Layout, options: str) -> Call:
    """net.run of one row, an array, as a user calls it."""
    db = nr.connect("memory://")
    layers = list(net.layers)
    kind = "regressor" if layers[-1] == 1 else "classifier"
    words = {"normalize": False} | {word.lower(): value for word, value in _pairs(options)}
    made = db.create("k", kind, layers, seed=1, **words)
    one = rows(net)[0]

    def call(times: int) -> None:
        run = made.run
        for _ in range(times):
            run(one)

    return call


def _pairs(options: str) -> list[tuple[str, int | bool]]:
    words = options.split()
    pairs: list[tuple[str, int | bool]] = []
    while words:
        word = words.pop(0)
        pairs.append((word, int(words.pop(0)) if words and words[0].isdigit() else True))
    return pairs
