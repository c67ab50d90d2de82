"""How long the core in WebAssembly takes beside the native one: trainings and answers in node.

    python -m benchmarks.browser [ROUNDS]

Processor time of a training of 9-15-2 on 400 rows by default, by either build and by the native
core with AVX2, in turns: medians, and their ratios to the native one. Answers are timed by the
clock, a call of `net.run` each, when the engine has compiled it. Node and `make wasm` are needed.
"""

import gzip
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nr
from nr.engine import set_isa

JS = Path(__file__).parents[1] / "js"
RELAXES = "--experimental-wasm-relaxed-simd"  # node 20 does not by itself
ROWS = [[(i * k * 7 % 101 + k * 3 % 7) / 8 for k in range(1, 10)] for i in range(400)]
CLASSES = [int(sum(row[:4]) > sum(row[5:])) for row in ROWS]
CYCLES = 1000
SCRIPT = """
import * as nr from "INDEX";
const [rows, classes, cycles] = JSON.parse(process.argv.at(-1));
const db = await nr.open({ workers: false, wasm: new URL("WASM") });
const create = (members) =>
  db.create(`net${members}`, "classifier", [9, 15, 2], { seed: 1, dataset: 500, test: 0, members });
const net = await create(8);
await net.observeMany(rows, classes);
const limits = { maxCycles: cycles, timeout: 0, autostop: false };
await net.train({ ...limits, maxCycles: 300 }); // warm
const before = process.cpuUsage().user;
await net.train(limits);
const train = (process.cpuUsage().user - before) / 1e6;
const found = { train };
for (const members of [8, 1]) {
  const other = members === 8 ? net : await create(members);
  if (other !== net) {
    await other.observeMany(rows, classes);
    await other.train({ ...limits, maxCycles: 20 });
  }
  const inputs = rows.map((row) => Float32Array.from(row));
  const times = [];
  for (let round = 0; round < 200; round++) {
    const start = performance.now();
    for (const row of inputs) other.run(row);
    times.push((performance.now() - start) / inputs.length * 1000);
  }
  found[`run${members}`] = times.slice(100).sort((a, b) => a - b)[50];
}
console.log(JSON.stringify(found));
"""


def in_node(build: str, *flags: str) -> dict[str, float]:
    script = SCRIPT.replace("INDEX", (JS / "src" / "index.js").as_uri())
    script = script.replace("WASM", (JS / build).as_uri())
    argv = [shutil.which("node") or "node", *flags, "--input-type=module", "-e", script, "--"]
    given = json.dumps([ROWS, CLASSES, CYCLES])
    found: dict[str, float] = json.loads(subprocess.check_output([*argv, given], text=True))
    return found


def native() -> float:
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", [9, 15, 2], seed=1, dataset=500, test=0, members=8)
        net.observe_many(ROWS, CLASSES)
        net.train(maxcycles=300, timeout=0, autostop=False).wait()
        before = time.process_time()
        net.train(maxcycles=CYCLES, timeout=0, autostop=False).wait()
        return time.process_time() - before


def main(rounds: int) -> None:
    set_isa("avx2")
    trainings: dict[str, list[float]] = {"native, AVX2": []}
    answers: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        trainings["native, AVX2"].append(native())
        for build, flags in (("nr-relaxed.wasm", [RELAXES]), ("nr.wasm", [])):
            found = in_node(build, *flags)
            trainings.setdefault(build, []).append(found["train"])
            answers.setdefault(build, []).append((found["run1"], found["run8"]))
    base = statistics.median(trainings["native, AVX2"])
    print(f"a training of 9-15-2, 8 members, 400 rows, {CYCLES} cycles")
    for name, times in trainings.items():
        ratios = [a / b for a, b in zip(times, trainings["native, AVX2"], strict=True)]
        middle = statistics.median(times)
        spread = f"{min(ratios):.1f}-{max(ratios):.1f}"
        print(f"  {name:16} {middle:7.3f} s  {middle / base:5.1f} times ({spread})")
    print("an answer, microseconds: 1 member, 8 members")
    for name, pairs in answers.items():
        one, eight = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"  {name:16} {one:5.1f} {eight:5.1f}")
    print("bytes, gzip -9")
    for path in sorted([*JS.glob("*.wasm"), *JS.glob("src/*.js")]):
        print(f"  {path.name:16} {len(gzip.compress(path.read_bytes(), 9, mtime=0)):7}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
