"""Trainings in a Redis that many processes share: leases, and what becomes of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from redis_private import DURABLE, Server, cluster, proxy, running, until

import nr
from nr.backends.redis import store as driver
from nr.contracts.store import Standing

TRAINER = """
import sys, time
import nr
with nr.connect(sys.argv[1]) as db:
    db["net"].train(timeout=0, autostop=False)
    print("started", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def net(server: Server) -> Iterator[nr.Network]:
    """Ready to be trained."""
    with server.client() as client:
        client.flushall()
    with nr.connect(server.url) as db:
        yield ready(db)


def ready(db: nr.Database, name: str = "net") -> nr.Network:
    net = db.create(name, "regressor", [1, 2, 1], seed=1)
    net.observe_many(np.arange(20), np.arange(20) / 10)
    return net


@pytest.fixture
def other(server: Server) -> Iterator[nr.Network]:
    """The same network, seen by another process."""
    with nr.connect(server.url) as db:
        yield nr.Network(db, b"net")


def store_of(db: Any) -> driver.Store:
    return db.backend.store  # type: ignore[no-any-return]


def threads(net: nr.Network) -> list[str]:
    return [str(line) for line in net.db.execute("NR.THREADS")]  # type: ignore[union-attr]


def has_cycles(net: nr.Network) -> bool:
    return any(int(line.split()[1].removeprefix("cycle=")) for line in threads(net))


def test_every_process_sees_a_training(net: nr.Network, other: nr.Network) -> None:
    net.train(timeout=0, maxcycles=0, autostop=False)
    assert other.info().training
    until(lambda: has_cycles(other))
    (line,) = threads(other)
    words = dict(word.split("=") for word in line.split())
    assert words["nn_id"] == str(other.info().id)
    assert words["key"] == "net"
    assert (words["maxtime"], words["maxcycles"]) == ("0", "0")
    assert float(words["trainerr"]) > 0
    with pytest.raises(nr.CommandError, match="ERR neural network training already in progress"):
        other.train()
    assert other.db.execute("NR.WAIT", "net", 50) == 0
    assert other.db.execute("NR.STOP", "net") == 1
    assert other.db.execute("NR.WAIT", "net", 20_000) == 1
    assert other.db.execute("NR.STOP", "net") == 0
    assert other.info().cycles > 0
    assert other.info().ended_by == "stop"
    assert threads(other) == threads(net) == []


def test_only_one_of_many_trains(net: nr.Network, other: nr.Network) -> None:
    net.train(timeout=0, autostop=False)
    for one in net, other, net:
        with pytest.raises(nr.CommandError, match="already in progress"):
            one.train(maxcycles=1, autostop=False)
    net.db.execute("NR.STOP", "net")
    net.db.execute("NR.WAIT", "net", 0)
    other.train(maxcycles=1, autostop=False).wait()


def test_a_reset_from_elsewhere_drops_the_training(net: nr.Network, other: nr.Network) -> None:
    net.train(timeout=0, autostop=False)
    until(lambda: has_cycles(other))
    other.reset()
    assert not other.info().training
    until(lambda: not net.db.backend._host.trainings._jobs)  # type: ignore[attr-defined]
    assert net.info().cycles == 0
    other.train(maxcycles=3, autostop=False).wait()
    assert net.info().cycles == 3


def test_deleting_and_creating_anew_drops_the_training(net: nr.Network, other: nr.Network) -> None:
    net.train(timeout=0, autostop=False)
    del other.db["net"]
    new = ready(other.db)
    until(lambda: not net.db.backend._host.trainings._jobs)  # type: ignore[attr-defined]
    assert new.info().cycles == 0


def test_a_renamed_or_copied_network_is_free(net: nr.Network, other: nr.Network) -> None:
    client = net.db.backend.store._link.client  # type: ignore[attr-defined]
    net.train(timeout=0, autostop=False)
    client.copy("net", "copy")
    assert not net.db["copy"].info().training
    other.db["copy"].train(maxcycles=1, autostop=False).wait()
    client.rename("net", "renamed")
    other.db["renamed"].train(maxcycles=2, autostop=False).wait()
    assert other.db["renamed"].info().cycles == 2
    until(lambda: not net.db.backend._host.trainings._jobs)  # type: ignore[attr-defined]
    assert threads(other) == []


def test_samples_observed_during_a_training_stay(net: nr.Network, other: nr.Network) -> None:
    net.train(timeout=0, autostop=False)
    until(lambda: has_cycles(other))
    before = sum(other.observe(5, 0.5))
    net.db.execute("NR.STOP", "net")
    net.db.execute("NR.WAIT", "net", 0)
    info = net.info()
    assert info.train_len + info.test_len == before
    assert info.cycles > 0


def test_trainings_are_listed_oldest_first(net: nr.Network) -> None:
    for name in "b", "a":
        ready(net.db, name)
    for name in "net", "b", "a":
        net.db[name].train(timeout=0, autostop=False)
        time.sleep(0.002)
    assert [line.split()[2] for line in threads(net)] == ["key=net", "key=b", "key=a"]
    for name in "net", "b", "a":
        net.db.execute("NR.STOP", name)


def test_a_training_is_found_in_a_cluster() -> None:
    with cluster() as nodes, nr.connect(f"redis+cluster://127.0.0.1:{nodes[0].port}") as db:
        for name in "a", "b", "c", "d":
            ready(db, name).train(timeout=0, autostop=False)
        with nr.connect(f"redis+cluster://127.0.0.1:{nodes[2].port}") as other:
            until(lambda: len(other.execute("NR.THREADS")) == 4)  # type: ignore[arg-type]
            for name in "a", "b", "c", "d":
                assert other.execute("NR.STOP", name) == 1
                assert other.execute("NR.WAIT", name, 20_000) == 1
            assert sorted(other) == ["a", "b", "c", "d"]


def test_a_training_whose_index_is_refused_goes_on(
    net: nr.Network, caplog: pytest.LogCaptureFixture
) -> None:
    client = net.db.backend.store._link.client  # type: ignore[attr-defined]
    client.set("nr:trainings", "taken")
    net.train(maxcycles=3, autostop=False).wait()
    assert net.info().cycles == 3
    assert "NR.THREADS will not tell" in caplog.text


def test_who_may_not_touch_the_index_trains_as_well(
    server: Server, net: nr.Network, caplog: pytest.LogCaptureFixture
) -> None:
    with server.client() as client:
        client.execute_command("ACL SETUSER trainer on >secret ~net +@all")
    with nr.connect(server.url.replace("//", "//trainer:secret@")) as db:
        for _ in range(3):  # at once: the lease was given back
            db["net"].train(maxcycles=3, autostop=False).wait()
            assert not net.info().training
    assert net.info().cycles == 9
    assert caplog.text.count("NR.THREADS will not tell") == 1


def test_the_end_of_a_training_leaves_the_entry_of_the_next(
    net: nr.Network, other: nr.Network
) -> None:
    index = store_of(net.db)._index
    net.train(maxcycles=1, autostop=False).wait()
    index.add(b"net")
    time.sleep(0.002)
    other.train(timeout=0, autostop=False)
    index.remove(b"net")
    (line,) = threads(net)
    assert "key=net" in line
    other.db.execute("NR.STOP", "net")


# ---- trainers that die, hang or are cut off ----


def trainer(url: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINER, url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_a_killed_trainers_lease_runs_out_within_ten_seconds(
    server: Server, net: nr.Network
) -> None:
    process = trainer(server.url)
    try:
        until(lambda: has_cycles(net))
    finally:
        end(process)
    with pytest.raises(nr.CommandError, match="already in progress"):
        net.train()
    with server.client() as client:
        deadline = int(client.hget("net", "order").split()[2]) / 1000  # type: ignore[union-attr]
        seconds, _ = client.time()
        assert 0 < deadline - seconds <= 10
    until(lambda: store_of(net.db).header(b"net")[1] is Standing.WAITS)
    assert len(threads(net)) == 1  # the order waits again, and makes way for another
    assert net.info().training
    net.train(maxcycles=4, autostop=False).wait()
    assert net.info().cycles == 4
    assert threads(net) == []


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of a second, so that they can be lost without much waiting."""
    monkeypatch.setattr(driver, "LIFETIME", 1000)
    monkeypatch.setattr(driver.Store, "renewal", 0.2)
    monkeypatch.setattr(driver.Store, "patience", 1.0)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("again", [False, True])
def test_a_trainer_cut_off_for_longer_than_its_lease_merges_what_is_still_its_own(
    server: Server, other: nr.Network, net: nr.Network, again: bool
) -> None:
    with proxy(server) as way, nr.connect(way.url, socket_timeout=0.5) as far:
        training = far["net"].train(timeout=0, autostop=False)
        until(lambda: has_cycles(other))
        way.cut()
        until(lambda: store_of(other.db).header(b"net")[1] is Standing.WAITS)
        if again:
            other.train(maxcycles=2, autostop=False).wait()
        jobs = list(far.backend._host.trainings._jobs.values())  # type: ignore[attr-defined]
        for job in jobs:  # it ends while it does not know that it lost
            job.stop()
        way.join()
        for job in jobs:
            assert job.done.wait(20)
        if again:
            with pytest.raises(nr.CommandError, match="dropped: its lease ran out, and another"):
                training.wait(20)
            assert net.info().cycles == 2
        else:  # nobody has taken it: it is taken back, and merged
            assert training.wait(20)
            assert net.info().cycles > 2


@pytest.mark.usefixtures("short")
def test_a_stopped_process_that_comes_back_has_lost(
    server: Server, net: nr.Network, tmp_path: Any
) -> None:
    script = TRAINER.replace(
        "with nr", "from nr.backends.redis import store\nstore.LIFETIME = 1000\nwith nr"
    ).replace("maxtime=0", "maxtime=1500")
    process = subprocess.Popen(
        [sys.executable, "-c", script.replace("600", "3"), server.url],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: store_of(net.db).header(b"net")[1] is Standing.WAITS)
        net.train(maxcycles=2, autostop=False).wait()
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(30) == 0
        assert net.info().cycles == 2
    finally:
        end(process)


def test_a_training_survives_a_restart_of_the_server() -> None:
    with running(Server, *DURABLE) as server, nr.connect(server.url) as db:
        net = ready(db)
        net.train(timeout=0, autostop=False)
        until(lambda: has_cycles(net))
        server.kill()
        time.sleep(1.5)  # it cannot be renewed
        server.start()
        assert net.info().training
        assert db.execute("NR.STOP", "net") == 1
        assert db.execute("NR.WAIT", "net", 20_000) == 1
        assert net.info().cycles > 0
        assert net.info().ended_by == "stop"


def test_a_training_that_ends_during_an_outage_is_merged_after_it(
    server: Server, net: nr.Network
) -> None:
    with proxy(server) as way, nr.connect(way.url, socket_timeout=0.3) as far:
        far["net"].train(timeout=0, autostop=False)
        until(lambda: has_cycles(net))
        way.cut()
        (job,) = far.backend._host.trainings._jobs.values()  # type: ignore[attr-defined]
        job.stop()
        time.sleep(2)
        assert net.info().cycles == 0
        assert net.info().training
        way.join()
        assert job.done.wait(20)
        assert net.info().cycles > 0


def test_a_child_of_a_fork_has_connections_of_its_own(server: Server, net: nr.Network) -> None:
    code = """
import os, sys
import nr
db = nr.connect(sys.argv[1], cache=sys.argv[2] == "cache")
net = db["net"]
before = net.run([1])
net.observe(1, 1)
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        for _ in range(50):
            net.observe(1, 1)
            assert (net.run([1]) == before).all()
        os._exit(0)
    children.append(child)
for _ in range(50):
    net.observe(1, 1)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
db.close()
"""
    for turn, how in enumerate(("", "cache"), 1):
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, server.url, how]
        subprocess.run(command, check=True, timeout=60)
        info = net.info()
        assert info.train_len + info.test_len == 20 + turn * 251


def test_nothing_is_left_running(server: Server) -> None:
    with nr.connect(server.url, cache=True) as db:
        db.execute("NR.DEL", "net")
        ready(db).train(timeout=0, autostop=False)
    with server.client() as client:
        until(lambda: len(client.client_list()) == 1)
        assert client.exists("nr:trainings") == 0
