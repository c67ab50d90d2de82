"""The module without Python: from redis-cli alone, and from another language's client."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from redis_server import Server, missing

TUTORIAL = """
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

NODE = """
const { createClient } = require("redis");
(async () => {
  const client = createClient({ url: process.argv[2] });
  await client.connect();
  const nr = (line) => client.sendCommand(line.split(" "));
  const counts = [];
  console.log(await nr("NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7"));
  for (let a = 0; a < 8; a++) counts.push(await nr(`NR.OBSERVE net ${a} 2 -> ${a + 2}`));
  console.log(JSON.stringify(counts[7]));
  console.log(await nr("NR.TRAIN net MAXCYCLES 2000 MAXTIME 0"));
  console.log(await nr("NR.WAIT net 0"));
  console.log(Math.abs(Number((await nr("NR.RUN net 3 2"))[0]) - 5) < 0.25);
  await nr("NR.RUN none 1").catch((error) => console.log(error.message));
  await client.close();
})();
"""


def test_the_tutorial_runs_from_redis_cli(server: Server) -> None:
    cli = shutil.which("redis-cli")
    if cli is None:
        missing("redis-cli")
    done = subprocess.run(
        [str(cli), "-p", str(server.port)],
        input=TUTORIAL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.split("\n")
    assert lines[0] == "13"
    assert lines[1:3] == ["1", "0"]
    assert lines[15:17] == ["6", "2"]
    assert lines[17:19] == ["Training has started", "1"]
    assert float(lines[19]) == pytest.approx(2, abs=0.25)
    assert float(lines[20]) == pytest.approx(5, abs=0.25)


def test_the_tutorial_runs_from_node(server: Server, tmp_path: Path) -> None:
    node, modules = shutil.which("node"), Path(sys.prefix) / "node" / "node_modules"
    if not node or not (modules / "redis").is_dir():
        missing("node with the package redis (make .venv/node)")
    script = tmp_path / "tutorial.js"
    script.write_text(NODE)
    url = f"redis://127.0.0.1:{server.port}"
    done = subprocess.run(
        [str(node), script, url],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"NODE_PATH": str(modules)},
    )
    assert done.stderr == ""
    assert done.stdout.split("\n") == [
        "13", "[6,2]", "Training has started", "1", "true", "ERR no such key", ""
    ]  # fmt: skip
