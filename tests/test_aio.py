"""nr.aio besides what the client's suite shows of it: many tasks, cancelled ones, transactions."""

import asyncio
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

import pytest
import redis.asyncio
import sqlalchemy as sa
from drivers import DRIVERS, Options, module, postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

import nr
import nr.aio
from nr.aio.drivers import Native
from nr.calls.databases import create_from

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(main)


# ---- the same names ----

PAIRS = [
    (nr.Database, nr.aio.Database),
    (nr.Network, nr.aio.Network),
    (nr.Training, nr.aio.Training),
]
MORE = {"contains", "delete"}  # what "in" and "del" are when nothing waits


def named(thing: object) -> set[str]:
    kinds = [thing, *getattr(thing, "__mro__", ())[:-1]]
    return {name for kind in kinds for name in vars(kind) if not name.startswith("_")}


@pytest.mark.parametrize(("waits", "awaits"), PAIRS)
def test_names_parameters_and_docstrings_are_the_same(waits: type, awaits: type) -> None:
    assert named(awaits) - MORE == named(waits)
    for name in named(waits):
        one, other = getattr(waits, name), getattr(awaits, name)
        assert other.__doc__, name
        if name not in {"using", "train"}:
            assert other.__doc__ == one.__doc__, name
        if callable(one):
            given, wanted = inspect.signature(one), inspect.signature(other)
            assert list(given.parameters.values()) == list(wanted.parameters.values()), name


def test_connect_takes_what_connect_takes() -> None:
    given, wanted = (inspect.signature(one.connect).parameters for one in (nr.aio, nr))
    assert set(given) == {*wanted, "engine"}  # which nr.connect passes on, as one of its options


# ---- connecting ----


def test_a_database_is_connected_in_three_ways() -> None:
    async def main() -> None:
        async with nr.aio.connect("memory://") as db:
            await db.create("net", "regressor", [1, 1])
        with pytest.raises(nr.BackendError, match="the connection is closed"):
            await db["net"]
        await db.close()  # again
        other = await nr.aio.connect("memory://")
        async with other:
            assert [name async for name in other] == []
        with pytest.raises(nr.BackendError, match="did you mean memory://"):
            await nr.aio.connect("memry://")

    run(main())


def test_the_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with nr.aio.connect() as db:
            assert [name async for name in db] == []

    monkeypatch.setenv("NR_URL", "gopher://")
    with pytest.raises(nr.BackendError, match="gopher"):
        run(main())
    monkeypatch.delenv("NR_URL")
    run(main())


def test_an_asynchronous_client_is_told_the_way_that_works() -> None:
    async def main() -> None:
        client = redis.asyncio.Redis(port=1)
        with pytest.raises(nr.ArgumentError, match=r"give nr.aio.connect the server's URL"):
            await nr.aio.connect(client=client)
        with pytest.raises(nr.BackendError, match=r"await nr.aio.connect\(url\)"):
            nr.connect(client=client)

    run(main())


def test_what_cannot_be_awaited_says_what_can() -> None:
    async def main() -> None:
        async with nr.aio.connect("memory://") as db:
            with pytest.raises(nr.ArgumentError, match=r"await db.contains\(name\)"):
                _ = "net" in db
            with pytest.raises(nr.ArgumentError, match=r"await db.delete\(name\)"):
                del db["net"]
            with pytest.raises(nr.ArgumentError, match="async for name in db"):
                list(db)
            assert bool(db)

    run(main())


def test_importing_nr_takes_nothing_of_it_along() -> None:
    import subprocess
    import sys

    code = "import sys, nr; sys.exit('asyncio' in sys.modules or 'nr.aio' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- on every driver ----


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    found: Options = request.param(request)
    return found


async def network(db: nr.aio.Database, name: str = "net", dataset: int = 500) -> nr.aio.Network:
    return await db.create(name, "regressor", [2, 3, 1], dataset=dataset, test=0, seed=1)


