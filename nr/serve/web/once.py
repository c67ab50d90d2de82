"""Requests that name themselves (Idempotency-Key): who asks again hears what was answered first.

A client whose connection broke cannot know whether its samples have arrived. It sends them again
under the same name, and they are added once. A request that comes while the first is at work waits
for that one. A refused request has changed nothing, so nothing is remembered of it.

Names are remembered in this process: of many the oldest are forgotten, and all when it ends. To
keep them in the store was left out: it would be a table beside the networks, in each kind of
store, for what clients ask again within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from starlette.requests import Request

from nr.serve.web.problems import Refused

HEADER = "Idempotency-Key"
_LONGEST = 255  # characters of a name
_Work = Callable[[], Awaitable[Any]]


@dataclass
class _Asked:
    digest: bytes
    """Of the request's body."""
    task: asyncio.Task[Any] | None
    """What is at work for the answer."""
    answer: Any = None


class Once:
    """What was answered to requests of some names."""

    def __init__(self, most: int = 1 << 16) -> None:
        self._most = most
        self._asked: dict[bytes, _Asked] = {}

    async def answer(self, request: Request, body: bytes, work: _Work) -> Any:
        """What ``work`` returns, or has returned to the same request before.

        A name belongs to who asks, and to the path. Raises Refused where it was that of another
        request.
        """
        said = request.headers.get(HEADER)
        if said is None:
            return await work()
        if not 0 < len(said) <= _LONGEST:
            raise Refused(400, f"ERR an {HEADER} has 1 to {_LONGEST} characters")
        name, digest = _name(request, said), sha256(body).digest()
        asked = self._asked.get(name) or self._begun(name, digest, work)
        if asked.digest != digest:
            raise Refused(422, f"ERR the {HEADER} {said!r:.80} was that of another request")
        # It goes on when who asked first goes away.
        return await asyncio.shield(asked.task) if asked.task else asked.answer

    def _begun(self, name: bytes, digest: bytes, work: _Work) -> _Asked:
        async def worked() -> Any:
            try:
                asked.answer = await work()
            except BaseException:
                self._asked.pop(name, None)
                raise
            asked.task = None
            return asked.answer

        while len(self._asked) >= self._most:
            del self._asked[next(iter(self._asked))]
        asked = self._asked[name] = _Asked(digest, None)
        asked.task = asyncio.create_task(worked())
        return asked


def _name(request: Request, said: str) -> bytes:
    who = request.headers.get("authorization", "")
    return sha256("\0".join((who, str(request.scope["path"]), said)).encode()).digest()
