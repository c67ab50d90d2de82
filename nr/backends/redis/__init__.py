"""The plain Redis driver: networks in any Redis, no module needed.

One network is one key, a hash, so that DEL, EXPIRE, RENAME, COPY, DUMP, MIGRATE and a
cluster's slots do with it what they do with any other key. Writes are Lua scripts:
one round trip, and atomic. docs/redis.md is the manual; layout.py says what is in the
hash, scripts/ what is done to it.

Another way was one key for the header and one list for each dataset: it takes less
memory, and leaves half a network behind a DEL or an EXPIRE.
"""

import logging
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry
from redis.sentinel import Sentinel

from nr.backends.redis.link import ERRORS, Link
from nr.backends.redis.store import Store
from nr.backends.redis.supply import SentinelSupply, Supply, options_of
from nr.backends.redis.tracking import Tracked
from nr.commands.local import Local
from nr.errors import BackendError

_log = logging.getLogger("nr")
_ANSWER, _CONNECT = 5.0, 2.0  # seconds for an answer, and for a connection
_OURS = {"decode_responses": False}


def connect(
    url: str,
    executor: Executor | None = None,
    *,
    client: Any = None,
    cache: bool = False,
    index: str = "nr:trainings",
    memory: int | None = None,
    trainings: str = "here",
    **options: Any,
) -> Local:
    """``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://`` or ``redis+cluster://``.

    ``client`` is a redis-py client to be used instead; it stays the caller's to close.
    With ``cache``, networks are kept here until the server says that they changed.
    ``index`` is the key by which NR.THREADS finds trainings. Further options are
    redis-py's: ``socket_timeout``, ``retry``, ``ssl_ca_certs`` ... Raises BackendError.
    """
    if client is not None and options:
        raise BackendError(f"a client has its options already: {', '.join(options)}")
    try:
        made = client if client is not None else _client(url, options)
        if not callable(getattr(made, "execute_command", None)):
            raise BackendError(f"not a client of redis-py: {made!r}")
        if _is_async(made):
            raise BackendError(
                f"{made!r} is asynchronous: give a redis.Redis or a URL, or await "
                "nr.aio.connect(url)"
            )
        link = Link(made, owned=client is None)
        if client is None:
            _reach(made)
    except (ValueError, TypeError, OSError, *ERRORS) as error:
        raise BackendError(f"Redis: {error}") from error
    pool = getattr(made, "connection_pool", None)
    if cache and pool is None:
        raise BackendError("cache=True works with a single server and with Sentinel")
    db = int(pool.connection_kwargs.get("db") or 0) if pool else 0
    store = Store(link, db, index.encode(), Tracked(pool) if cache else None)
    return Local(store, executor, memory, trainings)


def _reach(client: Any) -> None:
    """Raises what redis-py raises where the server cannot be reached; asks one alone for the
    module, in the same step, whose networks and trainings are not those of this driver."""
    if isinstance(client, redis.RedisCluster):
        client.ping()
        return
    with suppress(redis.exceptions.NoPermissionError):  # it is there
        reply = client.execute_command(b"COMMAND", b"INFO", b"nr.create")
        if any(reply.values() if isinstance(reply, dict) else reply):
            _log.warning(
                "this server has the module, which redis:// does not use: it trains there, and is "
                "quicker, by a URL that begins with redis+module://"
            )


def _is_async(client: Any) -> bool:
    return any(kind.__module__.startswith("redis.asyncio") for kind in type(client).__mro__)


def _client(url: str, options: dict[str, Any]) -> Any:
    """The client of a URL. redis-py's own schemes are its own affair."""
    defaults: dict[str, Any] = {
        "socket_timeout": _ANSWER,
        "socket_connect_timeout": _CONNECT,
        "socket_keepalive": True,
    }
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "unix":
        defaults.pop("socket_keepalive")
    if "retry" not in options:
        defaults["retry"] = Retry(ExponentialBackoff(cap=1.0, base=0.05), 5)
    options = defaults | options
    match scheme.lower():
        case "redis+cluster" | "rediss+cluster":
            return _cluster(scheme.lower().partition("+")[0], rest, options)
        case "redis+sentinel" | "rediss+sentinel":
            return _sentinel(scheme.lower().partition("+")[0], rest, options)
    return redis.Redis.from_pool(Supply(**options_of(url, options, _OURS)))


def _hosts(rest: str, port: int) -> tuple[str, list[tuple[str, int]], str]:
    """``user:secret@a:1,b:2/path?query`` as credentials, hosts, path and query."""
    place, slash, path = rest.partition("/")
    credentials, at, names = place.rpartition("@")
    hosts = [urlsplit(f"//{name}") for name in names.split(",")]
    found = [(host.hostname or "localhost", host.port or port) for host in hosts]
    return credentials + at, found, slash + path


def _cluster(scheme: str, rest: str, options: dict[str, Any]) -> Any:
    credentials, hosts, path = _hosts(rest, 6379)
    nodes = [redis.cluster.ClusterNode(*host) for host in hosts]  # type: ignore[no-untyped-call]
    first = f"{scheme}://{_place(*hosts[0])}"
    found = options_of(f"{scheme}://{credentials}{_place(*hosts[0])}{path}", options, _OURS)
    if found.pop("db", 0):
        raise BackendError("a cluster has one database, 0")
    for name in ("host", "port", "connection_class"):  # which the URL says
        found.pop(name, None)
    return redis.RedisCluster.from_url(
        first, startup_nodes=nodes, connection_pool_class=Supply, **found
    )


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sentinel(scheme: str, rest: str, options: dict[str, Any]) -> Any:
    """``redis+sentinel://[user:secret@]host:port,.../service[/db][?option=value]``."""
    credentials, hosts, path = _hosts(rest, 26379)
    parts = urlsplit(path)
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise BackendError("a URL of Sentinel ends in the service: redis+sentinel://host/mymaster")
    query = f"?{parts.query}" if parts.query else ""
    url = f"{scheme}://{credentials}{_place(*hosts[0])}/{db}{query}"
    found = options_of(url, {}, _OURS)
    found = {name: value for name, value in found.items() if name not in ("host", "port")}
    found.pop("connection_class", None)
    own = {  # Sentinels have credentials of their own
        name.removeprefix("sentinel_"): found.pop(name)
        for name in [*found]
        if name.startswith("sentinel_")
    }
    kind: Any = SSLConnection if scheme == "rediss" else Connection
    sentinel = Sentinel([], **options)  # type: ignore[no-untyped-call]
    sentinel.sentinels = [
        redis.Redis.from_pool(
            Supply(**options | own | _OURS, connection_class=kind, host=host, port=port)
        )
        for host, port in hosts
    ]
    return sentinel.master_for(  # type: ignore[no-untyped-call]
        unquote(service),
        connection_pool_class=SentinelSupply,
        **{**options, **found, "ssl": scheme == "rediss"},
    )
