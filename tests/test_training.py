"""Trainings, on every driver: what they promise, how one waits for them, and what others see."""

import signal
import threading
from collections.abc import Iterator

import pytest
from training_calls import ENDLESS, eventually, has_cycles, network

import nr
from nr.backends.memory import Memory
from nr.calls.trainings import Course
from nr.commands.local import Local
from nr.trainings import Workers

GONE = "^ERR the training of net was dropped: its network was deleted or replaced$"


@pytest.fixture
def db(backend: nr.backends.Backend) -> nr.Database:
    return nr.Database(backend)


@pytest.fixture
def line() -> Iterator[nr.Database]:
    """A database with one worker, so that trainings wait in line."""
    with nr.connect("memory://", executor=Workers(1)) as db:
        yield db


# ---- the contract ----


def test_a_second_training_while_one_runs_is_refused(db: nr.Database) -> None:
    net = network(db)
    first = net.train(**ENDLESS)
    with pytest.raises(nr.CommandError, match=r"^ERR neural network training already in progress$"):
        net.train()
    assert first.running
    first.stop()
    assert first.wait()
    net.train(maxcycles=2, autostop=False).wait()


def test_33_trainings_at_once_all_end_and_none_is_lost(db: nr.Database) -> None:
    nets = [network(db, f"net{i}") for i in range(33)]
    trainings = [net.train(maxcycles=200, timeout=0, autostop=False) for net in nets]
    infos = [training.result() for training in trainings]
    assert [info.cycles for info in infos] == [200] * 33
    assert not any(info.training for info in infos)
    assert len({net.run([1, 1])[0] for net in nets}) == 1
    assert db.execute("NR.THREADS") == []


def test_trainings_in_line_count_as_training(line: nr.Database) -> None:
    first = network(line, "first").train(**ENDLESS)
    second = network(line, "second").train(maxcycles=5, autostop=False)
    assert second.running
    assert line["second"].info().training
    assert [str(text).split()[2] for text in line.execute("NR.THREADS")] == [
        "key=first",
        "key=second",
    ]
    with pytest.raises(nr.CommandError, match="already in progress"):
        line["second"].train()
    assert not second.wait(0.05)
    first.stop()
    assert second.result().cycles == 5


def test_stop_takes_a_training_out_of_the_line(line: nr.Database) -> None:
    first = network(line, "first").train(**ENDLESS)
    second = network(line, "second").train(**ENDLESS)
    assert second.stop()
    assert second.wait()
    assert not second.stop()
    assert line["second"].info().cycles == 0
    assert first.running
    line["second"].train(maxcycles=3, autostop=False)
    first.stop()
    assert eventually(lambda: line["second"].info().cycles == 3)


def test_what_is_deleted_in_line_is_never_trained(line: nr.Database) -> None:
    first = network(line, "first").train(**ENDLESS)
    second = network(line, "second").train(**ENDLESS)
    del line["second"]
    again = network(line, "second").train(maxcycles=4, autostop=False)
    assert not second.running
    first.stop()
    assert again.result().cycles == 4


def test_a_training_learns_from_what_is_there_when_it_begins(line: nr.Database) -> None:
    """... and copies nothing while it waits in line."""
    alone = network(line, "alone")
    alone.observe([100, 100], -5, to="train")
    alone.train(maxcycles=9, timeout=0, autostop=False).wait()
    first = network(line, "first").train(**ENDLESS)
    net = network(line)
    training = net.train(maxcycles=9, timeout=0, autostop=False)
    net.observe([100, 100], -5, to="train")
    first.stop()
    training.wait()
    assert net.run([1, 1]) == alone.run([1, 1])
    assert net.info().train_len == 6


def test_reset_drops_a_running_training(db: nr.Database) -> None:
    net = network(db)
    training = net.train(**ENDLESS)
    assert eventually(lambda: has_cycles(training))
    net.reset()
    assert not training.running
    assert training.progress() is None
    assert net.info().cycles == 0
    before = net.run([1, 1])
    net.train(maxcycles=3, autostop=False).wait()
    assert net.info().cycles == 3
    assert net.run([1, 1]) != before


def test_a_network_created_anew_is_left_alone(db: nr.Database) -> None:
    training = network(db).train(**ENDLESS)
    del db["net"]
    with pytest.raises(nr.CommandError, match=GONE):
        training.wait(5)
    net = network(db)
    before = net.run([1, 1])
    assert not training.running
    assert not training.stop()
    assert net.run([1, 1]) == before
    assert net.info().cycles == 0


def test_stop_keeps_what_was_reached(db: nr.Database) -> None:
    net = network(db)
    before = net.run([1, 1])
    training = net.train(**ENDLESS)
    assert eventually(lambda: has_cycles(training))
    assert training.stop()
    info = training.result()
    assert info.cycles > 0
    assert info.ended_by == "stop"
    assert net.run([1, 1]) != before


def test_a_later_training_is_not_taken_for_an_earlier_one(db: nr.Database) -> None:
    net = network(db)
    first = net.train(maxcycles=3, autostop=False)
    assert eventually(lambda: net.info().cycles == 3 and not net.info().training)
    second = net.train(**ENDLESS)
    assert second.running
    assert not first.running
    assert not first.stop()
    assert first.wait(0)
    assert first.progress() is None
    assert second.running
    second.stop()
    assert second.wait()


