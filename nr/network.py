"""Networks: the NR.* commands on one key as typed methods, with arrays in and out.

Everything here is a command to the database and nothing else (nr/calls says which), so it works
the same over every driver. The one short cut is running: a backend that runs networks in this
process hands out the network itself, which spares a call the way through a command's text.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast, overload
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nr import calls, packing
from nr.calls import Call, forecasts, networks, running, samples, trainings, words
from nr.commands.explanation import Explanation, Which
from nr.commands.info import Info
from nr.commands.options import ConfigureOptions, Dataset
from nr.contracts.backend import HasBackend
from nr.contracts.capabilities import RunsHere, capability
from nr.errors import CommandError
from nr.fields import Field
from nr.generators import GeneratorMethods
from nr.judging import JudgedMethods
from nr.training import Training
from nr.values import PLAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SINGLE = np.dtype(np.float32)
_Array = np.ndarray
_LISTS = {list, tuple}
# What the short ways raise for a row that the long way has to look at.
_WRONG = (struct.error, TypeError, ValueError, OverflowError, CommandError)
_T = TypeVar("_T")


class Network(JudgedMethods, GeneratorMethods):
    """One network of a database, by its key. It holds nothing: the key may come and go.

    All methods raise NotFoundError where it has gone, and BackendError.
    """

    def __init__(self, db: HasBackend, key: bytes) -> None:
        self.db = db
        self.key = key
        runs = capability(db.backend, RunsHere)
        self._runner: running.Runner | None = runs.runner if runs else None

    @property
    def name(self) -> str:
        """The key as text."""
        return words.name_of(self.key)

    def __repr__(self) -> str:
        return f"<nr.Network {self.name!r}>"

    def _do(self, call: Call[_T]) -> _T:
        return calls.drive(self.db.backend, call)

    # ---- samples ----

    def observe(
        self,
        x: Any,
        y: Any = samples.AMONG_THEM,
        to: Dataset | None = None,
        *,
        weight: float | None = None,
    ) -> tuple[int, int]:
        """Adds one sample; returns how many there are now, (training, testing).

        ``x`` has shape (inputs,); ``y`` is a regressor's outputs, shape (outputs,), or a
        classifier's class id. Of a network with fields ``x`` is a mapping of their names and
        values, outputs among them: ``net.observe({"age": 33, "joined": "yes"})``. ``to`` is
        ``"train"`` or ``"test"``; without, the dataset that is less full. A mapping may have a
        ``weight`` above 0: the sample counts so often in training. Raises CommandError, and
        ValuesError for what is no number.
        """
        return self._do(samples.observe(self.db.backend, self.key, x, y, to, weight))

    def observe_many(
        self,
        X: ArrayLike | Any,
        Y: ArrayLike | None = None,
        to: Dataset | None = None,
        *,
        ignore_extra: bool = False,
        weights: ArrayLike | None = None,
    ) -> tuple[int, int]:
        """Adds samples, one a row; returns how many there are now, (training, testing).

        Of a network with fields ``X`` is a frame (pandas, polars, Arrow) whose columns have their
        names, in any order, a list of mappings, or a numpy array with named fields, outputs among
        them; None, NaN, NaT and pandas.NA are missing values. ``ignore_extra`` leaves out what is
        no field, which is an error without; ``weights`` say how often each row counts. 10,000 rows
        go in one step. Of other networks:

        ``X`` has shape (n, inputs), and may be a sparse matrix of scipy; ``Y`` (n, outputs), or
        (n,) for class ids and for one output. Up to 64 MB of samples are added all or none (in
        plain Redis 10,000, or 8 MB; of a sparse matrix 16 MB); more go in several steps, after all
        of them have been checked. Raises ValuesError, which names the row and the column.
        """
        rows = X, Y, to, ignore_extra, weights
        return self._do(samples.observe_many(self.db.backend, self.key, *rows))

    def observe_query(
        self,
        sql: str,
        target: str | Sequence[str],
        to: Dataset | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        progress: bool = False,
        replace: bool = False,
        by: str | None = None,
    ) -> tuple[int, int]:
        """Adds the rows of a query on the same SQL database, all or none; returns as ``observe``.

        ``target`` names the column of outputs, or of class ids, or several of them; the others
        are the inputs, in the query's order. Of a network with fields columns have their names, and
        text, NULL, truth values and times are taken as they are. ``parameters`` are the values of
        ``:names`` in it. Rows are streamed, so that any number of them fits; ``progress`` shows a
        bar. ``replace`` drops the samples that were there before, of the dataset ``to`` or of both,
        in the same transaction. Of a forecaster rows are steps, in the query's order; ``by`` names
        the column of their series. Raises ValuesError, which names column and row of what is no
        number where one is needed.
        """
        query = sql, target, to, parameters, progress, replace, by
        return self._do(samples.observe_query(self.db.backend, self.key, *query))

    def observe_series(
        self,
        frame: Any,
        *,
        time: str | None = None,
        value: str | None = None,
        by: str | None = None,
    ) -> dict[str, int]:
        """Adds the rows of a frame as steps of a forecaster's series; how many each has now.

        Columns: ``time`` to sort by, ``by`` names the series, ``value`` is the output."""
        return self._do(forecasts.observe_series(self.key, frame, time, value, by))

    def forecast(self, series: str | None = None, interval: float | None = None) -> Any:
        """What comes next of a series: shape (horizon,), of several outputs a dictionary.

        With ``interval``, 0.9 say, lower, value, upper, with that probability."""
        return self._do(forecasts.forecast(self.key, series, interval))

    def plot_forecast(self, series: str | None = None, interval: float | None = 0.9) -> Figure:
        """A figure, as ``plot``: the latest steps of a series, the forecast, its interval."""
        from nr.forecast_plot import figure

        return self._do(figure(self.key, series, interval))

    def sample(self, dataset: Dataset, row: int) -> Any:
        """Inputs and outputs (one-hot for a classifier) of one sample of ``"train"`` or ``"test"``.

        Two arrays; of a network with fields a dictionary of values, None where one is missing.
        Rows are counted from 0. Raises RowError, which is an IndexError, behind the last one.
        """
        return self._do(samples.sample(self.key, dataset, row))

    def samples(self, dataset: Dataset, first: int = 0, last: int | None = None) -> list[Any]:
        """Those of the rows from ``first`` to ``last``, as ``sample`` gives each.

        One step, of up to 10,000 rows and 16 MB; without ``last`` as many as it takes.
        """
        return self._do(samples.sample_range(self.key, dataset, first, last))

    # ---- running ----

    @overload
    def run(self, x: Mapping[str, Any], *, ignore_extra: bool = ...) -> dict[str, float]: ...
    @overload
    def run(
        self, x: Mapping[str, Any], *, ignore_extra: bool = ..., interval: float
    ) -> dict[str, tuple[float, float, float]]: ...
    @overload
    def run(self, x: ArrayLike, *, interval: float | None = ...) -> NDArray[np.float64]: ...
    @overload
    def run(self, x: Any, *, ignore_extra: bool = ..., interval: float | None = ...) -> Any: ...
    def run(self, x: Any, *, ignore_extra: bool = False, interval: float | None = None) -> Any:
        """The outputs: shape (inputs,) in, (outputs,) out, or (n, inputs) in, (n, outputs) out.

        A classifier's are the probabilities of its classes. Of a network with fields ``x`` is a
        mapping of names and values, and so is what is returned: ``{"no": 0.2, "yes": 0.8}``; a
        list of mappings gives a list, a frame a frame of the same library; ``ignore_extra`` leaves
        out what is no input, which is an error without. With ``interval``, 0.9 say, a regressor's
        output is lower, value, upper, between which the truth will be with that probability: shape
        (outputs, 3) or (n, outputs, 3), a tuple by name, in a frame the columns ``price_lower``,
        ``price`` and ``price_upper``. A sparse matrix of scipy is run 16 MB at a time. Raises
        ValuesError, which names the row and the column, and CommandError.
        """
        runner = self._runner
        if runner and ignore_extra is False and interval is None:
            try:
                if type(x) is _Array:
                    if x.dtype is _SINGLE and x.ndim == 1:
                        net = runner(self.key)
                        if x.size == net.inputs:
                            return net.run_packed(x.tobytes())
                    elif x.ndim == 1 and x.dtype.kind in "biuf":
                        return runner(self.key).run_row(x.tolist())
                elif type(x) is dict:
                    return runner(self.key).outputs_of(packing.packed(x))
                elif type(x) in _LISTS and PLAIN.issuperset(map(type, x)):
                    return runner(self.key).run_row(x)
            except _WRONG:
                pass  # the long way knows
        return self._do(running.run(self.key, x, self._runner, ignore_extra, interval))

    @overload
    def classify(self, x: Mapping[str, Any], *, ignore_extra: bool = ...) -> str: ...
    @overload
    def classify(
        self, x: Mapping[str, Any], *, ignore_extra: bool = ..., sure: float
    ) -> str | None: ...
    @overload
    def classify(self, x: Sequence[float]) -> int: ...
    @overload
    def classify(self, x: Sequence[float], *, sure: float) -> int | None: ...
    @overload
    def classify(self, x: Sequence[Sequence[float]]) -> NDArray[np.int64]: ...
    @overload
    def classify(self, x: Any, *, ignore_extra: bool = ..., sure: float | None = ...) -> Any: ...
    def classify(self, x: Any, *, ignore_extra: bool = False, sure: float | None = None) -> Any:
        """The class id of one row, an int, or those of n rows, an int64 array of shape (n,).

        Of a network with fields, where ``x`` is as for ``run``, classes are their names. With
        ``sure``, 0.8 say, a class whose probability is less is None. Raises as ``run`` does.
        """
        runner = self._runner
        if runner and ignore_extra is False and sure is None:
            try:
                if type(x) in _LISTS and PLAIN.issuperset(map(type, x)):
                    net = runner(self.key)
                    return net.classify_packed(net.pack(x))
                if type(x) is dict:
                    return runner(self.key).class_of(packing.packed(x))
            except _WRONG:
                pass  # the long way knows
        return self._do(running.classify(self.key, x, runner, ignore_extra, sure))

    def explain(
        self, row: Any, top: int | None = None, of: Which = None, *, ignore_extra: bool = False
    ) -> Explanation:
        """What the answer to one row rests on: Shapley values of its fields, or inputs.

        In log-odds of its class, or of ``of``; in the unit of a regressor's output, of several of
        ``of``. ``top``: the largest, others as one. Row, ``ignore_extra`` and errors as of ``run``.
        """
        return self._do(running.explain(self.key, row, top, of, ignore_extra))

    # ---- training ----

    def train(
        self,
        *,
        maxcycles: int | None = None,
        timeout: float | None = None,
        maxtime: int | None = None,
        autostop: bool | None = None,
        backtrack: bool | None = None,
    ) -> Training:
        """Starts a training in the background.

        ``autostop`` ends it when overfitting sets in, ``backtrack`` makes the best of what the
        testing dataset has told; None, the default, is both where there are testing samples.
        (With ``classic=True`` and a limit it is neither.) It ends after ``maxcycles`` cycles and
        ``timeout`` seconds at the latest; 0 is no limit, of either. Without a timeout that is
        10 seconds, and where both are on 10 for each 10,000 samples, if there are more.
        (``maxtime``, in milliseconds, is deprecated.) Raises CommandError.
        """
        if maxtime is not None:
            warn(words.MAXTIME, DeprecationWarning, stacklevel=2)
        limits = maxcycles, words.maxtime(timeout, maxtime), autostop, backtrack
        course = self._do(trainings.train(self.db.backend, self.key, *limits))
        return Training(self.db.backend, course)

    def reset(self) -> None:
        """New random weights; statistics go, samples stay, a training is stopped and dropped."""
        self._do(networks.reset(self.key))

    def history(self) -> NDArray[np.float64]:
        """The course of the last training, shape (n, 4), oldest first.

        Columns: cycle, training error, testing error (mean losses a sample), per cent of wrong
        classes; NaN where nothing was tested.
        """
        return self._do(networks.history(self.key))

    def importance(self) -> Any:
        """How much the mean loss grows when an input is shuffled among samples, for each input.

        An array; of a network with fields a dictionary by their names. On the testing dataset, or
        the training dataset where that is empty. None where it was not trained yet, NaN for an
        input of which nothing can be said. (Permutation importance: Breiman, 2001.)
        """
        return self._do(networks.importance(self.key))

    def plot(self) -> Figure:
        """A figure of matplotlib's: the last training, and for two inputs a map of the answers.

        Notebooks show it; elsewhere ``net.plot().savefig("net.png")``. Raises ExtraError
        without matplotlib (the extra ``plot``).
        """
        from nr.plots import figure

        return self._do(figure(self.key))

    def clear(self, dataset: Dataset | None = None) -> int:
        """Drops the samples of a dataset, or of both; how many. The weights stay."""
        return self._do(networks.clear(self.key, dataset))

    def forget(self, values: Mapping[str, Any]) -> int:
        """Drops the samples whose fields have all of these values; how many. The weights stay.

        Only a network with fields has it: ``net.forget({"customer": "c17"})``. Raises
        CommandError.
        """
        return self._do(networks.forget(self.key, values))

    # ---- the rest ----

    def info(self) -> Info:
        """What there is to know of it."""
        return self._do(networks.info(self.key))

    def fields(self) -> tuple[Field, ...]:
        """The fields, inputs first, and what it knows of each; none where it has no names."""
        return self._do(networks.fields_of(self.key))

    def add_fields(self, kinds: Mapping[str, str]) -> None:
        """Adds inputs by name and kind, as ``{"phone": "category"}``, all or none.

        The samples stay, and lack a value there; the next training begins afresh, and until
        it has ended the network answers as before. Raises CommandError.
        """
        self._do(networks.add_fields(self.key, kinds))

    def drop_fields(self, *names: str) -> None:
        """Drops inputs by name, all or none; the samples stay, without their values there.

        As after ``add_fields``, the next training begins afresh. Raises CommandError.
        """
        self._do(networks.drop_fields(self.key, names))

    def configure(
        self, **options: Unpack[ConfigureOptions]
    ) -> dict[str, bool | float | str | None]:
        """Sets options, all or none, and returns them all: ``net.configure(optimizer="adam")``.

        None is AUTO. Raises CommandError for those that are unknown, fixed or out of range.
        """
        return self._do(networks.configure(self.key, cast(dict[str, Any], options)))

    def dump(self) -> bytes:
        """The whole network, samples and all, for ``Database.restore`` of any driver."""
        return self._do(networks.dump(self.key))

    def to_onnx(self) -> bytes:
        """A file of ONNX, without samples (extra ``onnx``); nr.onnx tells what goes in and out."""
        from nr.onnx import export

        return self._do(export(self.key))

    def _repr_html_(self) -> str:
        return self._do(networks.shown(self.key))
