"""The drivers that the suite runs on: what a test needs, to how to connect to an empty store."""

from collections.abc import Callable
from typing import Any

import pytest
import redis_private


def memory(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"url": "memory://"}


def _redis(kind: str) -> Callable[[pytest.FixtureRequest], dict[str, Any]]:
    def driver(request: pytest.FixtureRequest) -> dict[str, Any]:
        options: dict[str, Any] = request.getfixturevalue("redis_servers").empty(kind)
        return options

    driver.__name__ = f"redis-{kind}"
    return driver


DRIVERS = [memory, *map(_redis, redis_private.CONFORMING)]
