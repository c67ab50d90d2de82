"""Formats of the serialised form: what is read for ever, and what is told to be newer."""

import json
from typing import Any

import msgpack
import pytest
import sqlalchemy as sa
from conformance import content
from drivers import DRIVERS, Driver
from dumps import FORMAT_1, as_format_1, closed, opened, sealed

import nr
from nr.backends import Backend
from nr.backends.redis import layout

STORES = [one for one in DRIVERS if one.__name__ not in ("memory", "module", "sqlite_memory")]
NEWER = "ERR the network has format 3, newer than the 2 that this version reads"


HASHES = [one for one in STORES if one.__name__.startswith("redis-")]


@pytest.fixture(params=HASHES, ids=lambda driver: driver.__name__)
def hashed(request: pytest.FixtureRequest) -> Any:
    """The stores that may hold a network of format 1: a migration makes rows of format 2."""
    driver: Driver = request.param
    options = driver(request)
    with nr.connect(**options) as db:
        yield db, options


@pytest.fixture(params=STORES, ids=lambda driver: driver.__name__)
def store(request: pytest.FixtureRequest) -> Any:
    """Every store that keeps networks in parts, empty, and how to connect to it."""
    driver: Driver = request.param
    options = driver(request)
    with nr.connect(**options) as db:
        yield db, options


def trained(db: nr.Database) -> nr.Network:
    net = db.create("net", "classifier", [2, 3, 2], seed=1, dataset=9, test=4)
    net.observe_many([[i, i * i] for i in range(20)], [i % 2 for i in range(20)])
    net.train(maxcycles=5, autostop=False).wait()
    return net


def set_format(db: nr.Database, number: int) -> None:
    """Says in the store that the network is of another format, as its version would."""
    inner: Any = db.backend.store  # type: ignore[attr-defined]
    later = set(layout.names()) - {*FORMAT_1, layout.MARK} if number == 1 else set()
    if hasattr(inner, "engine"):
        columns = dict.fromkeys(later & set(inner._sql.names))
        with inner.engine.begin() as connection:
            networks = inner._schema.networks
            more = json.loads(connection.scalar(sa.select(networks.c.more)))
            kept = json.dumps({name: value for name, value in more.items() if name not in later})
            values = {"format": number, "more": kept} | columns
            connection.execute(sa.update(networks).values(values))
    else:
        inner._link.client.hset("net", "nr", str(number))
        if later:
            inner._link.client.hdel("net", *later)


def format_of(db: nr.Database) -> int:
    inner: Any = db.backend.store  # type: ignore[attr-defined]
    if hasattr(inner, "engine"):
        with inner.engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT format FROM nr_networks").scalar())
    return int(inner._link.do("HGET", "net", "nr"))


def test_a_dump_of_the_first_format_is_restored(backend: Backend) -> None:
    with nr.connect("memory://") as memory:
        net = trained(memory)
        blob = net.dump()
        assert backend.execute(b"NR.RESTORE", b"net", as_format_1(blob)) == "OK"
        again = backend.execute(b"NR.DUMP", b"net")
        assert isinstance(again, bytes)
        assert content(again)[2]["last_training"] == "merged"
        assert content(as_format_1(again)) == content(as_format_1(blob))
        net.reset()
        assert backend.execute(b"NR.RESTORE", b"net", as_format_1(net.dump()), b"REPLACE") == "OK"
        assert backend.execute(b"NR.RUN", b"net", b"1", b"2")


def test_a_dump_of_a_newer_format_is_told_as_such(backend: Backend, db: nr.Database) -> None:
    header, parts = opened(trained(db).dump())
    weights = {**parts, "weights": (2, parts["weights"][1])}
    cases = {
        NEWER: sealed(["nr", 3, header, {}, "whatever comes"]),
        NEWER + " ": closed(header | {"format": 3, "layout": "other"}, parts),
        "ERR the network has format 2 with 'weights' of version 2, newer than the 1 that this "
        "version reads": closed(header, weights),
        "ERR the network has format 2 with 'unheard-of' in its header, which a newer version wrote "
        "and this one does not know": closed(header | {"unheard-of": 0.5}, parts),
    }
    for text, blob in cases.items():
        with pytest.raises(nr.FormatError) as caught:
            backend.execute(b"NR.RESTORE", b"net", blob)
        assert str(caught.value) == text.strip()
    assert backend.execute(b"NR.LIST") == []


def test_a_store_of_the_first_format_goes_on(hashed: Any) -> None:
    db, options = hashed
    net = trained(db)
    set_format(db, 1)
    before, run = net.dump(), net.run([1, 2])
    with nr.connect(**options) as other, nr.connect("memory://") as memory:
        again = other["net"]
        twin = memory.restore("net", before)
        assert (again.run([1, 2]) == run).all()
        for one in again, twin:
            one.observe([1, 2], 1)
            one.observe_many([[3, 4], [5, 6]], [0, 1])
        assert content(again.dump()) == content(twin.dump())
        for one in again, twin:
            one.configure(l2=0.25)
        assert format_of(db) == 2
        for one in again, twin:
            one.observe([7, 8], 0)
            one.train(maxcycles=3, autostop=False).wait()
        assert content(again.dump()) == content(twin.dump())


def test_a_reset_and_a_merge_of_the_first_format_go_on(hashed: Any) -> None:
    db, _ = hashed
    net = trained(db)
    set_format(db, 1)
    net.train(maxcycles=2, autostop=False).wait()
    assert format_of(db) == 2
    set_format(db, 1)
    net.reset()
    assert format_of(db) == 2
    assert msgpack.unpackb(net.dump())[1] == 2


def test_a_network_of_a_newer_format_is_told_as_such_and_left_alone(store: Any) -> None:
    db, options = store
    net = trained(db)
    blob = net.dump()
    net.observe([1, 2], 1)
    set_format(db, 3)
    with nr.connect(**options) as other:
        for call in (
            lambda: net.observe([1, 1], 1),
            lambda: net.observe_many([[1, 1]], [1]),
            lambda: net.configure(l2=1),
            lambda: net.sample("train", 0),
            net.info,
            net.dump,
            net.reset,
            net.train,
            net.importance,
        ):
            with pytest.raises(nr.FormatError) as caught:
                call()
            assert str(caught.value) == NEWER
        for command in ("RUN net 1 2", "OBSERVE net 1 2 -> 1", "DEL net", "STOP net", "WAIT net 1"):
            with pytest.raises(nr.FormatError) as caught:
                other.execute(f"NR.{command}")
            assert str(caught.value) == NEWER
        with pytest.raises(nr.FormatError):
            other.restore("net", blob, replace=True)
        with pytest.raises(nr.CommandError, match="ERR the key name is busy"):
            other.restore("net", blob)
    set_format(db, 2)
    assert content(net.dump())[2]["train_len"] == 9
