"""What is to hold, each as figures and whether they are good enough.

A point is one per cent of wrong classes, or 0.01 of R2.
"""

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.fields.contenders import BOOSTING, CATBOOST, CONTENDERS, NR, READERS, TFIDF
from benchmarks.fields.sets import TABLES, TEXTS, Table
from benchmarks.quality.claims import Claim
from benchmarks.quality.contenders import Contender
from benchmarks.quality.runs import Result
from benchmarks.quality.tables import Results, losses

LEAST_GAIN, MOST_BEHIND, MOST_BEHIND_TEXT = 0.8, 0.5, 1.0


def held_out(tables: Sequence[Table]) -> list[Table]:
    return [table for table in tables if table.held_out]


def mean(found: Results, table: Table, who: Contender) -> float:
    return float(losses(found[table.name, who.name]).mean())


def gap(found: Results, table: Table, other: Contender) -> float:
    """Points that nr errs less, in the mean over the splits that both were scored on."""
    ours = {r.seed: r.score.loss for r in found[table.name, NR.name]}
    pairs = [(r.score.loss, ours[r.seed]) for r in found[table.name, other.name] if r.seed in ours]
    return float(np.mean([theirs - own for theirs, own in pairs]))


def ahead(found: Results, tables: Sequence[Table], other: Contender) -> float:
    return float(np.mean([gap(found, t, other) for t in scored(found, tables, NR, other)]))


def scored(found: Results, tables: Sequence[Table], *who: Contender) -> list[Table]:
    """Those on which these have results."""
    return [t for t in tables if all(found[t.name, c.name] for c in who)]


def shared(found: Results, table: Table, who: Contender) -> list[Result]:
    """Its results on the splits that every contender was scored on."""
    seeds = [{r.seed for r in found[table.name, c.name]} for c in CONTENDERS]
    return [r for r in found[table.name, who.name] if r.seed in set.intersection(*seeds)]


def over_classifiers(
    found: Results, tables: Sequence[Table], who: Contender, of: Callable[[Result], float]
) -> float:
    classifiers = [table for table in scored(found, tables, *CONTENDERS) if table.classifier]
    return float(np.mean([np.mean([of(r) for r in shared(found, t, who)]) for t in classifiers]))


def gains(found: Results, tables: Sequence[Table], of: str) -> list[Claim]:
    over, behind = ahead(found, tables, BOOSTING), -ahead(found, tables, CATBOOST)
    return [
        Claim(
            f"At least {LEAST_GAIN} points ahead of boosting, in the mean over {of}",
            over >= LEAST_GAIN,
            f"{over:+.2f} points, of {len(scored(found, tables, NR, BOOSTING))} tables",
        ),
        Claim(
            f"At most {MOST_BEHIND} points behind CatBoost, in the mean over {of}",
            behind <= MOST_BEHIND,
            f"{behind:+.2f} points behind, of {len(scored(found, tables, NR, CATBOOST))} tables",
        ),
    ]


def least(
    found: Results, tables: Sequence[Table], of: Callable[[Result], float], says: str, form: str
) -> Claim:
    every = {c.title: over_classifiers(found, tables, c, of) for c in CONTENDERS}
    figures = "; ".join(f"{title} {figure:{form}}" for title, figure in every.items())
    return Claim(
        f"The least {says} of all, in the mean", every[NR.title] == min(every.values()), figures
    )


def near_tfidf(found: Results, texts: Sequence[Table]) -> Claim:
    behind = {t.name: -gap(found, t, TFIDF) for t in scored(found, texts, *READERS)}
    figures = ", ".join(f"{name} {gap:+.2f}" for name, gap in behind.items())
    return Claim(
        f"On each set of texts at most {MOST_BEHIND_TEXT:.0f} point behind tuned tf-idf",
        max(behind.values()) <= MOST_BEHIND_TEXT,
        figures,
    )


def claims(found: Results) -> list[Claim]:
    rest = held_out(TABLES)
    return [
        *gains(found, TABLES, f"all {len(TABLES)} tables"),
        *gains(found, rest, f"the {len(rest)} tables kept out of every choice"),
        least(found, TABLES, lambda r: r.score.log_loss, "log-loss", ".4f"),
        least(found, rest, lambda r: r.score.log_loss, "log-loss on those kept out", ".4f"),
        least(found, TABLES, lambda r: r.score.calibration, "calibration error", ".2f"),
        least(
            found, rest, lambda r: r.score.calibration, "calibration error on those kept out", ".2f"
        ),
        near_tfidf(found, TEXTS),
    ]
