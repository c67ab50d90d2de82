"""Databases and networks in Python: names, options, what a network tells of itself."""

import asyncio
import dataclasses
import pickle
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nr
import nr.aio
from nr.backends import Backend
from nr.cli.session import Session
from nr.engine import Reply
from nr.serve.commands import Commands

DAY = np.datetime64("2020-01-01")


# ---- commands ----


def test_a_line_is_split_and_arguments_are_not(db: nr.Database) -> None:
    assert db.execute('NR.CREATE "a b" regressor 1 -> 1') == 2
    assert db.execute("NR.INFO", "a b")[7] == 0
    assert db.execute(b"NR.LIST") == [b"a b"]


@pytest.mark.parametrize(
    "number",
    [1, 0.1, 1e-30, -2.5, True, np.float32(0.1), np.float64(1 / 3), np.int64(7), np.bool_(1)],
)
def test_numbers_keep_their_digits(regressor: nr.Network, number: float) -> None:
    regressor.db.execute("NR.OBSERVE", "r", number, number, "->", number)
    x, y = regressor.sample("train", 0)
    assert x[0] == y[0] == np.float32(number)


@pytest.mark.parametrize(
    "argument",
    [
        *(None, [1], {}, np.zeros(2), 1j, np.complex128(3), DAY, np.timedelta64(3, "D")),
        *(pd.NaT, np.ma.masked, datetime(2020, 1, 1), object(), float),
    ],
)
def test_what_is_no_argument_is_refused(db: nr.Database, argument: object) -> None:
    with pytest.raises(nr.CommandError, match="an argument of a command is text, bytes or a"):
        db.execute("NR.RUN", "net", argument)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "argument",
    [10**5000, Fraction(10**400), Decimal("sNaN"), memoryview(b"1")],
    ids=lambda argument: type(argument).__name__,
)
def test_a_number_that_has_no_digits_is_refused(db: nr.Database, argument: Any) -> None:
    if isinstance(argument, memoryview):
        argument.release()
    with pytest.raises(nr.CommandError, match=r"ERR a \w+ that is no argument: "):
        db.execute("NR.RUN", "net", argument)


def test_buffers_are_arguments(regressor: nr.Network) -> None:
    blob = np.array([1, 2, 3], "<f4").tobytes()
    for form in (blob, bytearray(blob), memoryview(blob)):
        regressor.db.execute("NR.OBSERVE", "r", "FP32", form)
    assert regressor.info().train_len == 3


# ---- names ----


def test_a_database_is_a_mapping_of_names(db: nr.Database) -> None:
    for name in ("b", "a", "ü"):
        db.create(name, "regressor", [1, 1])
    assert list(db) == ["a", "b", "ü"]
    assert len(db) == 3
    assert "a" in db
    assert b"a" in db
    assert "none" not in db
    assert 3 not in db
    assert db["ü"].name == "ü"
    del db["a"]
    assert "a" not in db


def test_a_missing_name_is_a_key_error(db: nr.Database) -> None:
    with pytest.raises(KeyError, match=r"^ERR no such key: 'none'$"):
        db["none"]
    with pytest.raises(KeyError, match=r"^ERR no such key: b'\\xff'$"):
        del db[b"\xff"]


def test_odd_bytes_come_back(db: nr.Database) -> None:
    db.create(b"\xff \x00", "regressor", [1, 1])
    (name,) = db
    assert name in db
    assert db[name].key == b"\xff \x00"
    assert db[name].info().layout == (1, 1)


def test_an_empty_database_is_true(db: nr.Database) -> None:
    assert db


def test_a_deleted_network_raises(db: nr.Database, regressor: nr.Network) -> None:
    del db["r"]
    for call in (regressor.info, regressor.dump, regressor.train, lambda: regressor.run([1, 2])):
        with pytest.raises(KeyError):
            call()


def test_a_network_shows_itself(shown: nr.Database) -> None:
    regressor = shown.create("r", "regressor", [2, 1])
    classifier = shown.create("c", "classifier", [2, 4, 3])
    shown.create(b"\xff \x00", "regressor", [1, 1])
    assert repr(regressor) == "<nr.Network 'r'>"
    assert "<td>2-1</td>" in regressor._repr_html_()
    assert "wrong classes" in classifier._repr_html_()
    assert "<td>c</td><td>classifier</td><td>2-4-3</td>" in shown._repr_html_()
    assert "<td>\\udcff" in shown._repr_html_()


