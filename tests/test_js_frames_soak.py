"""How many frames a second a page in Chromium has, at rest and during a training.

A page that is never held up has the 60 of the display, as many at rest as during a training. The
figures depend on whatever else the machine does: what is asserted is their ratio.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from chromium import Chromium, chromium, needs_chromium, site
from test_js import executable  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.soak, needs_chromium, pytest.mark.usefixtures("executable")]

SECONDS, ROUNDS = 3, 5
PREPARE = """globalThis.db = await nr.open(given[0], { workers: given[1] });
    globalThis.net = await db.create("net", "classifier", [9, 15, 2], { seed: 1, dataset: 2000 });
    const row = (i) => Array.from({ length: 9 }, (_, k) => Math.sin(i * (k + 1)));
    const rows = Array.from({ length: 2000 }, (_, i) => row(i));
    await net.observeMany(rows, rows.map(([a, b]) => (a * b > 0 ? 1 : 0)));"""
FRAMES = """
    const times = [];
    const end = performance.now() + 1000 * given[0];
    await new Promise((resolve) => {
      const frame = (now) => {
        times.push(now);
        if (performance.now() < end) requestAnimationFrame(frame); else resolve();
      };
      requestAnimationFrame(frame);
    });
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    return [1000 * gaps.length / (times.at(-1) - times[0]), Math.max(...gaps)];"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Chromium]:
    with site({}) as url, chromium(tmp_path / "profile") as browser:
        browser.open(f"{url}/empty")
        yield browser


def frames(page: Chromium, training: bool) -> Any:
    """Frames a second, and the longest gap between two in milliseconds."""
    if training:
        page.run("""const forever = { maxCycles: 0, timeout: 0, autostop: false };
            globalThis.running = net.train(forever);""")
    found = page.run(FRAMES, SECONDS)
    if training:
        page.run("await net.stop(); globalThis.cycles = (await running).cycles;")
    return found


@pytest.mark.parametrize(
    ("store", "workers"),
    [("memory://", True), ("indexeddb:frames", True), ("memory://", False)],
    ids=["worker", "worker, indexeddb", "slices"],
)
def test_a_page_moves_on_while_a_network_trains(page: Chromium, store: str, workers: bool) -> None:
    page.run(PREPARE, store, workers)
    rest, busy = [], []
    for _ in range(ROUNDS):
        rest.append(frames(page, False))
        busy.append(frames(page, True))
    (idle, idle_gap), (training, gap) = (
        (median(fps for fps, _ in found), median(gap for _, gap in found)) for found in (rest, busy)
    )
    cycles = page.run("return cycles;")
    print(f"\n{store} workers={workers}, frames a second, longest gap in milliseconds:")
    print(f"  at rest {idle:.1f}, {idle_gap:.0f}; in training {training:.1f}, {gap:.0f}; {cycles=}")
    assert cycles > 0
    if workers:
        assert training > 0.9 * idle
