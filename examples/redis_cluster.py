"""Data and parameters in Redis, and many processes that learn: on a Redis Cluster, for real.

Run it with: python examples/redis_cluster.py [redis+cluster://HOST:PORT,...]

Tutorials draft it so: the training data in a hash, the parameters in another one, and processes
that read both, learn, and write parameters back. What they leave out is what goes wrong: two
processes that write at once, one that is killed, data that change meanwhile. Here a network is one
hash, samples and weights, on the master that its key leads to. Four processes observe on all
networks at once; trainings are ordered, and four workers take them, each order once.

Without a URL it starts three masters of its own, in a folder that goes when it ends.
"""

import multiprocessing
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import redis

import nr

MASTERS, WORKERS, OBSERVERS, NETWORKS, SAMPLES = 3, 4, 4, 9, 600
SLOTS = 16384
NAMES = [f"example:town:{number}" for number in range(NETWORKS)]


# ---- a cluster of three masters ----


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds:g} seconds: {what}")
        time.sleep(0.05)


@contextmanager
def process(*command: str | Path, log: Path) -> Iterator[None]:
    """A program, which is ended with the block, whatever ends that."""
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        try:
            yield
        finally:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def answers(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def is_whole(client: redis.Redis) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(MASTERS))


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Masters that share the slots; the URL of all of them."""
    ports, buses = ([free_port() for _ in range(MASTERS)] for _ in range(2))
    with ExitStack() as stack:
        clients = []
        for port, bus in zip(ports, buses, strict=True):
            files = folder / str(port)
            files.mkdir()
            options = [f"--port {port}", f"--cluster-port {bus}", f"--dir {files}"]
            options += ["--cluster-enabled yes", "--bind 127.0.0.1", "--appendonly yes"]
            words = [word for option in options for word in option.split(" ", 1)]
            stack.enter_context(process("redis-server", *words, log=files / "log"))
            clients.append(stack.enter_context(redis.Redis(port=port)))
        for number, client in enumerate(clients):
            until(partial(answers, client), "a redis-server answers")
            first, last = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            if number:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
        for client in clients:
            until(partial(is_whole, client), "the masters know each other")
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


def masters(url: str) -> dict[str, list[str]]:
    """The networks of this example that each master holds, as the masters themselves tell."""
    first = url.partition("://")[2].split(",")[0]
    with redis.RedisCluster.from_url(f"redis://{first}") as client:
        return {
            node.name: sorted(
                key.decode() for key in client.keys("example:town:*", target_nodes=node)
            )
            for node in client.get_primaries()
        }


# ---- what is learned ----


def visitors(number: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where people of a town live, and whether its shop, somewhere else in each, reaches them."""
    shop = np.random.default_rng(number).uniform(-0.4, 0.4, 2)
    homes = np.random.default_rng([number, seed]).uniform(-1, 1, (n, 2))
    return homes, (np.hypot(*(homes - shop).T) < 0.6).astype(int)


def observe(url: str, observer: int) -> int:
    """What one process saw of all towns."""
    with nr.connect(url) as db:
        for number, name in enumerate(NAMES):
            db[name].observe_many(*visitors(number, SAMPLES // OBSERVERS, observer))
    return observer


def right(db: nr.Database, number: int) -> float:
    """Of a thousand others in a town, how many are told right."""
    homes, reached = visitors(number, 1000, OBSERVERS)
    return float(np.mean(np.array(db[NAMES[number]].classify(homes)) == reached))


# ---- the whole ----


def learn(url: str, folder: Path, stack: ExitStack) -> bool:
    db = stack.enter_context(nr.connect(url, trainings="queue"))
    for name in NAMES:
        db.execute("NR.DEL", name)
        db.create(name, "classifier", [2, 12, 2], seed=1, dataset=SAMPLES, test=SAMPLES // 2)
    with multiprocessing.get_context("spawn").Pool(OBSERVERS) as pool:
        pool.starmap(observe, [(url, observer) for observer in range(OBSERVERS)])
    observed = sum(db[name].info().observed for name in NAMES)
    print(f"{OBSERVERS} processes observed {observed} samples on {NETWORKS} networks", flush=True)

    logs = [folder / f"worker{number}" for number in range(WORKERS)]
    for log in logs:
        awake = log.with_suffix(".awake")
        worker = ("-m", "nr", "worker", "--url", url, "--match", "example:town:*", "--threads", "1")
        stack.enter_context(process(sys.executable, *worker, "--health", awake, log=log))
        until(awake.exists, "a worker looks for orders")
    for training in [db[name].train(maxcycles=150) for name in NAMES]:
        training.wait()
    trained = [log.read_text().count(" merged, ") for log in logs]
    print(f"{WORKERS} workers trained {', '.join(map(str, trained))} of them")

    held = masters(url)
    scores = [right(db, number) for number in range(NETWORKS)]
    for master, names in held.items():
        print(f"{master} holds {len(names)}:")
        for name in names:
            print(f"  {name}  {scores[NAMES.index(name)]:.1%} right")
    return (
        observed == NETWORKS * SAMPLES  # none was lost, and none counted twice
        and sum(trained) == NETWORKS
        and min(map(len, held.values())) > 0
        and min(scores) > 0.9
    )


def main(url: str | None = None) -> bool:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    with TemporaryDirectory(prefix="nr-cluster-") as name, ExitStack() as stack:
        folder = Path(name)
        return learn(url or stack.enter_context(cluster(folder)), folder, stack)


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:2]) else "Not as it should be.")
