"""Server-sent events: the course of a network's trainings, as it goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from nr.calls import Call, networks, words
from nr.commands.info import Info, parse_progress
from nr.engine import Progress
from nr.errors import Error, ValuesError
from nr.serve.plain import plain
from nr.serve.web.api import Api, may_use
from nr.serve.web.networks import described
from nr.serve.web.problems import Refused

_STILL = 60  # looks without news, after which a comment shows that the connection lives
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True)
class _Look:
    """A network, and its training where one runs."""

    now: Info
    progress: Progress | None

    @property
    def state(self) -> tuple[Any, ...]:
        """What is worth an event of its own when it changes."""
        now = self.now
        return now.id, now.training, now.trainings, now.train_len, now.test_len, now.fields


async def events(api: Api, request: Request) -> Response:
    name = request.query_params.get("network")
    if name is None:
        raise ValuesError("ERR network is missing: /events?network=NAME tells of its trainings")
    key = words.key_of(name)
    if not may_use(request, key):
        raise Refused(403, "NOPERM this token may not use this network")
    look = await api.do(_look(key))
    if api.streams >= api.options.streams:
        raise Refused(503, f"ERR {api.streams} listen to events already, which is the most")
    return StreamingResponse(_stream(api, key, look), 200, _HEADERS, "text/event-stream")


async def _stream(api: Api, key: bytes, look: _Look) -> AsyncIterator[str]:
    api.streams += 1
    try:
        async for event, found in _course(api, key, look):
            yield f"event: {event}\ndata: {json.dumps(plain(found))}\n\n" if event else ":\n\n"
    except Error as error:  # it is gone, or the store is
        yield f"event: problem\ndata: {json.dumps({'detail': str(error)})}\n\n"
    finally:
        api.streams -= 1


async def _course(api: Api, key: bytes, look: _Look) -> AsyncIterator[tuple[str, Any]]:
    """A ``state`` at first and whenever it changes, ``progress`` whenever there is some."""
    still = 0
    yield "state", described(key, look.now)
    while not api.closing:
        before = look
        await asyncio.sleep(api.options.tick)
        look = await api.do(_look(key))
        if look.progress and look.progress != before.progress:
            yield "progress", asdict(look.progress)
        if look.state != before.state:
            yield "state", described(key, look.now)
        still = 0 if look != before else still + 1
        if still and still % _STILL == 0:
            yield "", None


def _look(key: bytes) -> Call[_Look]:
    now = yield from networks.info(key)
    if not now.training:
        return _Look(now, None)
    lines = yield ("NR.THREADS",)
    return _Look(now, dict(parse_progress(str(line)) for line in lines).get(now.id))
