"""Who learns. A contender is given the observed rows of a frame, raw, and says what it predicts.

- ``nr``: ``create_from`` and ``train``, as they come.
- ``boosting``: scikit-learn's HistGradientBoosting as it comes, with categories as categories;
  those beyond the 254 most frequent, which are all that it takes, are one.
- ``catboost``: CatBoost as it comes, 500 iterations, with categories as categories.
- ``linear``: logistic or ridge regression on categories as inputs of their own and standardised
  numbers, gaps filled by the mean and flagged.
- ``tfidf``, for texts: words and pairs of words by tf-idf, and logistic regression; whether there
  are pairs, and the penalty, are chosen by cross-validation.

None of the others takes times. They get the day, the hour, the weekday and the day of the year.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.fields.sets import Table
from benchmarks.quality.contenders import Contender, Predict, bytecode, core
from benchmarks.quality.datasets import Floats, Targets

MOST_CYCLES = 20_000
MOST_CATEGORIES = 254
LATE = np.timedelta64(1, "D")

# ---- This library ----


def label(target: float) -> str:
    return f"{int(target):04}"


def network(data: Table, x: pd.DataFrame, y: Targets, seed: int, **options: Any) -> Predict:
    import nr

    wanted = [label(target) for target in y] if data.classifier else y
    frame = x.assign(**{data.target: wanted})
    with nr.connect() as db:
        net = db.create_from("net", frame, data.target, kinds=data.kinds, seed=seed, **options)
        # No limit of time: what is learnt must not depend on the machine.
        net.train(timeout=0, maxcycles=MOST_CYCLES, autostop=True, backtrack=True).wait()
        blob = net.dump()

    def predict(rows: pd.DataFrame) -> Floats:
        with nr.connect() as db:
            found = db.restore("net", blob).run(rows)
        if not data.classifier:
            return found[data.target].to_numpy(float)
        labels = [label(i) for i in range(data.outputs)]
        return found.reindex(columns=labels, fill_value=0.0).to_numpy(float)

    return predict


def defaults(data: Table, x: pd.DataFrame, y: Targets, seed: int) -> Predict:
    return network(data, x, y, seed)


# ---- What the others take ----


def with_parts(x: pd.DataFrame, times: list[str]) -> pd.DataFrame:
    """Times as four numbers."""
    made = {}
    for name in times:
        time = x[name]
        made[f"{name} day"] = (time - pd.Timestamp(0)) / LATE
        made[f"{name} hour"] = time.dt.hour + time.dt.minute / 60
        made[f"{name} weekday"] = time.dt.weekday.astype(float)
        made[f"{name} of year"] = time.dt.dayofyear.astype(float)
    return x.drop(columns=times).assign(**made)


def kept(column: pd.Series) -> list[str]:
    return list(column.value_counts().index[:MOST_CATEGORIES])


def as_categories(x: pd.DataFrame, known: dict[str, list[str]]) -> pd.DataFrame:
    """Those that are not known are one of their own, and gaps stay gaps."""
    made = {}
    for name, values in known.items():
        other = x[name].where(x[name].isin(values) | x[name].isna(), "\0other")
        made[name] = pd.Categorical(other, categories=[*values, "\0other"])
    return x.assign(**made)


def spread(data: Table, model: Any, ready: Callable[[pd.DataFrame], Any]) -> Predict:
    """Predictions of a fitted model; probabilities of classes that it saw, 0 for others."""
    if not data.classifier:
        return lambda rows: np.asarray(model.predict(ready(rows)), float)

    def predict(rows: pd.DataFrame) -> Floats:
        found = np.zeros((len(rows), data.outputs))
        found[:, np.asarray(model.classes_).astype(int)] = model.predict_proba(ready(rows))
        return found

    return predict


# ---- The others ----


def boosting(data: Table, x: pd.DataFrame, y: Targets, seed: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    make = HistGradientBoostingClassifier if data.classifier else HistGradientBoostingRegressor
    known = {name: kept(x[name]) for name in data.names}

    def ready(rows: pd.DataFrame) -> pd.DataFrame:
        return with_parts(as_categories(rows, known), data.times)

    model = make(random_state=seed, categorical_features="from_dtype")
    return spread(data, model.fit(ready(x), y), ready)


def catboost(data: Table, x: pd.DataFrame, y: Targets, seed: int) -> Predict:
    from catboost import CatBoostClassifier, CatBoostRegressor

    make = CatBoostClassifier if data.classifier else CatBoostRegressor

    def ready(rows: pd.DataFrame) -> pd.DataFrame:
        filled = {name: rows[name].where(rows[name].notna(), "\0none") for name in data.names}
        return with_parts(rows.assign(**filled), data.times)

    model = make(
        iterations=500, random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
    )
    return spread(data, model.fit(ready(x), y, cat_features=data.names), ready)


def linear(data: Table, x: pd.DataFrame, y: Targets, seed: int) -> Predict:
    from sklearn.compose import ColumnTransformer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def ready(rows: pd.DataFrame) -> pd.DataFrame:
        filled = {name: rows[name].where(rows[name].notna(), "\0none") for name in data.names}
        return with_parts(rows.assign(**filled), data.times)

    frame = ready(x)
    numbers = [name for name in frame.columns if name not in data.names]
    hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    number = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    encode = ColumnTransformer([("names", hot, data.names), ("numbers", number, numbers)])
    logistic = LogisticRegression(max_iter=2000)
    model = make_pipeline(encode, logistic if data.classifier else RidgeCV(np.logspace(-3, 3, 13)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return spread(data, model.fit(frame, y), ready)


def tfidf(data: Table, x: pd.DataFrame, y: Targets, seed: int) -> Predict:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import Pipeline

    [text] = data.names
    steps = [
        ("words", TfidfVectorizer(sublinear_tf=True, min_df=2)),
        ("model", LogisticRegression(max_iter=500, tol=1e-3)),
    ]
    tried = {"words__ngram_range": [(1, 1), (1, 2)], "model__C": [1.0, 10.0, 100.0]}
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes with fewer rows than folds
        search = GridSearchCV(Pipeline(steps), tried, cv=folds).fit(x[text], y)
    return spread(data, search, lambda rows: rows[text])


# ---- Which results are still good ----


def by_package(package: str, *made_of: Callable[..., Any]) -> Callable[[], str]:
    from importlib.metadata import version

    return lambda: version(package) + "".join(bytecode(f.__code__) for f in made_of)


def of_core() -> str:
    return core() + bytecode(network.__code__)


HELP = (with_parts, spread)
NR = Contender("fields", "nr", defaults, of_core)
LINEAR = Contender("one-hot", "linear, one-hot", linear, by_package("scikit-learn", linear, *HELP))
BOOSTING = Contender(
    "native", "boosting", boosting, by_package("scikit-learn", boosting, kept, as_categories, *HELP)
)
CATBOOST = Contender("catboost", "CatBoost", catboost, by_package("catboost", catboost, *HELP))
TFIDF = Contender("tfidf", "tf-idf, logistic", tfidf, by_package("scikit-learn", tfidf, spread))

CONTENDERS = [NR, BOOSTING, CATBOOST, LINEAR]
READERS = [NR, TFIDF]
