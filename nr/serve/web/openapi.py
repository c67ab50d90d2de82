"""/openapi.json, written from the table of routes and the core's table of commands."""

from __future__ import annotations

from functools import cache
from typing import Any

import nr
from nr.serve.web.problems import MEDIA
from nr.serve.web.schemas import Schema, an_object, one_of, spec_of
from nr.serve.web.table import ROWS, Row

_PROBLEM = "#/components/schemas/Problem"
_STATUSES = {
    "400": "The body is no JSON.",
    "401": "A bearer token is needed.",
    "403": "It is not allowed to this user, or to a page of another origin.",
    "404": "There is no such network, or no such row.",
    "405": "The path has other methods.",
    "409": "What is there stands against it: a name in use, a training, a newer format.",
    "413": "The body is too large.",
    "415": "The body is of another type than application/json.",
    "421": "The request is for another host.",
    "422": "The command was refused; detail is its error.",
    "503": "The store cannot be reached.",
}
_IN_PATH: dict[str, Schema] = {
    "key": one_of("string", minLength=1, description="The network's name."),
    "dataset": {"enum": ["train", "test"], "description": "The dataset."},
    "row": one_of("integer", minimum=0, description="Which sample, counted from 0."),
}


@cache
def document() -> dict[str, Any]:
    """All of it."""
    paths: dict[str, Any] = {}
    for row in ROWS:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nr",
            "version": nr.__version__,
            "description": "Neural networks as a data type for the store you already run.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _problem()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.summary or spec_of(row.command).summary,
        "responses": {str(row.status): _answer(row)} | _problems(),
    }
    if row.command:
        found["description"] = f"{row.command} {spec_of(row.command).syntax}".strip()
    if "If-None-Match" in row.headers:
        found["responses"]["304"] = {"description": "It is known."}
    if parameters := [*_in_path(row), *_in_query(row), *_in_headers(row)]:
        found["parameters"] = parameters
    if row.body:
        content = {row.takes: {"schema": row.body}}
        found["requestBody"] = {"content": content, "required": _needed(row)}
    return found


def _needed(row: Row) -> bool:
    """Whether there must be a body: one of bytes, or an object that has members of which one is."""
    return "properties" not in (row.body or {}) or "required" in (row.body or {})


def _answer(row: Row) -> dict[str, Any]:
    if row.answers is None:
        return {"description": "Done."}
    return {"description": "The reply.", "content": {row.media: {"schema": row.answers}}}


def _problems() -> dict[str, Any]:
    content = {MEDIA: {"schema": {"$ref": _PROBLEM}}}
    return {status: {"description": said, "content": content} for status, said in _STATUSES.items()}


def _in_path(row: Row) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _IN_PATH.items()
        if f"{{{name}}}" in row.path
    ]


def _in_query(row: Row) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "required": name == "network",
            "schema": {part: said for part, said in schema.items() if part != "description"},
        }
        for name, schema in row.query.items()
    ]


def _in_headers(row: Row) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "description": schema["description"],
            "schema": {part: said for part, said in schema.items() if part != "description"},
        }
        for name, schema in row.headers.items()
    ]


def _problem() -> Schema:
    """As RFC 9457 has them."""
    texts = {name: one_of("string") for name in ("type", "title", "detail")}
    return an_object(texts | {"status": one_of("integer")}, "type", "title", "status", "detail")
