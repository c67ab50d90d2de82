"""The plain Redis driver: the same replies and the same bytes as in memory, on every kind."""

import math
from collections.abc import Iterator
from typing import Any

import fakeredis
import numpy as np
import pandas as pd
import pytest
import redis
from conformance import content
from redis.client import NEVER_DECODE
from redis_private import KINDS, Servers, running, until

import nr
from nr.backends.redis import layout
from nr.backends.redis.link import script


def raw(db: nr.Database) -> Any:
    """The client behind a database."""
    return db.backend.store._link.client  # type: ignore[attr-defined]


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest, redis_servers: Servers) -> Iterator[nr.Database]:
    with nr.connect(**redis_servers.empty(request.param)) as db:
        yield db


@pytest.fixture
def fake() -> Iterator[nr.Database]:
    with nr.connect(client=fakeredis.FakeRedis()) as db:
        yield db


# ---- samples ----


def test_a_large_dataset_is_placed_and_evicted_as_in_memory(db: nr.Database) -> None:
    rows = [[math.sin(i), math.cos(i)] for i in range(25_000)]
    dumps = []
    with nr.connect("memory://") as memory:
        for one in db, memory:
            net = one.create("net", "regressor", [1, 1], dataset=9000, test=4321, seed=5)
            net.observe_many([x for x, _ in rows], [y for _, y in rows])
            net.observe_many([1.0], [2.0])
            dumps.append(content(net.dump()))
    assert dumps[0] == dumps[1]


def test_dumps_go_from_one_store_to_the_other(db: nr.Database) -> None:
    with nr.connect("memory://") as memory:
        net = memory.create("net", "regressor", [1, 3, 1], seed=5, dataset=3000, test=20)
        net.observe_many([[i] for i in range(2500)], [i / 10 for i in range(2500)])
        net.train(maxcycles=3, autostop=False).wait()
        restored = db.restore("net", net.dump())
        assert content(restored.dump()) == content(net.dump())
        assert (restored.run([3]) == net.run([3])).all()
        with pytest.raises(nr.CommandError, match="ERR the key name is busy"):
            db.restore("net", net.dump())
        blob = bytearray(net.dump())
        blob[40] ^= 1
        with pytest.raises(nr.CommandError):
            db.restore("net", bytes(blob), replace=True)
        assert content(db.restore("net", net.dump(), replace=True).dump()) == content(net.dump())


def test_odd_keys_are_keys(db: nr.Database) -> None:
    for key in (b"", b"a b", b"\x00\xff\n", b"%1 {x}", b"k" * 1000):
        net = db.create(key, "regressor", [1, 1], seed=1)
        net.observe(1, 2)
        net.train(timeout=0, autostop=False)
        until(lambda: "cycle=0" not in str((db.execute("NR.THREADS") or ["cycle=0"])[0]))  # type: ignore[index]
        assert db.execute("NR.STOP", key) == 1
        assert db.execute("NR.WAIT", key, 0) == 1
        assert net.info().cycles
        assert key in db
        assert key in db.execute("NR.LIST")  # type: ignore[operator]
        del db[key]
    assert len(db) == 0


# ---- what else is in Redis ----


def test_a_key_of_another_type_is_left_alone(db: nr.Database) -> None:
    client = raw(db)
    client.set("text", "x")
    client.hset("hash", mapping={"format": "pdf", "id": "7"})
    client.hset("marked", mapping={"nr": "yes"})
    for key in "text", "hash", "marked":
        for command in (
            "NR.INFO",
            "NR.RESET",
            "NR.DUMP",
            "NR.TRAIN",
            "NR.STOP",
            "NR.HISTORY",
        ):
            with pytest.raises(nr.CommandError, match="WRONGTYPE Operation against a key"):
                db.execute(command, key)
        for command in "NR.RUN {} 1", "NR.OBSERVE {} 1 -> 1", "NR.GETDATA {} TRAIN 0":
            with pytest.raises(nr.CommandError, match="WRONGTYPE Operation against a key"):
                db.execute(command.format(key))
        with pytest.raises(nr.CommandError, match="ERR the key name is busy"):
            db.create(key, "regressor", [1, 1])
        assert db.execute("NR.DEL", key) == 0
    blob = db.create("net", "regressor", [1, 1]).dump()
    for key in "text", "hash", "marked":
        with pytest.raises(nr.CommandError, match="WRONGTYPE"):
            db.restore(key, blob, replace=True)
    assert list(db) == ["net"]


