"""Networks as estimators of scikit-learn (extra `sklearn`), for pipelines, searches and scores.

    from nr.sklearn import NetworkClassifier

    model = NetworkClassifier(random_state=1).fit(frame, frame.pop("joined"))
    model.predict_proba(others)

A frame is a network with fields, one a column, whose kinds are guessed as by
``Database.create_from``. An array is a network of one field, ``x:vector(n)``: that learns the same
as a plain network, and takes weights, chooses its own layout and keeps the classes' names. Rows of
an array that are equal are one sample with the sum of their weights, in an order that follows from
their values alone; so a weight of 2 and a row given twice are the same to the bit.

The network lies in memory, and its dump goes along with a pickle. ``url`` and ``key`` put what came
of a fit into a store as well, for others to ask; the estimator goes on asking its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nr.database import connect
from nr.errors import ExtraError
from nr.fields import blobs, text
from nr.frames import Table, column, free, guessed, is_frame, take, words
from nr.frames import names as columns_of
from nr.network import Network

try:
    from sklearn.base import (  # type: ignore[import-untyped]
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
    )
    from sklearn.utils import check_random_state  # type: ignore[import-untyped]
    from sklearn.utils.multiclass import (  # type: ignore[import-untyped]
        check_classification_targets,
    )
    from sklearn.utils.validation import (  # type: ignore[import-untyped]
        _check_sample_weight,
        check_array,
        check_consistent_length,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:
    raise ExtraError("Estimators need scikit-learn 1.6 or later: pip install 'nr[sklearn]'") from (
        error
    )

_KEY = b"network"
_CYCLES = (
    1000  # without testing samples, which say when it is enough; by time it would be by chance
)
_OPTIONS = (
    *("activation", "batch", "classweights", "dropout", "l2", "learnrate", "loss"),
    *("members", "optimizer", "patience", "threads"),
)


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What classifiers and regressors have in common; docs/sklearn.md explains the parameters."""

    _kind: Literal["classifier", "regressor"]

    def __init__(
        self,
        *,
        hidden: Sequence[int] | Literal["auto", "linear"] = "auto",
        kinds: Mapping[str, str] | None = None,
        validation_fraction: float = 1 / 3,
        maxcycles: int | None = None,
        timeout: float | None = None,
        activation: Literal["sigmoid", "tanh", "relu", "leakyrelu"] | None = None,
        batch: int | None = None,
        classweights: Literal["none", "balanced"] | None = None,
        dropout: float | None = None,
        l2: float | None = None,
        learnrate: float | None = None,
        loss: Literal["mse", "crossentropy"] | None = None,
        members: int | None = None,
        optimizer: Literal["rprop", "adam", "sgd"] | None = None,
        patience: int | None = None,
        threads: int | None = None,
        random_state: Any = None,
        url: str | None = None,
        key: str | None = None,
    ) -> None:
        self.hidden = hidden
        self.kinds = kinds
        self.validation_fraction = validation_fraction
        self.maxcycles = maxcycles
        self.timeout = timeout
        self.activation = activation
        self.batch = batch
        self.classweights = classweights
        self.dropout = dropout
        self.l2 = l2
        self.learnrate = learnrate
        self.loss = loss
        self.members = members
        self.optimizer = optimizer
        self.patience = patience
        self.threads = threads
        self.random_state = random_state
        self.url = url
        self.key = key

    # ---- fitting ----

    def _learn(self, X: Any, y: NDArray[Any], weights: Any, names: Sequence[str]) -> None:
        """Fits a network to inputs as they were given, and to columns of outputs."""
        if (self.url is None) != (self.key is None):
            raise ValueError("url and key say together where the network is to be kept")
        random = check_random_state(self.random_state)
        kinds, table = self._inputs(X)
        targets = [free(name, kinds) for name in names]
        outputs = dict(zip(targets, y.T, strict=True))
        samples = Table({**table.arrays, **outputs}, table.rows)
        net = self._created(kinds, targets, table.rows, int(random.randint(2**31 - 1)))
        net.observe_many(samples, weights=weights)
        cycles = self.maxcycles
        if cycles is None and not net.info().test_len:
            cycles = _CYCLES
        net.train(maxcycles=cycles, timeout=self.timeout).wait()
        self._keep(net, targets)

    def _inputs(self, X: Any) -> tuple[dict[str, str], Table]:
        """The inputs' kinds by name, and their columns."""
        if not _is_frame(X):
            self._fields: list[str] | None = None
            return {"x": f"vector({X.shape[1]})"}, self._table(X)
        self._fields = words(columns_of(X))
        table = self._table(X)
        fields = dict(zip(map(str, columns_of(X)), self._fields, strict=True))
        unknown = [name for name in self.kinds or () if name not in fields]
        if unknown:
            raise ValueError(f"kinds names columns that there are not: {', '.join(unknown)}")
        said = {fields[name]: kind for name, kind in (self.kinds or {}).items()}
        return guessed(table, "") | said, table

    def _table(self, X: Any) -> Table:
        if self._fields is None:
            return Table({"x": np.asarray(X, np.float32)}, len(X))
        columns = [column(X, name) for name in columns_of(X)] if _is_frame(X) else np.asarray(X).T
        return Table(dict(zip(self._fields, columns, strict=True)), len(X))

    def _created(
        self, kinds: Mapping[str, str], targets: list[str], rows: int, seed: int
    ) -> Network:
        testing = int(rows * self.validation_fraction)
        sizes: dict[str, Any] = {"dataset": rows - testing, "test": testing, "seed": seed}
        given = {name: getattr(self, name) for name in _OPTIONS}
        sizes |= {name: value for name, value in given.items() if value is not None}
        db = connect("memory://")
        return db.create(_KEY, self._kind, kinds, target=targets, hidden=self.hidden, **sizes)

    def _keep(self, net: Network, targets: list[str]) -> None:
        """The network is this estimator's, and lies in the store that was named as well."""
        self.network_ = net
        self._targets = targets
        if self.url is not None and self.key is not None:
            with connect(self.url) as db:
                db.restore(self.key, net.dump(), replace=True)

    # ---- running ----

    def _outputs(self, X: Any) -> tuple[list[str], NDArray[np.float64]]:
        """The outputs' names, and their values, shape (rows, outputs)."""
        check_is_fitted(self, "network_")
        if _is_frame(X):
            validate_data(self, X, reset=False, skip_check_array=True)
        if not _is_frame(X) or self._fields is None:
            X = validate_data(self, X, reset=False, **self._checks())
        replies: list[Any] = []
        for form, blob in blobs(self._table(X)):
            reply: Any = self.network_.db.backend.execute(b"NR.RUN", _KEY, form.encode(), blob)
            replies += reply
        names = [text(name) for name in replies[0][::2]]
        return names, np.array([reply[1::2] for reply in replies], np.float64)

    def _checks(self) -> dict[str, Any]:
        """What arrays are held to: those of a frame's columns may have text and gaps."""
        if getattr(self, "_fields", None) is not None:
            return {"dtype": None, "ensure_all_finite": False}
        return {"dtype": np.float64}

    # ---- pickling ----

    def __getstate__(self) -> dict[str, Any]:
        """The network as its dump: connections and threads stay here."""
        state = dict(super().__getstate__())
        if "network_" in state:
            state["network_"] = state["network_"].dump()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "network_" in state:
            state = state | {"network_": connect("memory://").restore(_KEY, state["network_"])}
        super().__setstate__(state)


class NetworkClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier of nr: frames with text, categories and gaps as they are, or arrays.

    After ``fit`` there are ``classes_``, ``n_features_in_``, ``feature_names_in_`` where the
    columns of a frame have names, and ``network_``, the ``nr.Network`` that was learned.
    """

    _kind = "classifier"

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learns the classes ``y``, shape (n,), of samples ``X``, shape (n, features).

        A sample counts as often as its weight says, not at all with 0. Raises ValueError.
        """
        self.__dict__.pop("_fields", None)
        name = _name_of(y)
        X, y = _checked(self, X, y, {"dtype": np.float64})
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        X, labels, weights = _weighed(X, labels, sample_weight)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("A classifier takes samples of two classes or more, there is 1 class")
        X, codes, weights = _merged(X, codes.reshape(-1, 1), weights)
        self._classes = _class_names(self.classes_)
        named = np.array(self._classes, object)[codes.astype(int)]
        self._learn(X, named, weights, [name])
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probabilities of ``classes_``, shape (n, classes)."""
        names, found = self._outputs(X)
        found = found[:, [names.index(name) for name in self._classes]]
        probabilities: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
        return probabilities

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Their natural logarithms."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable of ``classes_``, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[best]
        return found


class NetworkRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regressor of nr, of one output or several; as NetworkClassifier."""

    _kind = "regressor"

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learns the numbers ``y``, shape (n,) or (n, outputs), of samples (n, features)."""
        self.__dict__.pop("_fields", None)
        given = y
        X, y = _checked(self, X, y, {"dtype": np.float64, "y_numeric": True})
        X, values, weights = _weighed(X, np.asarray(y), sample_weight)
        self._flat = values.ndim == 1
        table = values.reshape(len(values), -1)
        names = [_name_of(given)]
        if table.shape[1] > 1:
            names = [str(name) for name in getattr(given, "columns", range(table.shape[1]))]
        X, table, weights = _merged(X, table, weights)
        self._learn(X, table, weights, [f"y{n}" if n.isdigit() else n for n in names])
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The outputs, shape (n,) or (n, outputs), as ``y`` was."""
        names, found = self._outputs(X)
        found = found[:, [names.index(name) for name in self._targets]]
        return found.ravel() if self._flat else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