def test_names_are_escaped_in_html(shown: nr.Database) -> None:
    net = shown.create("<script>", "regressor", [1, 1])
    assert "<script>" not in net._repr_html_() + shown._repr_html_()


# ---- creating ----


def test_create_passes_every_option_on(db: nr.Database) -> None:
    net = db.create(
        "net", "classifier", np.array([3, 4, 2]), normalize=True, dataset=7, test=0, seed=3,
        activation="relu", optimizer="adam", learnrate=0.1, l2=None, threads=2, batch=8,
    )  # fmt: skip
    info = net.info()
    assert (info.type, info.layout, info.normalize) == ("classifier", (3, 4, 2), True)
    assert (info.train_maxlen, info.test_maxlen, info.parameters) == (7, 0, 26)
    assert net.configure() == {
        "normalize": True, "classic": False, "seed": 3, "activation": "relu",
        "loss": "crossentropy", "optimizer": "adam", "learnrate": 0.1, "l2": None,
        "batch": 8, "patience": None, "threads": 2, "members": 8, "classweights": "none",
        "trainevery": "off", "drift": False,
    }  # fmt: skip
    assert db.create("old", "regressor", [1, 1], classic=True).configure()["classic"] is True


def test_create_without_a_seed_differs_each_time(db: nr.Database) -> None:
    one, two = (db.create(name, "regressor", [3, 3, 1]) for name in "ab")
    assert one.run([1, 2, 3]) != two.run([1, 2, 3])


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        *[(layout, "ERR invalid units count") for layout in ([], [1], [2, 0, 1], [2, -3, 1])],
        *[(layout, "a list of whole numbers") for layout in (5, "2-3-1", [2.5, 1], ["x", 1])],
    ],
)
def test_create_refuses_a_bad_layout(db: nr.Database, layout: list[int], text: str) -> None:
    with pytest.raises(nr.CommandError, match=text):
        db.create("net", "regressor", layout)
    assert list(db) == []


def test_create_takes_one_that_exists_if_it_may(db: nr.Database) -> None:
    wanted: tuple[Any, ...] = ("net", "Classifier", (2, 3, 2))
    db.create(*wanted, seed=1, exist_ok=True).observe([1, 2], 1)
    with pytest.raises(nr.BusyError, match=r"^ERR the key name is busy$"):
        db.create(*wanted)
    again = db.create(*wanted, seed=2, normalize=True, exist_ok=True)
    assert (again.info().train_len, again.configure()["seed"]) == (1, 1)
    text = "'net' is a classifier of 2-3-2, not a "
    for other in ("regressor", [2, 3, 2]), ("classifier", [2, 4, 2]):
        with pytest.raises(nr.BusyError, match=f"^ERR the key name is busy: {text}{other[0]}"):
            db.create("net", *other, exist_ok=True)  # type: ignore[arg-type]
    with pytest.raises(nr.CommandError, match=r"ERR unknown|ERR Syntax error"):
        db.create(*wanted, exist_ok=True, colour=3)


def test_one_training_at_a_time_is_an_error_of_its_own(regressor: nr.Network) -> None:
    regressor.observe([1, 2], 3)
    training = regressor.train(timeout=0, autostop=False)
    with pytest.raises(
        nr.TrainingError, match=r"^ERR neural network training already in progress$"
    ):
        regressor.train()
    training.stop()
    assert training.wait()


