"""Which page will a visitor open next? A network reads the pages of the visit so far.

Run it with: python examples/clicks.py [URL]

The shop is made up, by a rule that is known: where a visitor goes depends on the page, and on
whether anything lies in the cart, however long ago it was put there. So the best possible
prediction is known, too, and its loss is the rule's entropy. A Markov chain sees the last page
alone, and the nearest neighbours are those visits that ended alike for as long as possible; the
network is to come within two percent of the best.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

import nr

Visit = tuple[str, ...]
Chances = dict[str, float]

AWAY = "away"
EMPTY: dict[str, Chances] = {
    "home": {"shoes": 0.4, "hats": 0.4, "help": 0.1, AWAY: 0.1},
    "shoes": {"boots": 0.6, "hats": 0.2, "home": 0.1, AWAY: 0.1},
    "boots": {"cart": 0.4, "shoes": 0.4, AWAY: 0.2},
    "hats": {"caps": 0.6, "shoes": 0.2, "home": 0.1, AWAY: 0.1},
    "caps": {"cart": 0.3, "hats": 0.5, AWAY: 0.2},
    "help": {"home": 0.7, AWAY: 0.3},
}
FULL: dict[str, Chances] = {
    "home": {"cart": 0.6, "hats": 0.1, "shoes": 0.1, "help": 0.2},
    "shoes": {"boots": 0.2, "cart": 0.7, "home": 0.1},
    "boots": {"cart": 0.8, "shoes": 0.2},
    "hats": {"caps": 0.2, "cart": 0.7, "home": 0.1},
    "caps": {"cart": 0.8, "hats": 0.2},
    "help": {"cart": 0.9, AWAY: 0.1},
    "cart": {"pay": 0.4, "home": 0.3, "help": 0.2, AWAY: 0.1},
    "pay": {AWAY: 0.8, "help": 0.2},
}


def rule(visit: Visit) -> Chances:
    """Where a visitor goes next, exactly."""
    return (FULL if "cart" in visit else EMPTY)[visit[-1]]


def visits(n: int, seed: int) -> list[tuple[Visit, str]]:
    """Visits so far, and the next page: every moment of some courses, drawn by the rule."""
    random = np.random.default_rng(seed)
    drawn: list[tuple[Visit, str]] = []
    while len(drawn) < n:
        course = ["home"]
        while course[-1] != AWAY and len(course) < 30:
            chances = rule(tuple(course))
            course.append(str(random.choice(list(chances), p=list(chances.values()))))
        drawn += [(tuple(course[:at]), course[at]) for at in range(1, len(course))]
    return drawn[:n]


def counted(pages: Sequence[str]) -> Chances:
    counts = Counter(pages)
    return {page: count / len(pages) for page, count in counts.items()}


def markov(past: list[tuple[Visit, str]]) -> Callable[[Visit], Chances]:
    followers: dict[str, list[str]] = defaultdict(list)
    for visit, page in past:
        followers[visit[-1]].append(page)
    chances = {page: counted(next_ones) for page, next_ones in followers.items()}
    return lambda visit: chances[visit[-1]]


def neighbours(past: list[tuple[Visit, str]], k: int = 20) -> Callable[[Visit], Chances]:
    """Of the visits that end alike for as many pages as possible, at least k of them."""
    endings: dict[Visit, list[str]] = defaultdict(list)
    for visit, page in past:
        for n in range(len(visit) + 1):
            endings[visit[len(visit) - n :]].append(page)

    def predict(visit: Visit) -> Chances:
        n = len(visit)
        while n and len(endings.get(visit[len(visit) - n :], ())) < k:
            n -= 1
        return counted(endings[visit[len(visit) - n :]])

    return predict


def loss(predictions: list[Chances], to_come: list[tuple[Visit, str]]) -> float:
    """Mean cross-entropy with the rule, whatever page was drawn: noise adds nothing."""
    told = zip(predictions, to_come, strict=True)
    return sum(
        -p * np.log(max(chances.get(page, 0), 1e-4))
        for chances, (visit, _) in told
        for page, p in rule(visit).items()
    ) / len(to_come)


def learned(db: nr.Database, name: str, past: list[tuple[Visit, str]]) -> tuple[nr.Network, float]:
    """A network that has learned the visits, and how many seconds it took."""
    net = db.create(
        name,
        "classifier",
        {"pages": "sequence(category)"},
        target="next",
        hidden=[16],
        seed=1,
        dataset=5000,
        test=1000,
        members=2,
    )
    net.observe_many([{"pages": list(visit), "next": page} for visit, page in past])
    began = time.perf_counter()
    net.train(maxcycles=20).wait()
    return net, time.perf_counter() - began


def main(url: str | None = None) -> bool:
    past, to_come = visits(6000, 1), visits(1000, 2)
    asked = [{"pages": list(visit)} for visit, _ in to_come]
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:clicks")
        net, took = learned(db, "example:clicks", past)
        network = net.run(asked)
    best = loss([rule(visit) for visit, _ in to_come], to_come)
    print(f"The rule's entropy:   {best:.3f}")
    for name, predict in {
        "A Markov chain": markov(past),
        "The neighbours": neighbours(past),
    }.items():
        print(f"{name}:       {loss([predict(visit) for visit, _ in to_come], to_come):.3f}")
    reached = loss(network, to_come)
    print(f"The network:          {reached:.3f}, {reached / best - 1:.1%} above the best")
    print(f"({len(past)} visits, learned in {took:.1f} s)")
    return reached < 1.02 * best


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Not near the best.")