def test_progress_is_iterated_until_the_training_ends(options: Options) -> None:
    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db)
            await net.observe_many([[1, 2], [3, 4], [5, 5]], [3, 7, 10])
            seen = [
                progress async for progress in net.train(maxcycles=300, timeout=0, autostop=False)
            ]
            assert seen[-1].cycles == 300
            assert [p.cycles for p in seen] == sorted(p.cycles for p in seen)
            training = await net.train(maxcycles=5, timeout=0, autostop=False)
            assert [p.cycles async for p in training][-1] == 5
            assert (await net.info()).cycles == 305
            assert not await training.running

    run(main())


def test_a_training_that_is_dropped_ends_the_iteration_with_its_error(options: Options) -> None:
    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db)
            await net.observe([1, 2], 3)
            async for _ in net.train(timeout=0, autostop=False):
                await net.reset()

    with pytest.raises(nr.CommandError, match="was dropped: its network was reset"):
        run(main())


def test_200_tasks_at_once_lose_no_sample_and_hold_no_loop_up(options: Options) -> None:
    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db)
            done = asyncio.Event()
            ticking = asyncio.create_task(ticks(done))
            counts = await asyncio.gather(*(net.observe([i, -i], [2 * i]) for i in range(200)))
            assert sorted(train for train, _ in counts) == list(range(1, 201))
            rows = [await net.sample("train", row) for row in range(200)]
            assert sorted(int(x[0]) for x, _ in rows) == list(range(200))
            await asyncio.gather(*(net.run([i, i]) for i in range(200)))
            done.set()
            assert await ticking > 10

    run(main())


async def ticks(done: asyncio.Event) -> int:
    """How often the loop came round meanwhile: it is not held up where others wait."""
    count = 0
    while not done.is_set():
        await asyncio.sleep(0)
        count += 1
    return count


# ---- cancelled ----


async def cancelled(call: Awaitable[Any], seconds: float) -> None:
    """Awaits it for so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(call, seconds)


async def storm(net: nr.aio.Network, calls: int) -> None:
    """Cancelled calls of all kinds, and in between some that must get their own replies."""
    chance = random.Random(4)

    async def one(number: int) -> None:
        kind = number % 4
        if kind == 0:
            await cancelled(net.observe([number, 1], [1]), chance.random() / 200)
        elif kind == 1:
            await cancelled(net.observe_many([[number, 2]] * 20, [2] * 20), chance.random() / 200)
        elif kind == 2:
            await cancelled(net.run([number, number]), chance.random() / 200)
        else:
            info = await net.info()
            assert info.layout == (2, 3, 1)
            assert (await net.run([1, 2])).shape == (1,)

    await asyncio.gather(*(one(number) for number in range(calls)))


async def whole(net: nr.aio.Network) -> None:
    """Each observation is there as a whole or not at all, and the network works on."""
    info = await net.info()
    rows = [await net.sample("train", row) for row in range(info.train_len)]
    many = [int(x[0]) for x, y in rows if y[0] == 2]
    assert all(many.count(number) == 20 for number in set(many))
    single = [int(x[0]) for x, y in rows if y[0] == 1]
    assert len(set(single)) == len(single)
    before = info.train_len
    assert await net.observe([0, 0], [9]) == (before + 1, 0)
    assert (await net.sample("train", before))[1][0] == 9


def test_cancelled_calls_leave_nothing_half_done(options: Options) -> None:
    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db, dataset=5000)
            await storm(net, 120)
            await whole(net)
            await no_open_transaction(db)

    run(main())


async def no_open_transaction(db: nr.aio.Database) -> None:
    """None is left of ours: who writes next need not wait, and PostgreSQL knows of none."""
    backend: Any = db.driver.backend
    engine = getattr(getattr(backend, "store", None), "engine", None)
    if engine is None:
        return
    assert engine.pool.checkedout() == 0 if hasattr(engine.pool, "checkedout") else True
    if engine.dialect.name == "postgresql":
        asked = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        with engine.connect() as connection:
            assert connection.scalar(sa.text(asked)) == 0


def test_what_waits_for_a_training_is_cancelled_and_the_training_is_not(options: Options) -> None:
    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db)
            await net.observe([1, 2], 3)
            training = await net.train(timeout=0, autostop=False)
            began = monotonic()
            await cancelled(training.wait(), 0.05)
            assert monotonic() - began < 5
            assert await training.running
            await training.stop()
            assert await training.wait(60)

    run(main())


class Slow:
    """A backend that tells when it is at a creation, and lets it end when it is told to."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.creating, self.go = asyncio.Event(), asyncio.Event()

    async def execute(self, *argv: bytes) -> Any:
        await asyncio.sleep(0)
        self.asked.append(argv[0])
        if argv[0] == b"NR.CREATE":
            self.creating.set()
            await self.go.wait()
        return 1

    async def close(self) -> None: ...


