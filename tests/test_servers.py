"""The private servers of the tests themselves."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers import private_mariadb, private_postgres

RUN = """
import sys, time
sys.path.insert(0, {here!r})
import servers
with servers.{name}() as server:
    print(server.pid, server.url, flush=True)
    time.sleep(600)
"""


def alive(pid: str) -> bool:
    command = ["ps", "-o", "stat=", "-p", pid]
    state = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return state != "" and not state.startswith("Z")


@pytest.mark.parametrize("server", [private_postgres, private_mariadb])
def test_a_killed_run_leaves_no_server_and_no_files(server: object) -> None:
    name = server.__name__  # type: ignore[attr-defined]
    code = RUN.format(here=str(Path(__file__).parent), name=name)
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid, url = process.stdout.readline().split()
        found = re.search(r"/[^=]*/nr-test-\w+", url)
        assert found
        home = Path(found[0])
        assert alive(pid)
        assert home.exists()
        process.kill()
    end = time.monotonic() + 60
    while (alive(pid) or home.exists()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(pid)
    assert not home.exists()
