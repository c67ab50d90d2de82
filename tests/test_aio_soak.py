"""nr.aio for long: no loop is held up, whatever the store; thousands of calls are cancelled."""

import asyncio
import os
from pathlib import Path
from threading import get_native_id
from time import perf_counter

import pytest
from drivers import DRIVERS, Options
from test_aio import network, no_open_transaction, run, storm, whole

import nr.aio

pytestmark = pytest.mark.soak

HELD = 0.02  # seconds that a step may hold up its loop, where nothing else runs on the machine
ROUNDS = 5


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    found: Options = request.param(request)
    return found


def not_run() -> float:
    """Seconds for which this thread was ready and other processes had its processor."""
    task = Path(f"/proc/self/task/{get_native_id()}/schedstat")
    return int(task.read_text().split()[1]) / 1e9


class Steps:
    """Times what a loop runs, step by step, but for what the machine does besides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            began, waited = perf_counter(), not_run()
            run(handle)
            self.longest = max(self.longest, perf_counter() - began - (not_run() - waited))

        monkeypatch.setattr(asyncio.Handle, "_run", timed)

    def taken(self) -> float:
        """The longest since it was last asked."""
        longest, self.longest = self.longest, 0.0
        return longest


async def ask(net: nr.aio.Network, first: int) -> None:
    """200 tasks at once observe, and run while a training does."""
    await asyncio.gather(*(net.observe([first + i, -i], [2 * i]) for i in range(200)))
    training = await net.train(timeout=0, autostop=False)
    await asyncio.gather(*(net.run([i, i]) for i in range(200)))
    await training.stop()
    await training.wait()


def test_no_loop_is_held_up_for_20_ms(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that nr holds up is so in each round; what others do to it is not in all."""
    steps = Steps(monkeypatch)
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))

    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net, rounds = await network(db, dataset=5000), []
            for number in range(ROUNDS):
                steps.taken()
                await ask(net, 200 * number)
                rounds.append(steps.taken())
            assert min(rounds) < HELD * busy, rounds
            assert (await net.info()).train_len == 200 * ROUNDS

    run(main())


def test_1000_cancelled_calls_leave_nothing_half_done(options: Options) -> None:
    async def main() -> None:
        async with nr.aio.connect(**options) as db:
            net = await network(db, dataset=50_000)
            await storm(net, 1334)
            await whole(net)
            await no_open_transaction(db)

    run(main())
