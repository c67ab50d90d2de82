"""From a URL, a client or an engine to what runs the calls."""

from __future__ import annotations

from functools import partial
from typing import Any

from nr.aio.drivers import Driver, Native, Threads
from nr.backends.environment import trainings_of, url_of
from nr.errors import ArgumentError
from nr.executors import opened as opened_here

_NATIVE = {"redis+module", "rediss+module"}


async def opened(
    url: Any, client: Any, engine: Any, trainings: Any, options: dict[str, Any]
) -> Driver:
    """As ``nr.connect``. Raises ArgumentError and BackendError."""
    url = url_of(url, client, engine)
    if _is_asynchronous(client):
        raise ArgumentError(
            f"{client!r} is asynchronous: give nr.aio.connect the server's URL (redis+module:// is "
            "awaited, redis:// runs in threads), or a redis.Redis"
        )
    if url is None and client is None and hasattr(engine, "sync_engine"):
        url, engine = _url_of(engine), None
    scheme = url.partition("://")[0].lower() if isinstance(url, str) else ""
    if scheme in _NATIVE and client is None and engine is None:
        return await _native(url, options | trainings_of(trainings))
    places = {"client": client, "engine": engine}
    threads = Threads(partial(opened_here, url, **places, trainings=trainings, **options))
    await threads.open()
    return threads


async def _native(url: str, options: dict[str, Any]) -> Native:
    from nr.backends.module.awaited import connect

    scheme, _, rest = url.partition("://")
    return Native(await connect(f"{scheme.lower()}://{rest}", **options))


def _is_asynchronous(client: Any) -> bool:
    return any(kind.__module__.startswith("redis.asyncio") for kind in type(client).__mro__)


_BLOCKING = {  # the driver beside an asynchronous one, by connections of which nr works
    "sqlite+aiosqlite": "sqlite",
    "postgresql+asyncpg": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql+psycopg_async": "postgresql+psycopg",
    "mysql+aiomysql": "mysql+pymysql",
    "mysql+asyncmy": "mysql+pymysql",
    "mariadb+aiomysql": "mariadb+pymysql",
    "mariadb+asyncmy": "mariadb+pymysql",
}


def _url_of(engine: Any) -> str:
    """The URL of an AsyncEngine, for connections that block. Raises ArgumentError."""
    url = engine.url
    if url.drivername.startswith("sqlite") and url.database in (None, "", ":memory:"):
        raise ArgumentError(
            f"{engine!r} is a database in memory, which only its own connection sees: give "
            "nr.aio.connect the URL sqlite://, or a file's"
        )
    name = _BLOCKING.get(url.drivername, url.drivername)
    text: str = url.set(drivername=name).render_as_string(hide_password=False)
    return text