class Recording:
    """A backend that is asked to train, and does not."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.asked: list[tuple[bytes, ...]] = []

    def execute(self, *argv: bytes) -> Reply:
        if argv[0] != b"NR.TRAIN":
            return self._backend.execute(*argv)
        self.asked.append(argv)
        return "Training has started"

    def close(self) -> None:
        self._backend.close()


def test_a_timeout_is_maxtime_in_seconds(memory: Backend) -> None:
    backend = Recording(memory)
    regressor = nr.Database(backend).create("r", "regressor", [2, 1], test=0)
    for timeout in 2, 0.0015, 0, float("inf"), np.float32(0.5):
        regressor.train(timeout=timeout)
    with pytest.warns(DeprecationWarning, match="maxtime is deprecated: give timeout, in seconds"):
        regressor.train(maxtime=20)
    limits = [argv[argv.index(b"maxtime") + 1] for argv in backend.asked]
    assert limits == [b"2000", b"2", b"0", b"0", b"500", b"20"]
    assert b"autostop" not in backend.asked[0]
    regressor.train()
    assert b"maxtime" not in backend.asked[-1]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, [b"autostop", b"backtrack"]),
        ({"timeout": 2}, [b"maxtime", b"2000", b"autostop", b"backtrack"]),
        ({"maxcycles": 9}, [b"maxcycles", b"9", b"autostop", b"backtrack"]),
        ({"maxcycles": 9, "autostop": False}, [b"maxcycles", b"9"]),
        ({"maxcycles": 9, "backtrack": False}, [b"maxcycles", b"9", b"autostop"]),
        ({"maxcycles": 9, "autostop": True}, [b"maxcycles", b"9", b"autostop", b"backtrack"]),
        ({"autostop": False}, [b"maxtime", b"10000"]),
    ],
)
def test_a_limit_keeps_autostop_and_backtrack(
    memory: Backend, given: dict[str, Any], asked: list[bytes]
) -> None:
    backend = Recording(memory)
    net = nr.Database(backend).create("r", "regressor", [2, 1])
    net.observe_many([[1, 2]] * 3, [1, 2, 3])
    net.train(**given)
    assert list(backend.asked[-1][2:]) == asked


def test_a_limit_is_all_that_a_classic_network_knows(memory: Backend) -> None:
    backend = Recording(memory)
    net = nr.Database(backend).create("r", "regressor", [2, 1], classic=True)
    net.observe_many([[1, 2]] * 3, [1, 2, 3])
    net.train(maxcycles=9)
    assert list(backend.asked[-1][2:]) == [b"maxcycles", b"9"]
    net.train(maxcycles=9, autostop=True)
    assert list(backend.asked[-1][2:]) == [b"maxcycles", b"9", b"autostop", b"backtrack"]


def test_inputs_are_scaled_unless_one_says_no(db: nr.Database) -> None:
    told = {
        given: db.create(f"n{given}", "regressor", [2, 1], normalize=given).info().normalize
        for given in (None, True, False)
    }
    assert told == {None: True, True: True, False: False}
    assert not db.create("old", "regressor", [2, 1], classic=True).info().normalize


# ---- datasets that are full ----

FULL = (
    "net: a dataset is full, so that each new sample replaces one drawn at random; a network "
    "created with larger ones (dataset=, test=) keeps more"
)


def test_samples_that_replace_others_are_told_once(
    db: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    net = db.create("net", "regressor", [2, 1], dataset=2, test=1)
    for counts in (1, 0), (1, 1), (2, 1):
        assert net.observe([1, 2], 3) == counts
    assert net.info().full == "both"
    assert caplog.messages == []  # nothing was replaced yet
    for _ in range(3):
        assert net.observe([1, 2], 3) == (2, 1)
    assert caplog.messages == [FULL]
    net.observe_many([[1, 2]] * 9, [3] * 9)
    assert caplog.messages == [FULL]


def test_commands_that_replace_samples_are_told_once(
    db: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    db.create("net", "classifier", {"a": "number"}, target="y", dataset=2, test=1)
    for _ in range(3):
        db.execute("NR.OBSERVE net a=1 -> y=p")
    assert caplog.messages == []
    for _ in range(3):
        assert db.execute("nr.observe", "net", "a=1", "->", "y=p") == [2, 1]
    assert caplog.messages == [FULL]
    db["net"].observe({"a": 1, "y": "p"})
    assert caplog.messages == [FULL]


def test_a_loop_tells_of_them_too(caplog: pytest.LogCaptureFixture) -> None:
    create = "NR.CREATE {} REGRESSOR 1 -> 1 DATASET 1 TEST 1".format
    observe = "NR.OBSERVE {} 1 -> 2".format

    async def three(run: Callable[..., Awaitable[object]], key: str) -> None:
        await run(*create(key).encode().split())
        for _ in range(3):
            await run(*observe(key).encode().split())

    async def both() -> None:
        async with nr.aio.connect("memory://") as db:
            await three(db.execute, "awaited")
            await three(Commands(db).run, "served")

    asyncio.run(both())
    with nr.connect("memory://") as db:
        session = Session(db)
        for line in (create("typed"), *[observe("typed")] * 3):
            session.run(line.encode())
    assert caplog.messages == [
        FULL.replace("net:", f"{one}:") for one in ("awaited", "served", "typed")
    ]


def test_a_series_that_is_full_replaces_nothing_that_should_stay(
    db: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    db.execute("NR.CREATE net FORECASTER -> y:number DATASET 3")
    assert [db.execute("NR.OBSERVE net -> y=1") for _ in range(6)][-1] == [3, 1]
    assert caplog.messages == []


def test_a_table_that_does_not_fit_is_told(
    db: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    net = db.create("net", "regressor", [2, 1], dataset=4, test=2)
    net.observe_many([[1, 2]] * 6, [3] * 6)
    assert net.info().full == "both"
    assert caplog.messages == []
    net.clear()
    net.observe_many([[1, 2]] * 7, [3] * 7)
    assert caplog.messages == [FULL]


def test_a_frame_of_fields_that_does_not_fit_is_told(
    db: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"a": "number", "b": "number"}
    net = db.create("net", "regressor", fields, target="b", dataset=4, test=0)
    net.observe_many(pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 2, 3, 4]}))
    assert caplog.messages == []
    net.observe_many(pd.DataFrame({"b": [5], "a": [5]}))
    assert caplog.messages == [FULL]


def test_a_network_anew_with_as_many_samples_is_not_full(
    db: nr.Database, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        net = db.create("net", "regressor", [2, 1])
        assert net.observe([1, 2], 3) == (1, 0)
        del db["net"]
    assert caplog.messages == []


def test_a_timeout_is_a_number_of_seconds(here: nr.Network) -> None:
    for timeout in -1, float("nan"), "5", np.timedelta64(5, "s"):
        with pytest.raises(nr.ArgumentError, match="a timeout is "):
            here.train(timeout=timeout)  # type: ignore[arg-type]
    both = pytest.raises(nr.ArgumentError, match="timeout is maxtime in seconds: give one of them")
    with pytest.warns(DeprecationWarning, match="maxtime"), both:
        here.train(timeout=5, maxtime=5)


def test_create_refuses_a_bad_option(db: nr.Database) -> None:
    with pytest.raises(nr.CommandError, match="unknown option 'colour'"):
        db.create("net", "regressor", [1, 1], colour=3)


def test_a_flag_is_a_truth_and_nothing_else(db: nr.Database) -> None:
    for value in ("yes", 1, 0):
        with pytest.raises(nr.ValuesError, match="ERR normalize is True or False, not "):
            db.create("net", "regressor", [1, 1], normalize=value)  # type: ignore[arg-type]
    assert db.create("net", "regressor", [1, 1], normalize=np.bool_(True)).info().normalize


def test_configure_sets_and_returns(regressor: nr.Network) -> None:
    options = regressor.configure(optimizer="sgd", learnrate=1e-3, threads=2)
    assert (options["optimizer"], options["learnrate"]) == ("sgd", 1e-3)
    assert regressor.configure(learnrate=None)["learnrate"] is None
    with pytest.raises(nr.CommandError, match="SEED is fixed"):
        regressor.configure(seed=3)


# ---- the rest ----


def test_info_is_frozen_and_typed(classifier: nr.Network, regressor: nr.Network) -> None:
    classifier.observe_many([[1, 2]] * 9, [1] * 9)
    classifier.train(maxcycles=4, timeout=0, autostop=False).wait()
    info = classifier.info()
    assert dataclasses.asdict(info) == {
        "id": info.id, "type": "classifier", "normalize": True, "training": False, "full": "no",
        "layout": (2, 4, 3), "train_maxlen": 50, "train_len": 7, "test_maxlen": 10, "test_len": 2,
        "steps": 28, "cycles": 4, "seconds": info.seconds, "train_error": info.train_error,
        "test_error": info.test_error, "overfitting": False, "ended_by": "cycles",
        "parameters": 27, "class_errors": info.class_errors, "last_training": "merged",
        "trainings": 1, "rounded": 0, "fields": (), "observed": 9, "new": 0, "ordered": 0,
        "coalesced": 0, "drift": "off",
        "recurrent": (),
    }  # fmt: skip
    assert isinstance(info.seconds, float)
    assert info.train_error > 0
    assert info.class_errors is not None
    assert regressor.info().class_errors is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.id = 3  # type: ignore[misc]


def test_history_has_a_row_a_point(classifier: nr.Network, regressor: nr.Network) -> None:
    assert classifier.history().shape == (0, 4)
    classifier.observe_many([[1, 2], [3, 4]] * 6, [1, 2] * 6)
    classifier.train(maxcycles=7, timeout=0, autostop=False).wait()
    history = classifier.history()
    assert history.shape == (7, 4)
    assert history[-1, 0] == 7
    assert (history[:, 1:3] > 0).all()
    assert ((history[:, 3] >= 0) & (history[:, 3] <= 100)).all()
    regressor.observe([1, 2], 3)
    regressor.train(maxcycles=2, timeout=0, autostop=False).wait()
    assert np.isnan(regressor.history()[:, 2:]).all()


def test_dump_and_restore(db: nr.Database, classifier: nr.Network) -> None:
    classifier.observe([1, 2], 2)
    blob = classifier.dump()
    copy = db.restore("copy", blob)
    assert np.array_equal(copy.run([1, 2]), classifier.run([1, 2]))
    assert copy.sample("train", 0)[1].tolist() == [0, 0, 1]
    with pytest.raises(nr.BusyError, match=r"^ERR the key name is busy$"):
        db.restore("copy", blob)
    db.restore("copy", blob, replace=True)
    with pytest.raises(nr.CommandError, match="invalid network"):
        db.restore("copy", blob[:-1], replace=True)
    assert copy.info().train_len == 1


def test_a_database_closes_at_the_end_of_its_block() -> None:
    with nr.connect("memory://") as db:
        db.create("net", "regressor", [1, 1])
    with pytest.raises(nr.BackendError, match="closed"):
        list(db)


def test_text_that_is_no_unicode_is_refused(db: nr.Database) -> None:
    """As JSON's \\ud800 is: it has no bytes."""
    for call in (db.execute, db.__getitem__, lambda text: db.execute("NR.INFO", text)):
        with pytest.raises(nr.CommandError, match="ERR text that is no Unicode"):
            call("net\ud800")


