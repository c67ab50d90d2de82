"""One transaction for each verb of the store: begun, tried again, ended, explained.

A transaction that failed before its commit has changed nothing. So what the database
gives up by itself (a deadlock, a serialisation failure) is done again, a bounded number
of times, and a connection that was lost is a BackendError after which nothing has changed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from nr import forks
from nr.backends.sql.dialects import Begin, Dialect
from nr.backends.sql.supply import Supply, begun, mine, rested
from nr.errors import BackendError, Error

_T = TypeVar("_T")
Work = Callable[[sa.Connection], _T]

ATTEMPTS = 10
_PAUSE = 0.01  # seconds before the second try, at most; doubled for each further one


class Again(Exception):
    """Raised by work that met another transaction, to be begun anew."""


class Transactions(Protocol):
    """How the store's verbs reach the database."""

    bound: bool
    """Whether this is within a caller's transaction, whose isolation is the caller's."""

    def write(self, work: Work[_T]) -> _T:
        """Runs work in a transaction that may write."""

    def read(self, work: Work[_T]) -> _T:
        """Runs work that is one SELECT."""

    def at_once(self, work: Callable[[Any], _T]) -> _T:
        """Runs work that is a transaction by itself, on the driver's own connection."""

    def snapshot(self, work: Work[_T]) -> _T:
        """Runs work that is several SELECTs, all of one moment."""

    def streaming(self) -> AbstractContextManager[tuple[sa.Connection, sa.Connection]]:
        """A connection to read from and one, maybe the same, to write to.

        What was written is committed at the end, if no exception came.
        """

    def close(self) -> None:
        """Gives back what it holds."""


class Own:
    """Transactions on connections of an engine's pool.

    ``lock`` is held meanwhile where all threads share one connection (SQLite in memory).
    """

    bound = False

    def __init__(
        self,
        engine: sa.Engine,
        dialect: Dialect,
        lock: AbstractContextManager[object] | None = None,
        dispose: bool = True,
    ) -> None:
        self.engine = engine
        self._dialect = dialect
        self._lock = lock or nullcontext()
        self._single = lock is not None
        self._dispose = dispose

    def write(self, work: Work[_T]) -> _T:
        return self._run(lambda: self._once(self._dialect.begin_write, work, commit=True))

    def read(self, work: Work[_T]) -> _T:
        return self._run(lambda: self._once(None, work))

    def at_once(self, work: Callable[[Any], _T]) -> _T:
        return self._run(lambda: self._on_raw(work))

    def snapshot(self, work: Work[_T]) -> _T:
        return self._run(lambda: self._once(self._dialect.begin_snapshot, work))

    def _run(self, once: Callable[[], _T]) -> _T:
        alone = _give_way()
        with mine.lock, self._file(), explaining():
            if alone and isinstance(self.engine.pool, Supply):
                self.engine.pool.reap()
            return self._repeat(once)

    def _file(self) -> AbstractContextManager[object]:
        return mine.file if self.engine.dialect.name == "sqlite" else nullcontext()

    def _repeat(self, once: Callable[[], _T]) -> _T:
        for attempt in range(1, ATTEMPTS):
            try:
                return once()
            except DBAPIError as error:
                if not self._dialect.transient(error.orig or error):
                    raise
            except Again:
                pass
            time.sleep(random.uniform(0, _PAUSE * 2**attempt))
        return once()

    def _once(self, begin: Begin | None, work: Work[_T], commit: bool = False) -> _T:
        with self.session() as connection:
            if begin:
                self._dialect.isolate(connection)
                begin(connection)
            elif self._dialect.read_options:
                connection.execution_options(**self._dialect.read_options)
            result = work(connection)
            if commit:
                _commit(connection)
            return result

    def _on_raw(self, work: Callable[[Any], _T]) -> _T:
        """Past SQLAlchemy's connection, unless it is a caller's: theirs may have events."""
        pool = self.engine.pool
        entry = pool.borrow() if self._dispose and isinstance(pool, Supply) else None
        if entry is None:
            with self.session() as connection:
                return self._done(connection, connection.connection.driver_connection, work)
        assert isinstance(pool, Supply)
        try:
            result = self._done(entry, entry.dbapi_connection, work)
        except BaseException:
            pool.drop(entry)
            raise
        pool.give_back(entry)
        return result

    def _done(self, connection: Any, raw: Any, work: Callable[[Any], _T]) -> _T:
        dialect, pool = self.engine.dialect, self.engine.pool
        try:
            return work(raw)
        except dialect.loaded_dbapi.Error as error:
            lost = dialect.is_disconnect(error, raw, None)
            if lost:
                pool._invalidate(connection, error, False)  # all that were made before
            if lost or self._dialect.autocommits(raw):
                connection.invalidate(error)
            else:
                raw.rollback()
            failed = DBAPIError(None, None, error, connection_invalidated=lost)
            if lost:
                raise _unknown(failed) from error
            raise failed from error

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """A connection; what was not committed at the end is rolled back.

        Where it was interrupted, as by the handler of a signal, nobody knows what it is at,
        and whether it still holds locks: it is closed.
        """
        with self._lock:
            connection = self.engine.connect()
            try:
                begun(connection)
                self._begin(connection)
                self._dialect.meet(connection)
                yield connection
            except (Error, Again, SQLAlchemyError):
                rested(connection)
                raise
            except BaseException:
                _give_up(connection)
                raise
            rested(connection)

    def _begin(self, connection: sa.Connection) -> None:
        if self._single and self._dispose:
            connection.connection.rollback()  # what was interrupted

    @contextmanager
    def streaming(self) -> Iterator[tuple[sa.Connection, sa.Connection]]:
        _give_way()
        with mine.lock, self._file(), explaining(), self.session() as writer:
            self._dialect.isolate(writer)
            self._dialect.begin_write(writer)
            if self._single:
                yield writer, writer
            else:
                with self.session() as reader:
                    yield reader, writer
            _commit(writer)

    def close(self) -> None:
        if self._dispose:
            self.engine.dispose()


