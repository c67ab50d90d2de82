"""Brings a database's tables to what this code works with, by the shipped migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nr.backends.sql.dialects import Dialect
from nr.backends.sql.schema import HEAD, Schema
from nr.backends.sql.supply import rested
from nr.errors import BackendError

if TYPE_CHECKING:
    from alembic.config import Config

_PATIENCE = 60  # seconds to wait for another process that migrates


def prepare(engine: sa.Engine, dialect: Dialect, schema: Schema) -> None:
    """Creates the tables in a database that has none; refuses those of another version."""
    revision = revision_of(engine, schema)
    if revision is None:
        upgrade(engine, dialect, schema)
    elif revision != HEAD and engine.dialect.name == "mysql":
        revision = _at_rest(engine, dialect, schema)
    if revision not in (None, HEAD):
        raise BackendError(_refusal(revision, schema))


def upgrade(engine: sa.Engine, dialect: Dialect, schema: Schema) -> None:
    """Runs the migrations that are missing. Processes that do so at once wait in line."""
    with engine.connect() as connection:
        with _alone(connection, dialect, schema):
            known = _revisions()
            revision = _revision(connection, schema)
            if revision is not None and revision not in known:
                raise BackendError(_refusal(revision, schema))
            if revision != HEAD:
                _run(connection, schema)
            connection.commit()
        rested(connection)


def _at_rest(engine: sa.Engine, dialect: Dialect, schema: Schema) -> str | None:
    """The revision once nobody migrates: MariaDB shows the tables between two migrations."""
    with engine.connect() as connection:
        with _alone(connection, dialect, schema):
            revision = _revision(connection, schema)
            connection.commit()
        rested(connection)
    return revision


def revision_of(engine: sa.Engine, schema: Schema) -> str | None:
    """The revision of the tables; None where there are none."""
    with engine.connect() as connection:
        revision = _revision(connection, schema)
        rested(connection)
    return revision


def _revision(connection: sa.Connection, schema: Schema) -> str | None:
    table = sa.table(schema.version_table, sa.column("version_num"), schema=schema.name)
    if not sa.inspect(connection).has_table(schema.version_table, schema.name):
        return None
    revision: str | None = connection.scalar(sa.select(table.c.version_num))
    return revision


def _refusal(revision: str, schema: Schema) -> str:
    if revision in _revisions():
        where = "" if schema.prefix == "nr_" else f" --prefix {schema.prefix}"
        where += f" --schema {schema.name}" if schema.name else ""
        return (
            f"the tables are those of an older version ({revision}, this one needs {HEAD}): "
            f"run 'nr db upgrade URL{where}'"
        )
    return (
        f"the tables are those of a newer version of nr ({revision}; this one knows {HEAD}): "
        "upgrade nr on this machine"
    )


@contextmanager
def _alone(connection: sa.Connection, dialect: Dialect, schema: Schema) -> Iterator[None]:
    """Only one process at a time; the lock of MariaDB outlasts its DDL's own commits."""
    name = {"name": f"{schema.name or ''}.{schema.version_table}"}
    dialect.isolate(connection)
    dialect.begin_write(connection)  # SQLite: the database's lock
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), name)
    if connection.dialect.name != "mysql":
        yield
        return
    lock = sa.text(f"SELECT GET_LOCK(concat(database(), :name), {_PATIENCE})")
    if not connection.scalar(lock, name):
        raise BackendError("another process migrates the same tables; nothing was done")
    try:
        yield
    finally:
        connection.scalar(sa.text("SELECT RELEASE_LOCK(concat(database(), :name))"), name)


def _run(connection: sa.Connection, schema: Schema) -> None:
    from alembic import command  # slow to import, and needed once in a database's life

    config = _config()
    config.attributes.update(
        connection=connection,
        version_table=schema.version_table,
        prefix=schema.prefix,
        schema=schema.name,
    )
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return {step.revision for step in script.walk_revisions()}
