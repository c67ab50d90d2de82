"""Networks: the NR.* commands on one key as typed methods, with arrays in and out.

Everything here is a command to the database and nothing else, so it works the same over
every driver. The one short cut is running: a backend that runs networks in this process
hands out the network itself, which spares a call the way through a command's text.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Protocol, Unpack, cast, overload
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nr import fields
from nr.backends.capabilities import ObservesQueries, RunsHere, TakesBulk, capability
from nr.backends.store import Bulk
from nr.dispatcher import Argument, arguments
from nr.engine import Net, Reply, specs
from nr.errors import ArgumentError, BackendError, CommandError, RowError, ValuesError
from nr.following import Training, seconds
from nr.html import html_table, printable
from nr.info import Info, parse_info
from nr.metrics import Metrics, parse_metrics
from nr.options import ConfigureOptions, Dataset
from nr.training import Job
from nr.values import PLAIN, classes, matrix, table, vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SINGLE = np.dtype(np.float32)
_AMONG_THEM: Any = object()  # outputs that are not given: values by name have theirs
_BULK = Bulk()  # samples or inputs in one command, where no store says otherwise


class _Database(Protocol):
    @property
    def backend(self) -> Any: ...

    def execute(self, *argv: Argument) -> Reply: ...


class Network:
    """One network of a database, by its key. It holds nothing: the key may come and go.

    All methods raise NotFoundError where it has gone, and BackendError.
    """

    def __init__(self, db: _Database, key: bytes) -> None:
        self.db = db
        self.key = key
        runs = capability(db.backend, RunsHere)
        self._runner: Callable[[bytes], Net] | None = runs.runner if runs else None

    @property
    def name(self) -> str:
        """The key as text."""
        return self.key.decode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"<nr.Network {self.name!r}>"

    def _execute(self, command: str, *argv: Argument) -> Reply:
        return self.db.execute(command, self.key, *argv)

    # ---- samples ----

    def observe(
        self,
        x: Any,
        y: Any = _AMONG_THEM,
        to: Dataset | None = None,
    ) -> tuple[int, int]:
        """Adds one sample; returns how many there are now, (training, testing).

        ``x`` has shape (inputs,); ``y`` is a regressor's outputs, shape (outputs,), or a
        classifier's class id. Of a network with fields ``x`` is a mapping of their names and
        values, outputs among them: ``net.observe({"age": 33, "joined": "yes"})``. ``to`` is
        ``"train"`` or ``"test"``; without, the dataset that is less full. Raises CommandError,
        and ValuesError for what is no number.
        """
        if fields.is_row(x):
            return self._observe_named(x, y, to)
        if y is _AMONG_THEM:
            raise ValuesError("ERR outputs are missing: net.observe(inputs, outputs)")
        try:
            return self._observe(*_texts(x), b"->", *_texts(y), to=to)
        except (TypeError, OverflowError, struct.error, CommandError):
            pass  # no plain numbers, or one that is wrong: the long way knows
        inputs, outputs = vector(x, "inputs").tolist(), vector(y, "outputs").tolist()
        return self._observe(*inputs, "->", *outputs, to=to)

    def _observe_named(self, samples: Any, y: Any, to: Dataset | None) -> tuple[int, int]:
        if y is not None and y is not _AMONG_THEM:
            raise ValuesError("ERR samples with names have their outputs among them")
        counts = (0, 0)
        for form, blob in fields.blobs(samples):
            counts = self._observe(form, blob, to=to)
        return counts

    def observe_many(
        self, X: ArrayLike | Any, Y: ArrayLike | None = None, to: Dataset | None = None
    ) -> tuple[int, int]:
        """Adds samples, one a row; returns how many there are now, (training, testing).

        Of a network with fields ``X`` is a frame whose columns have their names, in any order,
        a list of mappings, or a numpy array with named fields, outputs among them; None, NaN,
        NaT and pandas.NA are missing values. 10,000 rows go in one step. Of other networks:

        ``X`` has shape (n, inputs); ``Y`` (n, outputs), or (n,) for class ids and for one
        output. Up to 64 MB of samples are added all or none (in plain Redis 10,000, or 8 MB); more
        go in several steps, after all of them have been checked. Raises ValuesError, which
        names the row and the column.
        """
        info = self.info()
        if info.fields:
            return self._observe_named(X, Y, to)
        if Y is None:
            raise ValuesError("ERR outputs are missing: net.observe_many(inputs, outputs)")
        inputs = table(matrix(X, "inputs", "row"), info.layout[0], "inputs")
        if info.type == "classifier":
            outputs = classes(Y, info.layout[-1])
        else:
            outputs = table(matrix(Y, "outputs", "row"), info.layout[-1], "outputs")
        if len(inputs) != len(outputs):
            raise ValuesError(f"ERR {len(inputs)} rows of inputs and {len(outputs)} of outputs")
        counts = info.train_len, info.test_len
        takes = capability(self.db.backend, TakesBulk)
        for chunk in _chunks(np.hstack([inputs, outputs]), takes.bulk if takes else _BULK):
            counts = self._observe("FP32", chunk, to=to)
        return counts

    def observe_query(
        self,
        sql: str,
        target: str | Sequence[str],
        to: Dataset | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        progress: bool = False,
    ) -> tuple[int, int]:
        """Adds the rows of a query on the same SQL database, all or none; returns as ``observe``.

        ``target`` names the column of outputs, or of class ids, or several of them; the others
        are the inputs, in the query's order. Of a network with fields columns have their names, and
        text, NULL, truth values and times are taken as they are. ``parameters`` are the values of
        ``:names`` in it. Rows are streamed, so that any number of them fits; ``progress`` shows a
        bar. Raises ValuesError, which names column and row, for NULL and text where numbers are
        needed, and says how to encode it.
        """
        _check_dataset(to)
        store = capability(self.db.backend, ObservesQueries)
        if not store:
            raise BackendError("only networks in a database of SQL observe queries")
        return store.observe_query(self.key, sql, target, to, parameters, progress)

    def _observe(self, *words: Argument, to: str | None) -> tuple[int, int]:
        _check_dataset(to)
        train, test = _list(self._execute("NR.OBSERVE", *words, *([to] if to else [])))
        return train, test

    def sample(self, dataset: Dataset, row: int) -> Any:
        """Inputs and outputs (one-hot for a classifier) of one sample of ``"train"`` or ``"test"``.

        Two arrays; of a network with fields a dictionary of values, None where one is missing.
        Rows are counted from 0. Raises RowError, which is an IndexError, behind the last one.
        """
        reply = self._execute("NR.GETDATA", dataset, row)
        if reply is None:
            raise RowError(f"ERR the {dataset} dataset of {self.name!r} has no row {row}")
        found = _list(reply)
        if not isinstance(found[0], list):
            return fields.values(found)
        inputs, outputs = found
        return np.array(inputs), np.array(outputs)

    # ---- running ----

    @overload
    def run(self, x: Mapping[str, Any]) -> dict[str, float]: ...
    @overload
    def run(self, x: ArrayLike) -> NDArray[np.float64]: ...
    @overload
    def run(self, x: Any) -> Any: ...
    def run(self, x: Any) -> Any:
        """The outputs: shape (inputs,) in, (outputs,) out, or (n, inputs) in, (n, outputs) out.

        A classifier's are the probabilities of its classes. Of a network with fields ``x`` is a
        mapping of names and values, and so is what is returned: ``{"no": 0.2, "yes": 0.8}``; a
        list of mappings gives a list, a frame a frame. Raises ValuesError, which names the row
        and the column, and CommandError.
        """
        if self._is_named(x):
            return self._run_named(x)
        if self._runner:
            net, row = self._runner(self.key), x
            try:
                if type(row) is np.ndarray and row.ndim == 1:
                    if row.dtype is _SINGLE and row.size == net.inputs:
                        return net.run_packed(row.tobytes())
                    if row.dtype.kind in "biuf":
                        row = row.tolist()
                if isinstance(row, list | tuple) and PLAIN.issuperset(map(type, row)):
                    return net.run_row(row)
            except (struct.error, OverflowError, CommandError):
                pass  # several rows, or one that is wrong: the long way knows
        net_or_none, rows, single = self._rows(x)
        if net_or_none:
            found = net_or_none.run(rows).astype(np.float64)
        else:
            blobs = [self._execute("NR.RUN", "FP32", chunk) for chunk in _chunks(rows, _BULK)]
            joined = b"".join(blob for blob in blobs if isinstance(blob, bytes))
            found = np.frombuffer(joined, "<f4").reshape(len(rows), -1).astype(np.float64)
        return found[0] if single else found

    def _is_named(self, x: Any) -> bool:
        """Whether these are values by name; a frame may also be numbers in their order."""
        if fields.is_row(x):
            return True
        return fields.is_table(x) and (type(x) is list or bool(self.info().fields))

    def _run_named(self, x: Any) -> Any:
        replies = [_list(self._execute("NR.RUN", *blob)) for blob in fields.blobs(x)]
        if fields.is_row(x):
            return fields.outputs(replies[0])
        return fields.like(x, [fields.outputs(row) for reply in replies for row in reply])

    def _classify_named(self, x: Any) -> Any:
        replies = [self._execute("NR.CLASS", *blob) for blob in fields.blobs(x)]
        if fields.is_row(x):
            return fields.text(replies[0])
        return fields.like(x, [fields.text(name) for reply in replies for name in _list(reply)])

    @overload
    def classify(self, x: Mapping[str, Any]) -> str: ...
    @overload
    def classify(self, x: Sequence[float]) -> int: ...
    @overload
    def classify(self, x: Sequence[Sequence[float]]) -> NDArray[np.int64]: ...
    @overload
    def classify(self, x: ArrayLike) -> Any: ...
    def classify(self, x: Any) -> Any:
        """The class id of one row, an int, or those of n rows, an int64 array of shape (n,).

        Of a network with fields, where ``x`` is as for ``run``, classes are their names. Raises
        as ``run`` does, and CommandError for a regressor.
        """
        if self._is_named(x):
            return self._classify_named(x)
        net, rows, single = self._rows(x)
        if net:
            found = net.classify(rows).astype(np.int64)
        else:
            replies = [_list(self._execute("NR.CLASS", "FP32", c)) for c in _chunks(rows, _BULK)]
            found = np.array([id for reply in replies for id in reply], np.int64)
        return int(found[0]) if single else found

    def _rows(self, x: ArrayLike) -> tuple[Net | None, NDArray[np.float32], bool]:
        """The network where it runs here, the inputs as a matrix, and whether x was one row."""
        rows = matrix(x, "inputs", "column")
        net = self._runner(self.key) if self._runner else None
        width = net.inputs if net else self.info().layout[0]
        return net, table(np.atleast_2d(rows), width, "inputs"), rows.ndim == 1

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

        It ends after ``maxcycles`` cycles and ``timeout`` seconds, by default 10, at the latest;
        0 is no limit, of either. (``maxtime``, in milliseconds, is deprecated.) ``autostop``
        ends it when overfitting sets in, ``backtrack`` makes the best of what the testing dataset
        has told; None, the default, is both where there are testing samples and no limit is
        given. Raises CommandError: already training, nothing to train on ...
        """
        if maxtime is not None:
            warn(_MAXTIME, DeprecationWarning, stacklevel=2)
        if timeout is not None:
            if maxtime is not None:
                raise ArgumentError("timeout is maxtime in seconds: give one of them")
            maxtime = _milliseconds(timeout)
        info = self.info()
        if autostop is None:
            autostop = info.test_len > 0 and maxcycles is None and maxtime is None
        if backtrack is None:
            backtrack = autostop
        given = {"maxcycles": maxcycles, "maxtime": maxtime}
        words: list[Argument] = []
        for word, value in given.items():
            words += [] if value is None else option(word, value)
        words += [*option("autostop", autostop), *option("backtrack", backtrack)]
        return self._train(info, words, maxcycles or 0)

    def _train(self, before: Info, words: Sequence[Argument], maxcycles: int) -> Training:
        """Starts the training of an NR.TRAIN with these words behind the key."""
        train = getattr(self.db.backend, "train", None) or self.db.backend.execute
        started = train(*arguments(["NR.TRAIN", self.key, *words]))
        if isinstance(started, Job):
            return Training(self, before, maxcycles, started.lease.order.number, started)
        now = self.info()  # another one may have ended since we asked first
        return Training(self, before, maxcycles, now.trainings - (not now.training))

    def reset(self) -> None:
        """New random weights; statistics go, samples stay, a training is stopped and dropped."""
        self._execute("NR.RESET")

    def history(self) -> NDArray[np.float64]:
        """The course of the last training, shape (n, 4), oldest first.

        Columns: cycle, training error, testing error (mean losses a sample) and wrong classes
        in per cent; NaN where there was nothing to test.
        """
        rows = _list(self._execute("NR.HISTORY"))
        return np.array(rows, np.float64).reshape(-1, 4)

    def metrics(self) -> Metrics | None:
        """How good it was on the testing dataset when its last training ended.

        None where it was not trained yet, or there were no testing samples.
        """
        return parse_metrics(self._execute("NR.METRICS"))

    def importance(self) -> Any:
        """How much the mean loss grows when an input is shuffled among samples, for each input.

        An array; of a network with fields a dictionary by their names.
        On the testing dataset, or the training dataset where that is empty. None where it was
        not trained yet, NaN for an input of which nothing can be said. (Permutation
        importance: Breiman, 2001.)
        """
        reply = self._execute("NR.IMPORTANCE")
        if reply is None:
            return None
        found = _list(reply)
        if found and isinstance(found[0], bytes):
            losses = [np.nan if loss is None else loss for loss in found[1::2]]
            return dict(zip(map(fields.text, found[::2]), losses, strict=True))
        return np.array(found, np.float64)

    def plot(self) -> Figure:
        """A figure of matplotlib's: the last training, and for two inputs a map of the answers.

        Notebooks show it; elsewhere ``net.plot().savefig("net.png")``. Raises ExtraError
        without matplotlib (the extra ``plot``).
        """
        from nr.plots import figure

        return figure(self.db, self.key)

    # ---- the rest ----

    def info(self) -> Info:
        """What there is to know of it."""
        return parse_info(self._execute("NR.INFO"))

    def configure(
        self, **options: Unpack[ConfigureOptions]
    ) -> dict[str, bool | float | str | None]:
        """Sets options, all or none, and returns them all: ``net.configure(optimizer="adam")``.

        None is AUTO. Raises CommandError for those that are unknown, fixed or out of range.
        """
        if options:
            given = cast(dict[str, Any], options)
            words = [part for word, value in given.items() for part in (word, _auto(value))]
            self._execute("NR.CONFIGURE", *words)
        reply = _list(self._execute("NR.CONFIGURE"))
        pairs = zip(reply[::2], reply[1::2], strict=True)
        return {str(word).lower(): _value(text) for word, text in pairs}

    def dump(self) -> bytes:
        """The whole network, samples and all, for ``Database.restore`` of any driver."""
        blob = self._execute("NR.DUMP")
        assert isinstance(blob, bytes)
        return blob

    def _repr_html_(self) -> str:
        info = self.info()
        shown = {
            "layout": "-".join(map(str, info.layout)),
            "parameters": info.parameters,
            "training dataset": f"{info.train_len} of {info.train_maxlen}",
            "testing dataset": f"{info.test_len} of {info.test_maxlen}",
            "cycles": info.cycles,
            "training error": f"{info.train_error:.6g}",
            "testing error": f"{info.test_error:.6g}",
        }
        if info.class_errors is not None:
            shown["wrong classes"] = f"{info.class_errors:.1f}%"
        rows = [[field, str(value)] for field, value in shown.items()]
        return html_table([[printable(self.name), info.type], *rows])


