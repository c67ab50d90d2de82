"""How time and memory grow with samples and with weights: each size in a process of its own.

Memory is the peak of the whole process above what it held before the samples came, samples
included. Linux alone tells a peak that can be set back.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

SAMPLES = tuple(10**n for n in range(3, 8))
WEIGHTS = {  # weights about: layers
    10: (2, 3, 1),
    10**2: (5, 14, 1),
    10**3: (20, 45, 2),
    10**4: (90, 100, 10),
    10**5: (900, 110, 10),
    10**6: (3000, 330, 10),
    10**7: (3000, 3300, 10),
}
_CHUNK = 1 << 16  # samples


@dataclass(frozen=True)
class Point:
    """What one size takes; memory and dataset in bytes, seconds of a cycle in processor time."""

    samples: int
    weights: int
    dataset: int
    memory: int
    seconds: float

    @property
    def ratio(self) -> float:
        return self.memory / self.dataset


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":")) * 1024


def _measure(layers: tuple[int, ...], n: int, cycles: int) -> Point:
    from nr.engine import Net, Trainer, parse

    hidden = " ".join(map(str, layers[:-1]))
    options = f"DATASET {n} TEST 0 SEED 1 MEMBERS 1 NORMALIZE NO"
    line = f"NR.CREATE k REGRESSOR {hidden} -> {layers[-1]} {options}"
    net = Net.create(parse(line.encode().split()), 1, 1)
    rng = np.random.default_rng(1)
    start, width = _status("VmRSS"), layers[0] + layers[-1]
    for first in range(0, n, _CHUNK):
        rows = rng.random((min(_CHUNK, n - first), width), np.float32).tobytes()
        net.execute(parse([b"NR.OBSERVE", b"k", b"FP32", rows, b"TRAIN"]))
        del rows
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    trainer = Trainer(net, parse(f"NR.TRAIN k MAXTIME 0 MAXCYCLES {cycles}".encode().split()))
    clock = process_time()
    while trainer.step(0):
        pass
    clock = process_time() - clock
    trainer.finish(0)
    memory = _status("VmHWM") - start
    return Point(n, net.shape.params, n * width * 4, memory, clock / cycles)


def _apart(layers: tuple[int, ...], n: int, cycles: int) -> Point:
    command = [sys.executable, "-m", "benchmarks.speed.growth", json.dumps([layers, n, cycles])]
    return Point(**json.loads(subprocess.check_output(command)))


def by_samples() -> list[Point]:
    """9-15-2 with more and more samples."""
    return [_apart((9, 15, 2), n, max(2, 10**6 // n)) for n in SAMPLES]


def by_weights() -> list[Point]:
    """1000 samples and more and more weights."""
    return [_apart(layers, 1000, max(2, 10**6 // size)) for size, layers in WEIGHTS.items()]


def main() -> None:
    layers, n, cycles = json.loads(sys.argv[1])
    print(json.dumps(_measure(tuple(layers), n, cycles).__dict__))


if __name__ == "__main__":
    main()