def test_a_network_of_a_newer_version_is_refused(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1])
    net.observe(1, 1)
    net.run([1])
    raw(db).hset("net", "nr", "3")
    raw(db).hset("net", "version", "of tomorrow")
    before = raw(db).hlen("net")
    for call in (
        lambda: net.observe(1, 1),
        lambda: net.run([1]),
        net.info,
        net.dump,
        net.reset,
        net.train,
        lambda: net.configure(threads=1),
    ):
        with pytest.raises(nr.CommandError, match="has format 3, newer than the 2 that this"):
            call()
    assert raw(db).hlen("net") == before


def test_the_scripts_and_the_core_have_one_format() -> None:
    assert b"local FORMAT = '%s'\n" % layout.blank()[layout.MARK] in script("read").source


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layout", "[1"),
        ("layout", "[" * 100_000),
        ("random", "[0, 0, 0, 0, 0, 0]"),
        ("train_error", "NaN"),
        ("id", "1" * 400),
        ("kind", b"\xff"),
        ("weights", b"123"),
        ("train_len", "99"),
        ("seed", "-1"),
        ("ended_by", "{}"),
    ],
)
def test_a_damaged_field_is_an_error_and_no_crash(
    fake: nr.Database, field: str, value: str | bytes
) -> None:
    net = fake.create("net", "regressor", [1, 1])
    net.observe(1, 1)
    net.train(maxcycles=1, autostop=False).wait()
    raw(fake).hset("net", field, value)
    with pytest.raises(nr.CommandError, match="ERR invalid network"):
        net.dump()
    raw(fake).hdel("net", field)
    with pytest.raises(nr.CommandError):
        (net.run if field == "weights" else lambda _: net.dump())([1])


def test_a_missing_sample_is_named(fake: nr.Database) -> None:
    net = fake.create("net", "regressor", [1, 1])
    net.observe_many([1, 2, 3], [1, 2, 3], to="train")
    raw(fake).hdel("net", "train:1")
    with pytest.raises(nr.CommandError, match="ERR invalid network: no train:1"):
        net.dump()


def test_a_hash_can_be_read_by_a_person(db: nr.Database) -> None:
    db.create("net", "classifier", [2, 3, 2], dataset=20, seed=1).observe([1, 2], 1)
    names = ["nr", "kind", "layout", "train_maxlen", "train_len"]
    values = [str(value).strip("b'") for value in raw(db).hmget("net", names)]
    assert values == ["2", "classifier", "[2, 3, 2]", "20", "1"]
    assert raw(db).hexists("net", "train:0")


# ---- one key ----


def test_nothing_is_left_behind_by_redis_own_commands(db: nr.Database) -> None:
    client = raw(db)
    net = db.create("{n}a", "regressor", [1, 1], seed=1)
    net.observe_many([[1], [2], [3]], [1, 2, 3])
    net.train(maxcycles=5, autostop=False).wait()
    expected, outputs = content(net.dump()), net.run([1])
    client.rename("{n}a", "{n}b")
    assert content(db["{n}b"].dump()) == expected
    assert (db["{n}b"].run([1]) == outputs).all()
    copy_key(client, "{n}b", "{n}c")
    client.delete("{n}b")
    assert list(db) == ["{n}c"]
    blob = client.execute_command("DUMP", "{n}c", **{NEVER_DECODE: True})
    client.restore("{n}d", 0, blob)
    assert content(db["{n}d"].dump()) == expected
    client.delete("{n}c")
    client.pexpire("{n}d", 1)
    until(lambda: "{n}d" not in db)
    until(lambda: not list(client.scan_iter()))  # the index of trainings goes by itself


def test_a_network_put_in_anothers_place_is_the_one_that_runs(db: nr.Database) -> None:
    client = raw(db)
    one = db.create("{n}one", "regressor", [1, 1], seed=1)
    two = db.create("{n}two", "regressor", [2, 1], seed=2)
    expected = two.run([1, 1])
    one.run([1])
    one.observe(1, 1)
    client.rename("{n}two", "{n}one")
    until(lambda: _runs(one, [1, 1]))
    assert (one.run([1, 1]) == expected).all()
    assert one.observe([1, 1], 1) == (1, 0)
    with pytest.raises(nr.CommandError, match="1 -> 1 given, 2 -> 1 expected"):
        one.observe([1], 1)
    client.delete("{n}one")
    client.set("{n}one", "text")
    until(lambda: not _runs(one, [1, 1]))
    with pytest.raises(nr.CommandError, match="WRONGTYPE"):
        one.run([1, 1])
    client.delete("{n}one")
    until(lambda: _missing(one))


