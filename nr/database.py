"""Databases: networks by name, over whatever runs the commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeVar, Unpack

from nr.backends import Backend
from nr.calls import Call, databases, drive, evictions, trainings, words
from nr.commands.arguments import Argument, arguments
from nr.commands.info import Info
from nr.commands.local import Local
from nr.commands.options import CreateOptions, Kind
from nr.contracts.capabilities import JoinsTransactions, needed
from nr.engine import Reply
from nr.errors import CommandError
from nr.executors import Executor, opened
from nr.network import Network

_T = TypeVar("_T")


def connect(
    url: str | None = None,
    *,
    client: Any = None,
    executor: Executor | None = None,
    trainings: Literal["here", "queue"] | None = None,
    **options: Any,
) -> Database:
    """Opens the database of a URL; by default that of ``NR_URL``, or else ``memory://``.

    ``client`` is a redis-py client to be used in place of a URL; it stays yours to close.
    ``executor`` runs the trainings of this process, in its threads; by default as many as
    there are processors less one, in daemons. The process waits for others at its end: close
    the database first. An executor of other processes (a ProcessPoolExecutor, a Client of Dask's;
    docs/queues.md has more) gets orders in place of networks: its workers open the same URL. It
    stays yours, and goes on with them when the database is closed. With ``trainings="queue"``
    they are left to workers (``nr worker``), by default that of NR_TRAININGS, or else
    ``"here"``. ``options`` are the driver's; of all that train in this process ``memory``, how
    many bytes there are, by default NR_MEMORY's or else all that it may use: a training that would
    take more than half is refused. Of SQL ``engine``, an SQLAlchemy engine in place of a URL,
    ``prefix`` of the tables' names, and their ``schema``. Raises BackendError; ArgumentError for
    arguments that are none of these, or contradict each other.
    """
    return Database(opened(url, client=client, executor=executor, trainings=trainings, **options))


class Database:
    """Networks by name: ``db["net"]``, ``"net" in db``, ``for name in db``, ``del db["net"]``.

    A name is text or bytes; bytes that are no UTF-8 come back as surrogate escapes. Threads
    may share a database. Whatever is raised is an nr.Error.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def _do(self, call: Call[_T]) -> _T:
        return drive(self.backend, call)

    def execute(self, *argv: Argument) -> Reply:
        """Runs a command: one line (``"NR.RUN net 1 2"``), or its arguments one by one.

        Replies are int, float, str, bytes (keys and blobs), list and None.
        """
        given = arguments(argv)
        reply = self.backend.execute(*given)
        if evictions.observed(self.backend, given, reply):
            self._do(evictions.confirm(self.backend, given[1]))
        return reply

    def create(
        self,
        name: str | bytes,
        type: Kind,
        layout: Sequence[int] | Mapping[str, str],
        *,
        target: str | Sequence[str] | None = None,
        hidden: Sequence[int] | Literal["auto", "linear"] = "auto",
        normalize: bool | None = None,
        dataset: int | None = None,
        test: int | None = None,
        seed: int | None = None,
        exist_ok: bool = False,
        **options: Unpack[CreateOptions],
    ) -> Network:
        """Creates a network, untrained.

        ``type`` is ``"classifier"`` or ``"regressor"``, ``layout`` the units of each layer,
        inputs first: ``[2, 3, 1]``. Or it maps the names of fields to their kinds, and ``target``
        names the outputs among them: ``{"age": "number", "country": "category", "joined":
        "category"}, target="joined"``; an output that is not among them is of the kind that goes
        with ``type``. ``hidden`` are then the hidden layers, ``"auto"`` or ``"linear"``.
        ``normalize=False`` takes plain inputs as they are, in place of scaling them.
        ``dataset`` and ``test`` are how many training and testing samples it keeps (10000, 5000).
        ``options`` are NR.CREATE's: ``activation="relu"``, ``classic=True``, ``learnrate=None``
        (AUTO) ... Raises CommandError; BusyError where the name is in use. With ``exist_ok`` a
        network of this type and of this layout or these fields that is there
        already is returned as it is, with its samples and its own options.
        """
        key = words.key_of(name)
        call = databases.create(
            key, type, layout, target=target, hidden=hidden, normalize=normalize,
            dataset=dataset, test=test, seed=seed, exist_ok=exist_ok, **options,
        )  # fmt: skip
        self._do(call)
        return Network(self, key)

    def create_from(
        self,
        name: str | bytes,
        frame: Any,
        target: str,
        *,
        kinds: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Network:
        """Creates a network for the columns of a frame, and adds its rows as samples.

        Frames are those of pandas, polars and Arrow. The kind of each field is guessed from its
        column; ``kinds`` says otherwise for some, and ``net.info().fields`` tells. The network is a
        classifier, unless the target is a column of more than ten different numbers. Both datasets
        have room for all rows, a third of them for testing. ``options`` are those of ``create``.
        Raises CommandError and ValuesError; where the samples are refused, nothing is left.
        """
        key = words.key_of(name)
        self._do(databases.create_from(self.backend, key, frame, target, kinds, options))
        return Network(self, key)

    def restore(self, name: str | bytes, blob: bytes, replace: bool = False) -> Network:
        """Creates a network from what ``Network.dump`` returned, instead of another if ``replace``.

        Raises CommandError for any other bytes, and BusyError for a name in use.
        """
        key = words.key_of(name)
        self._do(databases.restore(key, blob, replace))
        return Network(self, key)

    def train_all(
        self, pattern: str | bytes = "*", *, progress: bool = False
    ) -> dict[str, Info | CommandError]:
        """Trains the networks whose names are like a pattern of NR.LIST's, each as by
        ``Network.train``, and waits for all of them.

        Returns what has become of each, by name: ``Network.info``, or the error that says why
        it was not trained (no samples, a training runs already, it failed ...). With
        ``progress`` a bar shows how many have ended.
        """
        return self._do(trainings.train_all(self.backend, words.key_of(pattern), progress))

    def using(self, connection: Any) -> Database:
        """The same networks within the transaction of a caller's SQLAlchemy connection.

        What is observed, created or changed is committed or rolled back with the caller's own
        rows; nothing is tried again, and no training starts there. Only SQL databases have it:
        raises BackendError for others.
        """
        why = "only a database of SQL has transactions to take part in"
        store = needed(self.backend, JoinsTransactions, why).using(connection)
        return Database(Local(store, trainings="queue" if store.queues else "here"))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a database has connections and threads: connect anew in each process")

    def close(self) -> None:
        """Stops the trainings that run in this process, says so in the log ``nr``, and closes.

        What they reached is kept, as after ``Training.stop``.
        """
        self.backend.close()

    def __getitem__(self, name: str | bytes) -> Network:
        """The network of that name. Raises NotFoundError, which is a KeyError."""
        self._do(databases.check(name))
        return Network(self, words.key_of(name))

    def __contains__(self, name: object) -> bool:
        return self._do(databases.contains(name))

    def __delitem__(self, name: str | bytes) -> None:
        self._do(databases.delete(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._do(databases.names()))

    def __len__(self) -> int:
        return len(self._do(databases.names()))

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return self._do(databases.shown())
