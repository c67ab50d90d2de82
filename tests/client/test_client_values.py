"""Values that are observed: all kinds of tables and numbers, and what is refused."""

from array import array
from collections import deque
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nr
from nr.contracts.store import Bulk

MASKED = np.ma.masked_equal([[1.0, 2.0], [3.0, -9999.0]], -9999)
DAY = np.datetime64("2020-01-01")


def test_observe_counts_and_goes_where_it_is_told(classifier: nr.Network) -> None:
    assert classifier.observe([1, 2], 0) == (1, 0)
    assert classifier.observe(np.array([1.0, 2.0]), np.int64(2), to="test") == (1, 1)
    assert classifier.observe((0.1, 1e-7), [1], to="train") == (2, 1)
    x, y = classifier.sample("train", 1)
    assert x.tolist() == [float(np.float32(0.1)), float(np.float32(1e-7))]
    assert y.tolist() == [0, 1, 0]
    with pytest.raises(IndexError, match="no row 2"):
        classifier.sample("train", 2)


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        ([1, np.nan], 0, "ERR inputs, column 1: nan is no number; fill such gaps"),
        ([1, 1e300], 0, r"ERR inputs, column 1: 1e\+300 does not fit 32 bits"),
        ([1, "x"], 0, "ERR inputs, column 1: 'x' is not a number"),
        ([[1, 2]], 0, r"ERR inputs: one sample is needed, not an array of shape \(1, 2\)"),
        ([1, 2], "setosa", "'setosa' is not a number; for text as classes: names, ids = "),
        ([1, 2], 3, "ERR classifier network output must be an integer in the range"),
        ([1, 2, 3], 0, "ERR number of arguments does not match"),
        ([1, 2], None, "ERR outputs: None is no number; fill such gaps, or leave the row out"),
        ([1, "x" * 1000], 0, r"'xxx.{,30}' is not a number; for text: one input a category"),
        ([], 0, "ERR inputs: one sample is needed"),
        ({"a": 1, "b": 2}, 0, "ERR samples with names have their outputs among them"),
        (
            {"a": 1, "b": 2},
            None,
            "ERR c has no fields: give it numbers, in the order of its inputs",
        ),
        ({1, 2}, 0, "ERR inputs: a number, list or array is needed, not a set"),
        ((x for x in (1, 2)), 0, "list or array is needed, not a generator"),
        ([1, 10**400], 0, "ERR inputs, column 1: an integer that does not fit 32 bits"),
        ([1, 10**5000], 0, "ERR inputs, column 1: an integer that does not fit 32 bits"),
    ],
)
def test_observe_says_what_is_wrong(
    classifier: nr.Network, x: object, y: object, text: str
) -> None:
    with pytest.raises(nr.CommandError, match=text):
        classifier.observe(x, y)  # type: ignore[arg-type]
    assert classifier.info().train_len == 0


def test_plain_lists_are_rounded_as_arrays_are() -> None:
    """They go a shorter way to the same 32-bit floats, also where one lies amidst two."""
    numbers = [1 + 2**-24, 1 + 2**-24 + 2**-50, 0.1, -0.0, 5e-324, 2**-149, 3.4028235e38, 2**31 - 1]
    with nr.connect("memory://") as db:
        net = db.create("net", "regressor", [len(numbers), 1], dataset=10, test=0)
        for x in (numbers, tuple(numbers), np.array(numbers), [np.float64(x) for x in numbers]):
            net.observe(x, 0.1)
        rows = {net.sample("train", row)[0].tobytes() for row in range(4)}
        assert rows == {np.array(numbers, np.float32).astype(float).tobytes()}


TABLES = {
    "lists": ([[1, 2], [3, 4]], [0, 2]),
    "arrays": (np.array([[1, 2], [3, 4]]), np.array([0.0, 2.0])),
    "columns": (np.array([[1, 3], [2, 4]], np.float32).T, np.array([[0], [2]])),
    "frames": (pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}), pd.Series([0, 2])),
    "mixed": (pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}, dtype=object), pd.DataFrame([0, 2])),
    "categories": (((1, 2), (3, 4)), pd.Categorical([0, 2])),
}