def _runs(net: nr.Network, x: list[int]) -> bool:
    try:
        return net.run(x).shape == (1,)
    except nr.CommandError:
        return False


def _missing(net: nr.Network) -> bool:
    try:
        net.run([1, 1])
    except nr.NotFoundError:
        return True
    except nr.CommandError:
        pass
    return False


def copy_key(client: Any, source: str, target: str) -> None:
    """COPY; in so many words on fakeredis, whose own makes two names of one hash."""
    if isinstance(client, fakeredis.FakeRedis):
        fields = client.hgetall(source)
        client.delete(target)
        client.hset(target, mapping=fields)
    else:
        client.copy(source, target, replace=True)


def test_a_copy_trained_apart_is_not_taken_for_the_original(db: nr.Database) -> None:
    """Both have the id, and the same number of trainings."""
    client = raw(db)
    one = db.create("{n}one", "regressor", [1, 1], seed=1)
    one.observe_many([[1], [2], [3]], [1, 2, 3], to="train")
    copy_key(client, "{n}one", "{n}two")
    two = db["{n}two"]
    one.train(maxcycles=5, autostop=False).wait()
    two.train(maxcycles=50, autostop=False).wait()
    expected = two.run([1])
    assert (one.run([1]) != expected).all()
    copy_key(client, "{n}two", "{n}one")
    until(lambda: (one.run([1]) == expected).all())


def test_an_expired_network_is_gone_at_once(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1])
    net.run([1])
    raw(db).pexpire("net", 100)
    until(lambda: _runs_one(net) is False, 5)


def _runs_one(net: nr.Network) -> bool:
    try:
        net.run([1])
    except nr.NotFoundError:
        return False
    return True


def test_a_dataset_keeps_the_time_to_live(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1])
    raw(db).expire("net", 100)
    net.observe(1, 1)
    net.train(maxcycles=1, autostop=False).wait()
    net.reset()
    assert 0 < raw(db).ttl("net") <= 100


# ---- URLs and clients ----


def test_urls_that_lead_nowhere_are_backend_errors() -> None:
    for url in (
        "redis://127.0.0.1:1",
        "redis://127.0.0.1:1/notanumber/x",
        "redis+cluster://127.0.0.1:1",
        "redis+sentinel://127.0.0.1:1/mymaster",
        "redis+sentinel://127.0.0.1:1",
        "unix:///nowhere/at/all",
    ):
        with pytest.raises(nr.BackendError):
            nr.connect(url, retry=None, socket_timeout=1)


def test_what_is_no_client_is_refused() -> None:
    with pytest.raises(nr.BackendError, match="not a client of redis-py: <object"):
        nr.connect(client=object())
    for client in redis.asyncio.Redis(), fakeredis.FakeAsyncRedis():
        with pytest.raises(
            nr.BackendError, match=r"is asynchronous: .*await nr.aio.connect\(url\)"
        ):
            nr.connect(client=client)
    with pytest.raises(nr.BackendError, match="a client has its options already: db"):
        nr.connect(client=fakeredis.FakeRedis(), db=3)


def test_a_redis_without_scripts_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_lua(self: object, *command: object, **options: object) -> object:
        raise redis.ResponseError("unknown command 'evalsha', with args beginning with: ")

    monkeypatch.setattr(fakeredis.FakeRedis, "parse_response", without_lua)
    with (
        pytest.raises(nr.BackendError, match=r"unknown command.*pip install 'fakeredis\[lua\]'"),
        nr.connect(client=fakeredis.FakeRedis()) as db,
    ):
        db.create("net", "regressor", [1, 1])


def test_a_client_of_ones_own_stays_open() -> None:
    client = fakeredis.FakeRedis()
    nr.connect(client=client).close()
    assert client.ping()


def test_the_database_number_is_told(redis_servers: Servers) -> None:
    with nr.connect(**redis_servers.empty("protocol3")) as db:
        net = db.create("numbered", "regressor", [1, 1])
        net.observe(1, 1)
        net.train(timeout=0, autostop=False)
        (line,) = db.execute("NR.THREADS")  # type: ignore[misc]
        assert " key=numbered db=2 maxtime=0 " in str(line)
        db.execute("NR.DEL", "numbered")


