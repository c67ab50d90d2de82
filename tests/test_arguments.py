"""Whatever is given to the API, nothing but nr.Error comes out of it."""

import datetime
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import fakeredis
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import nr
from nr.calls.trainings import Course
from nr.engine import Command, Net, Trainer
from nr.trainings import Workers

CONSTANTS = [
    *(
        None,
        True,
        0,
        -1,
        3,
        1.5,
        10**400,
        float("nan"),
        float("inf"),
        1j,
        "",
        "net",
        "train",
        b"net",
    ),
    *(
        "5",
        "\ud800",
        "a\0b",
        b"\xff",
        bytearray(b"x"),
        memoryview(b"x"),
        [],
        [1, 2],
        [[1, 2]],
        [None],
    ),
    *((), {}, {"a": 1}, set(), range(2), object(), float, len, Decimal("sNaN"), Decimal("1e999")),
    *(Fraction(1, 3), datetime.datetime(2020, 1, 1), np.datetime64("NaT"), np.timedelta64(1, "s")),
    *(pd.NA, pd.NaT, np.ma.masked, np.zeros((2, 2)), np.zeros(0), np.array("x"), np.float32(1)),
    *(np.array([1, "x"], object), pd.DataFrame({"a": [1], "b": ["x"]}), pd.Series([1.0, 2.0])),
]
ODD = st.sampled_from(CONSTANTS) | st.lists(st.sampled_from(CONSTANTS), max_size=3)
WORDS = st.dictionaries(
    st.sampled_from(["normalize", "seed", "learnrate", "loss", "threads", "colour", "dataset", ""]),
    ODD,
    max_size=2,
)

Call = Callable[[nr.Database, nr.Network, Any, Any, dict[str, Any]], object]
CALLS: dict[str, Call] = {
    "execute": lambda db, net, a, b, w: db.execute(a, b),
    "execute run": lambda db, net, a, b, w: db.execute("NR.RUN", "net", a, b),
    "create": lambda db, net, a, b, w: db.create("other", a, b, **w),
    "create again": lambda db, net, a, b, w: db.create("net", a, b, exist_ok=True),
    "create named": lambda db, net, a, b, w: db.create(a, "regressor", [1, 1], **w),
    "restore": lambda db, net, a, b, w: db.restore(a, b),
    "using": lambda db, net, a, b, w: db.using(a),
    "get": lambda db, net, a, b, w: db[a],
    "in": lambda db, net, a, b, w: a in db,
    "del": lambda db, net, a, b, w: db.__delitem__([a]),
    "observe": lambda db, net, a, b, w: net.observe(a, b),
    "observe to": lambda db, net, a, b, w: net.observe([1, 2], 1, to=a),
    "observe_many": lambda db, net, a, b, w: net.observe_many(a, b),
    "observe_many X": lambda db, net, a, b, w: net.observe_many(a, [0, 1]),
    "observe_query": lambda db, net, a, b, w: net.observe_query(a, b, parameters=w),
    "sample": lambda db, net, a, b, w: net.sample(a, b),
    "run": lambda db, net, a, b, w: net.run(a),
    "classify": lambda db, net, a, b, w: net.classify(a),
    "configure": lambda db, net, a, b, w: net.configure(**w),
    "train": lambda db, net, a, b, w: net.train(maxcycles=a, autostop=b),
    "wait": lambda db, net, a, b, w: nr.Training(
        db.backend, Course(net.key, net.info(), 0, 0)
    ).wait(a),
    "connect": lambda db, net, a, b, w: nr.connect(a).close(),
    "connect with": lambda db, net, a, b, w: nr.connect("memory://", **w).close(),
    "connect memory": lambda db, net, a, b, w: nr.connect("memory://", memory=a).close(),
    "connect executor": lambda db, net, a, b, w: nr.connect("memory://", executor=a).close(),
    "connect client": lambda db, net, a, b, w: nr.connect(client=a).close(),
    "connect engine": lambda db, net, a, b, w: nr.connect(engine=a).close(),
    "connect prefix": lambda db, net, a, b, w: nr.connect("sqlite://", prefix=a, schema=b).close(),
    "connect index": lambda db, net, a, b, w: nr.connect(
        client=fakeredis.FakeRedis(), index=a, cache=b
    ).close(),
}


