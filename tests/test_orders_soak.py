"""Trainings cut short at random moments: nothing is made worse, and whoever waits knows.

A training is killed with its process, stopped, frozen for longer than its lease, left by a process
that quits or closes, run out of time, or meets a full disk when it merges: 200 times on each
driver, at a random moment each.
"""

import logging
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from drivers import DRIVERS, Options
from redis_server import Server, redis_server
from sqlalchemy.exc import OperationalError

import nr
from nr.backends.redis import store as redis_store
from nr.backends.sql import orders as sql_orders

pytestmark = pytest.mark.soak

MOMENTS = int(os.environ.get("NR_SOAK_MOMENTS", "200"))
LONGEST = 0.25  # seconds: about as long as a training takes
LEASE = 1.0
ALONE = {"memory", "sqlite_memory", "redis-fakeredis"}  # stores of this process
SHARED = [one for one in DRIVERS if one.__name__ not in {*ALONE, "module"}]
HOW: dict[str, Any] = {"autostop": True, "backtrack": True, "timeout": 0}


def quick_leases() -> None:
    sql_orders.LIFETIME, redis_store.LIFETIME = LEASE, int(LEASE * 1000)
    for store in sql_orders_store(), redis_store.Store:
        store.renewal, store.patience = LEASE / 8, LEASE


def sql_orders_store() -> Any:
    from nr.backends.sql.store import Store

    return Store


@pytest.fixture(autouse=True)
def leases() -> Iterator[None]:
    stores = sql_orders_store(), redis_store.Store
    before = [(store.renewal, store.patience) for store in stores]
    lifetimes = sql_orders.LIFETIME, redis_store.LIFETIME
    quick_leases()
    yield
    sql_orders.LIFETIME, redis_store.LIFETIME = lifetimes
    for store, (renewal, patience) in zip(stores, before, strict=True):
        store.renewal, store.patience = renewal, patience


def network(db: nr.Database) -> nr.Network:
    net = db.create("net", "classifier", [2, 8, 2], seed=1, dataset=240, test=120)
    X = np.random.default_rng(1).uniform(-1, 1, (360, 2))
    net.observe_many(X, X[:, 0] * X[:, 1] > 0)
    net.train(**HOW).wait()
    return net


# ---- another process ----


def other_process(options: Options, pipe: Connection) -> None:
    quick_leases()
    logging.disable()
    db = nr.connect(**options)
    db["net"].train(**HOW)
    pipe.send("started")
    pipe.recv()  # and ends amidst its training, as a script does