def _give_way() -> bool:
    """To a fork, where this thread does not speak to a database yet: whether that is so."""
    alone = not mine.lock._is_owned()  # type: ignore[attr-defined]
    if alone:
        forks.give_way()
    return alone


class Bound:
    """Everything within the transaction that a caller has on a connection.

    What fails there changes nothing and leaves the transaction as it was: each verb that writes
    or locks has a savepoint. ``apart`` is False where the transaction is ours.
    """

    bound = True

    def __init__(self, connection: sa.Connection, dialect: Dialect, apart: bool = True) -> None:
        self._connection = connection
        self._dialect = dialect
        self._apart = apart
        dialect.meet(connection)

    @contextmanager
    def _work(self) -> Iterator[sa.Connection]:
        with explaining():
            self._dialect.begin_write(self._connection)
            with self._connection.begin_nested() if self._apart else nullcontext():
                yield self._connection

    def write(self, work: Work[_T]) -> _T:
        with self._work() as connection:
            return work(connection)

    def at_once(self, work: Work[_T]) -> _T:
        raise AssertionError("a caller's transaction is not ended here")

    def read(self, work: Work[_T]) -> _T:
        with explaining():
            return work(self._connection)

    def snapshot(self, work: Work[_T]) -> _T:
        """It locks the row of the header: PostgreSQL gives up a transaction where that fails."""
        apart = self._apart and self._connection.dialect.name == "postgresql"
        with explaining(), self._connection.begin_nested() if apart else nullcontext():
            return work(self._connection)

    @contextmanager
    def streaming(self) -> Iterator[tuple[sa.Connection, sa.Connection]]:
        with self._work() as connection:
            yield connection, connection

    def close(self) -> None:
        pass


def _commit(connection: sa.Connection) -> None:
    with committing():
        connection.commit()


@contextmanager
def committing() -> Iterator[None]:
    """Says of a connection that is lost meanwhile that nobody knows what became of it.

    For the commit, or a statement that is its own.
    """
    try:
        yield
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _unknown(error) from error


def _unknown(error: DBAPIError) -> BackendError:
    return BackendError(
        "the connection was lost during the commit: it may have taken place, or not "
        f"({_sentence(error)})"
    )


def _give_up(connection: sa.Connection) -> None:
    with suppress(Exception):
        if isinstance(connection.engine.pool, StaticPool):  # the one connection that there is
            connection.connection.rollback()
        else:
            connection.invalidate()
    with suppress(Exception):
        connection.close()


class explaining:
    """Raises what SQLAlchemy raises as BackendError: no generator, which would take longer.

    Where it was interrupted, it may stumble over its own assertions: then what interrupted it.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SQLAlchemyError | Again):
            raise explained(error) from error
        if isinstance(error, AssertionError | AttributeError):
            cause = error.__context__
            while isinstance(cause, AssertionError | AttributeError | SQLAlchemyError):
                cause = cause.__context__
            raise cause or BackendError(f"the database's driver failed: {error!r}") from error


def explained(error: Exception) -> BackendError:
    """The error of a transaction that was not committed."""
    if isinstance(error, Again):
        return BackendError("others changed the same network all the time; nothing was done")
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    what = "the connection to the database was lost" if lost else "the database failed"
    return BackendError(f"{what}, nothing was changed: {_sentence(error)}")


def _sentence(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    if len(cause.args) == 2 and isinstance(cause.args[0], int):  # PyMySQL: number, text
        return str(cause.args[1])
    return str(cause).partition("\n")[0].partition(" (Background on")[0] or type(cause).__name__
