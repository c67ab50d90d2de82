"""The same database, awaited: every name of ``nr`` that asks a store, for asyncio.

    import nr.aio

    async with nr.aio.connect(url) as db:
        net = await db.create("sum", "regressor", [2, 3, 1])
        await net.observe_many([[1, 2], [3, 4], [5, 6]], [3, 7, 11])
        async for progress in net.train(maxcycles=1000):
            print(progress.cycles, progress.train_error)
        print(await net.run([2, 2]))

Names, options, errors and what is returned are those of ``nr``; docs/aio.md says what differs.
"""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any, Literal

from nr.aio.database import Database
from nr.aio.network import Network
from nr.aio.opening import opened
from nr.aio.training import Training
from nr.executors import Executor

__all__ = ["Database", "Network", "Training", "connect"]


class connect:
    """As ``nr.connect``: ``db = await nr.aio.connect(url)``, or ``async with`` it.

    ``engine`` may also be an AsyncEngine of SQLAlchemy's: its URL is used, by connections of this
    database's own, in threads.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Any = None,
        engine: Any = None,
        executor: Executor | None = None,
        trainings: Literal["here", "queue"] | None = None,
        **options: Any,
    ) -> None:
        self._place = url, client, engine, trainings
        self._options = {"executor": executor, **options}
        self._db: Database | None = None

    def __await__(self) -> Generator[Any, Any, Database]:
        return self._open().__await__()

    async def _open(self) -> Database:
        return Database(await opened(*self._place, self._options))

    async def __aenter__(self) -> Database:
        self._db = await self._open()
        return self._db

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._db
        await self._db.close()
