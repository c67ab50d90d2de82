"""Trainings that are left to workers, on every driver: who takes them, and what is told."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from drivers import DRIVERS
from orders import LIMITS, set_deadline
from redis_private import until

import nr
from nr.backends import Backend
from nr.cli import main
from nr.cli.session import Session
from nr.cli.worker import Numbers, serve
from nr.contracts.store import Limits, Standing
from nr.trainings.worker import Worker

SHARED = [one for one in DRIVERS if one.__name__ not in ("memory", "sqlite_memory", "module")]
ELSEWHERE = [one for one in SHARED if one.__name__ in ("sqlite", "postgresql", "mariadb")]
QUICK = {"maxcycles": 3, "timeout": 0, "autostop": False}


@pytest.fixture(params=SHARED, ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Any:
    return request.param(request)


@pytest.fixture
def queue(options: Any) -> Iterator[nr.Database]:
    """A database whose trainings are left to workers."""
    with nr.connect(**options, trainings="queue") as db:
        yield db


@pytest.fixture
def here(options: Any) -> Iterator[nr.Database]:
    """The same store, of a process that trains itself."""
    with nr.connect(**options) as db:
        yield db


def network(db: nr.Database, name: str = "net") -> nr.Network:
    net = db.create(name, "regressor", [1, 2, 1], seed=1, members=1)
    net.observe_many([1, 2, 3], [1, 2, 3])
    return net


def orders(db: nr.Database) -> list[dict[str, str]]:
    lines: Any = db.execute("NR.THREADS")
    return [dict(pair.partition("=")[::2] for pair in line.split(" ")) for line in lines]


def test_an_order_waits_until_a_worker_takes_it(queue: nr.Database, here: nr.Database) -> None:
    net = network(queue)
    training = net.train(**QUICK)
    assert not training.wait(0.1)
    assert here.execute("NR.WAIT net 50") == 0  # nor does another process carry it out
    [order] = orders(queue)
    assert (order["state"], order["worker"], order["attempt"]) == ("waiting", "-", "0")
    with pytest.raises(nr.TrainingError):
        here["net"].train()
    assert nr.run_waiting(here) == 1
    assert training.result(0).cycles == 3
    assert orders(queue) == []
    assert nr.run_waiting(here) == 0


def test_the_word_queues_one_training(here: nr.Database) -> None:
    network(here)
    assert here.execute("NR.TRAIN net MAXCYCLES 2 QUEUE") == "Training has been queued"
    assert here.execute("NR.WAIT net 50") == 0
    assert here.execute("NR.STOP net") == 1
    assert here["net"].info().last_training == "kept: stopped while it waited for a worker"
    assert here["net"].train(**QUICK).result(60).cycles == 3


def test_a_worker_takes_no_more_than_it_is_asked_for(queue: nr.Database, here: nr.Database) -> None:
    nets = [network(queue, name) for name in ("a", "b", "c:1")]
    for net in nets:
        net.train(**QUICK)
    assert nr.run_waiting(here, 1, match="c:*") == 1
    assert nets[2].info().cycles == 3
    assert nr.run_waiting(here, match="c:*") == 0
    assert nr.run_waiting(here, 0) == 0
    assert nr.run_waiting(here, 1) == 1
    assert nr.run_waiting(here, 9, threads=2) == 1
    assert [net.info().trainings for net in nets] == [1, 1, 1]


def test_what_a_worker_gives_back_waits_at_once(queue: nr.Database, here: nr.Database) -> None:
    net = network(queue)
    net.train(timeout=0, autostop=False)
    trainings = here.backend.trainings  # type: ignore[attr-defined]
    worker = Worker(trainings, 1)
    thread = threading.Thread(target=worker.work)
    thread.start()
    until(lambda: bool(trainings.running()) and trainings.running()[0].progress().cycles > 0)
    [order] = orders(queue)
    assert (order["state"], order["attempt"]) == ("running", "1")
    assert order["worker"].endswith(f":{os.getpid()}")
    worker.end()
    thread.join(60)
    assert worker.close(0) == 1
    [order] = orders(queue)
    assert (order["state"], order["attempt"]) == ("waiting", "0")
    assert net.info().trainings == 0
    assert queue.execute("NR.STOP net") == 1


def test_a_worker_goes_on_with_an_order_whose_worker_was_lost(
    queue: nr.Database, here: nr.Database
) -> None:
    store: Any = here.backend.store  # type: ignore[attr-defined]
    net = network(queue)
    assert store.order(b"net", LIMITS)
    set_deadline(store, b"net", -1)
    assert orders(queue)[0]["state"] == "waiting"
    assert nr.run_waiting(here) == 1
    assert (net.info().cycles, net.info().last_training) == (5, "merged")


def test_samples_queue_a_training_for_workers(queue: nr.Database, here: nr.Database) -> None:
    net = network(queue)
    net.configure(trainevery=2)
    net.observe(4, 4)
    assert orders(queue) == []
    net.observe(5, 5)
    [order] = orders(here)
    assert (order["state"], order["attempt"]) == ("waiting", "0")
    net.observe_many([6, 7, 8, 9], [6, 7, 8, 9])
    info = net.info()
    assert (info.new, info.ordered, info.coalesced, info.trainings) == (0, 3, 2, 0)
    assert len(orders(here)) == 1
    assert here.execute("NR.WAIT net 50") == 0
    assert queue.execute("NR.STOP net") == 1


def test_who_adds_the_sample_trains_where_trainings_are_its_own(here: nr.Database) -> None:
    net = network(here)
    net.configure(trainevery=1)
    net.observe(4, 4)
    until(lambda: net.info().trainings == 1)
    assert net.info().last_training == "merged"


def test_a_due_order_whose_worker_was_lost_is_taken_by_who_adds_the_next(here: nr.Database) -> None:
    store: Any = here.backend.store  # type: ignore[attr-defined]
    net = network(here)
    store.order(b"net", Limits.due(False), held=False)
    net.configure(trainevery=1)
    assert store.header(b"net")[1] is Standing.WAITS
    net.observe(4, 4)
    until(lambda: net.info().trainings == 1)


def test_in_memory_this_process_is_the_worker() -> None:
    for url in "memory://", "sqlite://":
        with nr.connect(url, trainings="queue") as db:
            assert network(db).train(**QUICK).result(60).cycles == 3
            assert db.execute("NR.TRAIN net MAXCYCLES 1") == "Training has been queued"
            assert db.execute("NR.WAIT net 0") == 1


def test_the_environment_says_it_for_all(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_TRAININGS", "queue")
    with nr.connect(**options) as db:
        network(db).train(**QUICK)
        assert orders(db)[0]["state"] == "waiting"
    with nr.connect(**options, trainings="here") as db:
        assert nr.run_waiting(db) == 1
    monkeypatch.setenv("NR_TRAININGS", "elsewhere")
    with pytest.raises(
        nr.ArgumentError, match="NR_TRAININGS is 'here' or 'queue', not 'elsewhere'"
    ):
        nr.connect(**options)


def test_what_is_no_place_for_trainings(backend: Backend) -> None:
    with pytest.raises(nr.ArgumentError, match="trainings is 'here' or 'queue', not 'there'"):
        nr.connect("memory://", trainings="there")  # type: ignore[arg-type]
    for limit in (-1, True, "all"):
        with pytest.raises(nr.ArgumentError, match="limit is a number of trainings"):
            nr.run_waiting("memory://", limit)  # type: ignore[arg-type]
    with pytest.raises(nr.ArgumentError, match="threads is 1 or more, not 0"):
        nr.run_waiting("memory://", threads=0)


# ---- all at once ----


def test_all_networks_like_a_pattern_are_trained(capsys: pytest.CaptureFixture[str]) -> None:
    with nr.connect("memory://") as db:
        nets = [network(db, name) for name in ("a:1", "a:2", "b")]
        db.create("a:empty", "regressor", [1, 1], seed=1)
        for net in nets:
            net.observe(1, 1, "test")
        found = db.train_all("a:*", progress=True)
        assert list(found) == ["a:1", "a:2", "a:empty"]
        assert found["a:1"] == nets[0].info()
        assert found["a:2"].ended_by == "autostop"  # type: ignore[union-attr]
        assert isinstance(found["a:empty"], nr.CommandError)
        assert "3/3" in capsys.readouterr().err
        assert nets[2].info().trainings == 0
        assert db.train_all("none") == {}


def test_the_prompt_lists_orders(capsys: pytest.CaptureFixture[str]) -> None:
    with nr.connect("memory://") as db:
        session = Session(db)
        session.run(b"orders")
        assert capsys.readouterr().out == "No training runs or waits.\n"
        network(db).train(timeout=0, autostop=False)
        session.run(b"orders")
        head, line = capsys.readouterr().out.splitlines()
        assert head.split() == ["network", "state", "worker", "attempt", "cycles"]
        assert line.split()[:2] == ["net", "running"]
        with pytest.raises(nr.Error, match=r"Usage: orders$"):
            session.run(b"orders net")


# ---- the command ----


@pytest.fixture(params=ELSEWHERE, ids=lambda driver: driver.__name__)
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.param(request)["url"]
    return found


@contextmanager
def started(url: str, *options: str) -> "Iterator[subprocess.Popen[str]]":
    """A worker, which ends with the test, whatever becomes of that."""
    command = [sys.executable, "-m", "nr", "worker", "--url", url, "--log", "json", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: "subprocess.Popen[str]", event: str) -> dict[str, Any]:
    assert process.stderr
    for line in process.stderr:
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"the worker ended with {process.wait()}, and said nothing of {event}")


def test_the_command_takes_orders_until_sigterm(url: str, tmp_path: Path) -> None:
    health = tmp_path / "health"
    with nr.connect(url, trainings="queue") as db:
        net = network(db)
        net.train(**QUICK)
        with started(url, "--health", str(health), "--grace", "0") as process:
            line = told(process, "training")
            assert {"key": "net", "outcome": "merged", "cycles": 3, "attempt": 1}.items() <= (
                line.items()
            )
            until(health.exists)
            net.train(timeout=0, autostop=False)
            until(lambda: [order["state"] for order in orders(db)] == ["running"])
            assert orders(db)[0]["worker"].endswith(f":{process.pid}")
            process.send_signal(signal.SIGTERM)
            assert told(process, "end")["given_back"] == 1
            assert process.wait(60) == 0
        assert not health.exists()
        [order] = orders(db)
        assert (order["state"], order["attempt"]) == ("waiting", "0")


def test_the_command_once(url: str) -> None:
    with nr.connect(url, trainings="queue") as db:
        for name in "abc":
            network(db, name).train(**QUICK)
        with started(url, "--once", "--match", "[ab]") as process:
            assert told(process, "end") | {"time": ""} == {
                "time": "", "event": "end", "taken": 2, "given_back": 0
            }  # fmt: skip
            assert process.wait(60) == 0
        assert [db[name].info().trainings for name in "abc"] == [1, 1, 0]


@pytest.mark.parametrize("url", ["memory://", "sqlite://"])
def test_the_command_needs_a_store_that_others_reach(url: str) -> None:
    found = CliRunner().invoke(main, ["worker", "--url", url, "--once"])
    assert found.exit_code == 1
    assert "no other process can leave trainings in this store" in found.output
    wrong = CliRunner().invoke(main, ["worker", "--grace", "-1"])
    assert "0 or more seconds are needed" in wrong.output
    wrong = CliRunner().invoke(main, ["worker", "--url", url, "--metrics", "nowhere"])
    assert "--metrics nowhere" in wrong.output


def test_the_command_tells_its_numbers(tmp_path: Path) -> None:
    numbers = Numbers()
    server = serve(numbers, "0")
    try:
        numbers.count("merged")
        place = f"http://127.0.0.1:{server.server_address[1]}"
        with urlopen(f"{place}/metrics") as reply:
            text = reply.read().decode()
        assert 'nr_worker_trainings_total{outcome="merged"} 1\n' in text
        assert 'nr_worker_trainings_total{outcome="failed"} 0\n' in text
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{place}/other")
    finally:
        server.shutdown()
        server.server_close()
