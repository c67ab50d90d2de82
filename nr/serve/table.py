"""The commands of Redis that are here beside nr's own, a row each: what its clients begin with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nr.engine.resp import Answer
from nr.serve import about, clients, described, greeting, keyspace

if TYPE_CHECKING:
    from nr.serve.session import Session

Run = Callable[["Session", Sequence[bytes]], "Answer | Awaitable[Answer]"]
ANY = 1 << 20


@dataclass(frozen=True)
class Row:
    """What there is to know of a command."""

    name: str
    run: Run
    least: int
    """Arguments, its name counted."""
    most: int
    summary: str
    group: str = "server"
    keys: tuple[int, int] = (0, 0)
    """The first and the last argument that is a key, -1 is the last of all; 0: there is none."""
    writes: bool = False


_ROWS = (
    Row("ACL", about.acl, 2, 2, "Tells which user this is."),
    Row("AUTH", greeting.auth, 2, 3, "Says who the client is.", "connection"),
    Row("CLIENT", clients.client, 2, ANY, "Names a client, and lists all.", "connection"),
    Row("CLUSTER", about.cluster, 2, ANY, "Tells that this is none.", "cluster"),
    Row("COMMAND", described.command, 1, ANY, "Tells of the commands that there are."),
    Row("CONFIG", about.config, 2, ANY, "Tells some settings, as Redis names them."),
    Row("DBSIZE", keyspace.dbsize, 1, 1, "Counts the networks."),
    Row("DEL", keyspace.delete, 2, ANY, "Deletes networks.", "generic", (1, -1), True),
    Row("ECHO", greeting.echo, 2, 2, "Replies what it is given.", "connection"),
    Row("EXISTS", keyspace.exists, 2, ANY, "Counts keys that are networks.", "generic", (1, -1)),
    Row("HELLO", greeting.hello, 1, ANY, "Begins, and chooses the protocol.", "connection"),
    Row("INFO", about.info, 1, ANY, "Tells of the server, as Redis does."),
    Row("KEYS", keyspace.keys, 2, 2, "Lists the keys that are like a pattern.", "generic"),
    Row("LATENCY", about.nothing, 2, ANY, "Tells that nothing was recorded."),
    Row("MEMORY", keyspace.memory, 2, ANY, "Estimates a network's bytes.", "server", (2, 2)),
    Row("MODULE", about.module, 2, 2, "Lists what there is beyond Redis: nr."),
    Row("OBJECT", keyspace.describe, 2, 3, "Tells how a network is kept.", "generic", (2, 2)),
    Row("PING", greeting.ping, 1, 2, "Replies PONG.", "connection"),
    Row("PTTL", keyspace.lifetime, 2, 2, "Tells that networks do not expire.", "generic", (1, 1)),
    Row("QUIT", greeting.leave, 1, 1, "Closes the connection.", "connection"),
    Row("RESET", greeting.reset, 1, 1, "Forgets who the client is.", "connection"),
    Row("SCAN", keyspace.scan, 2, 10, "Lists the keys, some at a time.", "generic"),
    Row("SELECT", greeting.select, 2, 2, "Chooses database 0, the only one.", "connection"),
    Row("SLOWLOG", about.nothing, 2, ANY, "Tells that nothing was recorded."),
    Row("TIME", about.time, 1, 1, "Tells the time."),
    Row("TTL", keyspace.lifetime, 2, 2, "Tells that networks do not expire.", "generic", (1, 1)),
    Row("TYPE", keyspace.kind, 2, 2, "Tells the type of a key.", "generic", (1, 1)),
    Row("UNLINK", keyspace.delete, 2, ANY, "Deletes networks.", "generic", (1, -1), True),
)  # fmt: skip

TABLE = {row.name.encode(): row for row in _ROWS}
