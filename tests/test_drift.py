"""Drift: what net.drift() tells, and that whoever observes counts by the weights in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from redis_private import Servers

import nr
from nr.cli import main
from nr.commands.drift import Drift

SIZES: dict[str, Any] = {"seed": 1, "members": 2, "dataset": 300, "test": 150}


def line(n: int, slope: float = 1.0, seed: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    x = random.uniform(0, 1, (n, 2))
    return x, slope * x[:, 0] + random.normal(0, 0.05, n)


def learned(db: nr.Database, **options: Any) -> nr.Network:
    net = db.create("net", "regressor", [2, 1], **(SIZES | options))
    net.observe_many(*line(200))
    net.train(maxcycles=30, timeout=0, autostop=True, backtrack=True).wait()
    return net


@contextmanager
def twice(**options: Any) -> Iterator[tuple[nr.Database, nr.Database]]:
    with nr.connect(**options) as one, nr.connect(**options) as other:
        yield one, other


@pytest.fixture(params=["sqlite", "protocol2", "cached"])
def shared(
    request: pytest.FixtureRequest, redis_servers: Servers, tmp_path: Path
) -> Callable[[], Any]:
    """Two clients of the same store."""
    if request.param == "sqlite":
        return lambda: twice(url=f"sqlite:///{tmp_path}/nets.db")
    return lambda: twice(**redis_servers.empty(request.param))


def test_new_samples_are_told_of(db: nr.Database) -> None:
    net = learned(db, drift=True)
    assert net.drift().scored == 0
    assert net.drift().loss is None
    x, y = line(60, -1.0, seed=2)
    net.observe_many(x + np.array([0, 1]), y)
    now = net.drift()
    assert isinstance(now, Drift)
    assert (now.watched, now.alarm, now.scored, now.new_samples) == (True, True, 60, 60)
    assert now.alarm_after is not None
    assert 10 < now.alarm_after <= 60
    assert now.loss is not None
    assert now.trained_loss is not None
    assert now.loss > 3 * now.trained_loss
    assert now.level > 1
    moved = [now.moved[number] for number in range(2)]
    assert moved[0] is not None
    assert moved[1] is not None
    assert moved[1] > 1 > 0.2 > moved[0]
    assert net.info().drift == "alarm"
    shown = repr(now).splitlines()
    assert shown[0].startswith(f"drift: alarm after {now.alarm_after} samples, level ")
    assert shown[2].endswith("#" * 30)
    assert "<th>alarm</th>" in now._repr_html_() or "alarm" in now._repr_html_()


def test_it_is_switched_on_and_off(db: nr.Database) -> None:
    net = learned(db)
    assert net.configure()["drift"] is False
    assert net.configure(drift=True)["drift"] is True
    assert net.info().drift == "none"
    assert net.configure(drift=False)["drift"] is False
    assert repr(net.drift()).startswith("drift: not watched: DRIFT ON, level 0.00, 0 samples")
    with pytest.raises(nr.CommandError, match="drift is True or False, not 'on'"):
        net.configure(drift="on")  # type: ignore[arg-type]
    net.configure(trainevery=None)
    assert net.drift().watched


def test_who_observes_hears_of_it_from_others(shared: Callable[[], Any]) -> None:
    x, y = line(40, seed=3)
    with shared() as (one, other):
        ours = learned(one)
        for at in range(4):
            ours.observe(x[at], y[at])
        theirs = other["net"]
        theirs.configure(drift=True)
        ours.observe(x[4], y[4])
        theirs.observe(x[5], y[5])
        assert ours.drift().scored == 2
        theirs.train(maxcycles=30, timeout=0, autostop=True, backtrack=True).wait()
        assert ours.drift().scored == 0
        for at in range(6, 10):
            ours.observe(x[at], y[at])
            theirs.observe(x[at + 10], y[at + 10])
        ours.observe_many(x[20:30], y[20:30])
        assert theirs.drift().scored == 18
        theirs.configure(drift=False)
        ours.observe(x[30], y[30])
        theirs.configure(drift=True)
        assert ours.drift().scored == 0


def test_an_untrained_network_begins_with_its_first_training(shared: Callable[[], Any]) -> None:
    x, y = line(40, seed=3)
    with shared() as (one, other):
        net = one.create("net", "regressor", [2, 1], **SIZES, drift=True)
        net.observe_many(*line(200))
        net.observe(x[0], y[0])
        assert net.drift().scored == 0
        other["net"].train(maxcycles=30, timeout=0, autostop=True, backtrack=True).wait()
        net.observe(x[1], y[1])
        assert net.drift().scored == 1


def test_of_a_large_network_some_samples_are_scored(db: nr.Database) -> None:
    net = db.create("net", "regressor", [2, 200, 100, 1], **(SIZES | {"members": 1}), drift=True)
    net.observe_many(*line(200))
    net.train(maxcycles=1, timeout=0, autostop=True, backtrack=True).wait()
    net.observe_many(*line(200, seed=2))
    assert 60 < net.drift().scored < 140  # every second, by their bytes


def test_sequences_are_scored(db: nr.Database) -> None:
    rows = [
        {"path": [i % 5, i % 3, i / 7], "place": "AB"[i % 2], "gesture": "xy"[i % 2]}
        for i in range(60)
    ]
    kinds = {"path": "sequence", "place": "category"}
    net = db.create("net", "classifier", kinds, target="gesture", seed=1, drift=True)
    net.observe_many(rows)
    net.train(maxcycles=2, timeout=0, autostop=True, backtrack=True).wait()
    net.observe_many([row | {"place": "C"} for row in rows])
    found = net.drift()
    assert 0 < found.scored < 60
    assert found.moved["path"] is None
    assert found.moved["place"] is not None
    assert found.moved["place"] > 1


def test_a_clone_of_format_2_without_it_is_read(db: nr.Database) -> None:
    from dumps import closed, opened

    net = learned(db, drift=True)
    header, parts = opened(net.dump())
    older = {name: value for name, value in header.items() if name not in ("losses", "drift")}
    parts.pop("reference")
    db.restore("older", closed(older, parts))
    now = db["older"].drift()
    assert (now.watched, now.trained_loss, now.moved) == (False, None, {0: None, 1: None})
    db["older"].configure(drift=True)
    db["older"].observe([1, 1], 1)
    assert db["older"].drift().scored == 0


def test_the_prompt_draws_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        learned(db, drift=True)
    said = CliRunner().invoke(main, ["--url", url, "-e", "drift net"])
    assert said.exit_code == 0, said.output
    assert said.output.startswith("drift: no alarm, level 0.00, 0 samples scored\nloss of late -, ")


def test_denormal_numbers_are_no_order_of_their_own() -> None:
    """A mode of the processor takes them for 0; a dump is read in another one."""
    with nr.connect("memory://") as db:
        net = db.create("tiny", "regressor", [2, 3, 1], normalize=False, seed=3, members=1)
        for i in range(60):
            x, y = (i * 7 % 11 - 5) * 300, (i * 5 % 13 - 6) * 200
            net.observe([x * 1e-42, y * 1e-40], y * 1e-41)
        net.train(maxcycles=20, timeout=0, autostop=False).wait()
        again = db.restore("again", net.dump())
        assert again.drift() == net.drift()
