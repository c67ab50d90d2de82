"""Databases, awaited: the same calls as nr.database's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeVar, Unpack

import nr.database
from nr.aio.describing import described_by
from nr.aio.drivers import Driver
from nr.aio.joining import joined
from nr.aio.network import Network
from nr.calls import Call, databases, evictions, trainings, words
from nr.commands.arguments import Argument, arguments
from nr.commands.info import Info
from nr.commands.options import CreateOptions, Kind
from nr.engine import Reply
from nr.errors import ArgumentError, CommandError

_T = TypeVar("_T")


@described_by(nr.database.Database)
class Database:
    """Networks by name: ``await db["net"]``, ``await db.contains("net")``, ``async for name in
    db``, ``await db.delete("net")``.

    A name is text or bytes; bytes that are no UTF-8 come back as surrogate escapes. Tasks of
    one event loop may share a database. Whatever is raised is an nr.Error, or CancelledError.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    async def _do(self, call: Call[_T]) -> _T:
        return await self.driver.drive(call)

    async def execute(self, *argv: Argument) -> Reply:
        given = arguments(argv)
        reply = await self.driver.execute(given)
        if evictions.observed(self.driver.backend, given, reply):
            await self._do(evictions.confirm(self.driver.backend, given[1]))
        return reply

    async def create(
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
        key = words.key_of(name)
        call = databases.create(
            key, type, layout, target=target, hidden=hidden, normalize=normalize,
            dataset=dataset, test=test, seed=seed, exist_ok=exist_ok, **options,
        )  # fmt: skip
        await self._do(call)
        return Network(self, key)

    async def create_from(
        self,
        name: str | bytes,
        frame: Any,
        target: str,
        *,
        kinds: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Network:
        key, backend = words.key_of(name), self.driver.backend
        await self._do(databases.create_from(backend, key, frame, target, kinds, options))
        return Network(self, key)

    async def restore(self, name: str | bytes, blob: bytes, replace: bool = False) -> Network:
        key = words.key_of(name)
        await self._do(databases.restore(key, blob, replace))
        return Network(self, key)

    async def train_all(
        self, pattern: str | bytes = "*", *, progress: bool = False
    ) -> dict[str, Info | CommandError]:
        call = trainings.train_all(self.driver.backend, words.key_of(pattern), progress)
        return await self._do(call)

    async def using(self, connection: Any) -> Database:
        """The same networks within the transaction of an AsyncSession or AsyncConnection.

        They are SQLAlchemy's, to ``postgresql+psycopg`` or ``sqlite+aiosqlite``. What is observed,
        created or changed is committed or rolled back with the caller's own rows; nothing is
        tried again, and no training starts there. Only SQL databases have it: raises
        BackendError for others.
        """
        return Database(await joined(self.driver.backend, connection))

    async def close(self) -> None:
        await self.driver.close()

    async def contains(self, name: object) -> bool:
        """Whether there is a network of that name: what ``in`` would say."""
        return await self._do(databases.contains(name))

    async def delete(self, name: str | bytes) -> None:
        """Deletes a network: what ``del`` would do. Raises NotFoundError, which is a KeyError."""
        await self._do(databases.delete(name))

    def __getitem__(self, name: str | bytes) -> Coroutine[Any, Any, Network]:
        """The network of that name, awaited. Raises NotFoundError, which is a KeyError."""
        return self._get(name)

    async def _get(self, name: str | bytes) -> Network:
        await self._do(databases.check(name))
        return Network(self, words.key_of(name))

    async def __aiter__(self) -> AsyncIterator[str]:
        for name in await self._do(databases.names()):
            yield name

    # What cannot be awaited says what can.

    def __contains__(self, name: object) -> NoReturn:
        raise ArgumentError("'in' cannot wait: await db.contains(name)")

    def __delitem__(self, name: str | bytes) -> NoReturn:
        raise ArgumentError("'del' cannot wait: await db.delete(name)")

    def __iter__(self) -> NoReturn:
        raise ArgumentError("'for' cannot wait: async for name in db")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a database has connections and threads: connect anew in each process")

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
