"""How soon is a change seen, how often is one seen that is none, and what does watching cost?

    python -m benchmarks.drift [sudden] [calm] [cost] [--url URL ...]

Streams are of four kinds, as those of the online benchmark (benchmarks/quality/online.py): classes
of clusters, a plane between two classes, Friedman's function, and a sum of sines; after a sudden
change the clusters have other classes, the plane is another one, and the functions' inputs change
places. A network of 15 hidden units learns from the first 1,500 samples and then observes on.

- sudden: 20 streams that change after 500 samples more: samples from there to the alarm.
- calm: 20 streams of 20,000 samples that do not change: alarms in all. After each alarm the network
  is trained again, so that there may be more than one.
- cost: NR.OBSERVE of one row at a time with DRIFT ON beside OFF, up to 4,000 parameters, in turns;
  the ratio is the median of the turns' ratios of processor time, for stores with a server of both
  its and ours. Without a URL: memory, a SQLite file, plain Redis and the module.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import numpy as np
from numpy.typing import NDArray

import nr
from nr.commands.options import Kind

Floats = NDArray[np.float64]
LEARNED, BEFORE, AFTER, CALM, BLOCK, STREAMS = 1500, 500, 3000, 20_000, 100, 20
LAYOUTS = ([4, 8, 2], [10, 15, 3], [40, 90, 3])
ROWS, TURNS = 400, 9


@dataclass(frozen=True)
class Stream:
    """Samples in blocks, of one of the kinds."""

    kind: str
    classes: int  # 0: of numbers
    inputs: int
    make: Callable[[np.random.Generator, int, bool], tuple[Floats, Floats]]


def clusters(random: np.random.Generator, n: int, changed: bool) -> tuple[Floats, Floats]:
    """Twenty clusters of four classes."""
    centres = np.random.default_rng(20).uniform(0, 1, (20, 5))
    which = random.integers(0, 20, n)
    x: Floats = centres[which] + random.normal(0, 0.07, (n, 5))
    return x, ((which + changed) % 4).astype(np.float64)


def plane(random: np.random.Generator, n: int, changed: bool) -> tuple[Floats, Floats]:
    x = random.uniform(0, 1, (n, 10))
    sides = np.random.default_rng(10 + changed).normal(0, 1, 10)
    wrong = random.random(n) < 0.05
    return x, (((x - 0.5) @ sides > 0) ^ wrong).astype(np.float64)


def friedman(random: np.random.Generator, n: int, changed: bool) -> tuple[Floats, Floats]:
    x = random.uniform(0, 1, (n, 10))
    a, b, c, d, e = x[:, [3, 1, 4, 0, 2] if changed else [0, 1, 2, 3, 4]].T
    y = 10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e
    return x, y + random.normal(0, 1, n)


def sines(random: np.random.Generator, n: int, changed: bool) -> tuple[Floats, Floats]:
    x = random.uniform(-2, 2, (n, 3))
    a, b, c = x[:, [1, 2, 0] if changed else [0, 1, 2]].T
    return x, np.sin(2 * a) + 0.5 * np.sin(3 * b) + 0.2 * c + random.normal(0, 0.2, n)


KINDS = (
    Stream("clusters", 4, 5, clusters),
    Stream("plane", 2, 10, plane),
    Stream("Friedman's", 0, 10, friedman),
    Stream("sines", 0, 3, sines),
)


@contextmanager
def watched(stream: Stream, random: np.random.Generator, seed: int) -> Iterator[nr.Network]:
    """A network that has learned the stream as it is at first."""
    with nr.connect() as db:
        kind: Kind = "classifier" if stream.classes else "regressor"
        layout = [stream.inputs, 15, stream.classes or 1]
        net = db.create("net", kind, layout, seed=seed, drift=True)
        net.observe_many(*stream.make(random, LEARNED, False))
        net.train(timeout=0).wait()
        yield net


def sudden(streams: int) -> None:
    delays: list[int] = []
    false = 0
    for seed in range(streams):
        stream, random = KINDS[seed % len(KINDS)], np.random.default_rng(seed)
        with watched(stream, random, seed) as net:
            net.observe_many(*stream.make(random, BEFORE, False))
            false += net.drift().alarm
            if net.drift().alarm:
                continue
            net.observe_many(*stream.make(random, AFTER, True))
            after = net.drift().alarm_after
            delays.append(AFTER if after is None else after - BEFORE)
            click.echo(f"  {stream.kind}: {delays[-1]} samples")
    click.echo(
        f"sudden change, {streams} streams: an alarm after {median(delays):.0f} samples in the "
        f"median, {max(delays)} at most; {false} before the change"
    )


def calm(streams: int) -> None:
    alarms = 0
    for seed in range(streams):
        stream, random = KINDS[seed % len(KINDS)], np.random.default_rng(100 + seed)
        with watched(stream, random, seed) as net:
            for _ in range(CALM // BLOCK):
                net.observe_many(*stream.make(random, BLOCK, False))
                if net.drift().alarm:
                    alarms += 1
                    net.train(timeout=0).wait()
        click.echo(f"  {stream.kind}: {alarms} alarms so far")
    click.echo(f"no change, {streams} streams of {CALM} samples: {alarms} alarms in all")


# ---- what it costs ----


def _spent(server: int | None) -> float:
    """Processor time of this process, and of a server's."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    found = own.ru_utime + own.ru_stime
    if server:
        clock = Path(f"/proc/{server}/schedstat").read_text("ascii").split()[0]
        found += int(clock) / 1e9
    return found