@pytest.fixture(scope="module", params=["memory://", "sqlite://"])
def net(request: pytest.FixtureRequest) -> Iterator[nr.Network]:
    with nr.connect(request.param) as db:
        net = db.create("net", "classifier", [2, 3, 2], seed=1)
        net.observe_many([[0, 1], [1, 0]] * 4, [0, 1] * 4)
        yield net


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=25)
@given(a=ODD, b=ODD, w=WORDS)
def test_nothing_else_escapes(
    net: nr.Network, name: str, a: Any, b: Any, w: dict[str, Any]
) -> None:
    try:
        with np.errstate(all="raise"):
            CALLS[name](net.db, net, a, b, w)
    except nr.Error:
        pass
    for other in net.db:
        if other != "net":
            del net.db[other]
    net.db.execute("NR.STOP net")
    net.db.execute("NR.WAIT net 0")


@pytest.mark.parametrize("kind", [Net, Trainer, Command, Workers])
def test_what_an_interrupt_left_half_made_goes_quietly(kind: Any) -> None:
    kind.__new__(kind).__del__()


@pytest.mark.parametrize(
    ("url", "options", "text"),
    [
        (
            "memory://",
            {"colour": 3},
            r"memory:// takes no option 'colour' \(there are: memory, trainings\)",
        ),
        ("sqlite://", {"shema": "x"}, "takes no option 'shema', did you mean schema"),
        ("memory://", {"memory": "1 GB"}, "memory is a whole number of bytes, not '1 GB'"),
        ("memory://", {"executor": 4}, "an executor is a ThreadPoolExecutor"),
    ],
)
def test_an_option_that_is_wrong_is_named(url: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(nr.ArgumentError, match=text):
        nr.connect(url, **options)


@pytest.mark.parametrize(
    ("url", "options", "text"),
    [
        ("sqlite:///x.db?colour=3", {}, r"not options of SQLite: colour \(there are: cached_st"),
        ("sqlite:///x.db?timeout=soon", {}, "sqlite:// cannot be opened, .*'soon'"),
        ("sqlite:///x\0y", {}, "sqlite:// cannot be opened, .*null"),
        ("mysql+pymysql://127.0.0.1:1/x?colour=3", {}, "mysql.pymysql:// cannot be .*'colour'"),
        ("mysql+pymysql://127.0.0.1:1/x?connect_timeout=soon", {}, "cannot be opened, .*'soon'"),
        ("postgresql+psycopg://127.0.0.1:port/x", {}, "cannot be opened, .*'port'"),
        ("redis://127.0.0.1:1", {"colour": 3}, "colour"),
        ("redis://127.0.0.1:1", {"retry": 3}, "redis:// cannot be opened, .*'call_with_retry'"),
        ("redis+module://127.0.0.1:1", {"colour": 3}, "colour"),
    ],
)
def test_a_url_that_is_wrong_says_what_is(
    url: str, options: dict[str, Any], text: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nr.BackendError, match=text):
        nr.connect(url, **options)
    assert not list(tmp_path.iterdir())


def test_a_connection_of_another_library_is_refused() -> None:
    refused = pytest.raises(nr.BackendError, match=r"no support for postgresql\+psycopg2: ")
    with nr.connect("sqlite://") as db, refused:
        db.using(_connection_of("postgresql", "psycopg2"))


def _connection_of(name: str, driver: str) -> sa.Connection:
    connection = sa.Connection.__new__(sa.Connection)
    connection.dialect = type("Dialect", (), {"name": name, "driver": driver})()
    return connection


def test_a_numpy_that_raises_changes_nothing(net: nr.Network) -> None:
    with np.errstate(all="raise"):
        tiny = np.array([1e-320, 1e-42])
        single = np.array([0, 1], np.uint32).view(np.float32)
        for x in tiny, [tiny, tiny], pd.DataFrame([tiny]), single, single.tolist():
            assert np.isfinite(net.run(x)).all()
            net.classify(x)
        with pytest.raises(nr.ValuesError, match=r"column 0: 1e.300 does not fit 32 bits"):
            net.run(np.array([1e300, 1]))


def test_a_row_and_a_wait_that_failed_are_errors_of_ours_and_pythons(net: nr.Network) -> None:
    with pytest.raises(IndexError, match=r"the train dataset of 'net' has no row 99"):
        net.sample("train", 99)
    training = net.train(timeout=0, autostop=False)
    for kind in (TimeoutError, nr.StillTrainingError):
        with pytest.raises(kind, match="the training of net still runs"):
            training.result(timeout=0)
    training.stop()
    training.wait()
