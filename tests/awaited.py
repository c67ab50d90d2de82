"""nr.aio for tests that wait: what its methods return is awaited at once, on a loop of their own.

So one suite proves both: whoever has a ``Waiting`` for a database need not know that it is one.
"""

import asyncio
import pickle
from collections.abc import Awaitable, Iterator
from typing import Any, NoReturn

import nr.aio


class Waiting:
    """A database, network or training of nr.aio's that looks like one of nr's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thing: Any) -> None:
        self._loop = loop
        self._thing = thing

    def _waited(self, value: Any) -> Any:
        if isinstance(value, Awaitable):
            return self._waited(self._loop.run_until_complete(value))
        kinds = nr.aio.Database | nr.aio.Network | nr.aio.Training
        return Waiting(self._loop, value) if isinstance(value, kinds) else value

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        if not callable(value):
            return self._waited(value)
        return lambda *args, **options: self._waited(value(*args, **options))

    def __repr__(self) -> str:
        return repr(self._thing)

    def __reduce__(self) -> NoReturn:
        pickle.dumps(self._thing)
        raise AssertionError("it can be pickled")

    # ---- what a database is besides ----

    @property
    def backend(self) -> Any:
        return self._thing.driver.backend

    def __getitem__(self, name: Any) -> Any:
        return self._waited(self._thing[name])

    def __contains__(self, name: Any) -> bool:
        return bool(self._waited(self._thing.contains(name)))

    def __delitem__(self, name: Any) -> None:
        self._waited(self._thing.delete(name))

    def __iter__(self) -> Iterator[str]:
        async def names() -> list[str]:
            return [name async for name in self._thing]

        return iter(self._waited(names()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return bool(self._thing)


def connected(**options: Any) -> Iterator[Any]:
    """A database of nr.aio's that waits, and is closed behind its first use."""
    loop = asyncio.new_event_loop()
    try:
        db = loop.run_until_complete(nr.aio.connect(**options))
        yield Waiting(loop, db)
        loop.run_until_complete(db.close())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
