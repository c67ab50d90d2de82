"""What each choice for networks with fields is worth: the core with one thing changed.

Variants are as those of benchmarks/quality/ablation.py: other options at NR.CREATE, or a core
compiled with other values for constants of its source, or both. They are scored on the sets to
choose by alone.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cores
from benchmarks.cores import ROOT
from benchmarks.fields.contenders import network
from benchmarks.fields.sets import BY_NAME, TABLES, TEXTS, Table
from benchmarks.quality.ablation import Variant, build
from benchmarks.quality.contenders import Contender, Predict, core
from benchmarks.quality.datasets import Targets
from benchmarks.quality.runs import Result, load_result, results
from benchmarks.quality.tables import Results, markdown

VARIANTS = [
    Variant("defaults", "the defaults"),
    Variant("members-16", "MEMBERS 16", options={"members": 16}),
    Variant("linear", "no hidden layer", options={"hidden": "linear"}),
    Variant("hidden-32", "a hidden layer of 32", options={"hidden": [32]}),
    Variant("hidden-64", "a hidden layer of 64", options={"hidden": [64]}),
    Variant("hidden-16-16", "two hidden layers of 16", options={"hidden": [16, 16]}),
    Variant("relu", "rectified linear units", options={"activation": "relu"}),
    Variant("adam", "Adam", options={"optimizer": "adam"}),
    Variant(
        "third-l2", "a third of the L2", flags={"NR_STUDY_L2": "0.07", "NR_STUDY_L2_MSE": "0.01"}
    ),
    Variant(
        "triple-l2", "three times the L2", flags={"NR_STUDY_L2": "0.6", "NR_STUDY_L2_MSE": "0.1"}
    ),
    Variant("hard-labels", "no label smoothing", flags={"NR_STUDY_SMOOTHING": "0.0"}),
    Variant("scaled", "columns as deviations", flags={"NR_STUDY_FIELDS_SCALED": "1"}),
    Variant("bins-4", "4 bins", flags={"NR_STUDY_BINS": "4"}),
    Variant("bins-16", "16 bins", flags={"NR_STUDY_BINS": "16"}),
    Variant("few-2", "bins for more than two values", flags={"NR_STUDY_FEW_VALUES": "2"}),
    Variant(
        "values-33",
        "a bin between each two of up to 33 values",
        flags={"NR_STUDY_FEW_VALUES": "2", "NR_STUDY_VALUES": "33"},
    ),
    Variant("bent", "deviations bent far out", flags={"NR_STUDY_BENT": "1"}),
    Variant(
        "finer",
        "three points a circle of times, and bins",
        flags={"NR_STUDY_FINEST": "3", "NR_STUDY_TIME_BINS": "1"},
    ),
    Variant(
        "values-24", "a bin between each two of 11 to 24 values", flags={"NR_STUDY_VALUES": "24"}
    ),
    Variant("text-third", "a third of the L2 for texts", flags={"NR_STUDY_TEXT": "0.3"}),
    Variant("text-triple", "three times the L2 for texts", flags={"NR_STUDY_TEXT": "3.0"}),
    Variant(
        "text-training",
        "words of training texts alone",
        flags={"NR_STUDY_TEXT_TESTS": "0"},
    ),
    Variant("linear-1", "one member without hidden units", flags={"NR_STUDY_LINEAR_MEMBERS": "1"}),
    Variant("often-2", "categories that occur twice", flags={"NR_STUDY_OFTEN": "2"}),
    Variant("often-10", "categories that occur ten times", flags={"NR_STUDY_OFTEN": "10"}),
    Variant("categories-100", "100 categories", flags={"NR_STUDY_CATEGORIES": "100"}),
]
VARIANT = {variant.name: variant for variant in VARIANTS}


def chosen(text: bool) -> list[Table]:
    return [t for t in (TEXTS if text else TABLES) if not t.held_out]


# ---- Scoring, in a process of its own ----


def contender(variant: Variant) -> Contender:
    def learn(data: Table, x: Any, y: Targets, seed: int) -> Predict:
        return network(data, x, y, seed, **variant.options)

    return Contender("study", variant.says, learn, lambda: core() + json.dumps(variant.options))


def worker(name: str, library: str, seeds: int, names: Sequence[str]) -> None:
    cores.use(Path(library))
    who = contender(VARIANT[name])
    found = {n: [asdict(r) for r in results(BY_NAME[n], who, range(seeds))] for n in names}
    print(json.dumps(found))


def score(variant: Variant, seeds: int, names: Sequence[str]) -> dict[str, list[Result]]:
    library = build(variant)
    code = "import sys; from benchmarks.fields import study as s; "
    code += f"s.worker({variant.name!r}, {str(library)!r}, {seeds}, {list(names)!r})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return {name: [load_result(r) for r in some] for name, some in json.loads(done.stdout).items()}


# ---- The table ----

HEAD = ["", "error, points", "log-loss", "calibration error", "time"]


def difference(found: Results, tables: Sequence[Table], name: str, of: Any, form: str) -> str:
    """The mean over sets of the means over seeds, paired by split, and its standard error."""
    if not tables:
        return ""
    pairs = [zip(found[t.name, name], found[t.name, "defaults"], strict=True) for t in tables]
    means = np.array([[of(a) - of(b) for a, b in pair] for pair in pairs])
    error = np.sqrt((means.var(axis=1, ddof=1) / means.shape[1]).sum()) / len(tables)
    return f"{means.mean():+{form}} ± {error:{form}}"


def work(found: Results, tables: Sequence[Table], name: str) -> float:
    return float(np.mean([np.median([r.work for r in found[t.name, name]]) for t in tables]))


def row(found: Results, tables: Sequence[Table], variant: Variant) -> list[str]:
    classifiers = [t for t in tables if t.classifier]
    return [
        variant.says,
        difference(found, tables, variant.name, lambda r: r.score.loss, ".2f"),
        difference(found, classifiers, variant.name, lambda r: r.score.log_loss, ".4f"),
        difference(found, classifiers, variant.name, lambda r: r.score.calibration, ".2f"),
        f"x {work(found, tables, variant.name) / work(found, tables, 'defaults'):.2f}",
    ]


def study(names: Sequence[str], seeds: int, tables: Sequence[Table]) -> str:
    """Against the defaults: positive is worse. Behind ± is the standard error of a mean."""
    found: Results = {}
    rows = []
    for name in dict.fromkeys(["defaults", *names]):
        some = score(VARIANT[name], seeds, [t.name for t in tables])
        found |= {(table, name): kept for table, kept in some.items()}
        if name != "defaults":
            rows.append(row(found, tables, VARIANT[name]))
            print(markdown(HEAD, rows[-1:]).splitlines()[-1], file=sys.stderr)
    return markdown(HEAD, rows) + "\n\n" + by_table(found, tables, ["defaults", *names])


def by_table(found: Results, tables: Sequence[Table], names: Sequence[str]) -> str:
    rows = []
    for table in tables:
        means = [np.mean([r.score.loss for r in found[table.name, name]]) for name in names]
        rows.append([table.name, f"{means[0]:.2f}", *[f"{m - means[0]:+.2f}" for m in means[1:]]])
    return markdown(["", *names], rows)
