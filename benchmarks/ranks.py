"""How much faster a training is on two ranks of one core each than on one.

    python -m benchmarks.ranks [PARAMETERS SAMPLES]

One ``mpirun`` of two ranks, each bound to a core. Steps that both share, and steps that rank 0
makes while the other sleeps, take turns within it, so that whatever else the machine does befalls
both alike; without testing samples a cycle is one step. Told are the medians of a step's
milliseconds, the median of their ratios, and whether both came to the same errors.
"""

import json
import os
import subprocess
import sys
from statistics import median
from time import perf_counter

import numpy as np

import nr
from nr.engine import Net, Trainer, parse
from nr.trainings.mpi import Mpi, world
from nr.trainings.ranks import LARGE, SharedTrainer

RANKS, ROUNDS = 2, 15
PARAMETERS, SAMPLES = 1_000_000, 4096


def snapshot(parameters: int, samples: int) -> bytes:
    """A network of about so many parameters, in two layers."""
    width = int((parameters / 2) ** 0.5)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(samples, width)).astype(np.float32)
    with nr.connect("memory://") as db:
        net = db.create("net", "regressor", [width, width, width], seed=1, members=1, test=0,
                        dataset=samples)  # fmt: skip
        net.observe_many(x, np.tanh(x), to="train")
        return net.dump()


def shared_step(group: Mpi, training: SharedTrainer) -> float:
    """Seconds of one; all ranks begin together."""
    group.gather(b"")
    start = perf_counter()
    training.cycle(0, False)
    return perf_counter() - start


def own_step(group: Mpi, training: Trainer) -> float:
    """The same of rank 0 alone, while the others sleep."""
    if group.rank:
        group.hear()
        return 0.0
    start = perf_counter()
    training.step(0)
    taken = perf_counter() - start
    group.tell(b"")
    return taken


def measure(parameters: int, samples: int) -> None:
    group = world()
    dump = snapshot(parameters, samples)
    command = parse([b"NR.TRAIN", b"net", b"MAXCYCLES", b"1000000"])
    shared = SharedTrainer(group, lambda: Net.load(dump, 0), command, 0, LARGE)
    alone = Trainer(Net.load(dump, 0), command)
    pairs = [(own_step(group, alone), shared_step(group, shared)) for _ in range(1 + ROUNDS)][1:]
    if group.rank == 0:
        own, together = (median(column) for column in zip(*pairs, strict=True))
        ratio = median(one / other for one, other in pairs)
        same = shared.trainer.progress() == alone.progress()
        print(json.dumps({
            "parameters": parameters, "samples": samples, "ranks": group.size,
            "step_alone_ms": round(own * 1e3, 1), "step_shared_ms": round(together * 1e3, 1),
            "ratio": round(ratio, 2), "same": same,
        }))  # fmt: skip


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [PARAMETERS, SAMPLES]
    if "OMPI_COMM_WORLD_SIZE" in os.environ:
        measure(*sizes)
        return
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    words = ["mpirun", *root, "-n", str(RANKS), "--bind-to", "core"]
    subprocess.run([*words, sys.executable, "-m", "benchmarks.ranks", *map(str, sizes)], check=True)


if __name__ == "__main__":
    main()
