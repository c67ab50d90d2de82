"""What each choice is worth: the core with one thing changed, on the datasets to choose by.

A variant is the defaults with other options at NR.CREATE, or a core compiled with other values for
constants of its source (macros named NR_STUDY_...), or both. Every compiled one lies in
build/study and is scored by a process of its own, since a process loads one core. Results are
kept as those of the other contenders are.

    python -m benchmarks.quality.ablation [--only name,name] [--seeds 10]
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import cores
from benchmarks.cores import ROOT, STUDY
from benchmarks.quality.contenders import Contender, Predict, core, network
from benchmarks.quality.datasets import DATASETS, Dataset, Floats, Targets
from benchmarks.quality.runs import Result, load_result, results
from benchmarks.quality.tables import Results, losses, markdown

RESULTS = STUDY / "ablation.json"


@dataclass(frozen=True)
class Variant:
    """The defaults with one thing changed; ``says`` is that thing, in the table's words."""

    name: str
    says: str
    flags: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    scale: Callable[[Floats], Callable[[Floats], Floats]] | None = None  # in place of NORMALIZE


def by_largest(x: Floats) -> Callable[[Floats], Floats]:
    most = np.maximum(np.abs(x).max(axis=0), 1e-30)
    return lambda rows: rows / most


def robust(x: Floats) -> Callable[[Floats], Floats]:
    """By median and quartiles, with what is far out smoothly clipped at three of their widths."""
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    width = np.where(high > low, (high - low) / 1.35, np.maximum(x.std(axis=0), 1e-30))

    def scale(rows: Floats) -> Floats:
        z = (rows - middle) / width
        return np.asarray(z / np.sqrt(1 + (z / 3) ** 2))

    return scale


VARIANTS = [
    Variant("defaults", "the defaults"),
    # ---- scaling ----
    Variant("plain", "inputs as they are (no NORMALIZE)", options={"normalize": False}),
    Variant("largest", "inputs by their largest magnitude", scale=by_largest),
    Variant("robust", "inputs by robust scaling, clipped", scale=robust),
    # ---- units and loss ----
    Variant("sigmoid", "sigmoid units", options={"activation": "sigmoid"}),
    Variant("relu", "rectified linear units", options={"activation": "relu"}),
    Variant("mse", "squared error on sigmoids for classes", options={"loss": "mse"}),
    Variant("hard-labels", "no label smoothing", flags={"NR_STUDY_SMOOTHING": "0.0"}),
    Variant("uncalibrated", "no temperature scaling", flags={"NR_STUDY_CALIBRATE": "0"}),
    # ---- optimiser ----
    Variant("rprop-plus", "RPROP+, which takes wrong steps back", flags={"NR_STUDY_BACK": "1"}),
    Variant("long-steps", "RPROP's largest step 50", flags={"NR_STUDY_MOST": "50.0"}),
    Variant("first-step", "RPROP's first step ten times as large", flags={"NR_STUDY_STEP": "0.1"}),
    Variant("adam", "Adam", options={"optimizer": "adam"}),
    # ---- L2 ----
    Variant("no-l2", "no L2", options={"l2": 0}),
    Variant("one-l2", "one strength of L2 for all data", flags={"NR_STUDY_SPREAD": "1.0"}),
    Variant(
        "third-l2",
        "a third of the L2",
        flags={"NR_STUDY_L2": "0.07", "NR_STUDY_L2_MSE": "0.01"},
    ),
    Variant(
        "triple-l2", "three times the L2", flags={"NR_STUDY_L2": "0.6", "NR_STUDY_L2_MSE": "0.1"}
    ),
    Variant("eager-l2", "another strength for a smaller gain", flags={"NR_STUDY_CHANCE": "0.5"}),
    Variant("gain-1", "another strength for half the gain", flags={"NR_STUDY_CHANCE": "1.0"}),
    Variant("close-l2", "strengths less far apart", flags={"NR_STUDY_SPREAD": "5.0"}),
    # ---- stopping ----
    Variant("patience-20", "a patience of 20 cycles", options={"patience": 20}),
    Variant("patience-1", "waits twice as long", flags={"NR_STUDY_PATIENCE": "1.0"}),
    Variant("patience-0.3", "waits 0.3 of the cycles", flags={"NR_STUDY_PATIENCE": "0.3"}),
    Variant("delta-2", "two hundredths are progress", flags={"NR_STUDY_DELTA": "0.02"}),
    Variant("no-delta", "any progress counts", flags={"NR_STUDY_DELTA": "0.0"}),
    Variant("no-minimum", "at least 20 cycles, not 100", flags={"NR_STUDY_MIN_CYCLES": "20"}),
    # ---- all samples, and members ----
    Variant("no-refit", "the testing samples not learned from", flags={"NR_STUDY_REFIT": "0"}),
    Variant("first-l2", "the refit with the L2 of before", flags={"NR_STUDY_REFIT_L2": "0"}),
    Variant("one", "MEMBERS 1", options={"members": 1}),
    Variant("three", "MEMBERS 3", options={"members": 3}),
    Variant("sixteen", "MEMBERS 16", options={"members": 16}),
]
BY_NAME = {variant.name: variant for variant in VARIANTS}


