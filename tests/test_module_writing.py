"""Commands of many bytes in the module, which threads do: they happen at once, in order, once."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from conformance import content
from module_calls import Asking, blocked
from redis_private import until
from redis_server import Server, redis_server, running
from test_module_durability import AOF, PAUSE, binary, pair, replicated, restarted  # noqa: F401

import nr
from nr.backends import Backend

CREATE = "NR.CREATE net REGRESSOR 9 3 -> 1 SEED 1 DATASET 300000 TEST 100000"
ROWS = np.random.default_rng(1).random((600_000, 10), np.float32)
MANY, MORE = ROWS[:350_000].tobytes(), ROWS[300_000:].tobytes()  # 14 MB, 12 MB
ONE = "NR.OBSERVE net 1 2 3 4 5 6 7 8 9 -> 1"


def run(client: redis.Redis, line: str, *more: Any) -> Any:
    return client.execute_command(*line.split(), *more)


def expected(memory: Backend, *steps: tuple[Any, ...]) -> list[Any]:
    memory.execute(*CREATE.encode().split())
    for step in steps:
        memory.execute(*step)
    return content(memory.execute(b"NR.DUMP", b"net"))


@pytest.fixture
def raw(server: Server) -> Any:
    with server.client() as client:
        run(client, CREATE)
        yield client


def held(client: redis.Redis) -> list[Any]:
    return content(run(client, "NR.DUMP net"))


def words(line: str) -> tuple[bytes, ...]:
    return tuple(line.encode().split())


OBSERVE_MANY, OBSERVE_MORE = (b"NR.OBSERVE", b"net", b"FP32"), (b"NR.OBSERVE", b"net", b"FP32")


def test_a_client_has_its_commands_in_order(raw: redis.Redis, memory: Backend) -> None:
    """Datasets that fill up, and then lose samples to others."""
    steps = [(*OBSERVE_MANY, MANY), words(ONE), (*OBSERVE_MORE, MORE), words(f"{ONE} TEST")]
    with raw.pipeline(transaction=False) as pipe:
        for step in steps:
            pipe.execute_command(*step)
        replies = pipe.execute()
    assert replies[0] == [262_500, 87_500]
    assert replies[2:] == [[300_000, 100_000]] * 2
    assert held(raw) == expected(memory, *steps)


def test_other_clients_wait_behind_it(raw: redis.Redis, server: Server, memory: Backend) -> None:
    asking = [Asking(server, *OBSERVE_MANY, MANY)]
    for command in (ONE.split(), (*OBSERVE_MORE, MORE), f"{ONE} TRAIN".split()):
        with server.client() as client:
            connection = client.connection_pool.get_connection()
            connection.send_command(*command)
            assert connection.read_response()[0] <= 300_000
    assert asking[0].reply() == [262_500, 87_500]
    steps = [(*OBSERVE_MANY, MANY), words(ONE), (*OBSERVE_MORE, MORE), words(f"{ONE} TRAIN")]
    assert held(raw) == expected(memory, *steps)


def test_many_at_once_are_done_one_after_the_other(raw: redis.Redis, server: Server) -> None:
    """Whoever cannot wait (a transaction, a script) comes first; nothing is lost."""
    asking = [Asking(server, *OBSERVE_MANY, ROWS[i : i + 30_000].tobytes()) for i in range(9)]
    script = "return redis.call('NR.OBSERVE', 'net', 1, 2, 3, 4, 5, 6, 7, 8, 9, '->', 1)"
    for _ in range(5):
        raw.eval(script, 0)
        with raw.pipeline(transaction=True) as transaction:
            transaction.execute_command(*ONE.split())
            transaction.execute()
    found = [asked.reply() for asked in asking]
    assert len({sum(reply) for reply in found}) == 9
    assert sum(run(raw, ONE)) == 9 * 30_000 + 11
    assert blocked(raw) == 0


def test_what_is_refused_changes_nothing(raw: redis.Redis, memory: Backend) -> None:
    wrong = ROWS[:100_000].copy()
    wrong[99_999, 3] = np.nan
    before = held(raw)
    errors = []
    memory.execute(*words(CREATE))
    for blob in wrong.tobytes(), MANY[:-4], MANY[:-1]:
        with pytest.raises(redis.ResponseError) as error:
            raw.execute_command(*OBSERVE_MANY, blob)
        with pytest.raises(nr.CommandError) as same:
            memory.execute(*OBSERVE_MANY, blob)
        errors.append((str(error.value), str(same.value)))
    assert [f"ERR {ours}" for ours, _ in errors] == [theirs for _, theirs in errors]
    assert held(raw) == before
    assert run(raw, "NR.INFO net")[13] == 0


@pytest.mark.parametrize(
    ("event", "reply"),
    [("DEL net", "no such key"), ("RENAME net other", "no such key"), ("FLUSHALL ASYNC", "no such"),
     ("SET net text", "WRONGTYPE"), ("SWAPDB 0 1", "no such key"), ("NR.RESET net", ""),
     ("NR.CONFIGURE net L2 0.5", ""), ("NR.TRAIN net MAXTIME 0", ""), (f"{ONE} TRAIN", "")],
)  # fmt: skip
def test_what_happens_to_the_network_meanwhile(
    server: Server, raw: redis.Redis, event: str, reply: str
) -> None:
    """In a transaction, which does not wait: it came first. The samples go where they would have
    gone then."""
    run(raw, f"{ONE} TRAIN")
    asking = Asking(server, *OBSERVE_MANY, MANY)
    with raw.pipeline(transaction=True) as transaction:
        transaction.execute_command(*event.split())
        transaction.execute()
    assert raw.ping()
    try:
        found = str(sum(asking.reply()))
    except redis.ResponseError as error:
        found = str(error)
    assert any(each in found for each in ("350001", "350002", reply or "350001"))


def test_a_large_dump_is_restored(raw: redis.Redis, server: Server) -> None:
    raw.execute_command(*OBSERVE_MANY, MANY)
    dump = run(raw, "NR.DUMP net")
    ids = set()
    for key, more in ("a", []), ("b", ["REPLACE"]), ("net", ["REPLACE"]), ("a", ["REPLACE"]):
        assert run(raw, f"NR.RESTORE {key}", dump, *more) == b"OK"
        assert content(run(raw, f"NR.DUMP {key}")) == content(dump)
        ids.add(run(raw, f"NR.INFO {key}")[1])
    assert len(ids) == 4
    raw.set("text", "x")
    for line, more, why in (
        ("a", [], "key name is busy"),
        ("text", [], "key name is busy"),
        ("text", ["REPLACE"], "WRONGTYPE"),
    ):
        with pytest.raises(redis.ResponseError, match=why):
            run(raw, f"NR.RESTORE {line}", dump, *more)
    for damaged in dump[:-1], dump[:5_000_000] + b"x" + dump[5_000_001:]:
        with pytest.raises(redis.ResponseError, match="invalid"):
            run(raw, "NR.RESTORE c", damaged)
    assert raw.exists("c") == 0


def test_replicas_and_files_hold_it(tmp_path: Path, binary: str) -> None:  # noqa: F811
    some, more = MANY[:4_000_000], MORE[:4_000_000]
    with pair(binary, tmp_path, *AOF) as (master, replica), master.client() as client:
        run(client, CREATE)
        with client.pipeline(transaction=False) as pipe:
            pipe.execute_command(*OBSERVE_MANY, some)
            pipe.execute_command(*ONE.split())
            pipe.execute_command(*OBSERVE_MORE, more)
            pipe.execute()
        dump = run(client, "NR.DUMP net")
        run(client, "NR.RESTORE copy", dump)
        run(client, "NR.RESTORE net", dump, "REPLACE")
        asking = Asking(master, *OBSERVE_MANY, some)
        run(client, f"{ONE} TRAIN")
        assert sum(asking.reply()) == 300_001
        assert replicated(master, replica)
        asking = Asking(master, *OBSERVE_MANY, some)
        client.execute_command(*PAUSE)
        client.execute_command("CLIENT", "UNPAUSE")
        assert asking.reply()
        assert replicated(master, replica)
        with replica.client() as other:
            found = run(other, "NR.DUMP net")
        assert run(client, "NR.DUMP net") == found
        with client.pipeline(transaction=False) as pipe:  # of which the file has both
            pipe.execute_command(*OBSERVE_MANY, some)
            pipe.execute_command("NR.RESTORE", "net", dump, "REPLACE")
            pipe.execute()
        client.execute_command(*ONE.split())
        with client.pipeline(transaction=False) as pipe:
            pipe.execute_command("DEBUG", "DIGEST")
            before = pipe.execute()[0]
        assert restarted(master) == before.decode()


def test_a_master_that_becomes_a_replica_drops_it(tmp_path: Path) -> None:
    with (
        running(redis_server(), tmp_path / "one") as one,
        running(redis_server(), tmp_path / "other") as other,
        one.client() as client,
    ):
        run(client, CREATE)
        asking = [Asking(one, *OBSERVE_MANY, ROWS.tobytes()) for _ in range(3)]
        client.execute_command("REPLICAOF", "127.0.0.1", other.port)
        for each in asking:  # those that were not through by then are told so
            try:
                assert len(each.reply()) == 2
            except redis.ResponseError as error:
                assert str(error).startswith("UNBLOCKED")  # noqa: PT017
        client.execute_command("REPLICAOF", "NO", "ONE")
        until(lambda: blocked(client) == 0)
        assert client.ping()


def test_a_client_that_leaves_it_behind(raw: redis.Redis, server: Server) -> None:
    for _ in range(3):
        Asking(server, *OBSERVE_MANY, MANY).leave()
    until(lambda: blocked(raw) == 0)
    assert sum(run(raw, ONE)) <= 400_000


def test_many_clients_write_while_trainings_end(raw: redis.Redis, server: Server) -> None:
    """Every sample of every client is there: none was lost to another's clone."""
    run(raw, "NR.CREATE all REGRESSOR 9 -> 1 DATASET 1000000 TEST 0")

    def write(i: int) -> None:
        with server.client() as client:
            for turn in range(4):
                run(client, "NR.OBSERVE all FP32", ROWS[i * 30_000 :][:30_000].tobytes())
                for _ in range(20):
                    run(client, f"{ONE.replace('net', 'all')}")
                if turn == 1:
                    run(client, "NR.CONFIGURE all THREADS 1")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(run(raw, f"{ONE.replace('net', 'all')}")) == 5 * 4 * 30_020 + 1


