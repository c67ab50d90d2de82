"""Rounds: every contender, in a process of its own, does every task once a round."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tqdm import tqdm

from benchmarks.speed.nets import NETS, SPARSE, SWEEP

ROUNDS = 7
CORES = {  # inputs never as lists, and always
    "panels": {"NR_STUDY_LISTED": "0"},
    "lists": {"NR_STUDY_LISTED": "16"},
}
Key = tuple[str, str, str]  # contender, task, net


@dataclass
class Figures:
    """Seconds a call by (contender, task, net), one for each round."""

    clock: dict[Key, list[float]]
    processor: dict[Key, list[float]]

    def seconds(self, who: str, task: str, net: str) -> float:
        """In processor time."""
        return median(self.processor[who, task, net])

    def elapsed(self, who: str, task: str, net: str) -> float:
        """By the clock."""
        return median(self.clock[who, task, net])


def _environment(contender: str) -> dict[str, str]:
    found = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    if contender == "numpy skylakex":
        found["OPENBLAS_CORETYPE"] = "SkylakeX"
    return found


def _code(contender: str) -> str:
    """A core of its own is to be chosen before any other is loaded."""
    core = contender.removeprefix("nr ")
    chosen = f"from benchmarks import cores; cores.use(cores.built({core!r})); "
    start = f"from benchmarks.speed.worker import main; main({contender!r})"
    return chosen + start if core in CORES else start


class Contender:
    """A process that waits for its turn."""

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _code(name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(name),
            text=True,
        )
        self.name = name

    def ask(self, task: str, net: str) -> tuple[float, float]:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"task": task, "net": net}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has failed on {task} {net}")
        clock, processor = json.loads(line)
        return clock, processor

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def measure(plan: Iterable[Key], rounds: int = ROUNDS) -> Figures:
    """Tasks in the order of the plan, once a round: those to be compared should be neighbours."""
    plan = list(plan)
    contenders = {name: Contender(name) for name, _, _ in plan}
    clock: dict[Key, list[float]] = {key: [] for key in plan}
    processor: dict[Key, list[float]] = {key: [] for key in plan}
    try:
        for name, task, net in tqdm(plan * rounds, disable=not sys.stderr.isatty()):
            found = contenders[name].ask(task, net)
            clock[name, task, net].append(found[0])
            processor[name, task, net].append(found[1])
    finally:
        for contender in contenders.values():
            contender.end()
    return Figures(clock, processor)


def plan() -> list[Key]:
    """What is compared with what, net by net."""
    trainers = [
        "nr",
        "nr avx2",
        "fann",
        "numpy plain",
        "numpy",
        "numpy skylakex",
        "torch",
        "torch 2",
    ]
    keys: list[Key] = []
    for net in NETS:
        keys += [(who, "classic", net) for who in trainers]
        keys += [(who, "sgemm", "d") for who in ("numpy", "numpy skylakex")]
        keys += [("nr", "one", net), ("nr", "default", net)]
        keys += [("nr", "batch", net), ("nr", "row", net), ("fann", "row", net)]
        keys += [("nr", task, net) for task in ("default row", "default batch")]
    for who in ("nr", "onnxruntime", "scikit-learn"):
        keys.append((who, "python", "b"))
    keys.append(("nr", "default python", "b"))
    for net in SPARSE:
        keys += [(who, "classic", net) for who in trainers if who not in ("numpy plain", "torch 2")]
        keys += [(who, "lists", net) for who in ("numpy", "numpy skylakex", "torch")]
        keys += [("nr", "one", net), ("nr", "normalized", net)]
    keys += [(f"nr {core}", "classic", net) for net in SWEEP for core in CORES]
    return keys
