"""`nr serve` from other languages' clients, and from other versions of Python's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from redis_server import missing
from serving import Serving, serving
from test_module_clients import NODE, TUTORIAL

IOREDIS = """
const Redis = require("ioredis");
(async () => {
  const client = new Redis(process.argv[2], { enableReadyCheck: true });
  const nr = (line) => client.call(...line.split(" "));
  console.log(await nr("NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7"));
  const counts = await Promise.all(
    [...Array(8).keys()].map((a) => nr(`NR.OBSERVE net ${a} 2 -> ${a + 2}`)));
  console.log(JSON.stringify(counts[7]));
  console.log(await nr("NR.TRAIN net MAXCYCLES 2000 MAXTIME 0"));
  console.log(await nr("NR.WAIT net 0"));
  console.log(Math.abs(Number((await nr("NR.RUN net 3 2"))[0]) - 5) < 0.25);
  await nr("NR.RUN none 1").catch((error) => console.log(error.message));
  await client.quit();
})();
"""
TOLD = ["13", "[6,2]", "Training has started", "1", "true", "ERR no such key", ""]
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
@pytest.mark.parametrize(("package", "script"), [("redis", NODE), ("ioredis", IOREDIS)])
def test_the_tutorial_runs_from_node(url: str, tmp_path: Path, package: str, script: str) -> None:
    node, modules = shutil.which("node"), Path(sys.prefix) / "node" / "node_modules"
    if not node or not (modules / package).is_dir():
        missing(f"node with the package {package} (make .venv/node)")
    path = tmp_path / "tutorial.js"
    path.write_text(script)
    with serving(tmp_path / "serve", "--url", url, "--resp", "0") as served:
        done = subprocess.run(
            [str(node), path, served_at(served)],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"NODE_PATH": str(modules)},
        )
    assert done.stderr == ""
    assert done.stdout.split("\n") == TOLD


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
            input=TUTORIAL,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONPATH": str(place)},
        )
    assert done.stderr == ""
    assert done.stdout == f"{version} 5 neural-NN ['net']\n"