@pytest.mark.parametrize("protocol", [2, 3])
def test_long_replies_are_those_of_short_ones(
    server: Server, memory: Backend, protocol: int, own: Callable[..., Server]
) -> None:
    create = "NR.CREATE wide CLASSIFIER 2 -> 30000 SEED 1 MEMBERS 1 DATASET 5 TEST 5"
    lines = ["NR.RUN wide 1 2", "NR.GETDATA wide TRAIN 0", "NR.GETDATA wide TRAIN 7",
             "NR.METRICS wide", "NR.DUMP wide"]  # fmt: skip
    with nr.connect(server.url(), protocol=protocol) as db:
        for each in db, memory:
            each.execute(*words(create))
            each.execute(*words("NR.OBSERVE wide 1 2 -> 29999 TRAIN"))
            each.execute(*words("NR.OBSERVE wide 1 3 -> 7 TEST"))
            each.execute(*words("NR.TRAIN wide MAXCYCLES 2 MAXTIME 0"))
            each.execute(*words("NR.WAIT wide 0"))
        for line in lines[:-1]:
            assert repr(db.execute(*words(line))) == repr(memory.execute(*words(line))), line
        dumps = [content(each.execute(*words(lines[-1]))) for each in (db, memory)]
        assert dumps[0] == dumps[1]


def test_samples_by_name_are_worked_on_as_they_were_sent(raw: redis.Redis, server: Server) -> None:
    """What a thread reads of a command is its arguments, wherever the server moves them."""
    run(raw, "NR.CREATE club CLASSIFIER age:number city:category -> joined:category SEED 1")
    told = [{"age": i, "city": "Rome" if i % 3 else "Bari", "joined": "no"} for i in range(30_000)]
    asking = Asking(server, "NR.OBSERVE", "club", "JSON", json.dumps(told))
    assert sum(run(raw, "NR.OBSERVE club age=33 city=Rome -> joined=yes")) > 0
    asking.reply()
    with pytest.raises(redis.ResponseError) as error:
        run(raw, "NR.OBSERVE club JSON", json.dumps([*told, {"agee": 3, "joined": "no"}]))
    assert "no field 'agee' in club" in str(error.value)
    for _ in range(3):
        assert run(raw, "NR.OBSERVE club JSON", json.dumps(told))
    with pytest.raises(redis.ResponseError, match="net has no fields"):
        run(raw, "NR.OBSERVE net JSON", json.dumps(told))
    assert raw.ping()
