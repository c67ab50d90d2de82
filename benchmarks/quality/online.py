"""Learning from a stream, where each sample is predicted before it is learned from.

    python -m benchmarks.quality.online

The network has a window of 600 samples: when it is full, a new sample replaces an old one. Every
hundred samples it is trained, in one of two ways: by AUTOSTOP BACKTRACK, which begins afresh, or
for a few cycles from where it stands. river's learners learn from each sample at once: the linear
ones, which are networks without a hidden layer, and the tree that watches for drift, both on inputs
standardised as they go. Streams are river's: three made up by its generators, which drift, and
two real ones that it bundles.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import click
import numpy as np

from benchmarks.quality.ablation import STUDY
from benchmarks.quality.datasets import Floats
from benchmarks.quality.tables import markdown

RESULTS = STUDY / "online.json"
SAMPLES, BLOCK, WINDOW, TEST = 5000, 100, 600, 200
CYCLES = 20

Samples = list[tuple[dict[str, float], Any]]
Predictions = Iterator[float]


@dataclass(frozen=True)
class Stream:
    name: str
    classes: int  # 0: of numbers
    make: Callable[[int], Any]

    def samples(self, seed: int) -> Samples:
        some = itertools.islice(self.make(seed), SAMPLES)
        return [({str(k): float(v) for k, v in x.items()}, y) for x, y in some]


def made_up(name: str, **options: Any) -> Any:
    from river.datasets import synth

    return getattr(synth, name)(**options)


def real(name: str) -> Callable[[int], Any]:
    def make(_: int) -> Any:
        from river import datasets

        return getattr(datasets, name)()

    return make


def moving_clusters(seed: int) -> Any:
    """Four classes of twenty clusters, which all move."""
    sizes = {"n_classes": 4, "n_features": 5, "n_centroids": 20, "n_drift_centroids": 20}
    return made_up("RandomRBFDrift", seed_model=seed, seed_sample=seed, change_speed=0.001, **sizes)


def moving_plane(seed: int) -> Any:
    drift = {"n_features": 10, "n_drift_features": 5, "mag_change": 0.001}
    return made_up("Hyperplane", seed=seed, **drift)


def sudden_changes(seed: int) -> Any:
    """Friedman's function, which changes twice and recurs."""
    return made_up("FriedmanDrift", seed=seed, drift_type="gra", position=(1600, 3300))


STREAMS = [
    Stream("moving clusters", 4, moving_clusters),
    Stream("moving plane", 2, moving_plane),
    Stream("sudden changes", 0, sudden_changes),
    Stream("phishing, real", 2, real("Phishing")),
    Stream("approval, real", 0, real("TrumpApproval")),
]


# ---- Who learns ----


def network(stream: Stream, samples: Samples, seed: int, **training: Any) -> Predictions:
    import nr

    kind = "classifier" if stream.classes else "regressor"
    layout = [len(samples[0][0]), 15, stream.classes or 1]
    x = np.array([list(inputs.values()) for inputs, _ in samples])
    y = np.array([float(wanted) for _, wanted in samples])
    test = TEST if "autostop" in training else 0
    with nr.connect() as db:
        sizes = {"dataset": WINDOW - test, "test": test, "seed": seed}
        net = db.create("net", kind, layout, normalize=True, **sizes)
        for at in range(0, len(x), BLOCK):
            rows = x[at : at + BLOCK]
            yield from map(float, net.classify(rows) if stream.classes else net.run(rows)[:, 0])
            net.observe_many(rows, y[at : at + BLOCK])
            net.train(timeout=0, **training, autostop=False).wait()


def afresh(stream: Stream, samples: Samples, seed: int) -> Predictions:
    return network(stream, samples, seed, autostop=True, backtrack=True)


def going_on(stream: Stream, samples: Samples, seed: int) -> Predictions:
    return network(stream, samples, seed, maxcycles=CYCLES)


def linear(stream: Stream, samples: Samples, seed: int) -> Predictions:
    from river import linear_model, preprocessing

    make: Any = linear_model.LinearRegression
    if stream.classes:
        make = linear_model.LogisticRegression if stream.classes == 2 else None
        make = make or linear_model.SoftmaxRegression
    return river_learner(preprocessing.StandardScaler() | make(), samples)


def tree(stream: Stream, samples: Samples, seed: int) -> Predictions:
    from river import preprocessing, tree

    make: Any = tree.HoeffdingAdaptiveTreeRegressor
    if stream.classes:
        make = tree.HoeffdingAdaptiveTreeClassifier
    return river_learner(preprocessing.StandardScaler() | make(seed=seed), samples)


def river_learner(model: Any, samples: Samples) -> Predictions:
    for inputs, wanted in samples:
        yield float(model.predict_one(inputs) or 0)
        model.learn_one(inputs, wanted)


LEARNERS = {
    "nr, AUTOSTOP BACKTRACK": afresh,
    f"nr, MAXCYCLES {CYCLES}": going_on,
    "river, linear": linear,
    "river, adaptive tree": tree,
}


# ---- How well ----


def loss(stream: Stream, found: Floats, wanted: Floats) -> float:
    """Wrong classes in per cent, or the mean distance. The first block is nobody's fault."""
    found, wanted = found[BLOCK:], wanted[BLOCK:]
    if stream.classes:
        return 100 * float((found != wanted).mean())
    return float(np.abs(found - wanted).mean())


def table(seeds: range) -> str:
    rows, seconds = [], dict.fromkeys(LEARNERS, 0.0)
    for stream in STREAMS:
        row = [stream.name]
        losses: dict[str, list[float]] = {name: [] for name in LEARNERS}
        for seed in seeds:
            samples = stream.samples(seed)
            wanted = np.array([float(y) for _, y in samples])
            for name, learn in LEARNERS.items():
                start = time.process_time()
                found = np.array(list(learn(stream, samples, seed)))
                seconds[name] += (time.process_time() - start) / len(samples)
                losses[name].append(loss(stream, found, wanted))
        row[0] += " (wrong, %)" if stream.classes else " (mean distance)"
        rows.append([*row, *[f"{np.mean(some):.2f}" for some in losses.values()]])
    each = [1e6 * total / len(STREAMS) / len(seeds) for total in seconds.values()]
    rows.append(["time a sample, µs", *[f"{us:.0f}" for us in each]])
    return markdown(["", *LEARNERS], rows)


@click.command()
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))
def main(seeds: int) -> None:
    """Prequential errors of networks and of river's learners, on streams that drift."""
    about = {"date": str(date.today()), "seeds": seeds, "table": table(range(seeds))}
    print(about["table"])
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(about), "utf-8")


if __name__ == "__main__":
    main()