def test_a_name_is_text_or_bytes(db: nr.Database) -> None:
    with pytest.raises(TypeError, match="a name is text or bytes, not int"):
        db[5]  # type: ignore[index]


def test_neither_a_database_nor_its_networks_are_pickled(regressor: nr.Network) -> None:
    for thing in (regressor, regressor.db):
        with pytest.raises(TypeError, match="connect anew in each process"):
            pickle.dumps(thing)


def test_decimals_are_numbers(regressor: nr.Network) -> None:
    inputs = Decimal("1.5"), Decimal(2)
    assert regressor.db.execute("NR.RUN", regressor.key, *inputs) == list(regressor.run(inputs))


@pytest.mark.parametrize("to", ["training", "", "x", 1])
def test_an_unknown_dataset_is_named(regressor: nr.Network, to: str) -> None:
    with pytest.raises(nr.ValuesError, match="ERR the dataset must be 'train' or 'test', not "):
        regressor.observe([1, 2], 3, to=to)
    assert regressor.observe([1, 2], 3, to="TRAIN") == (1, 0)


# ---- connecting ----


@pytest.mark.parametrize("url", [5, object, ["memory://"]])
def test_a_url_is_text(url: Any) -> None:
    with pytest.raises(TypeError, match=r"a URL is text, as 'memory://'.*, not ") as caught:
        nr.connect(url)
    assert repr(url) in str(caught.value)


