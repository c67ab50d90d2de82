"""The Redis module against what the server itself does, on the same machine.

    make bench-module, or python benchmarks/module_driver.py [ratios|memory|latency|holding|bulk]

Starts a redis-server of its own. CPU time is the server's main thread's, as the kernel counts
it; commands are measured in turns, and ratios are the medians of the turns': a machine's speed
cancels out. Requests are bytes made before, so that the client costs the server nothing.
"""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pipe, Process
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import redis

from nr.engine import module_path

MODULE = os.environ.get("NR_TEST_MODULE") or str(module_path())
CLIENTS, PIPELINE, ROUNDS, BATCHES = 50, 16, 7, 60


class Server:
    """A redis-server with the module, until the end of the block."""

    def __init__(self, folder: str, *arguments: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        binary = os.environ.get("NR_TEST_REDIS", "redis-server")
        command = [binary, "--port", str(self.port), "--dir", folder, "--save", ""]
        command += ["--bind", "127.0.0.1", "--loadmodule", MODULE, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port)
        self._await()

    def _await(self) -> None:
        for _ in range(500):
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                time.sleep(0.02)
        raise SystemExit("the server does not start")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()

    def __call__(self, line: str, *more: Any) -> Any:
        return self.client.execute_command(*line.split(), *more)

    def cpu(self) -> int:
        """Nanoseconds that the main thread has run."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    with TemporaryDirectory() as folder, Server(folder, *arguments) as server:
        yield server


def request(*words: object) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


# ---- CPU time a request ----


class Load:
    """Many clients, each with a pipeline of one request again and again."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS)]
        self._poll = select.epoll()
        for each in self._sockets:
            self._poll.register(each, select.EPOLLIN)
        self._by_fd = {each.fileno(): each for each in self._sockets}

    def batch(self, pipeline: bytes, lines: int) -> None:
        """One pipeline from every client; ``lines`` is how many a client's replies take."""
        for each in self._sockets:
            each.sendall(pipeline)
        left = dict.fromkeys(self._by_fd, lines)
        while left:
            for fd, _ in self._poll.poll():
                left[fd] -= self._by_fd[fd].recv(1 << 16).count(b"\n")
                if left[fd] == 0:
                    del left[fd]

    def close(self) -> None:
        self._poll.close()
        for each in self._sockets:
            each.close()


def numbers(seed: int, digits: int) -> list[list[str]]:
    """For each request of a pipeline ten numbers."""
    rows = np.random.default_rng(seed).normal(0, 1, (PIPELINE, 10))
    return [[f"{value:.{digits}f}" for value in row] for row in rows]


def ratios(digits: int) -> None:
    rows = numbers(1, digits)
    commands: dict[str, tuple[Callable[[list[str]], list[str]], int]] = {
        "RPUSH": (lambda row: ["RPUSH", "list", *row], 1),
        "NR.RUN": (lambda row: ["NR.RUN", "run", *row[:9]], 5),
        "NR.RUN, MEMBERS 1": (lambda row: ["NR.RUN", "one", *row[:9]], 5),
        "NR.OBSERVE": (lambda row: ["NR.OBSERVE", "observe", *row[:9], "->", row[9]], 3),
        "NR.OBSERVE, TRAINEVERY": (lambda row: ["NR.OBSERVE", "due", *row[:9], "->", row[9]], 3),
    }
    with serving("THREADS", "0") as server:
        server("NR.CREATE run REGRESSOR 9 15 -> 2 NORMALIZE")
        server("NR.CREATE one REGRESSOR 9 15 -> 2 NORMALIZE MEMBERS 1")
        server("NR.CREATE observe REGRESSOR 9 15 -> 1 DATASET 10000 TEST 5000")
        server("NR.CREATE due REGRESSOR 9 15 -> 1 DATASET 10000 TEST 5000 TRAINEVERY 100")
        for words, _ in commands.values():
            server(" ".join(words(rows[0])))
        load = Load(server.port)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS + 1):  # the first one warms up
            for name, (words, lines) in commands.items():
                pipeline = b"".join(request(*words(row)) for row in rows)
                start = server.cpu()
                for _ in range(BATCHES):
                    load.batch(pipeline, lines * PIPELINE)
                spent = server.cpu() - start
                times[name].append(spent / (BATCHES * CLIENTS * PIPELINE))
            server("DEL list")
        load.close()
    print(f"CPU a request, {CLIENTS} clients, pipelines of {PIPELINE}, {digits} decimals")
    base = times.pop("RPUSH")[1:]
    print(f"  {'RPUSH of ten values':24} {median(base) / 1000:.2f} us")
    for name, found in times.items():
        ratio = median(a / b for a, b in zip(found[1:], base, strict=True))
        print(f"  {name:24} {median(found[1:]) / 1000:.2f} us, ratio {ratio:.2f} (<= 1.2)")