# ---- Building ----


def build(variant: Variant) -> Path:
    """The variant's core. Raises LookupError for a macro that the source does not have."""
    return cores.build(variant.name if variant.flags else "defaults", variant.flags)


# ---- Scoring, in a process of its own ----


def contender(variant: Variant) -> Contender:
    def learn(data: Dataset, x: Floats, y: Targets, seed: int) -> Predict:
        if not variant.scale:
            return network(data, x, y, seed, **fitting(variant, data))
        scale = variant.scale(x)
        predict = network(data, scale(x), y, seed, normalize=False, **variant.options)
        return lambda rows: predict(scale(rows))

    of_scale = variant.scale.__name__ if variant.scale else ""
    version = json.dumps(variant.options) + of_scale
    return Contender("study", variant.says, learn, lambda: core() + version)


def fitting(variant: Variant, data: Dataset) -> dict[str, Any]:
    """The options, without those that are for classifiers only."""
    options = dict(variant.options)
    if not data.classifier:
        options.pop("loss", None)
    return options


def worker(name: str, library: str, seeds: int) -> None:
    cores.use(Path(library))
    who = contender(BY_NAME[name])
    found = {d.name: [asdict(r) for r in results(d, who, range(seeds))] for d in chosen()}
    print(json.dumps(found))


def chosen() -> list[Dataset]:
    return [d for d in DATASETS if not d.held_out]


def score(variant: Variant, seeds: int) -> dict[str, list[Result]]:
    library = build(variant)
    code = "import sys; from benchmarks.quality import ablation as a; "
    code += f"a.worker({variant.name!r}, {str(library)!r}, {seeds})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return {name: [load_result(r) for r in some] for name, some in json.loads(done.stdout).items()}


# ---- The table ----

HEAD = ["", "error, points", "R2, hundredths", "log-loss", "calibration error, points", "time"]


def table(found: Results, variants: list[Variant], base: str = "defaults") -> str:
    """Against the defaults: positive is worse. Behind ± is the standard error of a mean."""
    classifiers = [d for d in chosen() if d.classifier]
    regressors = [d for d in chosen() if not d.classifier]
    rows = []
    for v in variants:
        if v.name == base:
            continue
        rows.append(
            [
                v.says,
                difference(found, classifiers, v.name, base, lambda r: r.score.loss),
                difference(found, regressors, v.name, base, lambda r: r.score.loss),
                difference(found, classifiers, v.name, base, lambda r: r.score.log_loss, ".4f"),
                difference(found, classifiers, v.name, base, lambda r: r.score.calibration),
                f"x {work(found, v.name) / work(found, base):.2f}",
            ]
        )
    return markdown(HEAD, rows)


def difference(
    found: Results, data: list[Dataset], name: str, base: str, of: Any, form: str = ".2f"
) -> str:
    """The mean over datasets of the means over seeds, paired by split."""
    pairs = [zip(found[d.name, name], found[d.name, base], strict=True) for d in data]
    means = np.array([[of(a) - of(b) for a, b in pair] for pair in pairs])
    error = np.sqrt((means.var(axis=1, ddof=1) / means.shape[1]).sum()) / len(data)
    return f"{means.mean():+{form}} ± {error:{form}}"


def work(found: Results, name: str) -> float:
    return float(np.mean([np.median([r.work for r in found[d.name, name]]) for d in chosen()]))


def by_dataset(found: Results, variants: list[Variant]) -> str:
    rows = []
    for v in variants:
        means = [losses(found[d.name, v.name]).mean() for d in chosen()]
        rows.append([v.name, *[f"{m:.2f}" for m in means]])
    return markdown(["", *[d.name for d in chosen()]], rows)


@click.command()
@click.option("--only", help="Variants, with commas between; the defaults are always there.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(2))
def main(only: str | None, seeds: int) -> None:
    """Score variants of the core on the datasets that defaults may be chosen by."""
    names = ["defaults", *only.split(",")] if only else list(BY_NAME)
    if unknown := set(names) - set(BY_NAME):
        raise click.UsageError(f"unknown: {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    variants = [BY_NAME[name] for name in dict.fromkeys(names)]
    found: Results = {}
    for v in variants:
        print(f"{v.name}: {v.says}", file=sys.stderr)
        found |= {(data, v.name): some for data, some in score(v, seeds).items()}
    print(by_dataset(found, variants))
    print("\nLosses: wrong classes in per cent, or 100 (1 - R2).\n")
    print(table(found, variants))
    about = {"date": str(date.today()), "seeds": seeds, "table": table(found, variants)}
    RESULTS.write_text(json.dumps(about), "utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.quality.ablation")