def test_a_user_who_may_only_read_runs_networks(redis_servers: Servers) -> None:
    with running() as server:
        with nr.connect(server.url) as db:
            net = db.create("net", "classifier", [2, 3, 2], seed=1)
            net.observe([1, 2], 1)
            expected = net.run([1, 2])
        with server.client() as client:
            rules = "on >x %R~net +@read +@connection +eval_ro +evalsha_ro"  # as in docs/redis.md
            client.execute_command("ACL", "SETUSER", "reader", *rules.split())
        with nr.connect(server.url.replace("//", "//reader:x@")) as db:
            for _ in range(2):
                assert db.execute("NR.INFO net")[1] > 0  # type: ignore[index,operator]
                assert [*db["net"].run([1, 2])] == [*expected]
            assert db["net"].dump()
            assert list(db) == ["net"]
            for line in (
                "NR.OBSERVE net 1 2 -> 1",
                "NR.RESET net",
                "NR.CREATE net2 REGRESSOR 1 -> 1",
            ):
                with pytest.raises(nr.BackendError, match="permission"):
                    db.execute(line)
        with nr.connect(server.url) as db:
            assert db["net"].info().train_len + db["net"].info().test_len == 1


# ---- round trips ----


def test_a_row_is_one_script_of_two_commands(redis_servers: Servers) -> None:
    with nr.connect(**redis_servers.empty("protocol2")) as db:
        for options in (
            {},
            {"trainevery": 1000},
            {"dataset": 3, "test": 0},
            {"dataset": 3, "test": 2},
        ):
            net = db.create("net", "regressor", [2, 1], **options)
            for _ in range(9):  # the first one makes the writer known
                net.observe([1, 2], [3])
            raw(db).config_resetstat()
            for _ in range(20):
                net.observe([1, 2], [3])
            stats = {name[8:]: one["calls"] for name, one in raw(db).info("commandstats").items()}
            assert stats == {"config|resetstat": 1} | dict.fromkeys(
                ("evalsha", "hmget", "hset"), 20
            )
            assert net.info().observed == 29
            del db["net"]


def test_rows_one_by_one_are_placed_and_evicted_as_in_memory(db: nr.Database) -> None:
    dumps = []
    with nr.connect("memory://") as memory:
        for one in db, memory:
            net = one.create("net", "regressor", [1, 1], seed=5, dataset=6, test=3, trainevery=1000)
            for number in range(40):
                net.observe([number], [1.0], (None, "train", "test")[number % 3])
            dumps.append(content(net.dump()))
    assert dumps[0] == dumps[1]


