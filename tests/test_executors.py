"""Executors whose workers are elsewhere get orders: which they take, and what of lost ones."""

import asyncio
import json
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import fakeredis
import pytest
import sqlalchemy as sa
from drivers import DRIVERS, Options
from orders import set_deadline
from redis_private import until

import nr
import nr.aio
from nr.contracts.store import ATTEMPTS
from nr.trainings import errands

NAMES = {"sqlite", "postgresql", "mariadb", "redis-protocol3"}
SHARED = [driver for driver in DRIVERS if driver.__name__ in NAMES]
QUICK = {"maxcycles": 3, "timeout": 0, "autostop": False}


class Elsewhere:
    """Workers that share nothing with who sends errands, but are at hand: what is sent goes through
    pickle, as to a process."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.sent: list[tuple[Any, ...]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent.append(args)
        function, given, named = pickle.loads(pickle.dumps((fn, args, kwargs)))
        return self.pool.submit(function, *given, **named)


class Forgets:
    """Takes everything, tells of nothing, and does it only when told."""

    def __init__(self) -> None:
        self.sent: list[Callable[[], int]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        self.sent.append(lambda: fn(*args, **kwargs))


class Fails:
    """Its workers end before they have begun."""

    def __init__(self) -> None:
        self.sent = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent += 1
        future: Future[Any] = Future()
        future.set_exception(ImportError("no module named nr"))
        return future


class Full:
    """Takes nothing, until it is told to."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.takes: ThreadPoolExecutor | None = None
        self.pool = pool

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self.takes:
            raise ConnectionError("no broker")
        return self.pool.submit(fn, *args, **kwargs)