# ---- what is given ----


def _is_frame(X: Any) -> bool:
    """Whether its columns have names, or what is no number; numbers without names are an array."""
    if not is_frame(X):
        return False
    named = any(isinstance(name, str) for name in columns_of(X))
    return named or any(getattr(dtype, "kind", "O") not in "biuf" for dtype in X.dtypes)


def _checked(estimator: Any, X: Any, y: Any, checks: dict[str, Any]) -> tuple[Any, Any]:
    """X and y as scikit-learn wants them; a frame as it is."""
    if not _is_frame(X):
        found: tuple[Any, Any] = validate_data(estimator, X, y, multi_output=True, **checks)
        return found
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    validate_data(estimator, X, skip_check_array=True)
    numeric = {"dtype": "numeric"} if "y_numeric" in checks else {"dtype": None}
    y = check_array(y, ensure_2d=False, **numeric)
    check_consistent_length(X, y)
    return X, y


def _weighed(X: Any, y: NDArray[Any], given: ArrayLike | None) -> tuple[Any, NDArray[Any], Any]:
    """The samples without those that weigh nothing, and their weights, None where all are 1."""
    if given is None:
        return X, y, None
    weights = _check_sample_weight(given, np.empty((len(y), 1)), dtype=np.float64)
    if (weights < 0).any():
        raise ValueError("Negative values in sample_weight: 0 or more are needed")
    some = weights > 0
    if not some.any():
        raise ValueError("All sample_weight are 0: no sample and no class is left")
    if some.all():
        return X, y, weights
    if _is_frame(X):
        kept = take(X, {name: name for name in columns_of(X)}, np.flatnonzero(some))
    return (kept if _is_frame(X) else X[some]), y[some], weights[some]


def _merged(X: Any, y: NDArray[Any], weights: Any) -> tuple[Any, NDArray[Any], Any]:
    """The rows of an array that differ, with the sum of their weights; a frame as it is.

    A row is its bytes as float32, which the network learns from; by these they are sorted, so
    that the order in which they were given says nothing.
    """
    if _is_frame(X):
        return X, y, weights
    with np.errstate(over="ignore"):
        rows = np.hstack([X, y]).astype(np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("Input X or y contains infinity or a value too large for float32.")
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * 4))).ravel()
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    sums = np.bincount(same, weights, len(first)).astype(np.float64)
    order = np.random.RandomState(0).permutation(len(first))  # what is sorted has a pattern
    first, sums = first[order], sums[order]
    return X[first], y[first], None if (sums == 1).all() else sums


# ---- names ----


def _name_of(y: Any) -> str:
    """What the output is called: as the column that it is, if that has a name."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "y"


def _class_names(classes: NDArray[Any]) -> list[str]:
    """What the network calls them: as they are written, or their numbers where that will not do."""
    names = [str(name) for name in classes]
    fit = len({*names}) == len(names) and all(name.strip() == name and name for name in names)
    return names if fit else [str(number) for number in range(len(names))]
