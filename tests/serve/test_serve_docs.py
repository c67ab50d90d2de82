"""The lines of docs/operations.md that serve behind users and TLS are run as they stand."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from redis_server import missing
from serving import serving

ROOT = Path(__file__).parents[2]
SERVED = re.compile(r"^nr serve (.*) --resp 6390 --http 8390 (.*)$")


def ran(line: str, directory: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", line], cwd=directory, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_lines_that_serve_behind_tls_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = block.splitlines()
    for program in ("openssl", "redis-cli", "curl"):
        if subprocess.run(["which", program], capture_output=True).returncode:
            missing(program)
    monkeypatch.chdir(tmp_path)
    [at] = [number for number, line in enumerate(lines) if SERVED.match(line)]
    for line in lines[:at]:
        ran(line, tmp_path)
    found = SERVED.match(lines[at])
    assert found
    options = [*shlex.split(found[1]), "--resp", "0", "--http", "0", *shlex.split(found[2])]
    with serving(tmp_path / "log", *options) as served:
        ports = {"6390": str(served.resp), "8390": str(served.port_of("HTTP"))}
        redis_cli, curl = (
            re.sub("6390|8390", lambda port: ports[port[0]], line) for line in lines[at + 1 :]
        )
        assert ran(redis_cli, tmp_path).splitlines()[-1] == "3"
        assert '"optimizer":"rprop"' in ran(curl, tmp_path)
