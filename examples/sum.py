"""Learns to add two numbers from three hundred sums.

Run it with: python examples/sum.py [URL]
"""

import random
import sys

import nr

SUMS = [(50, 100), (20, 40), (2, 4)]


def main(url: str | None = None) -> bool:
    rng = random.Random(1)
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:sum")
        net = db.create("example:sum", "regressor", [2, 10, 1], seed=1)
        print(f"A network of {net.info().parameters} parameters.")
        # Small numbers as well: among large ones they would hardly count.
        for largest in (100, 10):
            for _ in range(150):
                a, b = rng.randrange(largest), rng.randrange(largest)
                net.observe([a, b], a + b)
        net.train().wait()

        good = True
        for a, b in SUMS:
            (answer,) = net.run([a, b])
            print(f"{a} + {b} = {answer:.2f}")
            # 100 is a little more than it has ever seen.
            good &= abs(answer - (a + b)) <= 0.05 * (a + b) + 0.5
    return good


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "The sums are wrong.")
