"""What trainings elsewhere cost a web process: how late its predictions are while workers train.

    python -m benchmarks.web [URL]

An application of Starlette under uvicorn with two workers leaves its trainings to ``nr worker``:
the web processes are pinned to one core, with the client that asks them, and the worker to
another. 200 predictions a second are asked for at fixed times, and each is late by what passes
from then on, so that a hold-up is not hidden by those that wait behind it. Idle times and times
with trainings take turns. Without a URL the store is a file of SQLite.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np

import nr

ROUNDS, AT_ONCE, SECONDS = 5, 4, 1.0  # 20 trainings of a second each
RATE, CONNECTIONS, INPUTS = 200, 8, 9
LONGEST = 60.0  # seconds that a round's trainings may take


# ---- the web process ----


def app() -> Any:
    """What uvicorn serves, in each of its workers."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    db = nr.connect(os.environ["NR_URL"], trainings="queue")
    net = db["answers"]

    async def predict(request: Request) -> JSONResponse:
        x = [float(value) for value in request.query_params["x"].split(",")]
        return JSONResponse({"y": net.run(x).tolist()})

    async def train(request: Request) -> JSONResponse:
        db[request.path_params["name"]].train(timeout=SECONDS)
        return JSONResponse({"queued": True})

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        yield
        db.close()

    routes = [Route("/predict", predict), Route("/train/{name}", train, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


@contextmanager
def process(core: int, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of Python's on one core, and what it starts, until the end of the block."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", *words]
    options: dict[str, Any] = {"cwd": Path(__file__).parent, "start_new_session": True}
    started = subprocess.Popen(command, env={**os.environ, **environment}, **options)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(60)
        with suppress(ProcessLookupError):  # of one that was killed
            os.killpg(started.pid, signal.SIGKILL)


@contextmanager
def web(url: str, core: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The application: its port, once it answers, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    words = ["uvicorn", "web:app", "--factory", "--workers", "2", "--port", str(port)]
    with process(core, *words, "--log-level", "warning", NR_URL=url) as started:
        while True:
            try:
                asyncio.run(asked(port, [REQUEST]))
                break
            except OSError:
                if started.poll() is not None:
                    raise SystemExit("the web process does not start") from None
                sleep(0.1)
        yield port, started


# ---- who asks it ----


def post(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: nr\r\nContent-Length: 0\r\n\r\n".encode()


REQUEST = f"GET /predict?x={','.join(['0.5'] * INPUTS)} HTTP/1.1\r\nHost: nr\r\n\r\n".encode()


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(head.decode())
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))


async def asked(port: int, requests: list[bytes]) -> list[bytes]:
    """The answers to requests, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    for request in requests:
        writer.write(request)
        found.append(await answer(reader))
    writer.close()
    return found


async def late(port: int, over: asyncio.Event) -> list[float]:
    """How many seconds each prediction takes that is asked for at its time, until it is over."""
    times: list[float] = []
    start = perf_counter()

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = start + number / RATE
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - perf_counter()))
            writer.write(REQUEST)
            await answer(reader)
            times.append(perf_counter() - due)
            due += CONNECTIONS / RATE
        writer.close()

    await asyncio.gather(*map(connection, range(CONNECTIONS)))
    return times


async def idle(port: int, seconds: float) -> list[float]:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    return await late(port, over)


async def training(port: int, db: nr.Database, names: list[str]) -> tuple[list[float], float]:
    """The same while these networks are trained, and how many seconds that took."""
    over, start = asyncio.Event(), perf_counter()
    await asked(port, [post(f"/train/{name}") for name in names])

    async def watch() -> None:
        try:
            for name in names:
                done = await asyncio.to_thread(db.execute, "NR.WAIT", name, int(LONGEST * 1000))
                assert done == 1, f"{name} was not trained: does the worker run?"
        finally:
            over.set()

    times, _ = await asyncio.gather(late(port, over), watch())
    return times, perf_counter() - start


# ---- both ----


def networks(db: nr.Database) -> list[str]:
    """One that answers, and those that are trained meanwhile."""
    random = np.random.default_rng(1)
    X = random.normal(size=(2000, INPUTS))
    names = [f"learns{number}" for number in range(AT_ONCE)]
    for name in ["answers", *names]:
        net = db.create(name, "regressor", [INPUTS, 15, 1], seed=1, threads=1, dataset=4000)
        net.observe_many(X, X.sum(1))
    return names


def percentile(times: list[float], p: float = 99.0) -> float:
    return float(np.percentile(times, p)) * 1e3


def tell(when: str, times: list[float]) -> None:
    print(
        f"{len(times):,} predictions {when}: median {percentile(times, 50):.2f} ms, 99th "
        f"percentile {percentile(times):.2f} ms"
    )


def measure(url: str) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("web and workers need a core each")
    with ExitStack() as stack:
        db = stack.enter_context(nr.connect(url, trainings="queue"))
        names = networks(db)
        stack.enter_context(process(cores[1], "nr", "worker", "--url", url, "--threads", "1"))
        db["answers"].train(maxcycles=20, timeout=0).wait()
        port, _ = stack.enter_context(web(url, cores[0]))
        os.sched_setaffinity(0, {cores[0]})
        asyncio.run(idle(port, 2.0))  # warms up
        rounds, still, busy = [], [], []
        for _ in range(ROUNDS):
            found, seconds = asyncio.run(training(port, db, names))
            rest = asyncio.run(idle(port, seconds))
            still, busy = still + rest, busy + found
            rounds.append(percentile(found) / percentile(rest))
        for name in names:
            assert db[name].info().trainings == ROUNDS
    tell("of an idle web process", still)
    tell(f"while {ROUNDS * AT_ONCE} trainings ran", busy)
    print(
        f"the 99th percentile is {percentile(busy) / percentile(still):.2f} times that of an idle "
        f"one, {median(rounds):.2f} in the median of {ROUNDS} rounds (at most 1.3)"
    )


def main() -> None:
    if sys.argv[1:]:
        measure(sys.argv[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(f"sqlite:///{folder}/nets.db")


if __name__ == "__main__":
    main()
