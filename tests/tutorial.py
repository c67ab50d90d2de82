"""The tutorial of sums, by clients of several languages; each replies with what it printed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from redis_server import missing

LINES = """
NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7
NR.OBSERVE net 1 2 -> 3
NR.OBSERVE net 4 5 -> 9
NR.OBSERVE net 3 4 -> 7
NR.OBSERVE net 1 1 -> 2
NR.OBSERVE net 2 2 -> 4
NR.OBSERVE net 0 9 -> 9
NR.OBSERVE net 7 5 -> 12
NR.OBSERVE net 3 1 -> 4
NR.TRAIN net MAXCYCLES 3000 MAXTIME 0
NR.WAIT net 0
NR.RUN net 1 1
NR.RUN net 3 2
"""

_STEPS = """
  console.log(await nr("NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7"));
  const counts = await Promise.all(
    [...Array(8).keys()].map((a) => nr(`NR.OBSERVE net ${a} 2 -> ${a + 2}`)));
  console.log(JSON.stringify(counts[7]));
  console.log(await nr("NR.TRAIN net MAXCYCLES 2000 MAXTIME 0"));
  console.log(await nr("NR.WAIT net 0"));
  console.log(Math.abs(Number((await nr("NR.RUN net 3 2"))[0]) - 5) < 0.25);
  await nr("NR.RUN none 1").catch((error) => console.log(error.message));
"""
_SCRIPTS = {
    "redis": f"""
const {{ createClient }} = require("redis");
(async () => {{
  const client = createClient({{ url: process.argv[2] }});
  await client.connect();
  const nr = (line) => client.sendCommand(line.split(" "));
  {_STEPS}
  await client.close();
}})();
""",
    "ioredis": f"""
const Redis = require("ioredis");
(async () => {{
  const client = new Redis(process.argv[2], {{ enableReadyCheck: true }});
  const nr = (line) => client.call(...line.split(" "));
  {_STEPS}
  await client.quit();
}})();
""",
}
FROM_NODE = ["13", "[6,2]", "Training has started", "1", "true", "ERR no such key", ""]


def by_redis_cli(port: int) -> None:
    cli = shutil.which("redis-cli")
    if cli is None:
        missing("redis-cli")
    argv = [str(cli), "-p", str(port)]
    done = subprocess.run(argv, input=LINES, capture_output=True, text=True, timeout=60)
    lines = done.stdout.split("\n")
    assert lines[:3] == ["13", "1", "0"]
    assert lines[15:19] == ["6", "2", "Training has started", "1"]
    assert float(lines[19]) == pytest.approx(2, abs=0.25)
    assert float(lines[20]) == pytest.approx(5, abs=0.25)


def by_node(package: str, port: int, directory: Path) -> None:
    """By one of node's clients."""
    node, modules = shutil.which("node"), Path(sys.prefix) / "node" / "node_modules"
    if not node or not (modules / package).is_dir():
        missing(f"node with the package {package} (make .venv/node)")
    script = directory / "tutorial.js"
    script.write_text(_SCRIPTS[package])
    done = subprocess.run(
        [str(node), script, f"redis://127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"NODE_PATH": str(modules)},
    )
    assert done.stderr == ""
    assert done.stdout.split("\n") == FROM_NODE