@pytest.mark.parametrize("times", [1, 2])
def test_a_creation_that_is_cancelled_is_waited_for_and_undone(times: int) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": range(50), "y": ["no", "yes"] * 25})

    async def main() -> None:
        slow = Slow()
        making = create_from(object(), b"net", frame, "y", None, {})
        task = asyncio.create_task(Native(slow).drive(making))
        await slow.creating.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert slow.asked == [b"NR.CREATE", b"NR.DEL"]

    run(main())


def test_a_network_made_from_a_frame_is_made_or_not(options: Options) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": range(50), "y": ["no", "yes"] * 25})

    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            for number in range(8):
                making = db.create_from(f"net{number}", frame, "y")
                await cancelled(making, number / 200)
            for name in [name async for name in db]:
                info = await (await db[name]).info()
                assert info.train_len + info.test_len == 50
            with pytest.raises(nr.CommandError):
                await db.create_from("bad", frame.assign(a=[object()] * 50), "y", kinds={"a": "x"})
            assert not await db.contains("bad")

    run(main())


# ---- within a transaction of SQLAlchemy's ----

ASYNCHRONOUS = {"postgresql": postgresql, "sqlite": sqlite}


@pytest.fixture(params=ASYNCHRONOUS)
def url(request: pytest.FixtureRequest) -> str:
    found: str = ASYNCHRONOUS[request.param](request)["url"]
    return found


def engine_of(url: str) -> AsyncEngine:
    parsed = sa.make_url(url)
    names = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
    return create_async_engine(parsed.set(drivername=names[parsed.get_backend_name()]))


async def engine_and_database(url: str) -> AsyncIterator[tuple[AsyncEngine, nr.aio.Database]]:
    engine = engine_of(url)
    async with nr.aio.connect(engine=engine) as db:
        yield engine, db
    await engine.dispose()


def test_a_session_and_its_samples_are_committed_or_rolled_back_together(url: str) -> None:
    async def main() -> None:
        async for engine, db in engine_and_database(url):
            net = await network(db)
            async with engine.begin() as connection:
                await connection.execute(sa.text("DROP TABLE IF EXISTS visits"))
                await connection.execute(sa.text("CREATE TABLE visits (id integer)"))
            for commits in (False, True):
                async with AsyncSession(engine) as session:
                    await session.execute(sa.text("INSERT INTO visits VALUES (1)"))
                    inside = await (await db.using(session))["net"]
                    await inside.observe([1, 2], 3)
                    await inside.observe_many([[i, i] for i in range(1500)], range(1500), "train")
                    assert (await inside.info()).train_len == 500
                    with pytest.raises(nr.CommandError, match=r"rows of 2|inputs"):
                        await inside.observe([1], 3)
                    await inside.run([1, 2])
                    await (session.commit() if commits else session.rollback())
                assert (await net.info()).train_len == (500 if commits else 0)
            async with engine.connect() as connection:
                assert await connection.scalar(sa.text("SELECT count(*) FROM visits")) == 1

    run(main())


