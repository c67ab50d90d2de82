"""A web process that leaves its trainings to a worker: its end, of whatever kind, loses none.

The application is that of the benchmark (benchmarks/web.py), with two workers of uvicorn.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from drivers import DRIVERS, Options
from redis_server import Server, redis_server

import nr

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
import web

pytestmark = pytest.mark.soak

NAMES = {"sqlite", "postgresql", "mariadb", "redis-protocol3"}
NETWORKS = 20


def module_outside(request: pytest.FixtureRequest) -> Options:
    """A server whose module has no threads of its own."""
    server = Server(redis_server(), request.getfixturevalue("tmp_path"), "THREADS", "0").start()
    request.addfinalizer(server.kill)
    return {"url": server.url()}


SHARED = [*(driver for driver in DRIVERS if driver.__name__ in NAMES), module_outside]


def ended(process: "subprocess.Popen[bytes]", how: int) -> None:
    """The process and its workers, as a deployment or a machine would end them."""
    os.killpg(process.pid, how)
    process.wait(60)


def asked_to_train(port: int, names: list[str]) -> None:
    asyncio.run(web.asked(port, [web.post(f"/train/{name}") for name in names]))


@pytest.mark.parametrize("driver", SHARED, ids=lambda driver: driver.__name__)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["restarted", "killed"])
def test_a_web_process_that_ends_loses_no_training(
    request: pytest.FixtureRequest, driver: Any, how: int
) -> None:
    url, core = driver(request)["url"], min(os.sched_getaffinity(0))
    with nr.connect(url, trainings="queue") as db:
        names = [f"n{number}" for number in range(NETWORKS)]
        for name in ["answers", *names]:
            net = db.create(name, "regressor", [web.INPUTS, 3, 1], seed=1, members=1)
            net.observe_many([[float(n)] * web.INPUTS for n in range(9)], range(9))
        with web.process(core, "nr", "worker", "--url", url, "--threads", "1"):
            half = NETWORKS // 2
            with web.web(url, core) as (port, process):
                asked_to_train(port, names[:half])
                ended(process, how)
            with web.web(url, core) as (port, _):
                asked_to_train(port, names[half:])
                for name in names:
                    assert db.execute("NR.WAIT", name, 120_000) == 1
        infos = [db[name].info() for name in names]
        assert [(info.last_training, info.trainings) for info in infos] == [
            ("merged", 1)
        ] * NETWORKS
        assert db.execute("NR.THREADS") == []
