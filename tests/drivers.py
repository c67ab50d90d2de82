"""The drivers that the suite runs on: what a test needs, to the URL of an empty store."""

import pytest
from redis_server import Server


def memory(request: pytest.FixtureRequest) -> str:
    return "memory://"


def module(request: pytest.FixtureRequest) -> str:
    server: Server = request.getfixturevalue("module_server")
    with server.client() as client:
        client.flushall()
    return server.url()


DRIVERS = [memory, module]