def cost(name: str, url: str, server: int | None) -> None:
    for layout in LAYOUTS:
        random = np.random.default_rng(1)
        x = random.normal(0, 1, (LEARNED, layout[0]))
        y = (x[:, 0] > 0).astype(int)
        with nr.connect(url) as db:
            lines = []
            for key in ("off", "on"):
                db.execute("NR.DEL", key)
                net = db.create(key, "classifier", layout, seed=1, drift=key == "on")
                net.observe_many(x, y)
                net.train(maxcycles=3, timeout=0, autostop=False).wait()
                rows = zip(x[:ROWS], y, strict=False)
                said = [[*map(repr, map(float, row)), "->", str(to)] for row, to in rows]
                lines.append([["NR.OBSERVE", key, *words] for words in said])
            turns = [[_turn(db, some, server) for some in lines] for _ in range(TURNS + 1)][1:]
            ratio = median(on / off for off, on in turns)
            parameters = db["on"].info().parameters
            off = 1e6 * median(off for off, _ in turns) / ROWS
            scored = db["on"].drift().scored
        click.echo(
            f"  {name}, {layout[0]}-{layout[1]}-{layout[2]}, {parameters} parameters: "
            f"{ratio:.3f} of {off:.1f} us, {scored} of {(TURNS + 1) * ROWS} scored"
        )


def _turn(db: nr.Database, lines: list[list[str]], server: int | None) -> float:
    start = _spent(server)
    for line in lines:
        db.execute(*line)
    return _spent(server) - start


def costs(urls: tuple[str, ...]) -> None:
    click.echo("observing one row, DRIFT ON beside OFF, processor time:")
    if urls:
        for url in urls:
            cost(url.partition(":")[0], url, None)
        return
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        cost("memory", "memory://", None)
        cost("SQLite", f"sqlite:///{folder}/nets.db", None)
        import redis

        from benchmarks.redis_driver import server

        url = stack.enter_context(server())
        with redis.Redis.from_url(url) as client:
            cost("plain Redis", url, int(client.info()["process_id"]))
        from benchmarks.module_driver import Server

        module = stack.enter_context(Server(folder))
        found = int(module.client.info()["process_id"])
        cost("the module", f"redis+module://127.0.0.1:{module.port}", found)


@click.command()
@click.argument("what", nargs=-1, type=click.Choice(["sudden", "calm", "cost"]))
@click.option("--url", "urls", multiple=True, help="A store to measure the cost in.")
@click.option("--streams", default=STREAMS, show_default=True, type=click.IntRange(1))
def main(what: tuple[str, ...], urls: tuple[str, ...], streams: int) -> None:
    began = time.perf_counter()
    if not what or "sudden" in what:
        sudden(streams)
    if not what or "calm" in what:
        calm(streams)
    if not what or "cost" in what:
        costs(urls)
    click.echo(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
