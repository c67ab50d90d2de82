"""The next page of a visit beside a Markov chain and the nearest neighbours.

The shop of examples/clicks.py, which is made up by a known rule: so the best possible prediction is
known, too, and its loss is the rule's entropy. 6000 moments of visits are learned from, 1000 others
asked about; the loss is the mean cross-entropy with the rule.
"""

from collections.abc import Callable
from time import perf_counter

import nr
from benchmarks.quality.claims import Claim
from benchmarks.quality.tables import markdown
from benchmarks.sequences.part import Part
from examples import clicks

MOST_ABOVE, MOST_SECONDS, MOST_ASKED = 0.02, 2, 20  # of the entropy; s; µs
PAST, TO_COME, RUNS = 6000, 1000, 3000


def measure() -> Part:
    past, to_come = clicks.visits(PAST, 1), clicks.visits(TO_COME, 2)
    asked = [{"pages": list(visit)} for visit, _ in to_come]
    with nr.connect() as db:
        net, took = clicks.learned(db, "shop", past)
        network, each = net.run(asked), fastest(lambda: net.run(asked[0]))
    reached = {
        "the rule's entropy": clicks.loss([clicks.rule(visit) for visit, _ in to_come], to_come),
        "nr": clicks.loss(network, to_come),
    }
    for title, made in {"Markov chain": clicks.markov, "neighbours": clicks.neighbours}.items():
        predict = made(past)
        reached[title] = clicks.loss([predict(visit) for visit, _ in to_come], to_come)
    best = reached["the rule's entropy"]
    above = reached["nr"] / best - 1
    claims = [
        Claim(
            f"At most {MOST_ABOVE:.0%} above the rule's entropy",
            above <= MOST_ABOVE,
            f"{above:.1%}",
        ),
        Claim(f"Trained under {MOST_SECONDS} s", took < MOST_SECONDS, f"{took:.1f} s"),
        Claim(
            f"A prediction takes under {MOST_ASKED} µs in Python",
            each < MOST_ASKED,
            f"{each:.1f} µs",
        ),
    ]
    rows = [[title, f"{loss:.3f}", f"{loss / best - 1:+.1%}"] for title, loss in reached.items()]
    table = markdown(["cross-entropy of the next page", "", "above the best"], rows)
    return Part("The next page", claims, f"{(__doc__ or '').split(chr(10), 2)[2]}\n\n{table}")


def fastest(run: Callable[[], object]) -> float:
    """Microseconds of a call, in the best of some rounds."""
    found = []
    for _ in range(5):
        began = perf_counter()
        for _ in range(RUNS):
            run()
        found.append((perf_counter() - began) / RUNS)
    return min(found) * 1e6
