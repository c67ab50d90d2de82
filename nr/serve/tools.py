"""Networks as tools for assistants, by the Model Context Protocol (MCP).

``nr mcp`` serves them on standard input and output, ``nr serve --http`` at /mcp. Reading is always
allowed; what writes is offered only where that is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import asdict
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, Protocol

import nr
import nr.aio
from nr.calls import words
from nr.errors import Error, ExtraError
from nr.fields import text
from nr.serve.plain import plain

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations
except ImportError as error:
    raise ExtraError(f"nr mcp needs a package ({error}): pip install 'nr[mcp]'") from error

_P = ParamSpec("_P")
_Found = dict[str, Any]
_Tool = Callable[_P, Coroutine[Any, Any, _Found]]
_MOST = 200  # networks of one list
_ABOUT = (
    "Neural networks that learn from samples and predict. List them first; describe_network "
    "tells the fields or the number of inputs that predict takes."
)


class User(Protocol):
    """Who asks."""

    @property
    def writes(self) -> bool:
        """Whether networks may be changed."""

    def may_use(self, key: bytes) -> bool:
        """Whether this network may be asked."""


ASKING: ContextVar[User | None] = ContextVar("asking", default=None)
"""Whose assistant asks; None: one that may do whatever is offered."""


def tools(db: nr.aio.Database, writes: bool = False) -> MCPServer[Any]:
    """A server of tools on a database, those that change something with ``writes`` alone."""
    server: MCPServer[Any] = MCPServer("nr", instructions=_ABOUT, version=nr.__version__)
    reading, writing = Reading(db), Writing(db)
    offered: list[tuple[_Tool[...], bool]] = [
        (reading.list_networks, False),
        (reading.describe_network, False),
        (reading.predict, False),
        (reading.network_metrics, False),
    ]
    if writes:
        offered += [
            (writing.create_network, True),
            (writing.observe, True),
            (writing.train, True),
            (writing.delete_network, True),
        ]
    for tool, changes in offered:
        destroys = tool == writing.delete_network
        hints = ToolAnnotations(
            read_only_hint=not changes, destructive_hint=destroys, open_world_hint=False
        )
        server.add_tool(_told(tool, changes), annotations=hints)
    return server


def _told(tool: _Tool[_P], changes: bool) -> _Tool[_P]:
    """The tool for who may use it, with errors whose texts the assistant reads, and JSON that has
    no NaN."""
    takes = signature(tool)

    @wraps(tool)
    async def told(*args: _P.args, **named: _P.kwargs) -> _Found:
        try:
            _check(changes, takes.bind(*args, **named).arguments.get("name"))
            found: _Found = plain(await tool(*args, **named))
        except Error as error:
            raise ToolError(str(error)) from error
        return found

    return told


def _check(changes: bool, name: str | None) -> None:
    """Raises ToolError where who asks may not do this to the network of that name."""
    user = ASKING.get()
    if user and changes and not user.writes:
        raise ToolError("NOPERM this token may read networks, not change them")
    if user and name is not None and not user.may_use(words.key_of(name)):
        raise ToolError("NOPERM this token may not use this network")


class Reading:
    """What changes nothing."""

    def __init__(self, db: nr.aio.Database) -> None:
        self._db = db

    async def list_networks(self, pattern: str = "*") -> _Found:
        """Lists the names of networks, those like a pattern as app:* or all, at most 200."""
        listed: Any = await self._db.execute("NR.LIST", words.key_of(pattern))
        user = ASKING.get()
        keys = [key for key in listed if user is None or user.may_use(key)]
        return {"networks": [text(key) for key in keys[:_MOST]], "more": len(keys) > _MOST}

    async def describe_network(self, name: str) -> _Found:
        """Tells what a network is: its type, its fields or its number of inputs and outputs, how
        many samples it has, its errors, what became of its last training, and its options."""
        net = await self._db[name]
        fields = [asdict(field) for field in await net.fields()]
        info, options = asdict(await net.info()), await net.configure()
        return info | {"fields": fields, "options": options}

    async def predict(
        self,
        name: str,
        inputs: dict[str, Any] | list[dict[str, Any]] | list[float],
        interval: float | None = None,
    ) -> _Found:
        """Predicts from inputs: an object of fields and values (or an array of such objects), or
        an array of numbers for a network without fields. Replies outputs, which of a classifier
        are the probabilities of the classes. Of a regressor interval, 0.9 say, makes each of them
        lower, value, upper, between which the truth is with that probability."""
        net = await self._db[name]
        rows: Any = inputs
        found: _Found = {"outputs": await net.run(rows, interval=interval)}
        if (await net.info()).type == "classifier":
            found["class"] = await net.classify(rows)
        return found

    async def network_metrics(self, name: str) -> _Found:
        """Tells how good a network was on its testing samples when its last training ended, and
        by how much its loss grows when each input is shuffled (importance)."""
        net = await self._db[name]
        metrics, importance = await net.metrics(), await net.importance()
        return {"metrics": metrics and asdict(metrics), "importance": importance}


class Writing:
    """What changes a store."""

    def __init__(self, db: nr.aio.Database) -> None:
        self._db = db

    async def create_network(
        self,
        name: str,
        type: str,
        fields: dict[str, str] | None = None,
        target: list[str] | None = None,
        layout: list[int] | None = None,
    ) -> _Found:
        """Creates a network, type classifier or regressor: with fields, an object of their names
        and kinds (number, category, flag, time, text, key) and target, the names among them that
        are to be learned; or with a layout, the units of each layer, inputs first."""
        kind: Any = type
        net = await self._db.create(name, kind, fields or layout or [], target=target)
        return {"fields": (await net.info()).fields, "layout": (await net.info()).layout}

    async def observe(
        self,
        name: str,
        samples: list[dict[str, Any]] | list[list[float]],
        outputs: list[float] | None = None,
    ) -> _Found:
        """Adds samples: objects of fields and values, outputs among them; or arrays of numbers,
        with one output or class id for each. Replies how many samples there are now."""
        train, test = await (await self._db[name]).observe_many(samples, outputs)
        return {"training": train, "testing": test}

    async def train(self, name: str) -> _Found:
        """Starts a training, which runs in the background: describe_network tells how it went."""
        return {"status": await self._db.execute("NR.TRAIN", words.key_of(name))}

    async def delete_network(self, name: str) -> _Found:
        """Deletes a network, its samples and all that it has learned."""
        await self._db.delete(name)
        return {"deleted": name}


def serve_stdio(url: str | None, writes: bool) -> None:
    """Serves until standard input ends."""
    import anyio

    async def serve() -> None:
        async with nr.aio.connect(url) as db:
            await tools(db, writes).run_stdio_async()

    print("nr mcp: tools on standard input and output", file=sys.stderr, flush=True)
    anyio.run(serve)
