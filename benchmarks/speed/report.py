"""docs/speed.md and docs/speed.png."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from benchmarks.speed.claims import Claim, batch_share, claims, limit, training_share
from benchmarks.speed.growth import Point
from benchmarks.speed.latency import PERCENTILES, Latencies
from benchmarks.speed.nets import BATCH, NETS, PARTS, SPARSE, SWEEP, WIDTHS, samples
from benchmarks.speed.rounds import ROUNDS, Figures
from nr.engine import isa

TITLES = {
    "nr": "nr",
    "nr avx2": "nr, AVX2",
    "fann": "libfann",
    "numpy plain": "numpy, plainly written",
    "numpy": "numpy",
    "numpy skylakex": "numpy, SkylakeX",
    "torch": "PyTorch",
}

TASKS = ("classic", "lists")  # of peers, on sparse inputs
MOST_LISTED = 0.2  # NR_STUDY_LISTED in nr/engine/core/train/tuning.h

DEMANDED = """## What is demanded

"At the limit" is what a line would come to if training, or a batch run, took no longer than sgemm
takes for the multiply-adds alone: where that is below what is demanded, nobody can keep the line on
this kind of machine.
"""

LATENCY = """## Running while others train

One row of 9-15-2, asked 4000 times with a pause between, while networks of 64-100-10 train in the
same process on as many threads: `memory://`.

"""

SPARSE_INPUTS = """## Sparse inputs

Text features are mostly zeros, pixels often are. Where few enough of a dataset's inputs are not 0,
the first layer works on lists of those. Samples presented a second as above, on the layouts of e
and f: {text:.1%} of the inputs are not 0 in tf-idf of pieces of Python's manual, {digits:.1%} in
MNIST's digits. The peers had the same samples, in full and as compressed rows (scipy's; PyTorch's
`sparse_csr`).

"""

LISTED = """How many times as fast a training is with lists as without, by the part of 1000 inputs
that is not 0, and by the first layer's units. Lists are taken up to {most:.0%}, of fewer than
sixteen units up to as many sixteenths of that: samples and layout alone decide, since the bits
differ.

"""

EARLIER = """## On processors of another make

The same on two cores of AMD EPYC processors: of family 26 on 2026-11-27, of family 25 on
2026-11-21, where sgemm reached 50 thousand million multiply-adds a second. What a line comes to
depends on the machine. Since the core computes without denormal numbers, both makes keep their
lines against libfann; before, an Intel processor trained `CLASSIC` at a twentieth of this.

| family 26 | a | b | c | d | e | f |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| training against libfann | 3.7 | 35 | 30 | 33 | 30 | 31 |
| training with CLASSIC against MEMBERS 1 |  | 1.13 | 1.12 | 1.03 | 1.00 | 0.99 |
| two threads against one |  |  |  | 1.65 |  |  |
| batch runs of sgemm |  |  |  | 0.72 |  |  |
| training against numpy with SkylakeX |  |  |  | 2.70 |  |  |

| family 25 | a | b | c | d | e | f |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| training against libfann | 3.87 | 19.5 | 19.4 | 24.9 | 22.1 | 26.2 |
| two threads against one | 1.00 | 1.00 | 1.02 | 1.79 | 1.87 | 1.88 |
| batch runs of sgemm |  |  |  | 0.80 | 0.94 | 0.98 |
| training against numpy with SkylakeX |  | 8.50 |  | 2.11 | 1.46 | 1.59 |
| training against PyTorch with one thread |  | 53.4 |  | 3.48 | 1.55 | 2.25 |

Equal bits whatever the host has set cost a single row of the smallest networks 2 to 4 ns (2-3-1:
38 ns became 41): the reading of the processor's mode. Trainings and batches take what they took.
"""

HEAD = """# Speed

