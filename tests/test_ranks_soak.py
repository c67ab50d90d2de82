"""Trainings shared by the ranks of an mpirun: on one machine, and on two that share a network.

The second machine is a network namespace: with a hostname, addresses and a loopback of its own, so
that nothing but TCP leads there. That takes root.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
from dumps import opened
from shared_networks import GENERATORS, NETWORKS, TRAINING
from test_ranks import Dump, trained_by_one

import nr
from nr.contracts.store import Standing
from nr.trainings import jobs

pytest.importorskip("mpi4py")
if not shutil.which("mpirun"):
    pytest.skip("there is no mpirun", allow_module_level=True)
pytestmark = pytest.mark.soak

HERE = Path(__file__).resolve().parent
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"]
MACHINES = "10.213.47.2", "10.213.47.3"


def mpirun(size: int, *words: object, more: list[str] = []) -> list[str]:  # noqa: B006
    return [*MPIRUN, *more, "-n", str(size), *map(str, words)]


@pytest.fixture(scope="module")
def alone() -> dict[str, Dump]:
    """What one process makes of each network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "monotonic", lambda: 0.0)
        return {
            makes.__name__: trained_by_one(
                makes, **({"maxcycles": 8} if makes in GENERATORS else TRAINING)
            )
            for makes in NETWORKS
        }


def expect_same(folder: Path, alone: dict[str, Dump]) -> None:
    dumps = sorted(folder.iterdir())
    assert len(dumps) == 2 * len(NETWORKS)
    for path in dumps:
        header, parts = opened(path.read_bytes())
        assert ({**header, "id": 0}, parts) == alone[path.name.partition("-")[0]], path.name


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_ranks_of_one_machine_come_to_the_bits_of_one(
    size: int, tmp_path: Path, alone: dict[str, Dump]
) -> None:
    words = mpirun(size, sys.executable, HERE / "ranks_by_mpi.py", tmp_path)
    subprocess.run(words, check=True, timeout=1200)
    expect_same(tmp_path, alone)


# ---- two machines ----


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[str]]:
    """Options of mpirun for ranks on two machines."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces take root and the command ip")
    agent = tmp_path / "agent"
    agent.write_text(
        "#!/bin/sh\nhost=$1; shift\n"
        'exec ip netns exec nr-$host unshare --uts sh -c "hostname m-$host; $*"\n'
    )
    agent.chmod(0o755)
    try:
        ip("link add nr-bridge type bridge")
        ip("addr add 10.213.47.1/24 dev nr-bridge")
        ip("link set nr-bridge up")
        for number, host in enumerate(MACHINES):
            ip(f"netns add nr-{host}")
            ip(f"link add nr-v{number} type veth peer name nr-w{number}")
            ip(f"link set nr-v{number} master nr-bridge up")
            ip(f"link set nr-w{number} netns nr-{host}")
            ip(f"-n nr-{host} addr add {host}/24 dev nr-w{number}")
            ip(f"-n nr-{host} link set nr-w{number} up")
            ip(f"-n nr-{host} link set lo up")
        net = "10.213.47.0/24"
        options = {"plm_rsh_agent": str(agent), "btl": "tcp,self", "btl_tcp_if_include": net}
        options |= {"oob_tcp_if_include": net, "plm_rsh_no_tree_spawn": "1"}
        hosts = ["--host", ",".join(f"{host}:4" for host in MACHINES), "--map-by", "node"]
        yield [word for name, value in options.items() for word in ("--mca", name, value)] + hosts
    finally:
        for host in MACHINES:
            subprocess.run(["ip", "netns", "del", f"nr-{host}"], check=False)
        subprocess.run(["ip", "link", "del", "nr-bridge"], check=False)


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_ranks_of_two_machines_come_to_the_bits_of_one(
    size: int, machines: list[str], tmp_path: Path, alone: dict[str, Dump]
) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    words = mpirun(size, sys.executable, HERE / "ranks_by_mpi.py", folder, more=machines)
    subprocess.run(words, check=True, timeout=1200)
    expect_same(folder, alone)


# ---- the commands ----


def large(db: nr.Database, name: str = "net") -> nr.Network:
    """Of long steps, and sums of more than a megabyte."""
    net = db.create(name, "regressor", [300, 900, 2], seed=1, members=1, dataset=9000)
    x = np.random.default_rng(1).normal(size=(2600, 300)).astype(np.float32)
    net.observe_many(x, np.tanh(x[:, :2]) + x[:, 2:4])
    return net


def weights(url: str, name: str = "net") -> tuple[int, bytes]:
    with nr.connect(url) as db:
        header, parts = opened(db[name].dump())
        return header["total_cycles"], parts["weights"][1]


@pytest.fixture(scope="module")
def large_alone() -> tuple[int, bytes]:
    with nr.connect("memory://") as db:
        large(db).train(**TRAINING).wait()
        header, parts = opened(db["net"].dump())
        return header["total_cycles"], parts["weights"][1]


def nr_command() -> str:
    return str(Path(sys.executable).parent / "nr")


@pytest.mark.parametrize("size", [2, 3])
def test_nr_train(size: int, tmp_path: Path, large_alone: tuple[int, bytes]) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        large(db)
    limits = "MAXCYCLES", TRAINING["maxcycles"], "AUTOSTOP", "BACKTRACK"
    words = mpirun(size, nr_command(), "train", "net", "--url", url, *limits)
    done = subprocess.run(words, check=True, timeout=600, capture_output=True, text=True)
    assert done.stdout.startswith("net: merged, ")
    assert weights(url) == large_alone


def wait_for(condition: Callable[[], bool]) -> None:
    end = monotonic() + 60
    while not condition():
        assert monotonic() < end
        sleep(0.05)


def test_a_worker_of_ranks(tmp_path: Path, large_alone: tuple[int, bytes]) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url, trainings="queue") as db:
        for name in "net", "other":
            large(db, name).train(**TRAINING)
        words = mpirun(2, nr_command(), "worker", "--url", url, "--ranks", "--once")
        subprocess.run(words, check=True, timeout=600)
    assert weights(url) == weights(url, "other") == large_alone


def test_a_rank_that_is_killed_ends_all_and_the_order_waits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url, trainings="queue") as db:
        net = large(db)
        before = net.run(np.zeros(300))
        net.train(maxcycles=10**9, timeout=0)
        words = mpirun(3, nr_command(), "worker", "--url", url, "--ranks")
        mpi = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: any(one.progress.cycles for one in db.backend.store.orders()))
            ranks = [int(pid) for pid in children(mpi.pid)]
            os.kill(ranks[-1], signal.SIGKILL)
            assert mpi.wait(60)
        finally:
            mpi.kill()
        wait_for(lambda: not any(map(runs, ranks)))
        assert db.backend.store.header(b"net")[1] is not Standing.NONE  # for another worker
        assert np.array_equal(net.run(np.zeros(300)), before)


def runs(pid: int) -> bool:
    """Not where it is dead and nobody has asked for its status."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def children(pid: int) -> list[str]:
    """Of the process, and of those that its threads have started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [child for task in tasks for child in (task / "children").read_text().split()]
