"""The SQL driver among processes: side by side, killed, and what is left then."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import sqlalchemy as sa
from drivers import DATABASES, sqlite_memory
from orders import LIMITS, set_deadline
from redis_private import until
from servers import private_postgres

import nr
from nr.backends.sql.orders import LIFETIME
from nr.contracts.store import Standing, State
from nr.engine import Progress, Trainer, parse

WORKER = Path(__file__).with_name("sql_worker.py")
SHARED = [driver for driver in DATABASES if driver is not sqlite_memory]
PROCESSES = 8
T = TypeVar("T")


@pytest.fixture(params=SHARED, ids=lambda driver: driver.__name__)
def url(request: pytest.FixtureRequest) -> str:
    """A database that several processes can open."""
    return str(request.param(request)["url"])


@contextmanager
def worker(*argv: str | int) -> Iterator[subprocess.Popen[str]]:
    """A process, ready, and gone at the end whatever happens."""
    pipe = subprocess.PIPE
    command = [sys.executable, str(WORKER), *map(str, argv)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if ready != "ready\n":
                pytest.fail(f"{argv}: {ready}{process.communicate()[1]}")
            yield process
        finally:
            process.kill()


def observed(net: nr.Network) -> list[int]:
    """The numbers of the samples that a network holds."""
    store = net.db.backend.store  # type: ignore[attr-defined]
    snapshot = store.snapshot(net.key)
    rows = np.frombuffer(snapshot.rows(0) + snapshot.rows(1), "<f4").reshape(-1, 3)
    assert (rows[:, 0] == -rows[:, 1]).all()
    return sorted(rows[:, 0].astype(int).tolist())


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.soak)])
def test_eight_processes_lose_and_double_nothing(url: str, count: int) -> None:
    """All on one network, and then each on its own."""
    with nr.connect(url) as db, ExitStack() as stack:
        for key in ["net", *map(str, range(PROCESSES))]:
            db.create(key, "regressor", [2, 1], dataset=10_000, test=10_000, seed=1)
        workers = [
            stack.enter_context(worker("observe", url, number * count, count, "net", number))
            for number in range(PROCESSES)
        ]
        for process in workers:  # all at once, each on its second network when it is there
            assert process.stdin is not None
            process.stdin.write("go\ngo\n")
            process.stdin.flush()
        for process in workers:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
        assert observed(db["net"]) == list(range(PROCESSES * count))
        assert db["net"].info().train_len == db["net"].info().test_len
        for number in range(PROCESSES):
            expected = list(range(number * count, (number + 1) * count))
            assert observed(db[str(number)]) == expected


def test_a_writer_killed_amidst_its_transaction_leaves_nothing_and_no_lock(url: str) -> None:
    with nr.connect(url) as db:
        net = db.create("net", "regressor", [2, 1])
        net.observe([7, -7], [1])
        with worker("hold", url, "net") as process:
            process.kill()
            process.wait()
        net.observe([8, -8], [1])
        assert observed(net) == [7, 8]


def clock(db: nr.Database, what: str) -> Any:
    store = db.backend.store  # type: ignore[attr-defined]
    table = store._schema.trainings
    with store.engine.connect() as connection:
        return connection.scalar(sa.select(table.c.deadline - store._dialect.clock))


def waiting(db: nr.Database) -> Callable[[], bool]:
    """Whether the order waits for whoever takes it."""
    store = db.backend.store  # type: ignore[attr-defined]
    return lambda: store.header(b"net")[1] is Standing.WAITS


def trainable(db: nr.Database) -> nr.Network:
    net = db.create("net", "regressor", [2, 3, 1], seed=1)
    net.observe_many([[1, -1], [2, -2], [3, -3], [4, -4]], [1, 2, 3, 4])
    return net


def test_killed_trainers_free_their_networks(request: pytest.FixtureRequest) -> None:
    with ExitStack() as stack:
        databases = [stack.enter_context(nr.connect(**driver(request))) for driver in SHARED]
        urls = [db.backend.store.engine.url for db in databases]  # type: ignore[attr-defined]
        for db, url in zip(databases, urls, strict=True):
            net = trainable(db)
            with worker("train", url.render_as_string(hide_password=False), "net") as process:
                assert net.info().training
                [line] = db.execute("NR.THREADS")  # type: ignore[misc, union-attr]
                assert "key=net " in line  # type: ignore[operator]
                with pytest.raises(nr.CommandError, match="training already in progress"):
                    net.train()
                process.kill()
                process.wait()
            assert net.info().training
            assert clock(db, "deadline") <= LIFETIME <= 10
        for db in databases:  # the order waits again, and makes way for another
            until(waiting(db))
            assert db["net"].info().training
            assert db["net"].train(maxcycles=3, autostop=False).result().cycles == 3
            assert db["net"].info().trainings == 2


def test_a_training_is_stopped_and_awaited_from_another_process(url: str) -> None:
    with nr.connect(url) as db:
        net = trainable(db)
        with worker("train", url, "net"):
            assert db.execute("NR.STOP", "net") == 1
            assert db.execute("NR.WAIT", "net", 60_000) == 1
        info = net.info()
        assert info.cycles > 0
        assert info.ended_by == "stop"
        assert len(net.history()) > 0


def test_a_reset_from_another_process_drops_what_is_trained(url: str) -> None:
    with nr.connect(url) as db:
        net = trainable(db)
        with worker("train", url, "net") as process:
            net.reset()
            assert not net.info().training
            _, said = process.communicate()  # it learns that its order is gone, and ends
            assert "ERR the training of net was dropped: its network was reset" in said
        assert net.info().cycles == 0


def test_who_lost_the_order_merges_nothing(url: str) -> None:
    with nr.connect(url) as db:
        trainable(db)
        store = db.backend.store  # type: ignore[attr-defined]
        late = store.order(b"net", LIMITS)
        trainer = Trainer(store.snapshot(b"net"), parse([b"NR.TRAIN", b"net", b"MAXCYCLES", b"5"]))
        while trainer.step(0):
            pass
        trained = trainer.finish(0)
        set_deadline(store, b"net", -1)
        other = store.take(b"net")
        assert (other.order.attempt, other.order.limits) == (2, LIMITS)
        assert store.renew(late, Progress()) is State.LOST
        assert not store.merge(trained, late)
        store.withdraw(late)
        assert store.renew(other, Progress()) is State.RUN
        assert store.merge(trained, other)
        assert not store.merge(trained, other)
        assert db["net"].info().cycles == 5


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_backend_of_postgresql_takes_no_acknowledged_sample(moment: str) -> None:
    with private_postgres() as server, nr.connect(server.url) as db:
        net = trainable(db)
        statements: Any = db.backend.store._sql  # type: ignore[attr-defined]
        place, marked = statements._place_alone, []

        def kill(raw: Any, when: str) -> None:
            if marked and when == moment:
                marked.clear()
                os.kill(raw.info.backend_pid, signal.SIGKILL)

        def placed(raw: Any, values: Any) -> bool:
            kill(raw, "before")
            done = bool(place(raw, values))
            kill(raw, "after")
            return done

        statements._place_alone = placed
        acknowledged = [1, 2, 3, 4]
        for number in range(5, 30):
            if number == 15:
                marked.append(number)
            for _ in range(600):  # the server recovers meanwhile
                try:
                    net.observe([number, -number], [number])
                    acknowledged.append(number)
                    break
                except nr.BackendError:
                    time.sleep(0.05)
        assert acknowledged == list(range(1, 30))
        stored = observed(net)
        assert sorted(set(stored)) == acknowledged
        # Lost amidst the statement that commits, a sample may be there, and is observed anew.
        assert len(stored) <= len(acknowledged) + (moment == "before")
        assert net.train(maxcycles=3, autostop=False).result().cycles == 3


def persistent(call: Callable[[], T]) -> T:
    """What it returns once the server is there, which drops connections while it recovers."""
    while True:
        try:
            return call()
        except nr.BackendError:
            time.sleep(0.05)


def test_a_training_outlives_a_crash_of_the_server() -> None:
    with private_postgres() as server, nr.connect(server.url) as db:
        net = trainable(db)
        store = db.backend.store  # type: ignore[attr-defined]
        engine: sa.Engine = store.engine
        training = net.train(timeout=0, autostop=False)
        while not (progress := training.progress()) or not progress.cycles:
            time.sleep(0.01)
        with engine.connect() as connection:
            os.kill(connection.connection.driver_connection.info.backend_pid, signal.SIGKILL)  # type: ignore[union-attr]
        assert persistent(training.stop)
        assert persistent(training.result).cycles > 0
