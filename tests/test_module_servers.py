"""The module on every server that it is for: that they are those, and in soak all its tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from module_calls import nrx
from redis_server import BUNDLED, Server, bundled

HERE = Path(__file__).parent
ALL = sorted(path.name for path in HERE.glob("test_module_*.py") if path != Path(__file__))
SERVERS = ["redis-6.2", *BUNDLED]


@pytest.mark.parametrize("name", SERVERS)
def test_the_bundled_servers_are_what_they_are_called(name: str, tmp_path: Path) -> None:
    kind, version = name.split("-")
    told = subprocess.run([bundled(name), "--version"], capture_output=True, text=True).stdout
    assert told.lower().startswith(kind)
    assert f"v={version}." in told
    server = Server(bundled(name), tmp_path).start()
    try:
        with server.client(decode_responses=True) as client:
            assert nrx(client, "NR.CREATE net REGRESSOR 1 2 -> 1") == 7
            assert nrx(client, "NR.OBSERVE net 1 -> 2 TRAIN") == [1, 0]
            assert nrx(client, "NR.TRAIN net MAXCYCLES 3 MAXTIME 0")
            assert nrx(client, "NR.WAIT net 0") == 1
            assert len(nrx(client, "NR.RUN net 1")) == 1
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.mark.soak
@pytest.mark.parametrize("name", SERVERS)
def test_all_tests_of_the_module(name: str) -> None:
    tests = [str(HERE / each) for each in ["test_module.py", *ALL]]
    conforms = [str(HERE / "test_conformance.py"), "-k", "module"]
    for chosen in [tests, conforms]:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
            env=os.environ | {"NR_TEST_REDIS": name},
            capture_output=True,
            text=True,
            cwd=HERE.parent,
        )
        assert done.returncode == 0, done.stdout[-5000:]