@pytest.mark.parametrize("name", TABLES)
def test_observe_many_takes_any_table(classifier: nr.Network, name: str) -> None:
    X, Y = TABLES[name]
    assert classifier.observe_many(X, Y, to="train") == (2, 0)
    assert [classifier.sample("train", i)[0].tolist() for i in (0, 1)] == [[1, 2], [3, 4]]
    assert [classifier.sample("train", i)[1].tolist() for i in (0, 1)] == [[1, 0, 0], [0, 0, 1]]


def test_class_ids_may_be_truths(db: nr.Database) -> None:
    net = db.create("net", "classifier", [1, 2])
    assert net.observe_many([1, 2, 3], np.array([True, False, True]), to="train") == (3, 0)
    assert net.sample("train", 0)[1].tolist() == [0, 1]


def test_vectors_are_columns_where_there_is_one(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1])
    assert net.observe_many([1, 2, 3], [4, 5, 6], to="train") == (3, 0)
    assert net.sample("train", 2)[0] == [3]


def test_observe_many_places_as_single_samples_do(db: nr.Database) -> None:
    one, many = (db.create(n, "regressor", [2, 1], seed=2, dataset=9, test=4) for n in "ab")
    X = np.arange(60, dtype=float).reshape(30, 2)
    for x in X:
        one.observe(x, x.sum())
    many.observe_many(X, X.sum(1))
    rows = [(to, i) for to, n in (("train", 9), ("test", 4)) for i in range(n)]
    assert [str(one.sample(*row)) for row in rows] == [str(many.sample(*row)) for row in rows]


def test_observe_many_sends_bounded_blobs(
    monkeypatch: pytest.MonkeyPatch, regressor: nr.Network
) -> None:
    for module in "samples", "running":
        monkeypatch.setattr(f"nr.calls.{module}.BULK", Bulk(size=100))
    if store := getattr(regressor.db.backend, "store", None):
        monkeypatch.setattr(store, "bulk", Bulk(rows=7))
    X = np.ones((50, 2))
    assert regressor.observe_many(X, X[:, 0]) == (50, 0)
    with pytest.raises(nr.ValuesError, match="row 49, column 0"):
        regressor.observe_many(np.vstack([X[:49], [np.inf, 1]]), X[:, 0])
    assert np.array_equal(regressor.run(X), np.repeat(regressor.run([[1, 1]]), 50, axis=0))


X2 = [[1, 2], [3, 4]]


class Secretive:
    """As a tensor of torch that wants its gradient."""

    def __array__(self, *args: object, **options: object) -> np.ndarray:
        raise RuntimeError("it has no array")


# What is no number, though numpy or struct would make one of it.
ODD: list[tuple[object, str]] = [
    (DAY, "is not a number; give times as numbers"),
    (np.datetime64("NaT"), "is not a number; give times"),
    (np.timedelta64(3, "D"), "is not a number; give times"),
    (datetime(2020, 1, 1), "is not a number; give times"),
    (timedelta(1), "is not a number; give times"),
    (pd.Timestamp(0), "is not a number; give times"),
    (pd.NaT, "NaT is no number; fill such gaps"),
    (pd.NA, "<NA> is no number; fill such gaps"),
    (np.ma.masked, "a masked value is no number; fill such gaps"),
    (None, "None is no number; fill such gaps"),
    (1 + 2j, r"\(1\+2j\) is not a number; give the real and the imaginary part"),
    (np.complex64(3), r"\(3\+0j\) is not a number; give the real"),
    ("5", "'5' is not a number"),
    (b"5", "b'5' is not a number"),
    (bytearray(b"5"), r"bytearray\(b'5'\) is not a number"),
    (Decimal("sNaN"), r"Decimal\('sNaN'\) is not a number"),
    (Decimal("NaN"), "nan is no number; fill"),
    (SimpleNamespace(__float__=lambda: 3.0), "is not a number"),
    ({1}, r"\{1\} is not a number"),
    (float, "<class 'float'> is not a number"),
]