Written by `make bench-speed` on {date}, on {processor}. {rounds} rounds in which the
contenders take turns; the median counts. Figures of one thread are in processor time, those that
compare one thread with two by the clock. Weights, samples and arithmetic are 32-bit floats
everywhere. sgemm of 1024 x 1024 matrices, the limit, reaches {limit:.0f} thousand million
multiply-adds a second ({gflops:.0f} GFLOP/s) with the better of OpenBLAS' two kernels.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(x: float) -> str:
    """Three digits that mean something."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if x >= size:
            return f"{x / size:.3g}{unit}"
    return f"{x:.3g}"


def training(figures: Figures) -> str:
    rows = []
    for who, title in TITLES.items():
        cells = [n.samples / figures.seconds(who, "classic", n.name) for n in NETS.values()]
        rows.append([title, *map(number, cells)])
    shares = [f"{training_share(figures, name):.0%}" for name in NETS]
    rows.append(["nr, of sgemm", *shares])
    one = [n.samples / figures.seconds("nr", "one", n.name) for n in NETS.values()]
    default = [n.samples / figures.seconds("nr", "default", n.name) for n in NETS.values()]
    rows.append(["nr, defaults, MEMBERS 1", *map(number, one)])
    rows.append(["nr, defaults", *map(number, default)])
    return table(["", *(n.title for n in NETS.values())], rows)


def threads(speedups: dict[str, float]) -> str:
    return table(["", *NETS], [["speed", *(f"{ratio:.2f}" for ratio in speedups.values())]])


def running(figures: Figures) -> str:
    rows = []
    for title, who, task, n in (
        ("nr, CLASSIC, single rows", "nr", "row", 1),
        ("libfann, single rows", "fann", "row", 1),
        ("nr, defaults, single rows", "nr", "default row", 1),
        (f"nr, CLASSIC, {BATCH} rows", "nr", "batch", BATCH),
        (f"nr, defaults, {BATCH} rows", "nr", "default batch", BATCH),
    ):
        rows.append([title, *(number(n / figures.seconds(who, task, name)) for name in NETS)])
    rows.append(["of sgemm", *(f"{batch_share(figures, name):.0%}" for name in NETS)])
    return table(["rows a second", *(n.title for n in NETS.values())], rows)


def python(figures: Figures) -> str:
    rows = [
        [title, f"{figures.seconds(who, task, 'b') * 1e6:.2f}"]
        for title, who, task in (
            ("net.run, CLASSIC", "nr", "python"),
            ("net.run, defaults", "nr", "default python"),
            ("onnxruntime", "onnxruntime", "python"),
            ("scikit-learn", "scikit-learn", "python"),
        )
    ]
    return table(["one row of 9-15-2 from Python", "microseconds"], rows)


def growth(points: Iterable[Point]) -> str:
    head = ["samples", "weights", "dataset, MB", "peak, MB", "peak in datasets", "a cycle, ms"]
    rows = [
        [
            f"{p.samples:,}",
            f"{p.weights:,}",
            f"{p.dataset / 1e6:.3g}",
            f"{p.memory / 1e6:.3g}",
            f"{p.ratio:.2f}",
            f"{p.seconds * 1e3:.3g}",
        ]
        for p in points
    ]
    return table(head, rows)


def latency(found: Latencies) -> str:
    head = ["microseconds of net.run", *(f"{p:g}th percentile" for p in PERCENTILES)]
    rows = [[f"{n} other{'s' * (n != 1)}", *(f"{x:.1f}" for x in found[n])] for n in found]
    return LATENCY + table(head, rows)


def sparse(figures: Figures) -> str:
    rows = []
    for title, who, task in (
        ("nr", "nr", "classic"),
        ("nr, AVX2", "nr avx2", "classic"),
        ("libfann", "fann", "classic"),
        ("numpy, SkylakeX", "numpy skylakex", "classic"),
        ("numpy, SkylakeX, with scipy's rows", "numpy skylakex", "lists"),
        ("PyTorch", "torch", "classic"),
        ("PyTorch, `sparse_csr`", "torch", "lists"),
        ("nr, defaults, MEMBERS 1", "nr", "one"),
        ("nr, the same with NORMALIZE", "nr", "normalized"),
    ):
        cells = [n.samples / figures.seconds(who, task, n.name) for n in SPARSE.values()]
        rows.append([title, *map(number, cells)])
    ours = {name: figures.seconds("nr", "classic", name) for name in SPARSE}
    for title, peers in (
        ("numpy's best", ("numpy", "numpy skylakex")),
        ("PyTorch's best", ("torch",)),
    ):
        best = {
            name: min(figures.seconds(who, task, name) for who in peers for task in TASKS)
            for name in SPARSE
        }
        rows.append([f"nr against {title}", *(f"{best[name] / ours[name]:.2f}" for name in SPARSE)])
    dense = [figures.seconds("nr", "classic", name[0]) / ours[name] for name in SPARSE]
    rows.append(["nr against itself on dense inputs", *(f"{ratio:.2f}" for ratio in dense)])
    shares = {n.inputs: float((samples(n).x != 0).mean()) for n in SPARSE.values()}
    head = SPARSE_INPUTS.format(**shares)
    return head + table(["", *(n.title for n in SPARSE.values())], rows)


def listed(figures: Figures) -> str:
    by_width = {units: [n.name for n in SWEEP.values() if n.layers[1] == units] for units in WIDTHS}
    rows = []
    for i, part in enumerate(PARTS):
        pairs = [
            [figures.seconds(f"nr {core}", "classic", names[i]) for core in ("panels", "lists")]
            for names in by_width.values()
        ]
        rows.append([f"{float(part):.0%}", *(f"{a / b:.2f}" for a, b in pairs)])
    head = ["inputs that are not 0", *(f"{units} units" for units in WIDTHS)]
    return LISTED.format(most=MOST_LISTED) + table(head, rows)


def verdict(found: Iterable[Claim]) -> str:
    rows = [
        [
            claim.text,
            f"{claim.ratio:.2f}",
            f"{'at most' if claim.at_most else 'at least'} {claim.bound:g}",
            f"{claim.limit:.2f}" if claim.limit else "",
            "kept" if claim.kept else "**missed**",
        ]
        for claim in found
    ]
    return table(["", "measured", "demanded", "at the limit", ""], rows)


def processor() -> str:
    """The machine's class: name and model of the processor, how many, its instruction set."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        found = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in lines}
        name = f"{found['model name']} (family {found['cpu family']}, model {found['model']})"
    except (OSError, ValueError, KeyError):
        name = platform.processor() or platform.machine()
    return f"{os.cpu_count()} processors {name}, {isa()}"


