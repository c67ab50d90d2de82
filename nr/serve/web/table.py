"""The routes, one row each: from here come the server's routes and /openapi.json.

A row names the command that it stands for. That command's row in the core says what it does and
which options it takes, and who may run the command may ask the route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from nr.serve.web import asking, dumps, events, networks, once, pages
from nr.serve.web.api import Api
from nr.serve.web.schemas import Schema, a_list, an_object, one_of

Handler = Callable[[Api, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Row:
    """What is asked by one method at one path."""

    method: str
    path: str
    handler: Handler
    command: str = ""
    """Which it stands for; empty: none, and everybody may ask."""
    answers: Schema | None = None
    """What the answer is; None: it has no body."""
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    """Parameters."""
    headers: Mapping[str, Schema] = field(default_factory=dict)
    """What it hears of a request's headers."""
    takes: str = "application/json"
    """What the body is."""
    status: int = 200
    media: str = "application/json"
    summary: str = ""
    """Where the command's own does not do."""

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET" and self.command not in ("NR.RUN", "NR.CLASS")

    @property
    def name(self) -> str:
        """Of the operation."""
        path = self.path.replace("networks/{key}", "network")
        path = path.replace("samples/{dataset}/{row}", "sample")
        words = [part for part in path.split("/") if part and "{" not in part]
        return "_".join([self.method.lower(), *words]).replace(".", "_")


_NET = "/networks/{key}"
_COUNT = an_object({"dropped": one_of("integer")}, "dropped")
_FIELDS = a_list(
    an_object(
        {
            "name": one_of("string"),
            "kind": one_of("string"),
            "output": one_of("boolean"),
            "values": a_list(one_of("string")),
        },
        "name",
        "kind",
        "output",
        "values",
    )
)
_LIST = {
    "pattern": one_of("string", description="Names like this, as in Redis' KEYS. Default: all."),
    "after": one_of("string", description="Names behind this one."),
    "limit": one_of(
        "integer", minimum=1, maximum=1000, description="How many at most. Default: 100."
    ),
}
_RANGE = {
    "first": one_of("integer", minimum=0, description="The first row. Default: 0."),
    "last": one_of("integer", minimum=0, description="The last row. Default: 99 behind the first."),
}
_NEXT = {
    "series": one_of("string", description="Which; default: the one without a name."),
    "interval": one_of(
        "number", description="Of each step lower, value, upper, which are right so often: 0.9."
    ),
}
_REPLACE = {"replace": one_of("boolean", description="Whether one may be there. Default: false.")}
_SAMPLES = {
    "samples": one_of(
        "boolean", description="false: as much as answers, with an ETag. Default: true."
    )
}
_KNOWN = {
    "If-None-Match": one_of(
        "string", description="The ETag of what is there already: without samples, 304 then."
    )
}
_ONCE = {
    once.HEADER: one_of(
        "string",
        minLength=1,
        maxLength=255,
        description="Of a request that may be sent again: it is done once.",
    )
}
_TEXT = one_of("string")

