"""Alembic's way in: it runs on the connection, and for the prefix, that migrate.py gives."""

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    version_table=given["version_table"],
    version_table_schema=given["schema"],
)
context.run_migrations(prefix=given["prefix"], schema=given["schema"])
