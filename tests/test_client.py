import dataclasses
import pickle
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
from nr.backends import Backend
from nr.backends.store import Bulk
from nr.engine import Reply


class OverTheWire:
    """A backend that has commands only, as one that forwards them to a server."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.sent: list[bytes] = []

    def execute(self, *argv: bytes) -> Reply:
        self.sent.append(argv[0])
        return self.backend.execute(*argv)

    def close(self) -> None:
        self.backend.close()


MASKED = np.ma.masked_equal([[1.0, 2.0], [3.0, -9999.0]], -9999)
DAY = np.datetime64("2020-01-01")


@pytest.fixture(params=["here", "elsewhere"])
def db(request: pytest.FixtureRequest, backend: Backend) -> nr.Database:
    """Networks that run in this process, and such that cannot."""
    return nr.Database(backend if request.param == "here" else OverTheWire(backend))


@pytest.fixture
def here(memory: Backend) -> nr.Network:
    """For values that never reach a driver."""
    return nr.Database(memory).create("c", "classifier", [2, 4, 3], seed=1, dataset=50, test=10)


@pytest.fixture
def classifier(db: nr.Database) -> nr.Network:
    return db.create("c", "classifier", [2, 4, 3], seed=1, dataset=50, test=10)


@pytest.fixture
def regressor(db: nr.Database) -> nr.Network:
    return db.create("r", "regressor", [2, 1], seed=1, dataset=50, test=0)


# ---- commands ----


def test_a_line_is_split_and_arguments_are_not(db: nr.Database) -> None:
    assert db.execute('NR.CREATE "a b" regressor 1 -> 1') == 2
    assert db.execute("NR.INFO", "a b")[5] == 0
    assert db.execute(b"NR.LIST") == [b"a b"]


@pytest.mark.parametrize(
    "number",
    [1, 0.1, 1e-30, -2.5, True, np.float32(0.1), np.float64(1 / 3), np.int64(7), np.bool_(1)],
)
def test_numbers_keep_their_digits(regressor: nr.Network, number: float) -> None:
    regressor.db.execute("NR.OBSERVE", "r", number, number, "->", number)
    x, y = regressor.sample("train", 0)
    assert x[0] == y[0] == np.float32(number)


@pytest.mark.parametrize(
    "argument",
    [
        *(None, [1], {}, np.zeros(2), 1j, np.complex128(3), DAY, np.timedelta64(3, "D")),
        *(pd.NaT, np.ma.masked, datetime(2020, 1, 1), object(), float),
    ],
)
def test_what_is_no_argument_is_refused(db: nr.Database, argument: object) -> None:
    with pytest.raises(nr.CommandError, match="an argument of a command is text, bytes or a"):
        db.execute("NR.RUN", "net", argument)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "argument",
    [10**5000, Fraction(10**400), Decimal("sNaN"), memoryview(b"1")],
    ids=lambda argument: type(argument).__name__,
)
def test_a_number_that_has_no_digits_is_refused(db: nr.Database, argument: Any) -> None:
    if isinstance(argument, memoryview):
        argument.release()
    with pytest.raises(nr.CommandError, match=r"ERR a \w+ that is no argument: "):
        db.execute("NR.RUN", "net", argument)


def test_buffers_are_arguments(regressor: nr.Network) -> None:
    blob = np.array([1, 2, 3], "<f4").tobytes()
    for form in (blob, bytearray(blob), memoryview(blob)):
        regressor.db.execute("NR.OBSERVE", "r", "FP32", form)
    assert regressor.info().train_len == 3


# ---- names ----


def test_a_database_is_a_mapping_of_names(db: nr.Database) -> None:
    for name in ("b", "a", "ü"):
        db.create(name, "regressor", [1, 1])
    assert list(db) == ["a", "b", "ü"]
    assert len(db) == 3
    assert "a" in db
    assert b"a" in db
    assert "none" not in db
    assert 3 not in db
    assert db["ü"].name == "ü"
    del db["a"]
    assert "a" not in db


def test_a_missing_name_is_a_key_error(db: nr.Database) -> None:
    with pytest.raises(KeyError, match=r"^ERR no such key: 'none'$"):
        db["none"]
    with pytest.raises(KeyError, match=r"^ERR no such key: b'\\xff'$"):
        del db[b"\xff"]


def test_odd_bytes_come_back(db: nr.Database) -> None:
    db.create(b"\xff \x00", "regressor", [1, 1])
    (name,) = db
    assert name in db
    assert db[name].key == b"\xff \x00"
    assert db[name].info().layout == (1, 1)
    assert "<td>\\udcff" in db._repr_html_()


def test_an_empty_database_is_true(db: nr.Database) -> None:
    assert db


def test_a_deleted_network_raises(db: nr.Database, regressor: nr.Network) -> None:
    del db["r"]
    for call in (regressor.info, regressor.dump, regressor.train, lambda: regressor.run([1, 2])):
        with pytest.raises(KeyError):
            call()


def test_a_network_shows_itself(regressor: nr.Network, classifier: nr.Network) -> None:
    assert repr(regressor) == "<nr.Network 'r'>"
    assert "<td>2-1</td>" in regressor._repr_html_()
    assert "wrong classes" in classifier._repr_html_()
    table = classifier.db._repr_html_()
    assert "<td>c</td><td>classifier</td><td>2-4-3</td>" in table


def test_names_are_escaped_in_html(db: nr.Database) -> None:
    net = db.create("<script>", "regressor", [1, 1])
    assert "<script>" not in net._repr_html_() + db._repr_html_()


# ---- creating ----


def test_create_passes_every_option_on(db: nr.Database) -> None:
    net = db.create(
        "net", "classifier", np.array([3, 4, 2]), normalize=True, dataset=7, test=0, seed=3,
        activation="relu", optimizer="adam", learnrate=0.1, l2=None, threads=2, batch=8,
    )  # fmt: skip
    info = net.info()
    assert (info.type, info.layout, info.normalize) == ("classifier", (3, 4, 2), True)
    assert (info.train_maxlen, info.test_maxlen, info.parameters) == (7, 0, 26)
    assert net.configure() == {
        "normalize": True, "classic": False, "seed": 3, "activation": "relu",
        "loss": "crossentropy", "optimizer": "adam", "learnrate": 0.1, "l2": None,
        "batch": 8, "patience": None, "threads": 2, "members": 8, "classweights": "none",
    }  # fmt: skip
    assert db.create("old", "regressor", [1, 1], classic=True).configure()["classic"] is True


def test_create_without_a_seed_differs_each_time(db: nr.Database) -> None:
    one, two = (db.create(name, "regressor", [3, 3, 1]) for name in "ab")
    assert one.run([1, 2, 3]) != two.run([1, 2, 3])


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        *[(layout, "ERR invalid units count") for layout in ([], [1], [2, 0, 1], [2, -3, 1])],
        *[(layout, "a list of whole numbers") for layout in (5, "2-3-1", [2.5, 1], ["x", 1])],
    ],
)
def test_create_refuses_a_bad_layout(db: nr.Database, layout: list[int], text: str) -> None:
    with pytest.raises(nr.CommandError, match=text):
        db.create("net", "regressor", layout)
    assert list(db) == []


def test_create_takes_one_that_exists_if_it_may(db: nr.Database) -> None:
    wanted: tuple[Any, ...] = ("net", "Classifier", (2, 3, 2))
    db.create(*wanted, seed=1, exist_ok=True).observe([1, 2], 1)
    with pytest.raises(nr.BusyError, match=r"^ERR the key name is busy$"):
        db.create(*wanted)
    again = db.create(*wanted, seed=2, normalize=True, exist_ok=True)
    assert (again.info().train_len, again.configure()["seed"]) == (1, 1)
    text = "'net' is a classifier of 2-3-2, not a "
    for other in ("regressor", [2, 3, 2]), ("classifier", [2, 4, 2]):
        with pytest.raises(nr.BusyError, match=f"^ERR the key name is busy: {text}{other[0]}"):
            db.create("net", *other, exist_ok=True)  # type: ignore[arg-type]
    with pytest.raises(nr.CommandError, match=r"ERR unknown|ERR Syntax error"):
        db.create(*wanted, exist_ok=True, colour=3)


def test_one_training_at_a_time_is_an_error_of_its_own(regressor: nr.Network) -> None:
    regressor.observe([1, 2], 3)
    training = regressor.train(maxtime=0)
    with pytest.raises(
        nr.TrainingError, match=r"^ERR neural network training already in progress$"
    ):
        regressor.train()
    training.stop()
    assert training.wait()


def test_create_refuses_a_bad_option(db: nr.Database) -> None:
    with pytest.raises(nr.CommandError, match="unknown option 'colour'"):
        db.create("net", "regressor", [1, 1], colour=3)


def test_a_flag_is_a_truth_and_nothing_else(db: nr.Database) -> None:
    for value in ("yes", 1, None):
        with pytest.raises(nr.ValuesError, match="ERR normalize is True or False, not "):
            db.create("net", "regressor", [1, 1], normalize=value)  # type: ignore[arg-type]
    assert db.create("net", "regressor", [1, 1], normalize=np.bool_(True)).info().normalize


def test_configure_sets_and_returns(regressor: nr.Network) -> None:
    options = regressor.configure(optimizer="sgd", learnrate=1e-3, threads=2)
    assert (options["optimizer"], options["learnrate"]) == ("sgd", 1e-3)
    assert regressor.configure(learnrate=None)["learnrate"] is None
    with pytest.raises(nr.CommandError, match="SEED is fixed"):
        regressor.configure(seed=3)


# ---- samples ----


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
        ({"a": 1, "b": 2}, 0, "ERR inputs: a number, list or array is needed, not a dict"),
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
    monkeypatch.setattr("nr.network._BULK", Bulk(size=100))
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


# ---- running ----


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
        ({"a": 1}, "ERR inputs"),
        (10**400, "ERR inputs"),
        ([10**400, 1], "ERR inputs"),
    ],
)
def test_running_says_what_is_wrong(
    classifier: nr.Network, method: str, x: object, text: str
) -> None:
    with pytest.raises(nr.ValuesError, match=text):
        getattr(classifier, method)(x)


def test_run_sees_what_was_trained_reset_and_created_anew(
    db: nr.Database, regressor: nr.Network
) -> None:
    seen = [regressor.run([1, 2])[0]]
    regressor.observe_many(X2, [9, 9], to="train")
    assert regressor.run([1, 2])[0] == seen[0]
    regressor.train(maxcycles=30).wait()
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


# ---- the rest ----


def test_info_is_frozen_and_typed(classifier: nr.Network, regressor: nr.Network) -> None:
    classifier.observe_many([[1, 2]] * 9, [1] * 9)
    classifier.train(maxcycles=4, maxtime=0).wait()
    info = classifier.info()
    assert dataclasses.asdict(info) == {
        "id": info.id, "type": "classifier", "normalize": False, "training": False,
        "layout": (2, 4, 3), "train_maxlen": 50, "train_len": 7, "test_maxlen": 10, "test_len": 2,
        "steps": 28, "cycles": 4, "seconds": info.seconds, "train_error": info.train_error,
        "test_error": info.test_error, "overfitting": False, "ended_by": "cycles",
        "parameters": 27, "class_errors": info.class_errors,
    }  # fmt: skip
    assert isinstance(info.seconds, float)
    assert info.train_error > 0
    assert info.class_errors is not None
    assert regressor.info().class_errors is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.id = 3  # type: ignore[misc]


def test_history_has_a_row_a_point(classifier: nr.Network, regressor: nr.Network) -> None:
    assert classifier.history().shape == (0, 4)
    classifier.observe_many([[1, 2], [3, 4]] * 6, [1, 2] * 6)
    classifier.train(maxcycles=7, maxtime=0).wait()
    history = classifier.history()
    assert history.shape == (7, 4)
    assert history[-1, 0] == 7
    assert (history[:, 1:3] > 0).all()
    assert ((history[:, 3] >= 0) & (history[:, 3] <= 100)).all()
    regressor.observe([1, 2], 3)
    regressor.train(maxcycles=2, maxtime=0).wait()
    assert np.isnan(regressor.history()[:, 2:]).all()


def test_dump_and_restore(db: nr.Database, classifier: nr.Network) -> None:
    classifier.observe([1, 2], 2)
    blob = classifier.dump()
    copy = db.restore("copy", blob)
    assert np.array_equal(copy.run([1, 2]), classifier.run([1, 2]))
    assert copy.sample("train", 0)[1].tolist() == [0, 0, 1]
    with pytest.raises(nr.BusyError, match=r"^ERR the key name is busy$"):
        db.restore("copy", blob)
    db.restore("copy", blob, replace=True)
    with pytest.raises(nr.CommandError, match="invalid network"):
        db.restore("copy", blob[:-1], replace=True)
    assert copy.info().train_len == 1


def test_a_database_closes_at_the_end_of_its_block() -> None:
    with nr.connect("memory://") as db:
        db.create("net", "regressor", [1, 1])
    with pytest.raises(nr.BackendError, match="closed"):
        list(db)


def test_text_that_is_no_unicode_is_refused(db: nr.Database) -> None:
    """As JSON's \\ud800 is: it has no bytes."""
    for call in (db.execute, db.__getitem__, lambda text: db.execute("NR.INFO", text)):
        with pytest.raises(nr.CommandError, match="ERR text that is no Unicode"):
            call("net\ud800")