ROWS: tuple[Row, ...] = (
    # What is asked most comes first: routes are looked through in their order.
    Row(
        "POST", f"{_NET}/run", asking.run, "NR.RUN", body=asking.RUN,
        answers=an_object({"outputs": one_of("array", "object")}, "outputs"),
    ),
    Row(
        "POST", f"{_NET}/class", asking.classify, "NR.CLASS", body=asking.CLASSIFIED,
        answers=an_object({"class": one_of("array", "integer", "string", "null")}, "class"),
        summary="Runs a classifier and replies the class of each row.",
    ),
    Row(
        "POST", f"{_NET}/observe", asking.observe, "NR.OBSERVE", body=asking.OBSERVED,
        answers=an_object({"train": one_of("integer"), "test": one_of("integer")}, "train", "test"),
        headers=_ONCE,
    ),
    Row(
        "POST", f"{_NET}/explain", asking.explain, "NR.EXPLAIN", body=asking.EXPLAINED,
        answers=an_object({"attributions": one_of("object")}, "attributions"),
    ),
    Row(
        "POST", f"{_NET}/generate", asking.generate, "NR.GENERATE", body=asking.GENERATED,
        answers=an_object({"text": _TEXT}, "text"),
    ),
    Row("POST", f"{_NET}/score", asking.score, "NR.SCORE", asking.SCORE, asking.SCORED),
    Row(
        "POST", f"{_NET}/translate", asking.translate, "NR.RUN", body=asking.TRANSLATED,
        answers=an_object({"sequences": one_of("object")}, "sequences"),
        summary="Replies the likeliest sequences behind another one, and log-probabilities.",
    ),
    Row("GET", "/networks", networks.listed, "NR.LIST", networks.NETWORKS, query=_LIST),
    Row("GET", _NET, networks.info, "NR.INFO", networks.NETWORK),
    Row(
        "PUT", _NET, networks.create, "NR.CREATE", networks.NETWORK, networks.CREATED, status=201,
        summary="Creates a network and replies what there is to know of it.",
    ),
    Row("DELETE", _NET, networks.delete, "NR.DEL", status=204, summary="Deletes a network."),
    Row(
        "POST", f"{_NET}/train", networks.train, "NR.TRAIN", body=networks.TRAINED, status=202,
        answers=an_object({"status": _TEXT}, "status"),
    ),
    Row(
        "POST", f"{_NET}/stop", networks.stop, "NR.STOP",
        answers=an_object({"stopped": one_of("boolean")}, "stopped"),
    ),
    Row("POST", f"{_NET}/reset", networks.reset, "NR.RESET", status=204),
    Row("POST", f"{_NET}/clear", networks.clear, "NR.CLEAR", _COUNT, networks.CLEARED),
    Row("POST", f"{_NET}/forget", networks.forget, "NR.FORGET", _COUNT, networks.FORGOTTEN),
    Row("GET", f"{_NET}/metrics", networks.metrics, "NR.METRICS", networks.SUMMARIES),
    Row(
        "GET", f"{_NET}/importance", networks.importance, "NR.IMPORTANCE",
        one_of("array", "object", "null"),
    ),
    Row("GET", f"{_NET}/drift", networks.drift, "NR.DRIFT", networks.DRIFT),
    Row(
        "GET", f"{_NET}/history", networks.history, "NR.HISTORY", a_list(one_of("array")),
        summary="Replies the course of the last training: cycle, training error, testing error "
        "and per cent of wrong classes, a row each.",
    ),
    Row(
        "GET", f"{_NET}/fields", networks.fields, "NR.FIELDS", _FIELDS,
        summary="Replies the fields of a network and the values that it has learned of each.",
    ),
    Row(
        "PATCH", f"{_NET}/fields", networks.change_fields, "NR.FIELDS", _FIELDS, networks.CHANGED,
        summary="Adds fields to a network and drops others; its samples stay.",
    ),
    Row(
        "GET", f"{_NET}/options", networks.configured, "NR.CONFIGURE", one_of("object"),
        summary="Lists the options of a network.",
    ),
    Row(
        "PATCH", f"{_NET}/options", networks.configured, "NR.CONFIGURE", one_of("object"),
        networks.CONFIGURED, summary="Sets options of a network, all or none, and lists them.",
    ),
    Row(
        "GET", f"{_NET}/samples/{{dataset}}/{{row}}", asking.sample, "NR.GETDATA", asking.SAMPLE,
        summary="Replies one sample.",
    ),
    Row(
        "GET", f"{_NET}/samples/{{dataset}}", asking.sample_range, "NR.GETDATA", asking.SAMPLES,
        query=_RANGE, summary="Replies samples, from the first row to the last.",
    ),
    Row(
        "GET", f"{_NET}/forecast", asking.forecast, "NR.RUN", asking.FORECAST, query=_NEXT,
        summary="Replies what comes next of a forecaster's series, by the outputs' names.",
    ),
    Row(
        "GET", f"{_NET}/dump", dumps.dump, "NR.DUMP", one_of("string", format="binary"),
        media=dumps.BLOB, query=_SAMPLES, headers=_KNOWN,
    ),
    Row(
        "PUT", f"{_NET}/dump", dumps.restore, "NR.RESTORE", networks.NETWORK,
        one_of("string", format="binary"), query=_REPLACE, takes=dumps.BLOB, status=201,
    ),
    Row(
        "GET", "/trainings", networks.trainings, "NR.THREADS", a_list(one_of("object")),
    ),
    Row(
        "GET", "/events", events.events, "NR.INFO", _TEXT, media="text/event-stream",
        query={"network": one_of("string", description="Whose trainings are told of.")},
        summary="Tells the state of a network and the progress of its trainings as they go on.",
    ),
    Row(
        "GET", "/metrics", pages.prometheus, "NR.INFO", _TEXT, media="text/plain",
        summary="Replies numbers of the server and its networks for Prometheus.",
    ),
    Row(
        "GET", "/health", pages.health, answers=an_object({"status": _TEXT}, "status"),
        summary="Says whether the store can be reached.",
    ),
)  # fmt: skip