@contextmanager
def training_elsewhere(options: Options) -> Iterator[tuple[int, Callable[[], None]]]:
    """Its process, and what lets it end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nr.backends.sql.store", "nr.backends.redis"])
    here, there = context.Pipe()
    process = context.Process(target=other_process, args=(options, there))
    process.start()
    assert here.recv() == "started"
    assert process.pid
    try:
        yield process.pid, lambda: here.send("quit")
    finally:
        process.kill()
        process.join()
        here.close()
        there.close()


# ---- moments ----


def killed(db: nr.Database, options: Options, moment: float) -> None:
    with training_elsewhere(options) as (pid, _):
        sleep(moment)
        os.kill(pid, signal.SIGKILL)
        waited(db)


def frozen(db: nr.Database, options: Options, moment: float) -> None:
    with training_elsewhere(options) as (pid, _):
        sleep(moment)
        os.kill(pid, signal.SIGSTOP)
        sleep(LEASE * random.uniform(0.5, 2))
        os.kill(pid, signal.SIGCONT)
        waited(db)


def quit_(db: nr.Database, options: Options, moment: float) -> None:
    with training_elsewhere(options) as (_, quits):
        sleep(moment)
        quits()
        waited(db)


def stopped_elsewhere(db: nr.Database, options: Options, moment: float) -> None:
    with training_elsewhere(options):
        sleep(moment)
        db.execute("NR.STOP net")
        waited(db)


def stopped(db: nr.Database, options: Options, moment: float) -> None:
    training = db["net"].train(**HOW)
    sleep(moment)
    training.stop()
    assert training.wait(60)


def closed(db: nr.Database, options: Options, moment: float) -> None:
    trainings = db.backend._host.trainings  # type: ignore[attr-defined]
    training = db["net"].train(**HOW)
    sleep(moment)
    trainings.close()
    trainings._begin()
    assert training.wait(60)


def out_of_time(db: nr.Database, options: Options, moment: float) -> None:
    training = db["net"].train(autostop=True, backtrack=True, timeout=0.001 + moment)
    assert training.wait(60)


def full(db: nr.Database, options: Options, moment: float) -> None:
    """Who waits is told, and it is trained when there is room again."""
    store = db.backend.store  # type: ignore[attr-defined]
    with no_room(store):
        training = db["net"].train(**HOW)
        before = db["net"].info()
        sleep(moment)
        if random.random() < 0.5:
            training.stop()
        try:
            training.wait(60)
            told = ""
        except nr.CommandError as error:
            told = str(error)
        info = db["net"].info()
        if told:
            assert "the training of net failed: " in told
            assert "no room" in told or "OOM" in told
            assert info.test_error == before.test_error
        else:
            assert info.last_training.startswith("kept: ")
    waited(db, "failed")


@contextmanager
def no_room(store: Any) -> Iterator[None]:
    if isinstance(store, redis_store.Store):
        link: Any = store._link
        real = link.call

        def call(name: str, *argv: Any) -> Any:
            if name == "merge" and argv[4] == 1:  # weights
                raise nr.BackendError("Redis: OOM command not allowed")
            return real(name, *argv)

        link.call = call
        try:
            yield
        finally:
            del link.call
        return
    if not hasattr(store, "_sql"):
        real = store.merge

        def merge(trained: Any, lease: Any) -> bool:
            if trained.outcome[0] == 1:
                raise nr.BackendError("no room")
            return bool(real(trained, lease))

        store.merge = merge
        try:
            yield
        finally:
            del store.merge
        return

    def put_trained(*args: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("no room on the disk"))

    store._sql.put_trained = put_trained
    try:
        yield
    finally:
        del store._sql.put_trained


def waited(db: nr.Database, *allowed: str) -> None:
    """What NR.WAIT replies is what became of the training."""
    try:
        assert db.execute("NR.WAIT net 60000") == 1
    except nr.CommandError as error:
        told = str(error)
        assert any(f"the training of net {word}" in told for word in allowed), told
        return
    last = db["net"].info().last_training
    assert last == "merged" or last.startswith("kept: "), last


HERE = [stopped, closed, out_of_time, full]
ELSEWHERE = [killed, frozen, quit_, stopped_elsewhere]


@pytest.mark.parametrize("driver", [*DRIVERS[:-1]], ids=lambda driver: driver.__name__)
def test_a_network_is_never_worse_than_before(request: pytest.FixtureRequest, driver: Any) -> None:
    options = driver(request)
    ways = [*HERE, *ELSEWHERE] if driver in SHARED else HERE
    random.seed(driver.__name__)
    with nr.connect(**options) as db:
        net = network(db)
        finished = net.dump()
        for number in range(MOMENTS):
            before, outputs = net.info(), net.run([[0.4, -0.3], [0.2, 0.6]])
            way, moment = ways[number % len(ways)], random.uniform(0, LONGEST)
            way(db, options, moment)
            after = net.info()
            where = f"{way.__name__} after {moment:.3f} s: {after.last_training}"
            assert after.test_error <= before.test_error, where
            assert after.trainings == before.trainings + 1, where
            assert not after.training, where
            if after.last_training.startswith(("kept", "failed")):
                assert (net.run([[0.4, -0.3], [0.2, 0.6]]) == outputs).all(), where
            if after.ended_by != "autostop":  # better, and the next would go on from there
                db.restore("net", finished, replace=True)


def test_in_the_module_a_network_is_never_worse_than_before(tmp_path: Path) -> None:
    random.seed("module")
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    server = Server(redis_server(), tmp_path, *durable).start()
    try:
        with nr.connect(server.url()) as db:
            finished = network(db).dump()
        for number in range(MOMENTS):
            with nr.connect(server.url()) as db:
                moment_in_the_server(server, db["net"], number)
            with nr.connect(server.url()) as db:
                if db["net"].info().ended_by != "autostop":
                    db.restore("net", finished, replace=True)
    finally:
        server.kill()


def full_server(server: Server, net: nr.Network, moment: float) -> None:
    with server.client() as client:
        training = net.train(**HOW)
        client.config_set("maxmemory", 1)
        sleep(moment)
        training.stop()
        try:
            told = str(training.wait(60))
        except nr.CommandError as error:
            told = str(error)
        became = {"True": ("merged", "kept: ")}.get(told, ("failed: ",))
        assert told == "True" or "the training of net failed: " in told
        assert net.info().last_training.startswith(became), told
        client.config_set("maxmemory", 0)


def moment_in_the_server(server: Server, net: nr.Network, number: int) -> None:
    before, moment = net.info(), random.uniform(0, LONGEST)
    if number % 4 == 0:
        net.train(**HOW)
        sleep(moment)
        server.kill()
        server.start()
        with nr.connect(server.url()) as db:
            after = db["net"].info()
        assert after.trainings in (before.trainings, before.trainings + 1)
    elif number % 4 == 1:
        out_of_time(net.db, {}, moment)  # type: ignore[arg-type]
        after = net.info()
    elif number % 4 == 2:
        full_server(server, net, moment)
        after = net.info()
    else:
        stopped(net.db, {}, moment)  # type: ignore[arg-type]
        after = net.info()
    assert after.test_error <= before.test_error, (moment, after)
    assert not after.training
