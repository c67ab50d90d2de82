"""`nr serve` beside asyncio's own echo: how much processor time a command takes.

    python -m benchmarks.serve [commands]

Fifty clients (redis-benchmark's) ask a network of 9-15-2 over memory:// for a class, one command
at a time and sixteen at once; the other server sends back what it gets, which is the least that one
can do. Both are processes of the same event loop, asyncio's and uvloop's, and take turns. What is
told is the time on a processor that a command takes, and echo's share in it: 1 would be a server
that does nothing. Exits with 1 where it is less than what is promised of asyncio's loop: 0.35, and
0.20 of sixteen.
"""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from time import perf_counter

CLIENTS = 50
AT_ONCE = (1, 16)
PROMISED = {1: 0.35, 16: 0.20}
ROUNDS = 5
INPUTS = [b"0.5", b"1.25", b"-3", b"0.125", b"7", b"2.5", b"-1", b"0", b"4.75"]
COMMAND = (b"NR.CLASS", b"net", *INPUTS)


# ---- the servers ----


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]


async def echo() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def ours() -> None:
    import nr.aio
    from nr.serve.commands import Commands
    from nr.serve.server import Server
    from nr.serve.settings import Settings

    async with nr.aio.connect("memory://") as db:
        await db.execute("NR.CREATE net CLASSIFIER 9 15 -> 2 SEED 1")
        server = Server(Settings(resp=0), Commands(db))
        await server.open()
        print(server.port, flush=True)
        await asyncio.Event().wait()


SERVERS = {"echo": echo, "nr": ours}


def run_server(name: str, loop: str) -> None:
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(SERVERS[name]())


class Process:
    """One of them, in a process of its own."""

    def __init__(self, name: str, loop: str) -> None:
        self.name = name
        argv = [sys.executable, "-m", "benchmarks.serve", name, loop]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def processor(self) -> float:
        """Seconds on a processor so far."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def processes(loop: str) -> Iterator[list[Process]]:
    started: list[Process] = []
    try:
        started.extend(Process(name, loop) for name in SERVERS)
        yield started
    finally:
        for process in started:
            process.close()


# ---- the clients ----


def ask(server: Process, at_once: int, commands: int) -> None:
    """redis-benchmark takes what echo sends back for a reply, too: it is an array of words."""
    options = ["-p", str(server.port), "-c", str(CLIENTS), "-P", str(at_once), "-n", str(commands)]
    argv = ["redis-benchmark", "-q", *options, *(word.decode() for word in COMMAND)]
    subprocess.run(argv, check=True, capture_output=True, timeout=600)


def measured(server: Process, at_once: int, commands: int) -> tuple[float, float]:
    """Microseconds on a processor a command, and commands a second."""
    before, begun = server.processor(), perf_counter()
    ask(server, at_once, commands)
    took = perf_counter() - begun
    return (server.processor() - before) / commands * 1e6, commands / took


def compared(loop: str, at_once: int, servers: list[Process], commands: int) -> float:
    """Echo's share in the time that a command of ours takes."""
    figures: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
    for server in servers:
        ask(server, at_once, commands // 4)  # to warm up
    for _ in range(ROUNDS):
        for server in servers:
            figures[server.name].append(measured(server, at_once, commands))
    took = {name: statistics.median(one for one, _ in all) for name, all in figures.items()}
    rate = {name: statistics.median(one for _, one in all) for name, all in figures.items()}
    share = took["echo"] / took["nr"]
    print(
        f"{loop:8} {at_once:2} at once: {took['nr']:6.2f} us a command, "
        f"{rate['nr']:8,.0f} a second; "
        f"echo {took['echo']:6.2f} us, {rate['echo']:8,.0f}; share {share:.2f}",
        flush=True,
    )
    return share


def main(commands: int) -> int:
    if not which("redis-benchmark"):
        print("Not installed: redis-benchmark.")
        return 1
    missed = 0
    for loop in ("asyncio", "uvloop"):
        if loop == "uvloop" and not find_spec("uvloop"):
            continue
        with processes(loop) as servers:
            for at_once in AT_ONCE:
                share = compared(loop, at_once, servers, commands * (1 + (at_once > 1)))
                if loop == "asyncio" and share < PROMISED[at_once]:
                    print(f"That is less than {PROMISED[at_once]}.")
                    missed += 1
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        run_server(sys.argv[1], sys.argv[2])
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) == 2 else 50000))