# How it may lie in a table, the second row its place; and that place.
FORMS: dict[str, Any] = {
    "lists": lambda odd: [[1.0, 2], [3.0, odd]],
    "tuples": lambda odd: ((1.0, 2), (3.0, odd)),
    "lists of arrays": lambda odd: [np.array([1.0, 2]), boxed(3.0, odd)],
    "an array": lambda odd: np.array([boxed(1.0, 2), boxed(3.0, odd)]),
    "a frame": lambda odd: pd.DataFrame({"a": [1.0, 3.0], "b": pd.Series([2, odd], dtype=object)}),
    "series": lambda odd: [pd.Series([1.0, 2]), pd.Series([3.0, odd], dtype=object)],
    "a masked array": lambda odd: np.ma.array(np.array([boxed(1.0, 2), boxed(3.0, odd)])),
}


def boxed(*values: object) -> np.ndarray:
    """An array of just these objects."""
    array = np.empty(len(values), object)
    for at, value in enumerate(values):
        array[at] = value
    return array


@pytest.mark.parametrize(
    ("X", "Y", "text"),
    [
        ([[1, 2], [3, np.nan]], [0, 1], "ERR inputs, row 1, column 1: nan is no number"),
        ([[1, 2], [-1e39, 0]], [0, 1], r"ERR inputs, row 1, column 0: -1e\+39 does not fit"),
        ([[1, 2], [3, "x"]], [0, 1], "ERR inputs, row 1, column 1: 'x' is not a number"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), [0, 1], "row 0, column 1: 'x' is not a"),
        (pd.DataFrame({"a": [1, 2], "b": [1, None]}, dtype="Int64"), [0, 1], "row 1, column 1"),
        ([[1, 2], [3]], [0, 1], "ERR inputs are not a table of numbers"),
        ([[1, 2, 3]], [0], "ERR inputs: rows of 2 are needed, not of 3"),
        ([1, 2], [0], r"ERR inputs: rows of 2 are needed, not an array of shape \(2,\)"),
        (np.ma.masked_equal(X2, 4), [0, 1], "row 1, column 1: a masked value is no number; fill"),
        ([], [], r"ERR inputs: rows are needed, not an array of shape \(0,\)"),
        (np.zeros((1, 2, 2)), [0], "ERR inputs: rows are needed"),
        (np.array(X2) * 1j, [0, 1], "ERR inputs, row 0, column 0: 1j is not a number; give the"),
        (np.array(X2, "M8[s]"), [0, 1], "row 0, column 0: .*datetime64.* is not a number; give ti"),
        (X2, [0], "ERR 2 rows of inputs and 1 of outputs"),
        (X2, [0, 3], "ERR outputs, row 1: 3 is no class id, a whole number from 0 to 2"),
        (X2, [0.5, 1], "ERR outputs, row 0: 0.5 is no class id"),
        (X2, [0.99999999, 1], "ERR outputs, row 0: 0.99999999 is no class id"),
        (X2, [np.nan, 1], "ERR outputs, row 0: nan is no number; fill such gaps"),
        (X2, [-1, 1], "ERR outputs, row 0: -1 is no class id"),
        (X2, ["cat", "dog"], r"ERR outputs, row 0: 'cat' is not a number; .*numpy.unique"),
        (X2, pd.Series(["cat", "dog"], dtype="category"), "'cat' is not a number; for text"),
        (X2, [[1, 0, 0], [0, 1, 0]], r"of one-hot rows: Y.argmax\(axis=1\)"),
    ],
)
def test_observe_many_says_what_is_wrong(
    classifier: nr.Network, X: object, Y: object, text: str
) -> None:
    with pytest.raises(nr.ValuesError, match=text) as caught:
        classifier.observe_many(X, Y)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)
    assert classifier.info().train_len + classifier.info().test_len == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("odd", "text"), ODD, ids=lambda odd: repr(odd)[:40])
