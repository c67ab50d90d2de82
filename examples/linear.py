"""Without a hidden layer a regressor is linear regression: beside numpy's least squares.

Run it with: python examples/linear.py [URL]
"""

import sys

import numpy as np

import nr


def main(url: str | None = None) -> bool:
    rng = np.random.default_rng(1)
    x = rng.uniform(-10, 10, size=(400, 2))
    y = 3 * x[:, 0] - 2 * x[:, 1] + 5 + rng.normal(0, 1, 400)

    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:linear")
        net = db.create("example:linear", "regressor", [2, 1], test=0, seed=1)
        net.observe_many(x, y)
        net.train(maxcycles=1000).wait()
        # What it answers at 0 and one step along each input gives its coefficients.
        start, along_0, along_1 = net.run([[0, 0], [1, 0], [0, 1]])[:, 0]

    learned = np.array([along_0 - start, along_1 - start, start])
    exact = np.linalg.lstsq(np.column_stack([x, np.ones(400)]), y, rcond=None)[0]
    print("learned       y = {:.3f} a + {:.3f} b + {:.3f}".format(*learned))
    print("least squares y = {:.3f} a + {:.3f} b + {:.3f}".format(*exact))
    return bool(np.abs(learned - exact).max() < 0.05)


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "The line is not the one of least squares.")
