"""`nr serve` from other languages' clients, and from other versions of Python's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tutorial
from redis_server import missing
from serving import Serving, serving

PYTHON = """
import sys, redis
client = redis.Redis.from_url(sys.argv[1], decode_responses=True)
for line in sys.stdin.read().strip().splitlines():
    last = client.execute_command(*line.split())
print(redis.__version__, round(float(last[0])), client.type("net"), list(client.scan_iter()))
"""


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store to serve, empty."""
    import nr

    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/nets.db"
    found: str = request.getfixturevalue("postgres").url
    with nr.connect(found) as db:
        for name in db:
            del db[name]
    return found


def served_at(served: Serving) -> str:
    return f"redis://127.0.0.1:{served.resp}"


@pytest.mark.soak
@pytest.mark.parametrize("package", ["redis", "ioredis"])
def test_the_tutorial_runs_from_node(url: str, tmp_path: Path, package: str) -> None:
    with serving(tmp_path / "serve", "--url", url, "--resp", "0") as served:
        tutorial.by_node(package, served.resp, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("version", ["5.2.1", "6.4.0", "7.0.1", "8.0.0"])
def test_the_tutorial_runs_from_any_redis_py(url: str, tmp_path: Path, version: str) -> None:
    place = tmp_path / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place)]
    if subprocess.run([*pip, f"redis=={version}"], capture_output=True).returncode:
        missing(f"redis {version}")
    with serving(tmp_path / "serve", "--url", url, "--resp", "0") as served:
        done = subprocess.run(
            [sys.executable, "-c", PYTHON, served_at(served)],
            input=tutorial.LINES,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONPATH": str(place)},
        )
    assert done.stderr == ""
    assert done.stdout == f"{version} 5 neural-NN ['net']\n"
