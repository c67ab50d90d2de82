"""A stream that drifts: how long a parcel takes depends on the season, and the network follows it.

Run it with: python examples/drift.py [URL]

Every parcel is first predicted, then observed. The datasets have room for 300 samples; when they
are full a new one replaces an old one, so what they hold is always fairly recent. Once a week the
same command trains the network again. Beside it, one that was trained on the first weeks only.
"""

import logging
import sys
from collections.abc import Iterator

import numpy as np

import nr

WEEKS, A_WEEK, FIRST = 104, 100, 3


def weeks(seed: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A week's parcels: kilometres, kilograms and the hour of each; and the minutes it took."""
    random = np.random.default_rng(seed)
    for week in range(WEEKS):
        winter = (1 - np.cos(2 * np.pi * week / 52)) / 2  # 0 at the start and after each year
        x = random.uniform([1, 0, 8], [30, 20, 20], (A_WEEK, 3))
        rush = np.exp(-(((x[:, 2] - 17 + 4 * winter) / 2) ** 2))  # earlier in winter
        minutes = 5 + x[:, 0] * (1 + winter) * (1 + rush) + 0.5 * x[:, 1]
        yield x, minutes + random.normal(0, 1, A_WEEK)


def main(url: str | None = None) -> bool:
    errors: dict[str, list[float]] = {"the network that follows": [], "the one that stays": []}
    logging.getLogger("nr").setLevel(logging.ERROR)  # to forget is what these datasets are for
    with nr.connect(url) as db:
        nets = {}
        for key in errors:
            name = f"example:{key}"
            db.execute("NR.DEL", name)
            nets[key] = db.create(name, "regressor", [3, 12, 1], dataset=200, test=100, seed=1)
        for week, (x, minutes) in enumerate(weeks()):
            for key, net in nets.items():
                if week >= FIRST:
                    errors[key].append(float(np.abs(net.run(x)[:, 0] - minutes).mean()))
                if week < FIRST or key == "the network that follows":
                    net.observe_many(x, minutes)
                    net.train(timeout=0).wait()

    print("Minutes that the answers are off, in the mean of each of seven quarters:")
    for key, each in errors.items():
        quarters = [np.mean(some) for some in np.array_split(each, 7)]
        print(f"{key:<24}", *(f"{minutes:6.1f}" for minutes in quarters))
    follows, stays = map(np.mean, errors.values())
    return bool(follows < stays / 2)


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "It did not follow.")