# ---- memory ----


def memory() -> None:
    with serving() as server:
        server("NR.CREATE net REGRESSOR 9 15 -> 2 DATASET 10000 TEST 0")
        blob = np.random.default_rng(1).random((10_000, 11), np.float32).tobytes()
        for _ in range(2):  # the first reply makes the client's buffers
            used = server.client.info("memory")["used_memory"]
            counted = server("MEMORY USAGE net")
        with redis.Redis(port=server.port) as other:  # whose buffers go with it
            other.execute_command("NR.OBSERVE", "net", "FP32", blob)
        time.sleep(0.5)
        counted = (server("MEMORY USAGE net") - counted) / 10_000
        used = (server.client.info("memory")["used_memory"] - used) / 10_000
    print(
        f"10,000 samples of 9+2 floats: {counted:.1f} bytes each by MEMORY USAGE, "
        f"{used:.1f} by used_memory (<= 46)"
    )


# ---- how long others wait ----


def latency() -> None:
    with serving("THREADS", "2") as server:
        server("NR.CREATE run CLASSIFIER 9 15 -> 2 NORMALIZE")
        for key in "a", "b":
            server(f"NR.CREATE {key} CLASSIFIER 64 100 -> 10 DATASET 1000 TEST 0")
            rows = np.random.default_rng(1).random((1000, 65), np.float32)
            rows[:, 64] = np.arange(1000) % 10
            server(f"NR.OBSERVE {key} FP32", rows.tobytes())
            server(f"NR.TRAIN {key} MAXTIME 0")
        time.sleep(0.5)
        assert len(server("NR.THREADS")) == 2
        asked = request("NR.RUN", "run", *numbers(1, 6)[0][:9])
        times = sorted(asking(server.port, asked, 10_000))
    shares = ", ".join(f"{share} % {times[int(len(times) * share / 100)] * 1e3:.2f}"
                       for share in (50, 99, 99.9))  # fmt: skip
    print(f"NR.RUN while two networks train on {os.cpu_count()} cores, ms: {shares} (99 % < 1)")


def asking(port: int, asked: bytes, times: int) -> list[float]:
    """How long each reply took, one request after the other."""
    found = []
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            start = time.perf_counter()
            link.sendall(asked)
            link.recv(1 << 16)
            found.append(time.perf_counter() - start)
    return found


class Probe:
    """Asks the server for nothing, all the time, in a process of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> "Probe":
        self._ours, theirs = Pipe()
        self._process = Process(target=self._ask, args=(theirs,), daemon=True)
        self._process.start()
        self._ours.recv()
        return self

    def _ask(self, pipe: Any) -> None:
        ping, longest = request("PING"), 0.0
        with socket.create_connection(("127.0.0.1", self._port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pipe.send(True)
            while not pipe.poll():
                start = time.perf_counter()
                link.sendall(ping)
                link.recv(64)
                longest = max(longest, time.perf_counter() - start)
        pipe.send(longest)

    def __exit__(self, *_: object) -> None:
        self._ours.send(None)
        self.held = self._ours.recv() * 1000
        self._process.join()


def longest_wait(server: Server, command: str) -> float:
    """From the command until a while after it, of another client, in ms."""
    with Probe(server.port) as probe:
        time.sleep(0.05)
        server(command)
        time.sleep(0.2)
    return probe.held


def holding() -> None:
    """A network of 100 MB, and one with 100 MB of samples: in ms, the longest that another client
    waits for a PING, and in turns with that how long the server's main thread runs."""
    inputs = " ".join(["0.5"] * 5000)
    waits: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}

    def step(server: Server, probed: bool, name: str, command: str) -> None:
        start = server.cpu()
        if probed:
            waits.setdefault(name, []).append(longest_wait(server, command))
        else:
            server(command)
            time.sleep(0.2)
            spent.setdefault(name, []).append((server.cpu() - start) / 1e6)

    def steps(server: Server, probed: bool) -> None:
        do = partial(step, server, probed)
        do("nothing", "PING")
        do("NR.CREATE of 100 MB", "NR.CREATE big REGRESSOR 5000 5000 -> 1 TEST 0")
        do("its first NR.RUN", f"NR.RUN big {inputs}")
        do("its second NR.RUN", f"NR.RUN big {inputs}")
        do("its NR.RESET", "NR.RESET big")
        server(f"NR.RUN big {inputs}")
        do("its DEL", "DEL big")
        server("NR.CREATE data REGRESSOR 1999 -> 1 DATASET 12500 TEST 0")
        rows = np.random.default_rng(1).random((1250, 2000), np.float32).tobytes()
        for _ in range(10):
            server("NR.OBSERVE data FP32", rows)
        do("NR.TRAIN with 100 MB", "NR.TRAIN data MAXTIME 0")
        do("NR.STOP of it", "NR.STOP data")
        server("NR.WAIT data 0")
        do("NR.IMPORTANCE of 1999 inputs", "NR.IMPORTANCE data")
        do("DEL with 100 MB", "DEL data")

    with serving() as server:
        for turn in range(2 * ROUNDS):
            steps(server, turn % 2 == 0)
    print("ms, medians (worst): the longest wait of another client, the main thread's CPU time")
    for name, found in waits.items():
        cpu = spent[name]
        print(
            f"  {name:30} {median(found):6.2f} ({max(found):.2f})  {median(cpu):6.2f} "
            f"({max(cpu):.2f})"
        )


