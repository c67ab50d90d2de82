"""Where networks rest, a file or folder a driver; and the table of URL schemes that chooses one.

A further scheme comes from any installed package that has an entry point of the group
``nr.backends``, named like the scheme and leading to a factory as those here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nr.contracts import Backend
from nr.errors import ArgumentError, BackendError, Error

__all__ = ["SCHEMES", "Backend", "Scheme", "connect", "sqlite_functions"]

Factory = Callable[..., Backend]  # (url: str, executor: Executor | None, **options)


@dataclass(frozen=True)
class Scheme:
    """Where a scheme's factory is, and which extra installs what it imports besides."""

    factory: str  # "module:function"
    extra: str | None = None


_REDIS = Scheme("nr.backends.redis:connect")

SCHEMES: dict[str, Scheme] = {
    "memory": Scheme("nr.backends.memory:connect"),
    "sqlite": Scheme("nr.backends.sql:connect"),
    "sqlite+pysqlite": Scheme("nr.backends.sql:connect"),
    "postgresql": Scheme("nr.backends.sql:connect", "postgresql"),
    "postgresql+psycopg": Scheme("nr.backends.sql:connect", "postgresql"),
    "mysql": Scheme("nr.backends.sql:connect", "mariadb"),
    "mysql+pymysql": Scheme("nr.backends.sql:connect", "mariadb"),
    "mariadb": Scheme("nr.backends.sql:connect", "mariadb"),
    "mariadb+pymysql": Scheme("nr.backends.sql:connect", "mariadb"),
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
    "redis+sentinel": _REDIS,
    "rediss+sentinel": _REDIS,
    "redis+cluster": _REDIS,
    "rediss+cluster": _REDIS,
    "redis+module": Scheme("nr.backends.module:connect"),
    "rediss+module": Scheme("nr.backends.module:connect"),
}


def connect(
    url: str | None = None,
    *,
    client: Any = None,
    engine: Any = None,
    executor: Executor | None = None,
    **options: Any,
) -> Backend:
    """The backend of a URL, by its scheme; or of a redis-py client or an engine of SQLAlchemy's.

    ``executor``, of threads, runs the trainings of a backend that trains in this process;
    ``options`` are the driver's own. Raises BackendError for a scheme that is not known, a package
    that is not installed, and a store that cannot be reached; ArgumentError for what is no
    URL, no executor and no option of the driver, and for two places at once.
    """
    given = {"a URL": url, "a client": client, "an engine": engine}
    places = [name for name, place in given.items() if place is not None]
    if len(places) > 1:
        raise ArgumentError(f"a database is in one place, but {' and '.join(places)} were given")
    if client is not None:
        url, options = "redis://", {"client": client, **options}
    elif engine is not None:
        url, options = _url_of(engine), {"engine": engine, **options}
    _check(url, executor)
    assert url is not None
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise BackendError(f"not a URL, as memory:// is one; the schemes are {_listed(SCHEMES)}")
    scheme = scheme.lower()
    return _opened(scheme, f"{scheme}://{rest}", executor, options)


def _url_of(engine: Any) -> str:
    """A URL of the engine's scheme. Raises ArgumentError for what is no engine, or waits not."""
    drivername = getattr(getattr(engine, "url", None), "drivername", None)
    if drivername is None:
        raise ArgumentError(
            f"an engine is what sqlalchemy.create_engine(url) returns, not {engine!r}"
        )
    if hasattr(engine, "sync_engine") or getattr(engine.dialect, "is_async", False):
        raise ArgumentError(
            f"{engine!r} is asynchronous: db = await nr.aio.connect(engine=engine), and within a "
            "transaction of its own: await (await db.using(session))[name]"
        )
    return f"{drivername}://"


def sqlite_functions(connection: Any, prefix: str = "nr_") -> None:
    """Registers ``nr_run``, ``nr_class`` and ``nr_sample`` in SQLite's SQL.

    ``connection`` is one of sqlite3 or of SQLAlchemy, to the file that holds the networks.
    ``nr_run(key, input, ...)`` replies a number, or several as a JSON array, and ``nr_class(key,
    input, ...)`` the class id; both reply NULL where an input is NULL. Of a network with fields
    they take names and values in turn, ``nr_class(key, 'age', 33, 'country', NULL)``, where NULL is
    missing, and reply a JSON object by name, and the class. ``nr_sample(key, data)`` makes JSON of
    the column ``data`` of the table of samples. An error ends the query, its text goes to the log
    ``nr``. Raises BackendError.
    """
    from nr.backends.sql.functions import register

    register(connection, prefix)


def _opened(scheme: str, url: str, executor: Executor | None, options: dict[str, Any]) -> Backend:
    """What libraries raise for options that they do not know, or take otherwise, is explained."""
    factory = _factory(scheme)
    try:
        return factory(url, executor=executor, **options)
    except Error:
        raise
    except Exception as error:
        _check_options(scheme, factory, options)
        raise BackendError(
            f"{scheme}:// cannot be opened, something in its URL or options is wrong "
            f"({type(error).__name__}: {error})"
        ) from error


def _check_options(scheme: str, factory: Factory, options: Iterable[str]) -> None:
    """Raises ArgumentError for those that a driver does not take."""
    from inspect import Parameter, signature  # slow to import, and seldom needed

    parameters = signature(factory).parameters.values()
    known = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
    unknown = [name for name in options if name not in known]
    if unknown and all(p.kind is not Parameter.VAR_KEYWORD for p in parameters):
        guess = _meant(unknown[0], known)
        raise ArgumentError(
            f"{scheme}:// takes no option {unknown[0]!r}{guess} (there are: {', '.join(known)})"
        )


def _check(url: Any, executor: Any) -> None:
    if not isinstance(url, str):
        shown = "bytes" if isinstance(url, bytes) else repr(url)  # which may have a password
        raise ArgumentError(
            f"a URL is text, as 'memory://', 'redis://localhost:6379/0' or 'sqlite:///nets.db', "
            f"not {shown}"
        )
    if executor is None:
        return
    if not callable(getattr(executor, "submit", None)):
        raise ArgumentError(
            "an executor is a ThreadPoolExecutor, a ProcessPoolExecutor, a Client of Dask's or "
            f"anything else with a method submit (docs/queues.md has some), not {executor!r}"
        )


def _factory(scheme: str) -> Factory:
    if known := SCHEMES.get(scheme):
        return _import(scheme, known)
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    points = entry_points(group="nr.backends")
    for point in points:
        if point.name == scheme:
            try:
                factory: Factory = point.load()
            except Exception as error:
                raise BackendError(f"the driver of {scheme}:// is broken: {error}") from error
            return factory
    raise BackendError(_unknown(scheme, [*SCHEMES, *(point.name for point in points)]))


def _import(scheme: str, known: Scheme) -> Factory:
    module, _, function = known.factory.partition(":")
    try:
        factory: Factory = getattr(import_module(module), function)
    except ImportError as error:
        wanted = f"nr[{known.extra}]" if known.extra else "nr"
        raise BackendError(
            f"{scheme}:// needs more than is installed ({error}): pip install '{wanted}'"
        ) from error
    return factory


def _unknown(scheme: str, schemes: list[str]) -> str:
    guess = _meant(f"{scheme}://", [f"{name}://" for name in schemes])
    return f"no driver for {scheme}://{guess} (there are: {_listed(schemes)})"


def _meant(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    guess = get_close_matches(word, list(known), n=1)
    return f", did you mean {guess[0]}?" if guess else ""


def _listed(schemes: Iterable[str]) -> str:
    return ", ".join(f"{name}://" for name in sorted(set(schemes)))