def write(
    figures: Figures,
    speedups: dict[str, float],
    samples: list[Point],
    weights: list[Point],
    latencies: Latencies,
    docs: Path,
) -> None:
    sgemm = limit(figures)
    head = HEAD.format(
        date=date.today().isoformat(),
        processor=processor(),
        rounds=ROUNDS,
        limit=sgemm / 1e9,
        gflops=2 * sgemm / 1e9,
    )
    parts = [
        head,
        "## Training\n\nSamples presented a second, full-batch RPROP with sigmoid units and the "
        "squared error (`CLASSIC`). The defaults train several members at once, each of which "
        "is presented all samples; they are counted once.\n",
        training(figures),
        "\n![Training](speed.png)\n",
        "## Two threads\n\nSpeed with `THREADS 2` in that with one, the fastest of many\n"
        "short turns of each.\n",
        threads(speedups),
        "## Running\n",
        running(figures),
        python(figures),
        latency(latencies),
        "## Growth\n\nThe peak is that of the process, its samples included. First 9-15-2 with "
        "more samples, then more weights with 1000 samples; one member.\n",
        growth(samples),
        growth(weights),
        DEMANDED,
        verdict(claims(figures, samples, speedups)),
        sparse(figures),
        listed(figures),
        EARLIER,
    ]
    (docs / "speed.md").write_text("\n".join(parts))
    plot(figures, samples, weights, docs / "speed.png")


def plot(figures: Figures, samples: list[Point], weights: list[Point], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    for i, (who, title) in enumerate(TITLES.items()):
        shares = [training_share(figures, name, who) for name in NETS]
        left.bar([x + (i - 3) * 0.12 for x in range(len(NETS))], shares, 0.12, label=title)
    left.set_xticks(range(len(NETS)), ["-".join(map(str, n.layers)) for n in NETS.values()])
    left.tick_params(axis="x", labelrotation=20)
    left.set(title="Training, in parts of sgemm", yscale="log", ylim=(1e-4, 1.2))
    left.legend(fontsize=8)
    for axes, points, what in ((middle, samples, "samples"), (right, weights, "weights")):
        sizes = [getattr(p, what) for p in points]
        axes.loglog(sizes, [p.seconds for p in points], "o-", label="seconds a cycle")
        axes.loglog(sizes, [p.memory / 1e9 for p in points], "s--", label="peak memory, GB")
        axes.set(title=f"Growth with {what}", xlabel=what)
        axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
