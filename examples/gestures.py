"""Standing, walking, running or badminton? A watch on the wrist tells by how it is moved.

Run it with: python examples/gestures.py [URL]

BasicMotions (A. Clements, 2016; timeseriesclassification.com): four students did each of these
five times. Their watches measured acceleration and turning in three directions, ten times a
second, for ten seconds. Forty recordings are learned from, forty are new. The data come with
aeon, of which nothing else is needed: pip install --no-deps aeon
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

import nr

MOTION = "sequence(6)"


def recordings(part: str) -> pd.DataFrame:
    """What was measured, ten times a second, and what was done."""
    package = find_spec("aeon")
    if package is None or package.origin is None:
        sys.exit("The data come with aeon: pip install --no-deps aeon")
    folder = Path(package.origin).parent / "datasets/data/BasicMotions"
    lines = (folder / f"BasicMotions_{part}.ts").read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.lower().startswith("@data"))
    motions, names = [], []
    for line in lines[begin + 1 :]:
        *directions, name = line.split(":")
        motions.append(np.array([direction.split(",") for direction in directions], "f4").T)
        names.append(name.lower())
    return pd.DataFrame({"motion": motions, "name": names})


def main(url: str | None = None) -> bool:
    train, test = recordings("TRAIN"), recordings("TEST")
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:gestures")
        net = db.create("example:gestures", "classifier", {"motion": MOTION}, target="name", seed=2)
        net.observe_many(train)
        print(f"{len(train)} recordings to learn from: {', '.join(sorted(set(train.name)))}")
        net.train().wait()
        named = net.classify(test[["motion"]])
        print("One that is new:", test.name[0])
        for name, chance in sorted(net.run({"motion": test.motion[0]}).items()):
            print(f"  {name:10} {chance:.3f}")
        half = net.classify([{"motion": motion[:50]} for motion in test.motion])
    right = (named == test.name).sum()
    early = (np.array(half) == test.name).sum()
    print(f"{right} of {len(test)} new recordings are named right, {early} after five seconds")
    return bool(right >= 37)


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Too many errors.")
