"""Reads handwritten digits of 8 x 8 pixels.

Run it with: python examples/digits.py [URL]
"""

import sys

import numpy as np
from sklearn.datasets import load_digits

import nr

OBSERVED = 1200
SHADES = np.array(list(" .:oO@"))


def main(url: str | None = None) -> bool:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(x))
    x, y = x[order], y[order]
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:digits")
        net = db.create("example:digits", "classifier", [64, 30, 10], seed=1)
        print(f"A network of {net.info().parameters} parameters.")
        net.observe_many(x[:OBSERVED], y[:OBSERVED])
        net.train(timeout=60).wait()
        read = net.classify(x[OBSERVED:])

    wrong = np.flatnonzero(read != y[OBSERVED:])
    held_out = len(x) - OBSERVED
    percent = 100 * len(wrong) / held_out
    print(f"{len(wrong)} errors on {held_out} digits it has not seen ({percent:.1f}%)")
    for index in wrong[:2]:
        print(f"\nRead as {read[index]}, meant as {y[OBSERVED + index]}:")
        for row in x[OBSERVED + index].reshape(8, 8):
            print("".join(SHADES[(row / 16 * 5).astype(int)].repeat(2)))
    return percent < 8


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Too many errors.")