# ---- many bytes at once ----

BULK = 200_000_000


def bulk() -> None:
    """What the main thread spends on commands and replies of many bytes, beside the server's own:
    SET and GET of as many bytes, LRANGE of as many numbers. In turns; medians."""
    samples = np.random.default_rng(1).random(BULK // 4, np.float32).tobytes()
    numbers = 1_000_000
    with serving() as server:
        server(f"NR.CREATE wide REGRESSOR 1 -> {numbers} MEMBERS 1 DATASET 1 TEST 0")
        server("NR.CREATE data REGRESSOR 9 -> 1 DATASET 5000000 TEST 0")
        server("NR.OBSERVE data FP32", samples)
        server("NR.OBSERVE wide", 1, "->", *([0.123456] * numbers))
        dump = server("NR.DUMP data")
        outputs = [repr(x).encode() for x in server("NR.RUN wide 1")]
        for at in range(0, numbers, 10_000):
            server("RPUSH list", *outputs[at : at + 10_000])
        server.client.set("text", dump)
        steps: dict[str, tuple[Any, ...]] = {
            "SET": ("SET", "other", samples),
            "NR.OBSERVE": ("NR.OBSERVE", "data", "FP32", samples),
            "NR.RESTORE": ("NR.RESTORE", "copy", dump, "REPLACE"),
            "GET": ("GET", "text"),
            "NR.DUMP": ("NR.DUMP", "data"),
            "LRANGE": ("LRANGE", "list", "0", "-1"),
            "NR.RUN": ("NR.RUN", "wide", "1"),
            "NR.GETDATA": ("NR.GETDATA", "wide", "TRAIN", "0"),
        }
        spent: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(ROUNDS):
            for name, words in steps.items():
                if name in ("SET", "NR.OBSERVE", "NR.RESTORE"):
                    server("DEL other copy data")
                    server("NR.CREATE data REGRESSOR 9 -> 1 DATASET 5000000 TEST 0")
                start = server.cpu()
                _send(server.port, request(*words), name)
                spent[name].append((server.cpu() - start) / 1e6)
    print(
        f"the main thread's CPU time: commands of {BULK // 10**6} MB, replies of {numbers} numbers"
    )
    for own, ours in ("SET", ["NR.OBSERVE", "NR.RESTORE"]), ("GET", ["NR.DUMP"]), (
        "LRANGE", ["NR.RUN", "NR.GETDATA"]
    ):  # fmt: skip
        print(f"  {own:12} {median(spent[own]):6.1f} ms")
        for name in ours:
            ratio = median(a / b for a, b in zip(spent[name], spent[own], strict=True))
            print(f"  {name:12} {median(spent[name]):6.1f} ms, ratio {ratio:.2f} (<= 1.2)")


def _send(port: int, asked: bytes, name: str) -> None:
    """Sends it and takes the reply, without looking at it: until the server falls silent."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(asked)
        first = link.recv(1 << 16)
        assert not first.startswith(b"-"), (name, first[:200])
        link.settimeout(0.3)
        try:
            while link.recv(1 << 20):
                pass
        except TimeoutError:
            return


def main() -> None:
    parts: dict[str, Callable[[], None]] = {
        "ratios": lambda: (ratios(2), ratios(6), None)[2],
        "memory": memory,
        "latency": latency,
        "holding": holding,
        "bulk": bulk,
    }
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
