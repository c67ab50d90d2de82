"""The benchmark of learning quality: its scores and tables, not its datasets, which are large."""

from dataclasses import replace
from types import CodeType

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score

from benchmarks.quality import claims
from benchmarks.quality.contenders import CONTENDERS, Contender, bytecode
from benchmarks.quality.datasets import BY_NAME, DATASETS, Dataset
from benchmarks.quality.runs import Result, results
from benchmarks.quality.scoring import Score, calibration_error, classification, regression
from benchmarks.quality.tables import Results, ranks


def constant(losses: dict[str, float], data: Dataset) -> Results:
    return {
        (data.name, name): [Result(seed, Score(loss, 0.0, 0.0), 0.01, 0.01) for seed in (0, 1)]
        for name, loss in losses.items()
    }


def test_at_least_a_third_of_the_datasets_is_held_out():
    assert len(BY_NAME) == len(DATASETS) >= 20
    held_out = [data for data in DATASETS if data.held_out]
    assert len(held_out) >= len(DATASETS) / 3
    assert {data.classifier for data in held_out} == {True, False}
    assert not any(data.anchor for data in held_out)


def test_classifiers_are_scored_as_scikit_learn_scores_them():
    rng = np.random.default_rng(1)
    chances, y = rng.dirichlet([1, 1, 1], 200), rng.integers(0, 3, 200)
    score = classification(chances, y)
    assert score.loss == pytest.approx(100 * np.mean(chances.argmax(axis=1) != y))
    assert score.log_loss == pytest.approx(log_loss(y, chances))
    assert classification(3 * chances, y).log_loss == pytest.approx(score.log_loss)
    assert classification(np.zeros((4, 2)), np.array([0, 1, 0, 1])).log_loss == pytest.approx(
        np.log(2)
    )


def test_calibration_is_the_gap_of_confidence_and_being_right():
    confidence = np.array([0.95] * 10 + [0.65] * 10)
    right = np.array([True] * 9 + [False] + [True] * 8 + [False] * 2)
    assert calibration_error(confidence, right) == pytest.approx(0.5 * 0.05 + 0.5 * 0.15)
    assert calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_regressors_are_scored_by_r2():
    y = np.array([1.0, 2.0, 4.0, 8.0])
    found = np.array([1.5, 2.0, 3.0, 8.5])
    assert regression(found, y).loss == pytest.approx(100 * (1 - r2_score(y, found)))


def test_equal_contenders_share_their_rank():
    data, names = DATASETS[0], [contender.name for contender in CONTENDERS]
    found = constant(dict(zip(names, [1.0, 2.0, 2.0, 3.0, 4.0], strict=True)), data)
    assert ranks(found, [data], CONTENDERS).tolist() == [[1.0, 2.5, 2.5, 4.0, 5.0]]


@pytest.mark.parametrize(("ours", "holds"), [(2.9, True), (3.1, False)])
def test_a_claim_fails_where_it_is_not_so(ours, holds):
    found = constant({"nr": ours, "classic": 4.0, "mlp": 2.0, "linear": 9.0}, DATASETS[0])
    claim = claims.never_far(found, DATASETS[:1])
    assert claim.holds is holds
    assert f"{ours - 2:+.2f}" in claim.figures


def test_the_time_of_training_is_the_median_of_all_runs():
    short, long = DATASETS[0], BY_NAME["circles"]  # 150 rows and 1500
    found = constant({"nr": 1.0}, short) | constant({"nr": 1.0}, long)
    found[short.name, "nr"] = [replace(r, seconds=0.01) for r in found[short.name, "nr"]] * 2
    found[long.name, "nr"] = [replace(r, seconds=0.2) for r in found[long.name, "nr"]]
    claim = claims.quick(found, [short, long])
    assert claim.holds
    assert claim.figures.startswith("10 ms")
    assert "circles 200 ms" in claim.figures
    assert not claims.quick(found, [long]).holds


def test_a_function_that_only_looks_different_is_the_same():
    one = compile("def f(x):\n    return x + 1", "a", "exec")
    same = compile("# why\n\n\ndef f(x):\n    return (x\n        + 1)", "b", "exec")
    other = compile("def f(x):\n    return x + 2", "a", "exec")
    codes = [
        next(c for c in code.co_consts if isinstance(c, CodeType)) for code in (one, same, other)
    ]
    texts = [bytecode(code) for code in codes]
    assert texts[0] == texts[1] != texts[2]


def test_a_result_is_computed_once(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.quality.runs.CACHE", tmp_path)
    calls = []

    def learn(data, x, y, seed):
        calls.append(seed)
        return lambda rows: np.eye(3)[np.zeros(len(rows), int)]

    iris = BY_NAME["iris"]
    first = results(iris, Contender("fixed", "fixed", learn, lambda: "1"), range(2))
    again = results(iris, Contender("fixed", "fixed", learn, lambda: "1"), range(3))
    assert calls == [0, 1, 2]
    assert again[:2] == first
    results(iris, Contender("fixed", "fixed", learn, lambda: "2"), range(1))
    assert calls == [0, 1, 2, 0]
