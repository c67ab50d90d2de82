"""What tests of the commands over HTTP share."""

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from starlette.testclient import TestClient

import nr
from nr.serve.web import Options, application

HERE = "http://127.0.0.1"
FIELDS = {"age": "number", "country": "category"}


@dataclass
class User:
    writes: bool = True
    only: bytes = b""

    def may_use(self, key: bytes) -> bool:
        return key.startswith(self.only)


TOKENS = {b"all": User(), b"read": User(writes=False), b"app": User(only=b"app:")}


def client_of(db: nr.Database, **options: Any) -> TestClient:
    app = application(db, Options(**options))
    return TestClient(app, HERE, raise_server_exceptions=False)


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["status"] == status
    text: str = found["detail"]
    return text
