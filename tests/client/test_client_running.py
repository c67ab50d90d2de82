"""Running and classifying from Python."""

import numpy as np
import pandas as pd
import pytest

import nr


def test_run_takes_rows_in_any_form_and_replies_as_the_command(classifier: nr.Network) -> None:
    wanted = classifier.db.execute("NR.RUN c 1 2")
    for x in ([1, 2], (1.0, 2), np.array([1, 2]), np.array([1, 2], np.float32), pd.Series([1, 2])):
        outputs = classifier.run(x)
        assert outputs.shape == (3,)
        assert outputs.dtype == np.float64
        assert outputs.tolist() == wanted
    for X in ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), pd.DataFrame([[1, 2], [3, 4]])):
        assert classifier.run(X).shape == (2, 3)
        assert classifier.run(X)[0].tolist() == wanted


def test_outputs_are_the_callers(classifier: nr.Network) -> None:
    first = classifier.run([1, 2])
    kept = first.copy()
    classifier.run([9, 9])
    assert np.array_equal(first, kept)
    first[:] = 0
    assert np.array_equal(classifier.run([1, 2]), kept)


def test_classify_replies_as_the_command(classifier: nr.Network) -> None:
    X = np.random.default_rng(1).normal(size=(40, 2))
    ids = classifier.classify(X)
    assert (ids.shape, ids.dtype) == ((40,), np.int64)
    assert ids.tolist() == [classifier.db.execute("NR.CLASS", "c", *x) for x in X]
    assert ids.tolist() == classifier.run(X).argmax(1).tolist()
    assert type(classifier.classify(X[0])) is int


def test_a_regressor_has_no_classes(regressor: nr.Network) -> None:
    with pytest.raises(nr.CommandError, match=r"ERR you can't call NR\.CLASS with a regressor"):
        regressor.classify([1, 2])


@pytest.mark.parametrize("method", ["run", "classify"])
@pytest.mark.parametrize(
    ("x", "text"),
    [
        ([1], "ERR inputs: rows of 2 are needed"),
        ([1, 2, 3], "ERR inputs: rows of 2 are needed"),
        ([[1, 2, 3]], "ERR inputs: rows of 2 are needed"),
        ([[1], [2]], "ERR inputs: rows of 2 are needed"),
        ([], "ERR inputs: rows are needed"),
        (3, "ERR inputs: rows are needed"),
        ([1, float("nan")], "ERR inputs, column 1: nan is no number"),
        ((1, float("-inf")), "ERR inputs, column 1: -inf is no number"),
        ([1, 1e300], "does not fit 32 bits"),
        (np.array([1, 1e300]), "does not fit 32 bits"),
        ([[1, 2], [3, 1e39]], "row 1, column 1"),
        (["1", "2"], "column 0: '1' is not a number"),
        (np.array(["1", "2"]), "column 0: '1' is not a number"),
        ([None, 1], "column 0: None is no number"),
        (np.array([1, 2], "M8[s]"), "column 0: .*datetime64.* is not a number; give times as num"),
        ({"a": 1}, "ERR c has no fields: give it numbers, in the order of its inputs"),
        ({1}, "ERR inputs"),
        (10**400, "ERR inputs"),
        ([10**400, 1], "ERR inputs"),
    ],
)
def test_running_says_what_is_wrong(
    classifier: nr.Network, method: str, x: object, text: str
) -> None:
    with pytest.raises(nr.CommandError, match=text):
        getattr(classifier, method)(x)


def test_run_sees_what_was_trained_reset_and_created_anew(
    db: nr.Database, regressor: nr.Network
) -> None:
    seen = [regressor.run([1, 2])[0]]
    regressor.observe_many([[1, 2], [3, 4]], [9, 9], to="train")
    assert regressor.run([1, 2])[0] == seen[0]
    regressor.train(maxcycles=30, autostop=False).wait()
    seen.append(regressor.run([1, 2])[0])
    regressor.reset()
    seen.append(regressor.run([1, 2])[0])
    db.restore("r", db.create("other", "regressor", [2, 1], seed=9).dump(), replace=True)
    seen.append(regressor.run([1, 2])[0])
    del db["r"]
    db.create("r", "regressor", [2, 3, 2], seed=9)
    assert regressor.run([1, 2]).shape == (2,)
    assert len(set(seen)) == 4


def test_a_wide_network_runs(db: nr.Database) -> None:
    net = db.create("net", "regressor", [300, 400, 2], seed=1)
    x = np.linspace(0, 1, 300)
    assert np.array_equal(net.run(x), net.run([x])[0])
    assert net.run(x).tolist() == db.execute("NR.RUN", "net", *x.astype(np.float32))