def test_rows_of_a_query_and_new_networks_belong_to_the_transaction(url: str) -> None:
    async def main() -> None:
        async for engine, db in engine_and_database(url):
            async with engine.connect() as connection:
                inside = await db.using(connection)
                net = await network(inside)
                counts = await net.observe_query("SELECT 1 AS a, 2 AS b, 3 AS y", target="y")
                assert counts == (1, 0)
                swapped = "SELECT 1 AS a, 2 AS b, 3 AS y UNION ALL SELECT 4, 5, 6"
                counts = await net.observe_query(swapped, "y", "train", replace=True)
                assert counts == (2, 0)
                assert [name async for name in inside] == ["net"]
                with pytest.raises(nr.Error):
                    await net.observe_query("SELECT nope FROM nowhere", target="y")
                with pytest.raises(nr.Error):
                    await net.train()
                assert (await (await inside.using(connection))["net"]).name == "net"
                await connection.rollback()
            assert [name async for name in db] == []

    run(main())


def test_a_call_that_is_cancelled_leaves_the_session_usable(url: str) -> None:
    async def main() -> None:
        async for engine, db in engine_and_database(url):
            net = await network(db, dataset=5000)
            async with AsyncSession(engine) as session:
                inside = await (await db.using(session))["net"]
                await cancelled(inside.observe([5, 5], 1), 0.0)
                await session.rollback()
                again = await (await db.using(session))["net"]
                await again.observe([6, 6], 1)
                await session.commit()
            assert (await net.info()).train_len == 1

    run(main())


class Other(AsyncConnection):
    """A connection of another driver, as far as is asked of it."""

    def __init__(self, name: str, driver: str) -> None:
        self._fake = sa.Connection.__new__(sa.Connection)
        kind = type("Dialect", (), {"name": name, "driver": driver, "is_async": True})
        self._fake.dialect = kind()

    async def run_sync(self, function: Any, *args: Any, **options: Any) -> Any:
        return function(self._fake)


def test_what_cannot_take_part_is_told_what_can() -> None:
    async def main() -> None:
        async with nr.aio.connect("sqlite://") as db, nr.aio.connect("memory://") as memory:
            with pytest.raises(nr.BackendError, match=r"postgresql\+asyncpg here: .*\+psycopg is"):
                await db.using(Other("postgresql", "asyncpg"))
            with pytest.raises(nr.BackendError, match=r"mysql\+aiomysql here: sqlite\+aiosqlite "):
                await db.using(Other("mysql", "aiomysql"))
            with pytest.raises(nr.BackendError, match="only a database of SQL"):
                await memory.using(Other("postgresql", "psycopg"))
            with pytest.raises(nr.ArgumentError, match="using takes an AsyncSession or"):
                await db.using(object())

    run(main())


def test_an_engine_in_memory_is_its_own_alone() -> None:
    async def main() -> None:
        engine = create_async_engine("sqlite+aiosqlite://")
        with pytest.raises(nr.ArgumentError, match="a database in memory"):
            await nr.aio.connect(engine=engine)
        await engine.dispose()

    run(main())


# ---- the module, natively ----


def test_the_module_is_awaited_and_not_called_in_threads(request: pytest.FixtureRequest) -> None:
    import threading

    options = module(request)

    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db)
            before = threading.active_count()
            await asyncio.gather(*(net.observe([i, i], i) for i in range(50)))
            assert threading.active_count() == before
            with pytest.raises(nr.CommandError, match="unknown command"):
                await db.execute("NR.NOPE")

    run(main())
    with pytest.raises(nr.BackendError, match=r"redis\+module:// trains in the server"):
        run(_opened(options["url"], memory=5))
    with pytest.raises(nr.BackendError, match="the server failed"):
        run(_opened("redis+module://127.0.0.1:1"))


async def _opened(url: str, **options: Any) -> None:
    await nr.aio.connect(url, **options)
