"""Networks in SQLite, PostgreSQL and MariaDB, through SQLAlchemy. See docs/sql.md."""

from __future__ import annotations

from concurrent.futures import Executor

import sqlalchemy as sa

from nr.backends.sql.engines import dialect_of_engine, engine_of, lock_of
from nr.backends.sql.migrate import prepare, upgrade
from nr.backends.sql.schema import HEAD, tables
from nr.backends.sql.store import Store
from nr.backends.sql.transactions import Own, explaining
from nr.commands.local import Local

__all__ = ["connect", "upgrade_url"]


def connect(
    url: str,
    executor: Executor | None = None,
    *,
    engine: sa.Engine | None = None,
    prefix: str = "nr_",
    schema: str | None = None,
    memory: int | None = None,
    trainings: str = "here",
) -> Local:
    """``sqlite:///file.db``, ``sqlite://`` (in memory), ``postgresql://``, ``mysql://``.

    ``engine`` is an engine of the caller's, used instead of the URL and never disposed of.
    The tables' names begin with ``prefix``, in ``schema`` of the database; they are created
    where there are none. Raises BackendError.
    """
    own = engine if engine is not None else engine_of(url)
    try:
        dialect, described = dialect_of_engine(own), tables(prefix, schema)
        with explaining():
            prepare(own, dialect, described)
        transactions = Own(own, dialect, lock_of(own), dispose=engine is None)
        store = Store(own, dialect, described, transactions)
        store.shared = lock_of(own) is None  # else it is in this process' memory
        return Local(store, executor, memory, trainings)
    except BaseException:
        if engine is None:
            own.dispose()
        raise


def upgrade_url(url: str, prefix: str = "nr_", schema: str | None = None) -> str:
    """Brings the tables of a URL's database up to date; returns their revision."""
    engine = engine_of(url)
    try:
        with explaining():
            upgrade(engine, dialect_of_engine(engine), tables(prefix, schema))
    finally:
        engine.dispose()
    return HEAD