def test_no_script_takes_very_many_samples(
    fake: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fake.backend.store  # type: ignore[attr-defined]
    sizes = []
    real = store._link.write

    def write(name: str, key: bytes, *argv: Any) -> Any:
        sizes.append(len(argv[2 if name == "observe_row" else 3]))
        return real(name, key, *argv)

    monkeypatch.setattr(store._link, "write", write)
    net = fake.create("net", "regressor", [1, 1], dataset=30_000, test=0)
    assert net.observe_many(np.arange(25_000), np.zeros(25_000)) == (25_000, 0)
    wide = fake.create("wide", "regressor", [2**20 - 1, 1], dataset=10, test=0)
    assert wide.observe_many(np.zeros((5, 2**20 - 1)), np.zeros(5)) == (5, 0)
    assert sizes == [80_000, 80_000, 40_000, 1 << 23, 1 << 23, 1 << 22]


def test_each_verb_is_one_round_trip(
    redis_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nr.connect(**redis_servers.empty("protocol3")) as db:
        raw(db).flushdb()
        net = db.create("net", "regressor", [1, 1])
        net.observe(1, 1)
        net.reset()  # of each script the server is to know one use before
        net.configure(threads=1)
        db.execute("NR.STOP net")
        net.run([1])
        net.dump()
        sent: list[Any] = []
        real = redis.Connection.send_packed_command

        def send(self: Any, command: Any, **options: Any) -> None:
            sent.append(command)
            real(self, command, **options)

        monkeypatch.setattr(redis.Connection, "send_packed_command", send)
        for command in (
            "NR.OBSERVE net 1 -> 1",
            "NR.RUN net 1",
            "NR.INFO net",
            "NR.RESET net",
            "NR.CONFIGURE net THREADS 1",
            "NR.GETDATA net TRAIN 0",
            "NR.DUMP net",
            "NR.STOP net",
            "NR.CREATE other REGRESSOR 1 -> 1",
        ):
            sent.clear()
            db.execute(command)
            assert len(sent) == 1, command


def test_a_forecast_is_one_round_trip(
    redis_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a training elsewhere it takes more, since it reads the new weights."""
    options = redis_servers.empty("protocol3")
    with nr.connect(**options) as db, nr.connect(**options) as other:
        net = db.create("sales", "forecaster", {}, target="y", horizon=2, season=1, seed=1)
        net.observe_series(pd.DataFrame({"y": np.arange(30.0) ** 1.5}))
        net.train(maxcycles=3).wait()
        before = net.forecast().tolist()
        sent: list[Any] = []
        real = redis.Connection.send_packed_command

        def send(self: Any, command: Any, **options: Any) -> None:
            sent.append(command)
            real(self, command, **options)

        monkeypatch.setattr(redis.Connection, "send_packed_command", send)
        assert net.forecast().tolist() == before
        assert len(sent) == 1
        other["sales"].train(maxcycles=200).wait()
        assert net.forecast().tolist() == other["sales"].forecast().tolist() != before
        other.execute("NR.DEL sales")
        with pytest.raises(nr.NotFoundError):
            net.forecast()


def test_a_worker_of_some_networks_takes_their_hints_and_leaves_the_others(
    db: nr.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Any = db.backend.store  # type: ignore[attr-defined]
    store.queues = True
    for name in ("a:1", "b:1", "b:2"):
        net = db.create(name, "regressor", [1, 1], seed=1, trainevery=2)
        net.observe_many([1, 2], [1, 2])
    monkeypatch.setattr(store._listing, "waiting", lambda *args: [])  # only hints tell
    watch = store.watch(lambda key: key.startswith(b"b:"))
    assert [watch.keys(0.0), watch.keys(0.0)] == [[b"b:1"], [b"b:2"]]
    assert watch.keys(0.05) == []
    assert store.watch(None).keys(0.0) == [b"a:1"]
    assert raw(db).exists("nr:orders") == 0


def test_one_worker_of_all_looks_at_all_networks(redis_servers: Servers) -> None:
    options = redis_servers.empty("protocol3")
    with nr.connect(**options, trainings="queue") as db, nr.connect(**options) as other:
        for name in ("a:1", "b:1"):
            db.create(name, "regressor", [1, 1], seed=1, trainevery=2).observe_many([1, 2], [1, 2])
        raw(db).delete("nr:orders", "nr:trainings")  # who placed the orders died before it told
        stores: list[Any] = [one.backend.store for one in (db, other)]  # type: ignore[attr-defined]
        first, second = stores[0].watch(None), stores[1].watch(lambda key: key != b"b:1")
        raw(db).config_resetstat()
        assert sorted(first.keys(0.01)) == [b"a:1", b"b:1"]
        assert second.keys(0.01) == [b"a:1"]  # which the first one has made known
        assert raw(db).info("commandstats")["cmdstat_scan"]["calls"] == 1
        assert 0 < raw(db).pttl("nr:looked") <= 45_000
        raw(db).delete("nr:trainings")
        assert sorted(stores[1].watch(None).keys(0.0)) == [b"a:1", b"b:1"]  # who waits for none


def test_a_worker_that_may_not_say_that_it_looks_does_so_all_the_same() -> None:
    with running() as server:
        with server.client() as client:
            rules = "on >x ~a:* ~b:* ~nr:trainings +@all"
            client.execute_command("ACL", "SETUSER", "worker", *rules.split())
        with nr.connect(server.url.replace("//", "//worker:x@"), trainings="queue") as db:
            net = db.create("a:1", "regressor", [1, 1], seed=1, trainevery=2)
            net.observe_many([1, 2], [1, 2])
            with server.client() as client:
                client.delete("nr:trainings")
            store: Any = db.backend.store  # type: ignore[attr-defined]
            for _ in range(2):
                assert store.watch(None).keys(0.01) == [b"a:1"]


def test_a_pattern_is_looked_for_by_the_server(redis_servers: Servers) -> None:
    with nr.connect(**redis_servers.empty("protocol3")) as db:
        for name in ("a:1", "a:2", *(f"b:{n}" for n in range(50))):
            db.create(name, "regressor", [1, 1])
        for pattern, found, looked in ("a:*", [b"a:1", b"a:2"], 2), ("b:7", [b"b:7"], 1):
            raw(db).config_resetstat()
            assert db.execute("NR.LIST", pattern) == found
            stats: Any = raw(db).info("commandstats")
            assert stats["cmdstat_hget"]["calls"] == looked
            assert ("cmdstat_scan" in stats) == ("*" in pattern)
