"""From an asynchronous session or connection of SQLAlchemy's to what runs calls within it."""

from __future__ import annotations

from typing import Any

from nr.aio.drivers import Joined
from nr.commands.local import Local
from nr.contracts.capabilities import JoinsTransactions, needed
from nr.errors import ArgumentError


async def joined(backend: object, given: Any) -> Joined:
    """Raises ArgumentError for what is no such session or connection, and BackendError."""
    store = needed(
        backend, JoinsTransactions, "only a database of SQL has transactions to take part in"
    )
    if not hasattr(given, "run_sync"):
        raise ArgumentError(
            "using takes an AsyncSession or an AsyncConnection of SQLAlchemy's here, not a "
            f"{type(given).__name__}: nr.connect is for those that block"
        )
    connection = await given.connection() if hasattr(given, "sync_session") else given
    within = await connection.run_sync(store.using)
    return Joined(connection, Local(within))