def test_a_name_is_text_or_bytes(db: nr.Database) -> None:
    with pytest.raises(TypeError, match="a name is text or bytes, not int"):
        db[5]  # type: ignore[index]


def test_neither_a_database_nor_its_networks_are_pickled(regressor: nr.Network) -> None:
    for thing in (regressor, regressor.db):
        with pytest.raises(TypeError, match="connect anew in each process"):
            pickle.dumps(thing)


def test_decimals_are_numbers(regressor: nr.Network) -> None:
    inputs = Decimal("1.5"), Decimal(2)
    assert regressor.db.execute("NR.RUN", regressor.key, *inputs) == list(regressor.run(inputs))


@pytest.mark.parametrize("to", ["training", "", "x", 1])
def test_an_unknown_dataset_is_named(regressor: nr.Network, to: str) -> None:
    with pytest.raises(nr.ValuesError, match="ERR the dataset must be 'train' or 'test', not "):
        regressor.observe([1, 2], 3, to=to)
    assert regressor.observe([1, 2], 3, to="TRAIN") == (1, 0)


# ---- connecting ----


@pytest.mark.parametrize("url", [5, object, ["memory://"]])
def test_a_url_is_text(url: Any) -> None:
    with pytest.raises(TypeError, match=r"a URL is text, as 'memory://'.*, not ") as caught:
        nr.connect(url)
    assert repr(url) in str(caught.value)


def test_a_url_of_bytes_is_refused_without_its_password() -> None:
    with pytest.raises(TypeError, match=r"not bytes$"):
        nr.connect(b"redis://user:secret@host")  # type: ignore[arg-type]


def test_an_engine_is_sqlalchemys() -> None:
    asynchronous = SimpleNamespace(url=SimpleNamespace(drivername="sqlite"), sync_engine=None)
    for engine in "x", 5, asynchronous:
        with pytest.raises(TypeError, match=r"an engine is what sqlalchemy.create_engine\(url\)"):
            nr.connect(engine=engine)


def test_a_database_is_in_one_place() -> None:
    with pytest.raises(ValueError, match="one place, but a URL and a client were given"):
        nr.connect("redis://localhost", client=object())
    with pytest.raises(ValueError, match="one place, but a client and an engine were given"):
        nr.connect(client=object(), engine=object())


def test_a_client_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_URL", "memory://")
    with pytest.raises(nr.BackendError, match="not a synchronous redis-py client"):
        nr.connect(client=object())
