"""Errors as problem details (RFC 9457), with the texts that the commands have everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

import nr
from nr.errors import BackendError, CommandError, EngineError, Error, ExtraError

MEDIA = "application/problem+json"

_STATUSES: tuple[tuple[type[Error], int], ...] = (
    (nr.NotFoundError, 404),
    (nr.RowError, 404),
    (nr.BusyError, 409),
    (nr.TrainingError, 409),
    (nr.FormatError, 409),
    (CommandError, 422),
    (nr.ArgumentError, 422),
    (BackendError, 503),
    (EngineError, 503),
    (ExtraError, 501),
)


class Refused(Exception):
    """A request that is answered with a problem before any command is run."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


def status_of(error: Error) -> int:
    """The status that goes with an error."""
    if isinstance(error, CommandError) and error.code == "WRONGTYPE":
        return 409
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells of a problem: ``detail`` is the text of the error."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    body = json.dumps(told | {"detail": detail.encode("utf-8", "backslashreplace").decode()})
    return Response(body, status, headers, MEDIA)


def answer_to(error: Error | Refused) -> Response:
    """The answer to a request that failed."""
    if isinstance(error, Refused):
        return problem(error.status, str(error), error.headers)
    return problem(status_of(error), str(error))
