"""nr.sklearn: scikit-learn's own checks, frames as they come, weights, pickles, searches."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.utils.estimator_checks import estimator_checks_generator

import nr
from nr.sklearn import NetworkClassifier, NetworkRegressor

SMALL: dict[str, Any] = {"members": 1, "maxcycles": 30}
MODELS = [NetworkClassifier(**SMALL), NetworkRegressor(**SMALL)]
ELSEWHERE = {"check_array_api_input"}  # an estimator of numpy's arrays has nothing to check there
ALL = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}-{number}")
    for model in MODELS
    for number, (estimator, check) in enumerate(estimator_checks_generator(model))
    if check.func.__name__ not in ELSEWHERE
]


@pytest.mark.parametrize(("estimator", "check"), ALL)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_finds_nothing_wrong(estimator: Any, check: Any) -> None:
    check(estimator)


def test_scikit_learn_has_looked() -> None:
    assert len(ALL) > 100


CHECKS = """
import unittest, warnings
from sklearn.utils.estimator_checks import estimator_checks_generator
from nr.sklearn import NetworkClassifier, NetworkRegressor
done = 0
for model in NetworkClassifier(), NetworkRegressor():
    for estimator, check in estimator_checks_generator(model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check(estimator)
            except unittest.SkipTest:
                continue
        done += 1
print(done)
"""


@pytest.mark.soak
def test_scikit_learn_1_6_finds_nothing_wrong(tmp_path: Path) -> None:
    old = ["scikit-learn==1.6.1", "numpy<2.4", "scipy<1.17"]
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path), *old]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{CHECKS}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


def people(n: int) -> tuple[pd.DataFrame, pd.Series]:
    """Text, categories and gaps under names that no field may have, and a class that follows."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "Age (years)": random.normal(40, 12, n).round(),
            "country": random.choice(["IT", "FR"], n),
            "note": random.choice(["likes a lot of jazz", "came in a hurry", None], n),
        }
    )
    frame.loc[::9, "Age (years)"] = np.nan
    likes = frame.note.str.contains("jazz", na=False) == (frame.country == "IT")
    return frame, likes.map({True: "yes", False: "no"}).rename("joined")


def test_a_frame_is_learned_as_it_is() -> None:
    frame, joined = people(600)
    X, test, y, wanted = train_test_split(frame, joined, random_state=0)
    model = NetworkClassifier(random_state=1, kinds={"note": "text"}, hidden=(6,)).fit(X, y)
    assert model.score(test, wanted) > 0.9
    assert list(model.classes_) == ["no", "yes"]
    assert list(model.feature_names_in_) == [*frame.columns]
    assert model.network_.info().fields == (
        *("Age_years:number", "country:category", "note:text"),
        *("->", "joined:category"),
    )
    with pytest.warns(UserWarning, match="valid feature names"):
        again = model.predict_proba(test.to_numpy(object))
    assert (again == model.predict_proba(test)).all()


def test_what_is_no_column_is_told() -> None:
    frame, joined = people(40)
    with pytest.raises(ValueError, match="kinds names columns that there are not: nte"):
        NetworkClassifier(kinds={"nte": "text"}).fit(frame, joined)


def test_a_weight_of_a_frame_counts_and_0_leaves_out() -> None:
    frame, joined = people(300)
    weights = np.where(joined == "yes", 50.0, 1.0)
    plain, heavy = (
        NetworkClassifier(random_state=1, hidden="linear", maxcycles=30).fit(frame, joined, w)
        for w in (None, weights)
    )
    yes = heavy.predict_proba(frame)[:, 1].mean() - plain.predict_proba(frame)[:, 1].mean()
    assert yes > 0.1
    known = heavy.fit(frame, joined, np.arange(300) % 2).network_.info()
    assert known.train_len + known.test_len == 150


def test_several_outputs_keep_their_names_and_their_order() -> None:
    random = np.random.default_rng(2)
    X = random.normal(size=(300, 2))
    Y = pd.DataFrame({"sum": X.sum(axis=1), "10 times": 10 * X[:, 0]})
    model = NetworkRegressor(random_state=1, members=1, hidden="linear").fit(X, Y)
    assert model.score(X, Y) > 0.95
    assert model.network_.info().fields[-2:] == ("sum:number", "10_times:number")


@pytest.mark.parametrize("labels", [[False, True], [2.0, 7.0], ["", " b"], ["a", "B"]])
def test_classes_come_back_as_they_were(labels: list[Any]) -> None:
    X = np.linspace(-1, 1, 80).reshape(-1, 1)
    y = np.array(labels)[(X[:, 0] > 0).astype(int)]
    model = NetworkClassifier(random_state=1, maxcycles=50).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.9
    assert model.classes_.tolist() == sorted(labels)
    assert model.predict([[-1.0], [1.0]]).tolist() == labels


def test_a_pickle_takes_the_network_along() -> None:
    frame, joined = people(90)
    model = NetworkClassifier(random_state=1, **SMALL).fit(frame, joined)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(frame) == model.predict_proba(frame)).all()
    assert again.network_.sample("train", 3) == model.network_.sample("train", 3)
    assert not hasattr(clone(model), "network_")


def test_a_search_in_processes_leaves_its_best_in_a_store(tmp_path: Path) -> None:
    frame, joined = people(120)
    url = f"sqlite:///{tmp_path}/nets.db"
    model = NetworkClassifier(random_state=1, url=url, key="club", **SMALL)
    search = GridSearchCV(model, {"hidden": ["linear", (3,)]}, n_jobs=2, cv=2)
    search.fit(frame, joined)
    asked = {"Age_years": 30, "country": "IT", "note": "likes a lot of jazz"}
    with nr.connect(url) as db:
        kept = db["club"].run(asked)
    assert kept == search.best_estimator_.network_.run(asked)


@pytest.mark.parametrize("where", [{"url": "memory://"}, {"key": "club"}])
def test_half_a_place_is_refused(where: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="url and key say together"):
        NetworkRegressor(**where).fit([[1.0], [2.0]], [1.0, 2.0])


def test_training_without_testing_samples_ends_by_cycles() -> None:
    model = NetworkRegressor(validation_fraction=0.0, random_state=1)
    assert model.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]).network_.info().cycles == 1000
