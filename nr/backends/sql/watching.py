"""What wakes a worker of PostgreSQL: a connection that listens.

It is a hint, and says which network has the order, so that this need not be asked. Where there is
none (a pooler lies between, the connection was lost), the worker looks for orders once a second all
the same.
"""

from __future__ import annotations

import select
from contextlib import suppress
from time import sleep
from typing import Any

import sqlalchemy as sa

_LONGEST = 3999  # bytes of a key: a payload has less than 8000


class Listener:
    """Passes the time until an order was placed. Of one thread."""

    def __init__(self, engine: sa.Engine, channel: str) -> None:
        self._engine = engine
        self._channel = channel
        self._connection: sa.Connection | None = None

    def rest(self, seconds: float) -> list[bytes]:
        """Up to so many seconds, less where somebody has placed an order; whose, if told."""
        keys: dict[bytes, None] = {}
        try:
            raw = self._listening()
            ready, _, _ = select.select([raw.pgconn.socket], [], [], seconds)
            if ready:
                raw.pgconn.consume_input()
            while heard := raw.pgconn.notifies():
                keys[bytes.fromhex(heard.extra.decode())] = None
        except Exception:  # whatever it is: the next look tells what the database has to say
            self.close()
            sleep(seconds)
        return [key for key in keys if key]

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


def told(key: bytes) -> str:
    """What is said of an order: nothing where the key is longer than what PostgreSQL passes on."""
    return key.hex() if len(key) <= _LONGEST else ""
