"""Learns exclusive or, which no network without a hidden layer can.

Run it with: python examples/xor.py [URL]
"""

import sys

import numpy as np

import nr

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
CLASSES = INPUTS[:, 0] ^ INPUTS[:, 1]


def main(url: str | None = None) -> bool:
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:xor", "example:flat")
        right = {}
        for name, layout in {"example:xor": [2, 4, 2], "example:flat": [2, 2]}.items():
            net = db.create(name, "classifier", layout, test=0, seed=1)
            net.observe_many(INPUTS, CLASSES)
            net.train(maxcycles=500).wait()
            answers = net.classify(INPUTS)
            right[name] = int((answers == CLASSES).sum())
            print(f"Layers {layout}: {right[name]} of 4 right")
            for (a, b), answer in zip(INPUTS, answers, strict=True):
                print(f"  {a} xor {b} = {answer}")
    return right["example:xor"] == 4 and right["example:flat"] < 4


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Exclusive or was not learned.")
