"""docs/queues.md with the queues that it names: 200 orders each, and a worker killed amidst one.

RabbitMQ is that of NR_TEST_RABBITMQ, by default a guest's on this machine: a queue of our own there
is deleted at the end. Where there is none its test is skipped, and fails where CI=true.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from drivers import postgresql
from queue_orders import CYCLES, ORDERS
from redis_private import Servers, die_with_parent
from test_docs import ROOT

pytestmark = pytest.mark.soak

RABBITMQ = os.environ.get("NR_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
SECONDS = 900  # most of which are those of a machine that has much else to do


def missing(why: str) -> None:
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


def programs(heading: str) -> list[str]:
    """Of a section of the page."""
    page = (ROOT / "docs/queues.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```py\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def needs(package: str) -> None:
    if not find_spec(package):
        missing(f"{package} is not installed")


def ordered(url: str, directory: Path, program: str, kind: str = "", **environment: str) -> Any:
    """What queue_orders.py says of an application."""
    path = directory / "application.py"
    path.write_text(program, encoding="utf-8")
    argv = [sys.executable, Path(__file__).with_name("queue_orders.py"), url, path]
    done = subprocess.run(
        [*map(str, argv), *([kind] if kind else [])],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(directory)} | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def check(found: Any) -> None:
    print(found)
    assert found["attempts"] == 2  # the order of the killed worker, which another took
    assert (found["ended"], found["merged"], found["left"]) == (ORDERS, ORDERS, 0)
    assert (found["trainings"], found["cycles"]) == ([1], [CYCLES])


@contextmanager
def celery(directory: Path, broker: str) -> Iterator[str]:
    """Workers of the page's; the queue that they have for themselves, which goes with them."""
    queue = f"nr-test-{secrets.token_hex(4)}"
    ours = (
        f"app.conf.task_default_queue = {queue!r}\napp.conf.worker_enable_remote_control = False\n"
    )
    module, _, sweep = programs("Celery")
    (directory / "trainings.py").write_text(f"{module}\n{ours}\n{sweep}", encoding="utf-8")
    argv = ["celery", "-A", "trainings", "worker", "--concurrency", "2", "--without-gossip",
            "--without-mingle", "--loglevel", "WARNING"]  # fmt: skip
    environment = os.environ | {"BROKER": broker, "PYTHONPATH": str(directory)}
    with (directory / "celery.log").open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=directory,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    try:
        yield queue
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
        print((directory / "celery.log").read_text(encoding="utf-8")[-2000:])


@pytest.mark.parametrize("server", ["redis", "rabbitmq"])
def test_celery(server: str, redis_servers: Servers, tmp_path: Path) -> None:
    needs("celery")
    url = f"{redis_servers.empty('protocol2')['url']}"
    broker = re.sub(r"/1\?.*", "/5", url) if server == "redis" else RABBITMQ
    if server == "rabbitmq":
        from kombu import Connection

        try:
            with Connection(broker, connect_timeout=5) as connection:
                connection.connect()
        except OSError as error:
            missing(f"no RabbitMQ at NR_TEST_RABBITMQ: {error}")
    with celery(tmp_path, broker) as queue:
        found = ordered(url, tmp_path, programs("Celery")[1], BROKER=broker)
    if server == "rabbitmq":
        with Connection(broker) as connection:
            channel = connection.channel()
            channel.queue_delete(queue)
            channel.exchange_delete(queue)
    check(found)


def test_dask(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    needs("distributed")
    [program] = programs("Dask")
    check(ordered(postgresql(request)["url"], tmp_path, program, "dask"))


def test_ray(redis_servers: Servers, tmp_path: Path) -> None:
    needs("ray")
    [program] = programs("Ray")
    url = redis_servers.empty("protocol2")["url"]
    check(ordered(url, tmp_path, program, "ray", RAY_USAGE_STATS_ENABLED="0"))
