"""Classes of series beside MiniRocket and the nearest neighbour by dynamic time warping.

The sets are split as their authors did. The network has its defaults and `train` alone, and no
limit of time; MiniRocket is aeon's, with series that are not equally long padded by zeros at their
end, since it takes no others, and one nearest neighbour by DTW, too. Networks and MiniRocket are
means of 5 seeds; the neighbour needs none.
"""

import warnings
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import numpy as np

import nr
from benchmarks.quality.claims import Claim
from benchmarks.quality.tables import markdown
from benchmarks.sequences.part import Part
from benchmarks.sequences.sets import Samples, Series, samples

SEEDS, MOST_UNDER = 5, 0.05
LEAST = {
    "ItalyPowerDemand": 0.963,
    "JapaneseVowels": 0.97,
    "BasicMotions": 0.985,
    "GunPoint": 0.96,
}

Classify = Callable[[Samples, Series, int], Sequence[str]]
"""From what is to be learned, what is asked and a seed, to classes."""


def network(train: Samples, asked: Series, seed: int) -> Sequence[str]:
    with nr.connect() as db:
        kinds = {"x": f"sequence({train.width})"}
        net = db.create("net", "classifier", kinds, target="y", seed=seed)
        net.observe_many([{"x": x, "y": y} for x, y in zip(train.x, train.y, strict=True)])
        net.train(autostop=True, backtrack=True, timeout=0).wait()
        found: Sequence[str] = net.classify([{"x": x} for x in asked])
        return found


def padded(series: Series, steps: int) -> Any:
    """As aeon has them: (samples, numbers, steps)."""
    return np.stack([np.pad(x, ((0, steps - len(x)), (0, 0))).T for x in series])


def minirocket(train: Samples, asked: Series, seed: int) -> Sequence[str]:
    from aeon.classification.convolution_based import MiniRocketClassifier

    steps = max(len(x) for x in [*train.x, *asked])
    model = MiniRocketClassifier(random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(padded(train.x, steps), np.array(train.y))
        found: Sequence[str] = model.predict(padded(asked, steps)).tolist()
    return found


def neighbour(train: Samples, asked: Series, seed: int) -> Sequence[str]:
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    model = KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw")
    model.fit([x.T for x in train.x], np.array(train.y))
    found: Sequence[str] = model.predict([x.T for x in asked]).tolist()
    return found


def right(name: str, classify: Classify, seed: int) -> tuple[float, float]:
    """The part of the test samples that are classified right, and processor seconds."""
    train, test = samples(name, "TRAIN"), samples(name, "TEST")
    began = process_time()
    found = classify(train, test.x, seed)
    took = process_time() - began
    return float(np.mean(np.array(found) == np.array(test.y))), took


def measure() -> Part:
    who: dict[str, tuple[Classify, int]] = {
        "nr": (network, SEEDS),
        "MiniRocket": (minirocket, SEEDS),
        "1-NN, DTW": (neighbour, 1),
    }
    found = {
        (name, title): [right(name, classify, seed) for seed in range(1, 1 + seeds)]
        for name in LEAST
        for title, (classify, seeds) in who.items()
    }
    claims, rows, work = [], [], []
    for name, least in LEAST.items():
        scores = [score for score, _ in found[name, "nr"]]
        mean, under = float(np.mean(scores)), float(np.mean(scores) - min(scores))
        claims.append(
            Claim(
                f"{name}: at least {least}, no seed more than {MOST_UNDER:.0%} under the mean",
                mean >= least and under <= MOST_UNDER,
                f"{mean:.3f}: {', '.join(f'{score:.3f}' for score in scores)}",
            )
        )
        rows.append([name, *[f"{np.mean([s for s, _ in found[name, t]]):.3f}" for t in who]])
        work.append([name, *[f"{np.median([t for _, t in found[name, w]]):.1f}" for w in who]])
    tables = [markdown(["right", *who], rows), markdown(["processor seconds", *who], work)]
    return Part("Classes of series", claims, "\n\n".join([method(), *tables]))


def method() -> str:
    return (__doc__ or "").split("\n", 2)[2].strip()
