"""Networks as bytes: all of one, or as much as answers, for devices that follow it.

What answers changes with a training, so its revision is an ETag, and who has it already is told so
without the bytes. Where networks run in this process the revision is there without a dump.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from nr.calls import Call, databases, networks, running
from nr.calls.steps import Long
from nr.engine import Net
from nr.engine.command import Command
from nr.errors import ValuesError
from nr.serve.web.api import Api, key_of, path_of
from nr.serve.web.bodies import answer, bytes_of
from nr.serve.web.networks import described

BLOB = "application/octet-stream"


async def dump(api: Api, request: Request) -> Response:
    key = key_of(request)
    if _flag(request, "samples", True):
        return Response(await api.do(networks.dump(key)), media_type=BLOB)
    known = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
    tag, blob = await api.do(_learned(key, api.runner, known))
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if blob is None:
        return Response(status_code=304, headers=headers)
    return Response(blob, 200, headers, BLOB)


def _learned(
    key: bytes, runner: running.Runner | None, known: set[str]
) -> Call[tuple[str, bytes | None]]:
    """The revision, and what answers; None where that is known."""
    if runner and (tag := _tag((yield partial(runner, key)))) in known:
        return tag, None
    blob = yield from networks.dump(key)
    net = yield Long(partial(Net.load, blob, 0))
    if (tag := _tag(net)) in known:
        return tag, None
    return tag, (yield Long(partial(_without_samples, key, net)))


def _tag(net: Net) -> str:
    """Weak: counts in the bytes may differ, what it answers may not."""
    shape = net.shape
    return f'W/"{shape.id:x}-{shape.revision:x}-{shape.schema_revision:x}"'


def _without_samples(key: bytes, net: Net) -> bytes:
    """Also without those that NR.EXPLAIN goes by."""
    net.execute(Command([b"NR.CLEAR", key]))
    return net.dump()


async def restore(api: Api, request: Request) -> Response:
    key, blob = key_of(request), await bytes_of(request, BLOB)
    await api.do(databases.restore(key, blob, _flag(request, "replace", False)))
    found = described(key, await api.do(networks.info(key)))
    return answer(found, 201, {"Location": path_of(key)})


def _flag(request: Request, name: str, preset: bool) -> bool:
    text = request.query_params.get(name, str(preset).lower())
    if text not in ("true", "false"):
        raise ValuesError(f"ERR {name} is true or false, not {text!r:.40}")
    return text == "true"