def test_a_url_of_bytes_is_refused_without_its_password() -> None:
    with pytest.raises(TypeError, match=r"not bytes$"):
        nr.connect(b"redis://user:secret@host")  # type: ignore[arg-type]


def test_an_engine_is_sqlalchemys() -> None:
    for engine in "x", 5:
        with pytest.raises(TypeError, match=r"an engine is what sqlalchemy.create_engine\(url\)"):
            nr.connect(engine=engine)


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "postgresql+psycopg", "sqlite+aiosqlite"])
def test_an_asynchronous_engine_is_told_the_way_that_works(scheme: str) -> None:
    url, dialect = SimpleNamespace(drivername=scheme), SimpleNamespace(is_async=True)
    for engine in (
        SimpleNamespace(url=url, sync_engine=None),
        SimpleNamespace(url=url, dialect=dialect),
    ):
        with pytest.raises(nr.ArgumentError, match=r"await nr.aio.connect\(engine=engine\)"):
            nr.connect(engine=engine)


def test_a_database_is_in_one_place() -> None:
    with pytest.raises(ValueError, match="one place, but a URL and a client were given"):
        nr.connect("redis://localhost", client=object())
    with pytest.raises(ValueError, match="one place, but a client and an engine were given"):
        nr.connect(client=object(), engine=object())


def test_a_client_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_URL", "memory://")
    with pytest.raises(nr.BackendError, match="not a client of redis-py"):
        nr.connect(client=object())