def test_an_element_that_is_no_number_is_refused_wherever_it_lies(
    here: nr.Network, form: str, odd: object, text: str
) -> None:
    X = FORMS[form](odd)
    for call in (
        lambda: here.observe_many(X, [0, 1]),
        lambda: here.run(X),
        lambda: here.classify(X),
    ):
        with pytest.raises(nr.ValuesError, match=f"ERR inputs, row 1, column 1: .*{text}"):
            call()
    row = X.iloc[1] if isinstance(X, pd.DataFrame) else X[1]
    for single in (lambda: here.observe(row, 0), lambda: here.run(row)):
        with pytest.raises(nr.ValuesError, match=f"ERR inputs, column 1: .*{text}"):
            single()
    with pytest.raises(nr.ValuesError, match=f"ERR outputs, row 1: .*{text}"):
        here.observe_many(X2, [0, odd])
    assert here.info().train_len + here.info().test_len == 0


@pytest.mark.parametrize(
    ("X", "text"),
    [
        ([MASKED[0], MASKED[1]], "row 1, column 1: a masked value is no number"),
        (MASKED, "row 1, column 1: a masked value is no number"),
        (pd.DataFrame({"a": [1, 2], "b": pd.to_datetime([DAY, DAY])}), "row 0, column 1: Timest"),
        (pd.DataFrame({"a": [1, 2], "b": [1j, 2j]}), r"row 0, column 0: \(1\+0j\) is not a number"),
        (np.array([DAY, DAY], "M8[ns]").reshape(1, 2), "row 0, column 0: .*datetime64.* is not a"),
        ([[1.0, [2.0]], [3.0, 4.0]], "ERR inputs are not a table of numbers"),
        ([np.zeros(2), np.zeros(3)], "ERR inputs are not a table of numbers"),
        (np.zeros(2, "f4,f4"), "row 0: .* is not a number"),
        (Secretive(), "ERR inputs are not a table of numbers: it has no array"),
    ],
)
def test_a_table_that_numpy_would_convert_is_refused(here: nr.Network, X: Any, text: str) -> None:
    with pytest.raises(nr.ValuesError, match=text):
        here.observe_many(X, [0, 1])
    assert here.info().train_len == 0


def test_a_list_that_holds_itself_is_refused(here: nr.Network) -> None:
    X: list[Any] = []
    X.append(X)
    with pytest.raises(nr.ValuesError, match="ERR inputs are not a table of numbers"):
        here.run(X)


@pytest.mark.parametrize(
    "row",
    [
        [Fraction(1, 2), Decimal(2)],
        [np.float16(0.5), np.longdouble(2)],
        [np.array(0.5), np.array(2)],
        range(2),
        deque([0.5, 2]),
        array("d", [0.5, 2]),
        memoryview(np.array([0.5, 2])),
        pd.Series([0.5, 2], dtype="Float64"),
        np.ma.array([0.5, 2]),
        [True, np.int8(2)],
    ],
    ids=lambda row: type(row[0]).__name__,
)
def test_all_kinds_of_numbers_are_taken(here: nr.Network, row: Any) -> None:
    numbers = [float(value) for value in row]
    assert here.run(row).tolist() == here.run(numbers).tolist()
    assert here.run([row, row])[1].tolist() == here.run(numbers).tolist()
    here.observe(row, 0)
    assert here.sample("train", 0)[0].tolist() == numbers


def test_regressors_check_the_width_of_their_outputs(regressor: nr.Network) -> None:
    with pytest.raises(nr.ValuesError, match="ERR outputs: rows of 1 are needed"):
        regressor.observe_many(X2, X2)


def test_numbers_that_floats_do_not_hold_are_told_once(
    db: nr.Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr("nr.rounding._told", set())
    net = db.create("net", "regressor", [1, 1])
    with caplog.at_level("WARNING", "nr"):
        net.observe([16777216], 0.1)
        net.observe_many([[1.5], [1e9]], [0.1, 3])
        assert not caplog.records
        net.observe([16777217], 1)
        net.observe([16777217], 1)
        net.observe_many([[1764237600123], [1764237600124]], [1, 2])
        net.observe_many(np.array([[16777217.0]]), [2])
    assert net.info().rounded == 2
    told = [record.getMessage().split(":")[0] for record in caplog.records]
    server = "module" in request.node.name  # which has no log of ours
    assert told == (["inputs"] if server else ["net", "inputs"])
