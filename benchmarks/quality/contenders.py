"""Who learns. A contender is given the observed rows in their order and says what it predicts.

- ``nr``: the defaults, NORMALIZE, trained with AUTOSTOP BACKTRACK. Observed rows are observed as
  anyone would, without TRAIN or TEST: two thirds go to training, one third to testing.
- ``classic``: the same network with CLASSIC, that is Neural Redis as published.
- ``mlp``: scikit-learn's network of the same hidden layer, on standardised inputs (and targets);
  Adam with alpha=1 and a rate of 0.005. Of seven settings (Adam as it comes, faster, with early
  stopping on a tenth and on a third, with this alpha; L-BFGS without and with it) it had the best
  mean rank on the datasets to choose by; early stopping was the worst.
- ``linear``: scikit-learn's logistic or ridge regression, on standardised inputs.
- ``boosting``: scikit-learn's HistGradientBoosting, as it comes.

Those of scikit-learn learn from all observed rows; where one holds some back it chooses them.
"""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from benchmarks.quality.datasets import Dataset, Floats, Targets

Predict = Callable[[Floats], Floats]
Learn = Callable[[Dataset, Floats, Targets, int], Predict]


@dataclass(frozen=True)
class Contender:
    """``version`` changes when results must be computed anew; ``learn`` takes a seed at last."""

    name: str
    title: str
    learn: Learn
    version: Callable[[], str]


# ---- This library ----


def network(data: Dataset, x: Floats, y: Targets, seed: int, **options: Any) -> Predict:
    import nr

    test = len(x) // 3
    sizes = {"dataset": len(x) - test, "test": test, "seed": seed}
    with nr.connect() as db:
        net = db.create("net", data.kind, data.layout, **{"normalize": True, **sizes, **options})
        net.observe_many(x, y)
        # No limit of time: what is learnt must not depend on the machine.
        net.train(timeout=0, maxcycles=MOST_CYCLES, autostop=True, backtrack=True).wait()
        blob = net.dump()

    def predict(rows: Floats) -> Floats:
        with nr.connect() as db:
            return db.restore("net", blob).run(rows)

    return predict


# CLASSIC's rule may never stop a training; this is some twenty times what it commonly takes.
MOST_CYCLES = 20_000


def defaults(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
    return network(data, x, y, seed)


def sorted_by_class(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
    order = np.argsort(y, kind="stable")
    return network(data, x[order], y[order], seed)


def classic(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
    return network(data, x, y, seed, classic=True)


@cache
def core() -> str:
    """A digest of the compiled core that is loaded."""
    from nr.engine import binding

    return hashlib.sha256(Path(binding.held._name).read_bytes()).hexdigest()


# ---- scikit-learn's ----


def mlp(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    make = MLPClassifier if data.classifier else MLPRegressor
    tuned = {"alpha": 1.0, "learning_rate_init": 0.005, "max_iter": 1000}
    return fitted(data, x, y, make(hidden_layer_sizes=data.hidden, random_state=seed, **tuned))


def linear(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    model = (
        LogisticRegression(max_iter=2000) if data.classifier else RidgeCV(np.logspace(-3, 3, 13))
    )
    return fitted(data, x, y, model)


def boosting(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    make = HistGradientBoostingClassifier if data.classifier else HistGradientBoostingRegressor
    return fitted(data, x, y, make(random_state=seed))


def fitted(data: Dataset, x: Floats, y: Targets, model: Any) -> Predict:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), model)
    if not data.classifier:
        pipeline = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(x, y)
    if not data.classifier:
        return pipeline.predict  # type: ignore[no-any-return]

    def predict(rows: Floats) -> Floats:
        found = np.zeros((len(rows), data.outputs))
        found[:, pipeline.classes_] = pipeline.predict_proba(rows)
        return found

    return predict


# ---- Which results are still good ----


def bytecode(code: CodeType) -> str:
    """What a function does, whatever its comments, its format and its place in the file."""
    parts = [bytecode(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, parts))


def of_sklearn(learn: Learn) -> Callable[[], str]:
    return lambda: version("scikit-learn") + bytecode(learn.__code__) + bytecode(fitted.__code__)


def of_core(learn: Learn) -> Callable[[], str]:
    return lambda: core() + bytecode(learn.__code__) + bytecode(network.__code__)


CONTENDERS = [
    Contender("nr", "nr", defaults, of_core(defaults)),
    Contender("classic", "nr CLASSIC", classic, of_core(classic)),
    Contender("mlp", "MLP, scaled", mlp, of_sklearn(mlp)),
    Contender("linear", "linear, scaled", linear, of_sklearn(linear)),
    Contender("boosting", "boosting", boosting, of_sklearn(boosting)),
]
# Not ranked: the defaults where samples arrive class by class, as they do in many a file.
SORTED = Contender("sorted", "nr, sorted by class", sorted_by_class, of_core(sorted_by_class))
BY_NAME = {contender.name: contender for contender in CONTENDERS}