_MAXTIME = "maxtime is deprecated: give timeout, in seconds"


def _milliseconds(timeout: float) -> int:
    """MAXTIME, of which 0 is no limit."""
    limit = seconds(timeout)
    if limit < 0:
        raise ArgumentError(f"a timeout is 0 or more seconds, not {timeout!r}")
    return 0 if limit == inf else ceil(limit * 1000)


_FLAGS = {o.word.lower() for spec in specs() for o in spec.options if o.type == "switch"}


def option(word: str, value: bool | float | str | None) -> list[Argument]:
    """An option of a command: a flag by itself, or not at all; others with their value."""
    if word in _FLAGS:
        if not isinstance(value, bool | np.bool_):
            raise ValuesError(f"ERR {word} is True or False, not {value!r}")
        return [word] if value else []
    return [word, _auto(value)]


def _auto(value: float | str | None) -> float | str:
    return "AUTO" if value is None else value


def _value(text: Any) -> bool | int | float | str | None:
    """NR.CONFIGURE's text for an option as a value that configure takes."""
    named: dict[str, bool | None] = {"AUTO": None, "yes": True, "no": False}
    if text in named:
        return named[text]
    for number in int, float:
        try:
            return number(text)
        except ValueError:
            continue
    return str(text).lower()


def _check_dataset(to: Any) -> None:
    if to is not None and str(to).lower() not in ("train", "test"):
        raise ValuesError(f"ERR the dataset must be 'train' or 'test', not {to!r}")


def _texts(values: Any) -> list[bytes]:
    """A number, or a list of them, with all their digits: for single rows.

    Raises TypeError, OverflowError or struct.error for anything else.
    """
    if not isinstance(values, list | tuple):
        values = (values,)
    if not {*map(type, values)} <= {int, float}:
        raise TypeError
    struct.pack(f"{len(values)}f", *values)
    return [repr(value).encode() for value in values]


def _list(reply: Reply) -> list[Any]:
    assert isinstance(reply, list)
    return reply


def _chunks(rows: NDArray[np.float32], bulk: Bulk) -> Iterator[bytes]:
    """Rows as FP32 blobs of bounded size."""
    step = min(bulk.rows, max(1, bulk.size // (4 * rows.shape[1])))
    for start in range(0, len(rows), step):
        yield rows[start : start + step].astype("<f4", copy=False).tobytes()
