"""What wakes a worker of PostgreSQL: a connection that listens.

It is a hint. Where there is none (a pooler lies between, the connection was lost), the worker
looks for orders once a second all the same.
"""

from __future__ import annotations

import select
from contextlib import suppress
from time import sleep
from typing import Any

import sqlalchemy as sa


class Listener:
    """Passes the time until an order was placed. Of one thread."""

    def __init__(self, engine: sa.Engine, channel: str) -> None:
        self._engine = engine
        self._channel = channel
        self._connection: sa.Connection | None = None

    def rest(self, seconds: float) -> None:
        """Up to so many seconds, less where somebody has placed an order."""
        try:
            raw = self._listening()
            ready, _, _ = select.select([raw.pgconn.socket], [], [], seconds)
            if ready:
                raw.pgconn.consume_input()
            while raw.pgconn.notifies():
                pass
        except Exception:  # whatever it is: the next look tells what the database has to say
            self.close()
            sleep(seconds)

    def _listening(self) -> Any:
        if self._connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection = connection
            connection.exec_driver_sql(f'LISTEN "{self._channel}"')
        return self._connection.connection.driver_connection

    def close(self) -> None:
        """Gives the connection up: one that listens is of no use to others."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.invalidate()
            with suppress(Exception):
                connection.close()
