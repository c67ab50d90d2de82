"""Tells three kinds of iris flowers apart by four lengths in centimetres.

Run it with: python examples/iris.py [URL]
"""

import sys

import numpy as np
from sklearn.datasets import load_iris

import nr


def main(url: str | None = None) -> bool:
    x, y = load_iris(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(x))
    x, y = x[order], y[order]

    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:iris")
        net = db.create("example:iris", "classifier", [4, 15, 5, 3], seed=1)
        net.observe_many(x[:100], y[:100])
        net.train().wait()
        info = net.info()
        print(f"{info.train_len} flowers to learn from, {info.test_len} to test")
        print(f"Misclassified of those to test: {info.class_errors:.1f}%")
        errors = int((net.classify(x[100:]) != y[100:]).sum())
        print(f"{errors} errors on 50 flowers it has not seen")
    return errors <= 5


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Too many errors.")