def test_an_ended_training_leaves_room_for_the_next(db: nr.Database) -> None:
    net = network(db)
    for _ in range(20):
        training = net.train(maxcycles=1, autostop=False)
        while training.running:
            pass
    assert net.info().cycles == 20


def test_options_configured_meanwhile_stay(db: nr.Database) -> None:
    net = network(db)
    training = net.train(**ENDLESS)
    net.configure(l2=0.25)
    training.stop()
    training.wait()
    assert net.configure()["l2"] == 0.25


def test_time_ends_a_training(db: nr.Database) -> None:
    info = network(db).train(timeout=0.03, autostop=False).result()
    assert info.ended_by == "time"
    assert 0.03 <= info.seconds < 10


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "ERR Can't start training: the training dataset is empty"),
        ({"autostop": True}, "ERR Can't start training: the training dataset is empty"),
    ],
)
def test_nothing_to_train_on(db: nr.Database, given: dict[str, bool], text: str) -> None:
    net = db.create("net", "regressor", [1, 1])
    with pytest.raises(nr.CommandError, match=text):
        net.train(**given)  # type: ignore[arg-type]
    assert not net.info().training


def test_autostop_needs_a_testing_dataset(db: nr.Database) -> None:
    net = db.create("net", "regressor", [1, 1], test=0)
    net.observe([1], 2)
    with pytest.raises(nr.CommandError, match="ERR Can't start training with AUTOSTOP option"):
        net.train(autostop=True)
    net.train(maxcycles=1, autostop=False).wait()


def test_autostop_ends_a_training(db: nr.Database) -> None:
    net = db.create("net", "classifier", [1, 8, 2], seed=1)
    net.observe_many(range(40), [i * 7919 % 13 % 2 for i in range(40)])
    info = net.train(autostop=True, backtrack=True, timeout=0).result()
    assert info.ended_by == "autostop"
    assert info.overfitting


# ---- waiting ----


def test_wait_gives_up_after_its_time(db: nr.Database) -> None:
    training = network(db).train(**ENDLESS)
    assert not training.wait(0)
    assert not training.wait(0.02)
    with pytest.raises(TimeoutError):
        training.result(0.02)
    training.stop()
    assert training.wait(60)
    assert training.wait(0)


def test_a_bar_shows_loss_and_errors(db: nr.Database, capsys: pytest.CaptureFixture[str]) -> None:
    net = db.create("flowers", "classifier", [1, 2, 2], seed=1)
    net.observe_many(range(30), [i % 2 for i in range(30)])
    net.train(maxcycles=20, timeout=0, autostop=False).wait()
    assert net.train(maxcycles=3001, timeout=0, autostop=False).wait(progress=True)
    shown = capsys.readouterr().err
    for part in ("flowers", "3001/3001", "loss=", "test=", "errors="):
        assert part in shown


def test_a_bar_moves_while_it_trains(
    db: nr.Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nr.calls.trainings._TICK", 0.02)
    training = network(db).train(**ENDLESS)
    assert eventually(lambda: has_cycles(training))
    assert not training.wait(0.1, progress=True)
    training.stop()
    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "errors=" not in shown


def test_an_interrupt_ends_the_wait_and_not_the_training(db: nr.Database) -> None:
    training = network(db).train(**ENDLESS)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))

    def interrupted() -> None:
        timer.start()
        training.wait()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    timer.join()
    assert training.running
    training.stop()


# ---- leases: what other processes see ----


@pytest.fixture
def two() -> Iterator[tuple[nr.Database, nr.Database]]:
    """Two backends on one store, as two processes are, with a quick heart."""
    store = Memory()
    store.renewal = 0.01
    with nr.Database(Local(store)) as one:
        yield one, nr.Database(Local(store))


def test_others_see_a_training_and_its_progress(two: tuple[nr.Database, nr.Database]) -> None:
    here, there = two
    training = network(here).train(**ENDLESS)
    seen = nr.Training(there.backend, Course(b"net", there["net"].info(), 0, 0))
    assert seen.running
    with pytest.raises(nr.CommandError, match="already in progress"):
        there["net"].train()
    assert eventually(lambda: has_cycles(seen))
    assert not seen.wait(0.02)
    training.stop()
    assert seen.wait(60)


def test_others_can_stop_a_training(two: tuple[nr.Database, nr.Database]) -> None:
    here, there = two
    training = network(here).train(**ENDLESS)
    assert there.execute("NR.STOP net") == 1
    assert training.result(60).ended_by == "stop"


def test_others_can_reset_what_trains(two: tuple[nr.Database, nr.Database]) -> None:
    here, there = two
    network(here).train(**ENDLESS)
    job = here.backend._host.trainings.get(b"net")  # type: ignore[attr-defined]
    there["net"].reset()
    assert job.done.wait(60)
    assert here["net"].info().cycles == 0
    assert here["net"].train(maxcycles=2, autostop=False).result(60).cycles == 2
