"""Databases: networks by name, over whatever runs the commands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from operator import index
from types import TracebackType
from typing import Any, NoReturn, Unpack, cast

from nr.backends import Backend
from nr.backends import connect as connect_backend
from nr.backends.capabilities import JoinsTransactions, capability
from nr.dispatcher import Argument, arguments, encoded
from nr.engine import Reply
from nr.errors import (
    BUSY,
    NO_SUCH_KEY,
    ArgumentError,
    BackendError,
    BusyError,
    CommandError,
    NotFoundError,
    ValuesError,
)
from nr.html import html_table, printable
from nr.network import Network, option
from nr.options import CreateOptions, Kind


def connect(
    url: str | None = None,
    *,
    client: Any = None,
    executor: Executor | None = None,
    **options: Any,
) -> Database:
    """Opens the database of a URL; by default that of ``NR_URL``, or else ``memory://``.

    ``client`` is a redis-py client to be used in place of a URL; it stays yours to close.
    ``executor`` runs the trainings of this process, in its threads; by default as many as
    there are processors less one, in daemons. The process waits for others at its end: close
    the database first. ``options`` are the driver's; of all that train in this process
    ``memory``, how many bytes there are, by default NR_MEMORY's or else all that it may use:
    a training that would take more than half is refused. Of SQL ``engine``, an SQLAlchemy
    engine in place of a URL, ``prefix`` of the tables' names, and their ``schema``. Raises
    BackendError; ArgumentError for arguments that are none of these, or contradict each
    other.
    """
    engine = options.get("engine")
    given = {"a URL": url, "a client": client, "an engine": engine}
    places = [name for name, place in given.items() if place is not None]
    if len(places) > 1:
        raise ArgumentError(f"a database is in one place, but {' and '.join(places)} were given")
    if engine is not None:
        url = _url_of(engine)
    elif url is None:
        url = os.environ.get("NR_URL") or "memory://"
    return Database(connect_backend(url, client=client, executor=executor, **options))


def _url_of(engine: Any) -> str:
    drivername = getattr(getattr(engine, "url", None), "drivername", None)
    if drivername is None:
        raise ArgumentError(
            f"an engine is what sqlalchemy.create_engine(url) returns, not {engine!r}"
        )
    if hasattr(engine, "sync_engine") or getattr(engine.dialect, "is_async", False):
        raise ArgumentError(
            f"{engine!r} is asynchronous: give nr.connect a URL, and call what may take long by "
            "asyncio.to_thread(net.observe, x, y). Within a transaction of postgresql+psycopg's: "
            "await connection.run_sync(lambda c: db.using(c)[name].observe(x, y))"
        )
    return f"{drivername}://"


def sqlite_functions(connection: Any, prefix: str = "nr_") -> None:
    """Registers ``nr_run(key, input, ...)`` and ``nr_class(key, input, ...)`` in SQLite's SQL.

    ``connection`` is one of sqlite3 or of SQLAlchemy, to the file that holds the networks.
    ``nr_run`` replies a number, or several as a JSON array; both reply NULL where an input is
    NULL. An error ends the query, its text goes to the log ``nr``. Raises BackendError.
    """
    from nr.backends.sql.functions import register

    register(connection, prefix)


def _key(name: str | bytes) -> bytes:
    if not isinstance(name, str | bytes):
        raise ArgumentError(f"a name is text or bytes, not {type(name).__name__}")
    return name if isinstance(name, bytes) else encoded(name)


def _units(layout: Sequence[int]) -> list[int]:
    try:
        return [index(units) for units in layout]
    except TypeError:
        raise ValuesError(
            f"ERR a layout is a list of whole numbers, as [2, 3, 1], not {layout!r}"
        ) from None


def _another(name: str, *kinds: tuple[str, tuple[int, ...]]) -> str:
    is_one, wanted = (f"a {type} of {'-'.join(map(str, layout))}" for type, layout in kinds)
    return f"{BUSY}: {name!r} is {is_one}, not {wanted}"


class Database:
    """Networks by name: ``db["net"]``, ``"net" in db``, ``for name in db``, ``del db["net"]``.

    A name is text or bytes; bytes that are no UTF-8 come back as surrogate escapes. Threads
    may share a database. Whatever is raised is an nr.Error.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def execute(self, *argv: Argument) -> Reply:
        """Runs a command: one line (``"NR.RUN net 1 2"``), or its arguments one by one.

        Replies are int, float, str, bytes (keys and blobs), list and None.
        """
        return self.backend.execute(*arguments(argv))

    def create(
        self,
        name: str | bytes,
        type: Kind,
        layout: Sequence[int],
        *,
        normalize: bool = False,
        dataset: int | None = None,
        test: int | None = None,
        seed: int | None = None,
        exist_ok: bool = False,
        **options: Unpack[CreateOptions],
    ) -> Network:
        """Creates a network, untrained.

        ``type`` is ``"classifier"`` or ``"regressor"``, ``layout`` the units of each layer,
        inputs first: ``[2, 3, 1]``. ``dataset`` and ``test`` are how many training and testing
        samples it keeps (1000, 500). ``options`` are NR.CREATE's: ``activation="relu"``,
        ``classic=True``, ``learnrate=None`` (AUTO) ... Raises CommandError; BusyError where the
        name is in use. With ``exist_ok`` a network of this type and layout that is there
        already is returned as it is, with its samples and its own options.
        """
        units = _units(layout)
        net = Network(self, _key(name))
        words: list[Argument] = ["NR.CREATE", net.key, type, *units[:-1], "->", *units[-1:]]
        sizes = {"dataset": dataset, "test": test, "seed": seed}
        given = {word: value for word, value in sizes.items() if value is not None}
        others = cast(dict[str, Any], options)
        for word, value in {"normalize": normalize, **given, **others}.items():
            words += option(word, value)
        while not self._created(net, words, exist_ok, (str(type).lower(), tuple(units))):
            pass
        return net

    def _created(
        self,
        net: Network,
        words: Sequence[Argument],
        exist_ok: bool,
        wanted: tuple[str, tuple[int, ...]],
    ) -> bool:
        """Creates it, or finds it as ``wanted``; False where it was deleted amidst that."""
        try:
            self.execute(*words)
        except BusyError:
            if not exist_ok:
                raise
            try:
                info = net.info()
            except NotFoundError:
                return False
            if (info.type, info.layout) != wanted:
                raise BusyError(_another(net.name, (info.type, info.layout), wanted)) from None
        return True

    def restore(self, name: str | bytes, blob: bytes, replace: bool = False) -> Network:
        """Creates a network from what ``Network.dump`` returned, instead of another if ``replace``.

        Raises CommandError for any other bytes, and BusyError for a name in use.
        """
        self.execute("NR.RESTORE", _key(name), blob, *(["REPLACE"] if replace else []))
        return Network(self, _key(name))

    def using(self, connection: Any) -> Database:
        """The same networks within the transaction of a caller's SQLAlchemy connection.

        What is observed, created or changed is committed or rolled back with the caller's own
        rows; nothing is tried again, and no training starts there. Only SQL databases have it:
        raises BackendError for others.
        """
        store = capability(self.backend, JoinsTransactions)
        if not store:
            raise BackendError("only a database of SQL has transactions to take part in")
        from nr.backends.local import Local

        return Database(Local(store.using(connection)))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a database has connections and threads: connect anew in each process")

    def close(self) -> None:
        """Stops the trainings that run in this process, says so in the log ``nr``, and closes.

        What they reached is kept, as after ``Training.stop``.
        """
        self.backend.close()

    def __getitem__(self, name: str | bytes) -> Network:
        """The network of that name. Raises NotFoundError, which is a KeyError."""
        try:
            self.execute("NR.CONFIGURE", _key(name))
        except NotFoundError:
            raise NotFoundError(f"{NO_SUCH_KEY}: {name!r}") from None
        return Network(self, _key(name))

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str | bytes):
            return False
        try:
            self.execute("NR.CONFIGURE", _key(name))
        except CommandError as error:
            if isinstance(error, NotFoundError) or error.code == "WRONGTYPE":
                return False
            raise
        return True

    def __delitem__(self, name: str | bytes) -> None:
        if not self.execute("NR.DEL", _key(name)):
            raise NotFoundError(f"{NO_SUCH_KEY}: {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter([key.decode("utf-8", "surrogateescape") for key in self._keys()])

    def __len__(self) -> int:
        return len(self._keys())

    def __bool__(self) -> bool:
        return True

    def _keys(self) -> list[bytes]:
        keys = self.execute("NR.LIST")
        assert isinstance(keys, list)
        return [key for key in keys if isinstance(key, bytes)]

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
        rows = [["name", "type", "layout", "training", "testing", "cycles"]]
        for name in self:
            try:
                info = Network(self, _key(name)).info()
            except CommandError:  # deleted in the meantime
                continue
            layout = "-".join(map(str, info.layout))
            numbers = [str(n) for n in (info.train_len, info.test_len, info.cycles)]
            rows.append([printable(name), info.type, layout, *numbers])
        return html_table(rows)
