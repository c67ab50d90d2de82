"""One run: a dataset, a contender, a seed. Each result is kept, and computed once.

Results lie in build/quality, a file of JSON lines for each dataset, contender and state of both:
the file's name has a digest of the data, the layout, and the contender's version, which for this
library is the compiled core's own bytes. So what has changed is computed anew, and nothing else.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.contenders import Contender
from benchmarks.quality.datasets import Dataset, Targets
from benchmarks.quality.scoring import Score, classification, regression

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("NR_QUALITY_CACHE", ROOT / "build" / "quality"))


@dataclass(frozen=True)
class Result:
    """``seconds`` of training by the clock, ``work`` in seconds of the processor."""

    seed: int
    score: Score
    seconds: float
    work: float


@dataclass(frozen=True)
class Split:
    """A third is unseen; the others are observed in random order. Inputs are arrays or frames."""

    observed: Any
    wanted: Targets
    unseen: Any
    answers: Targets


def split(data: Dataset, seed: int) -> Split:
    x, y = data.arrays()
    rows = getattr(x, "iloc", x)
    order = np.random.default_rng(seed).permutation(len(x))
    unseen, observed = order[: len(x) // 3], order[len(x) // 3 :]
    return Split(rows[observed], y[observed], rows[unseen], y[unseen])


def run(data: Dataset, contender: Contender, seed: int) -> Result:
    parts = split(data, seed)
    start, worked = time.perf_counter(), time.process_time()
    predict = contender.learn(data, parts.observed, parts.wanted, seed)
    seconds, work = time.perf_counter() - start, time.process_time() - worked
    found = predict(parts.unseen)
    if data.classifier:
        score = classification(found, parts.answers)
    else:
        score = regression(found.reshape(len(parts.answers)), parts.answers)
    return Result(seed, score, seconds, work)


def results(data: Dataset, contender: Contender, seeds: Iterable[int]) -> list[Result]:
    """The results for these seeds, in their order; those that are missing are computed."""
    path = path_of(data, contender)
    known = load(path)
    for seed in seeds:
        if seed not in known:
            known[seed] = run(data, contender, seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(known[seed])) + "\n")
    return [known[seed] for seed in seeds]


def kept(data: Dataset, contender: Contender, seeds: Iterable[int]) -> list[Result]:
    """Those of them that are there already."""
    known = load(path_of(data, contender))
    return [known[seed] for seed in seeds if seed in known]


def path_of(data: Dataset, contender: Contender) -> Path:
    name = f"{data.name}-{contender.name}-{digest(data, contender)}.jsonl"
    return CACHE / name.replace(" ", "-")


def load(path: Path) -> dict[int, Result]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    known = [load_result(json.loads(line)) for line in lines]
    return {result.seed: result for result in known}


def load_result(fields: dict[str, Any]) -> Result:
    """The result of which ``asdict`` made these fields."""
    return Result(**{**fields, "score": Score(**fields["score"])})


def digest(data: Dataset, contender: Contender) -> str:
    x, y = data.arrays()
    all_of_it = hashlib.sha256(contender.version().encode())
    all_of_it.update(repr((data.kind, data.layout)).encode())
    all_of_it.update(content(x) + y.tobytes())
    return all_of_it.hexdigest()[:12]


def content(x: Any) -> bytes:
    """All of an array or a frame."""
    return x.tobytes() if isinstance(x, np.ndarray) else x.to_csv().encode()
