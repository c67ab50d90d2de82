"""Three circles that overlap: which one is a point of? Draws the answer as a map.

Run it with: python examples/circles.py [URL [PNG]]
The map is printed, and drawn into circles.png (with matplotlib installed).
"""

import sys

import numpy as np

import nr

SIDE = 80
SIGNS = np.array([".", "O", "/"])


def points(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of noisy circles, (count, 2), and which circle each is of, (count,)."""
    circle = rng.integers(0, 3, count)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    around = np.column_stack([np.sin(angle), np.cos(angle)])
    noise = rng.random((count, 2))
    radius = np.array([[1 / 2, 1 / 2], [1 / 3, 1 / 4], [1 / 3, 1 / 3]])[circle]
    centre = np.array([[0, 0], [0.4, 0.4], [-0.5, 0]])[circle]
    spread = np.array([[1 / 10, 1 / 10], [1 / 8, 1 / 6], [1 / 30, 1 / 40]])[circle]
    return around * radius + centre + noise * spread, circle


def main(url: str | None = None, picture: str = "circles.png") -> bool:
    rng = np.random.default_rng(1)
    x, y = points(rng, 1000)
    unseen_x, unseen_y = points(rng, 1000)
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:circles")
        net = db.create("example:circles", "classifier", [2, 20, 3], seed=1)
        net.observe_many(x, y)
        net.train().wait()

        steps = (np.arange(SIDE) - SIDE / 2) / (SIDE / 2)
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        for row in net.classify(grid).reshape(SIDE, SIDE):
            print("".join(SIGNS[row]))
        errors = int((net.classify(unseen_x) != unseen_y).sum())
        print(f"Errors: {errors} of {len(unseen_x)}")
        draw(db, picture)
    return errors < 150


def draw(db: nr.Database, picture: str) -> None:
    from nr.plots import save

    try:
        save(db, "example:circles", picture)
    except nr.EngineError as exc:
        print(exc)
    else:
        print(f"The course of the training and the map are in {picture}")


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:3]) else "Too many errors.")