@pytest.fixture(params=SHARED, ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    found: Options = request.param(request)
    return found


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def url(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path}/nets.db"


def network(db: nr.Database, name: str | bytes = "net") -> nr.Network:
    net = db.create(name, "regressor", [1, 2, 1], seed=1, members=1)
    net.observe_many([1, 2, 3], [1, 2, 3])
    return net


def order(db: nr.Database) -> dict[str, str]:
    lines: Any = db.execute("NR.THREADS")
    [line] = lines
    return dict(pair.partition("=")[::2] for pair in line.split(" "))


def test_an_executor_gets_the_orders(options: Options, pool: ThreadPoolExecutor) -> None:
    executor = Elsewhere(pool)
    with nr.connect(**options, executor=executor) as db:
        nets = [network(db, name) for name in ("a", "b", b"\xff\x00")]
        trainings = [net.train(**QUICK) for net in nets]
        assert [training.result(60).cycles for training in trainings] == [3, 3, 3]
        assert [sent[:2] for sent in executor.sent] == [(options["url"], net.name) for net in nets]
        assert len({sent[2] for sent in executor.sent}) == 3  # no two calls are the same
        assert json.loads(json.dumps(executor.sent)) == [list(sent) for sent in executor.sent]
        assert db.execute("NR.THREADS") == []
    assert pool.submit(int, 3).result() == 3  # it is the caller's


def test_what_samples_make_due_is_sent_once(options: Options) -> None:
    executor = Forgets()
    with nr.connect(**options, executor=executor) as db:
        net = network(db)
        net.configure(trainevery=2)
        for x in range(20):
            net.observe([x], [x], to="train")
        assert len(executor.sent) == 1
        assert executor.sent[0]() == 1
        assert net.info().trainings == 1


def test_a_training_is_watched_and_stopped_from_here(
    options: Options, pool: ThreadPoolExecutor
) -> None:
    with nr.connect(**options, executor=Elsewhere(pool)) as db:
        training = network(db).train(maxcycles=10**9, timeout=0, autostop=False)
        until(lambda: training.progress().cycles > 0)  # type: ignore[union-attr]
        assert order(db)["worker"].endswith(f":{os.getpid()}")
        assert not training.wait(0.1)
        assert training.stop()
        assert training.wait(60)


def test_a_stopped_order_is_nobodys(url: str) -> None:
    executor = Forgets()
    with nr.connect(url, executor=executor) as db:
        training = network(db).train(**QUICK)
        assert training.stop()
        assert [errand() for errand in executor.sent] == [0]
        assert training.wait(0)
        del db["net"]
        assert [errand() for errand in executor.sent] == [0]


def test_processes_carry_orders_out(url: str) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        with nr.connect(url, executor=executor) as db:
            nets = [network(db, f"n{number}") for number in range(3)]
            last = nets[-1].train(maxcycles=10**9, timeout=0, autostop=False)
            until(lambda: order(db)["worker"] != "-", 60)
            assert not order(db)["worker"].endswith(f":{os.getpid()}")
            last.stop()
            trainings = [last, *(net.train(**QUICK) for net in nets[:-1])]
            assert all(training.wait(60) for training in trainings)
            assert [net.info().trainings for net in nets] == [1] * 3
        assert executor.submit(int, 3).result(60) == 3


def test_awaited(url: str, pool: ThreadPoolExecutor) -> None:
    async def trained() -> tuple[int, int]:
        executor = Elsewhere(pool)
        async with nr.aio.connect(url, executor=executor) as db:
            net = await db.create("net", "regressor", [1, 2, 1], seed=1, members=1)
            await net.observe_many([1, 2, 3], [1, 2, 3])
            training = await net.train(**QUICK)
            return (await training.result(60)).cycles, len(executor.sent)

    assert asyncio.run(trained()) == (3, 1)


def test_what_is_not_taken_waits_and_is_told(options: Options, pool: ThreadPoolExecutor) -> None:
    executor = Full(pool)
    refused = pytest.raises(
        nr.BackendError,
        match=r"the training of net waits: the executor did not take it \(ConnectionError: no "
        r"broker\); wait for it once .*, carry it out with nr.run_waiting or 'nr worker', or stop",
    )
    with nr.connect(**options, executor=executor) as db:
        net = network(db)
        with refused:
            net.train(**QUICK)
        assert order(db)["state"] == "waiting"
        with refused:
            db.execute("NR.WAIT net 0")
        executor.takes = pool
        assert db.execute("NR.WAIT net 0") == 1
        assert net.info().cycles == 3


def test_whoever_adds_samples_hears_in_the_log(
    url: str, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    with nr.connect(url, executor=Full(pool)) as db:
        net = network(db)
        net.configure(trainevery=1)
        net.observe([1], [2], to="train")
        assert order(db)["state"] == "waiting"
    assert "the executor did not take it (ConnectionError: no broker)" in caplog.text


def test_errands_that_fail_are_sent_again_so_often(
    options: Options, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(errands, "_PAUSE", 0.0)
    executor = Fails()
    with nr.connect(**options, executor=executor) as db:
        training = network(db).train(**QUICK)
        with pytest.raises(
            nr.BackendError,
            match=r"the training of net waits: 11 errands to the executor came to nothing, the "
            r"last ended with ImportError: no module named nr; see that its workers have nr and",
        ):
            training.wait(60)
        assert executor.sent == ATTEMPTS + 1
        assert nr.run_waiting(db) == 1  # it still waits
        assert training.wait(0)
    assert "the executor failed with the training of b'net': ImportError" in caplog.text


def test_errands_that_find_another_database_are_told(
    url: str, pool: ThreadPoolExecutor, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "_PAUSE", 0.0)

    class Astray(Elsewhere):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            return super().submit(fn, f"sqlite:///{tmp_path}/other.db", *args[1:], **kwargs)

    with nr.connect(url, executor=Astray(pool)) as db:
        training = network(db).train(**QUICK)
        with pytest.raises(nr.BackendError, match="the last found no order to carry out; see that"):
            training.wait(60)


def test_an_order_whose_worker_was_lost_is_sent_again(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by an executor that says nothing of what became of its errands."""
    monkeypatch.setattr(errands, "_PAUSE", 0.0)
    executor = Forgets()
    with nr.connect(**options, executor=executor) as db:
        training = network(db).train(**QUICK)
        store: Any = db.backend.store  # type: ignore[attr-defined]
        assert store.take(b"net")  # somebody does, and is killed
        assert db.execute("NR.WAIT net 1") == 0
        assert len(executor.sent) == 1
        set_deadline(store, b"net", -1)
        assert db.execute("NR.WAIT net 1") == 0
        assert len(executor.sent) == 2
        assert [errand() for errand in executor.sent] == [1, 0]
        assert training.result(0).cycles == 3


def test_an_errand_outlasts_the_lease_of_a_lost_worker(
    options: Options,
) -> None:
    executor = Forgets()
    with nr.connect(**options, executor=executor) as db:
        training = network(db).train(**QUICK)
        store: Any = db.backend.store  # type: ignore[attr-defined]
        assert store.take(b"net")
        set_deadline(store, b"net", 1)
        assert executor.sent[0]() == 1
        assert training.result(0).cycles == 3


def test_an_errand_leaves_alone_who_lives(options: Options, pool: ThreadPoolExecutor) -> None:
    executor = Forgets()
    with nr.connect(**options, executor=executor) as db, nr.connect(**options) as worker:
        training = network(db).train(maxcycles=10**9, timeout=0, autostop=False)
        running = pool.submit(nr.run_waiting, worker, 1)
        until(lambda: order(db)["state"] == "running")
        assert executor.sent[0]() == 0
        assert training.stop()
        assert running.result(60) == 1


def test_errands_that_have_ended_are_forgotten(url: str, pool: ThreadPoolExecutor) -> None:
    with nr.connect(url, executor=Elsewhere(pool)) as db:
        sent = db.backend.trainings.errands  # type: ignore[attr-defined]
        sent._many = 4
        for number in range(20):
            network(db, f"n{number}").train(**QUICK).wait(60)
            until(lambda: not any(errand.future for errand in sent._sent.values()))
            sent._many = 4
        assert len(sent._sent) <= 5


REFUSALS: list[tuple[str, Callable[[Any], Options], type[nr.Error], str]] = [
    ("memory", lambda _: {"url": "memory://"}, nr.ArgumentError,
     "the workers of a Forgets cannot reach a database in the memory of this process: give the "
     "URL of another one, or a ThreadPoolExecutor"),
    ("sqlite in memory", lambda _: {"url": "sqlite://"}, nr.ArgumentError,
     "the workers of a Forgets cannot reach a database in the memory of this process"),
    ("client", lambda _: {"client": fakeredis.FakeRedis()}, nr.ArgumentError,
     "the workers of a Forgets open the database by its URL: give the URL in place of the client, "
     "or a ThreadPoolExecutor"),
    ("engine", lambda _: {"engine": sa.create_engine("sqlite://")}, nr.ArgumentError,
     "the workers of a Forgets open the database by its URL: give the URL in place of the engine"),
    ("here", lambda path: {"url": f"sqlite:///{path}/x.db", "trainings": "here"}, nr.ArgumentError,
     "trainings is 'queue', or nothing, with a Forgets, whose workers carry them out, not 'here'"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kind", "text"), [case[1:] for case in REFUSALS],
                         ids=[case[0] for case in REFUSALS])  # fmt: skip
def test_what_no_worker_could_reach_is_refused(
    given: Callable[[Any], Options], kind: type[nr.Error], text: str, tmp_path: Any
) -> None:
    async def awaited() -> None:
        await nr.aio.connect(**given(tmp_path), executor=Forgets())

    with pytest.raises(kind, match=text):
        nr.connect(**given(tmp_path), executor=Forgets())
    with pytest.raises(kind, match=text):
        asyncio.run(awaited())


def test_a_server_that_trains_itself_takes_no_executor(server: Any) -> None:
    refused = pytest.raises(
        nr.BackendError, match=r"redis\+module:// trains in the server: it takes no executor"
    )
    with refused:
        nr.connect(server.url(), executor=Forgets())
