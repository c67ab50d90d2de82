"""The module and `nr serve` without Python: from redis-cli, and from another language."""

from pathlib import Path

import pytest
import tutorial
from drivers import module, served_kind


@pytest.fixture(params=[module, served_kind("memory")], ids=["module", "served"])
def port(request: pytest.FixtureRequest) -> int:
    """Of an empty server."""
    url: str = request.param(request)["url"]
    return int(url.rpartition(":")[2].partition("/")[0])


def test_the_tutorial_runs_from_redis_cli(port: int) -> None:
    tutorial.by_redis_cli(port)


def test_the_tutorial_runs_from_node(port: int, tmp_path: Path) -> None:
    tutorial.by_node("redis", port, tmp_path)
