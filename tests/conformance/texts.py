"""Generators: language models of words, characters and symbols."""

import json
import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

from conformance.steps import NO_KEY, Refused, Step, field, trained

LM = (
    "NR.CREATE lm GENERATOR 12 10 -> text:sequence(word) VOCABULARY 30 SEED 5 BATCH 6 UNROLL 8 "
    "TIED DROPOUT 0.1 OPTIMIZER ADAM LEARNRATE 0.02 DATASET 60 TEST 30"
)
SENTENCES = (
    "the cat sat on the mat",
    "a dog ran in the park",
    "the dog sat on a rug",
    "a cat ran to the dog",
)
WORDS = {word.encode() for sentence in SENTENCES for word in sentence.split()}
FAST = "MAXCYCLES 30 MAXTIME 0 AUTOSTOP BACKTRACK"


def _texts(n: int, name: str = "text") -> str:
    random = Random(1)
    return json.dumps([{name: random.choice(SENTENCES)} for _ in range(n)])


def _refused(words: str, why: str) -> Step:
    return words, Refused(f"ERR {why}")


def _next(n: int, first: bytes | None = None) -> Callable[[Any], bool]:
    """So many symbols and their probabilities, the likeliest first."""

    def check(reply: Any) -> bool:
        odds = reply[1::2]
        falling = all(a >= b for a, b in pairwise(odds))
        known = set(reply[::2]) <= WORDS | {b"<unk>", b"<eos>"}
        sound = falling and known and len(odds) == n and 0 < sum(odds) < 1.0001
        return sound and (first is None or reply[0] == first)

    return check


def _scored(symbols: int, low: float, high: float) -> Callable[[Any], bool]:
    def check(reply: Any) -> bool:
        found = dict(zip(reply[::2], reply[1::2], strict=True))
        perplexity = math.exp(-found["log-probability"] / symbols)
        same = math.isclose(found["perplexity"], perplexity, rel_tol=1e-9)
        return same and found["symbols"] == symbols and low < perplexity < high

    return check


def _measured(reply: Any) -> bool:
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    loss = math.isclose(math.exp(found["log-loss"]), found["perplexity"], rel_tol=1e-9)
    return loss and found["samples"] > 100 and 1 < found["naive-perplexity"] < 4


def _configured(**options: str) -> Callable[[Any], bool]:
    return lambda reply: options.items() <= dict(zip(reply[::2], reply[1::2], strict=True)).items()


def _text_of(most: int) -> Callable[[Any], bool]:
    return lambda text: len(text.split()) <= most and set(text.split()) <= WORDS


CASES: dict[str, list[Step]] = {
    "a language model of words": [
        (LM, 0),
        ('NR.OBSERVE lm -> text="the cat  sat" TRAIN', [1, 0]),
        ("NR.GETDATA lm TRAIN 0", [b"text", [b"the", b"cat", b"sat"]]),
        _refused("NR.RUN lm text=the", "net has not been trained yet: NR.TRAIN lm comes first"),
        _refused("NR.GENERATE lm", "net has not been trained yet: NR.TRAIN lm comes first"),
        ("NR.METRICS lm", None),
        ("NR.CLEAR lm", 1),
        (("NR.OBSERVE", "lm", "JSON", _texts(90)), [60, 30]),
        ("NR.OBSERVE lm -> text=[1] TRAIN", [60, 30]),  # a word as any other
        *trained("lm", FAST),
        ("NR.INFO lm", field("type", "generator")),
        ("NR.INFO lm", field("fields", [b"->", b"text:sequence(word)"])),
        ("NR.INFO lm", field("recurrent-layers", [12, 10])),
        ("NR.METRICS lm", _measured),
        ('NR.RUN lm text="the cat" TOP 3', _next(3)),
        ("NR.RUN lm", _next(10)),
        ("NR.RUN lm TOP 2", _next(2)),
        ('NR.RUN lm JSON \'{"text": "a dog"}\'', _next(10)),
        (
            'NR.RUN lm JSON \'[{"text": "a dog"}, {"text": ["never", "seen"]}]\'',
            lambda reply: len(reply) == 2 and all(map(_next(10), reply)),
        ),
        ('NR.SCORE lm text="the cat sat on the mat"', _scored(6, 1, 9)),
        ('NR.SCORE lm text="mat the never cat"', _scored(4, 5, 1e6)),
        ("NR.GENERATE lm", _text_of(100)),
        ("NR.GENERATE lm LENGTH 3 TEMPERATURE 0.5 TOP 2 SEED 7", _text_of(3)),
        ('NR.GENERATE lm text="the dog" TEMPERATURE 0', _text_of(100)),
        ('NR.GENERATE lm text="never seen" LENGTH 1', _text_of(1)),
        ("NR.HISTORY lm", lambda points: 1 <= len(points) <= 30),
        ("NR.DUMP lm", lambda blob: len(blob) > 1000),
        ("NR.RESET lm", "OK"),
        _refused("NR.SCORE lm text=the", "net has not been trained yet: NR.TRAIN lm comes first"),
        *trained("lm", "MAXCYCLES 2 MAXTIME 0"),
        *trained("lm", "MAXCYCLES 1 MAXTIME 0"),
        ("NR.INFO lm", field("training-total-cycles", 3)),
    ],
    "a language model of characters, and one of symbols": [
        (
            "NR.CREATE c GENERATOR 10 -> text:sequence(char) SEED 2 CELL GRU DATASET 50 TEST 0 "
            "LEARNRATE 1 CLIP 5 DECAY 0.5 AFTER 4 BATCH 4",
            0,
        ),
        ('NR.OBSERVE c -> "text=café [au lait]"', [1, 0]),
        (
            "NR.GETDATA c TRAIN 0",
            [b"text", [letter.encode() for letter in "café [au lait]"]],
        ),
        (("NR.OBSERVE", "c", "JSON", _texts(30)), [31, 0]),
        *trained("c", "MAXCYCLES 6 MAXTIME 0"),
        ("NR.METRICS c", None),
        ('NR.GENERATE c "text=the " LENGTH 9 SEED 3', lambda text: 0 <= len(text) <= 9),
        ("NR.SCORE c text=the", _scored(3, 1, 100)),
        ("NR.DUMP c", lambda blob: len(blob) > 1000),
        (
            "NR.CREATE s GENERATOR -> s:sequence(category) SEED 2 DATASET 50 TEST 20 TIED NO "
            "INIT 0.05",
            0,
        ),
        (
            "NR.CONFIGURE s",
            _configured(LOSS="CROSSENTROPY", OPTIMIZER="SGD", TIED="no", INIT="0.05"),
        ),
        ("NR.CONFIGURE c", _configured(TIED="yes", INIT="0.1")),
        (("NR.OBSERVE", "s", "JSON", _texts(40, "s")), lambda reply: sum(reply) == 40),
        *trained("s", "MAXCYCLES 2 MAXTIME 0"),
        ('NR.RUN s "s=the cat" TOP 4', _next(4)),
        ("NR.INFO s", field("recurrent-layers", [128])),
        ("NR.DUMP s", lambda blob: len(blob) > 1000),
    ],
    "generators refuse": [
        (LM, 0),
        ("NR.CREATE plain REGRESSOR x:number -> y:number SEED 1", 0),
        ("NR.GENERATE nothing", NO_KEY),
        *(
            _refused(
                f"NR.CREATE g GENERATOR -> x:{kind}",
                f"field x:{kind}: the output of a generator is of kind sequence(word), "
                "sequence(char) or sequence(category)",
            )
            for kind in ("category", "text", "sequence", "sequence(3)")
        ),
        _refused(
            "NR.CREATE g GENERATOR -> x:sequence(word) y:sequence(word)",
            "a generator has one output, a sequence, not 2",
        ),
        _refused(
            "NR.CREATE g GENERATOR 200 200",
            "no '->' between the fields that are known and those that are to be learned",
        ),
        _refused(
            "NR.CREATE g GENERATOR -> x:sequence(word) VOCABULARY 1",
            "Syntax error in NR.CREATE: VOCABULARY of a generator is at least 2: one of its "
            "symbols is the end",
        ),
        _refused(
            "NR.CREATE plain REGRESSOR x:number -> y:number INIT 0.1",
            "Syntax error in NR.CREATE: INIT is for generators",
        ),
        _refused(
            "NR.CREATE g GENERATOR -> x:sequence(word) INIT 2",
            "Syntax error in NR.CREATE: INIT must be AUTO or a number above 0 and up to 1, not '2'",
        ),
        _refused(
            "NR.CREATE g GENERATOR -> x:sequence(word) MEMBERS 2",
            "Syntax error in NR.CREATE: a generator is one network: it takes no MEMBERS",
        ),
        _refused(
            "NR.CREATE g GENERATOR LINEAR -> x:sequence(word)",
            "Syntax error in NR.CREATE: a generator is recurrent, and never LINEAR",
        ),
        _refused(
            "NR.CREATE g REGRESSOR x:sequence -> y:number TIED",
            "Syntax error in NR.CREATE: TIED is for generators",
        ),
        (
            "NR.CREATE g GENERATOR 1 2 3 4 5 6 7 8 9 -> x:sequence(word)",
            Refused("ERR 9 recurrent layers, at most 8"),
        ),
        _refused(
            "NR.CONFIGURE lm VOCABULARY 1",
            "Syntax error in NR.CONFIGURE: VOCABULARY of a generator is at least 2: one of its "
            "symbols is the end",
        ),
        _refused("NR.OBSERVE lm text=the", "no '->' separator between inputs and outputs"),
        _refused("NR.OBSERVE lm -> note=the", "no field 'note' in lm"),
        _refused("NR.OBSERVE lm -> text=", "field text: an output is needed"),
        _refused(
            'NR.OBSERVE lm -> "text=  "',
            "field text: an empty sequence, of which there are none: leave the field out",
        ),
        _refused(
            "NR.OBSERVE lm -> text=a WEIGHT 2",
            "the texts of a generator count alike: it takes no WEIGHT",
        ),
        ("NR.OBSERVE lm -> text=a TRAIN", [1, 0]),
        _refused(
            "NR.CLASS lm text=a",
            "lm is a generator, which knows no classes: NR.RUN tells what comes next, NR.GENERATE "
            "goes on",
        ),
        _refused(
            "NR.IMPORTANCE lm",
            "lm is a generator, which knows no importance: NR.METRICS tells how good it is",
        ),
        _refused(
            "NR.EXPLAIN lm text=a",
            "lm is a generator, whose answers NR.EXPLAIN does not take apart: NR.SCORE tells how "
            "likely they are",
        ),
        _refused(
            "NR.FIELDS lm ADD x:number",
            "the texts of lm have the field that it was created with: a generator takes no others",
        ),
        *trained("lm", "MAXCYCLES 1 MAXTIME 0"),
        # All that it has heard stands once: its vocabulary is what every generator has.
        ("NR.RUN lm text=unheard TOP 1", _next(1)),
        ('NR.GENERATE lm text="never heard" LENGTH 3 SEED 1', lambda reply: len(reply) == 0),
        _refused("NR.RUN lm INTERVAL 0.5", "INTERVAL is for regressors and forecasters"),
        _refused("NR.RUN lm FOR a", "lm is no forecaster: FOR names a series of one"),
        _refused(
            "NR.RUN lm TOP 0",
            "Syntax error in NR.RUN: TOP must be an integer from 1 to 10000, not '0'",
        ),
        _refused("NR.RUN plain TOP 3", "TOP is for generators, which tell what comes next"),
        _refused("NR.RUN plain x=1 TOP 3", "TOP is for generators, which tell what comes next"),
        _refused(
            "NR.GENERATE lm LENGTH 0",
            "Syntax error in NR.GENERATE: LENGTH must be an integer from 1 to 65536, not '0'",
        ),
        _refused(
            "NR.GENERATE lm LENGTH 1000000000",
            "Syntax error in NR.GENERATE: LENGTH must be an integer from 1 to 65536, not "
            "'1000000000'",
        ),
        _refused(
            "NR.GENERATE lm TEMPERATURE -1",
            "Syntax error in NR.GENERATE: TEMPERATURE must be a number from 0 to 100, not '-1'",
        ),
        _refused("NR.GENERATE lm note=a", "no field 'note' in lm"),
        _refused(
            "NR.GENERATE plain",
            "plain is no generator: NR.GENERATE and NR.SCORE are for those",
        ),
        _refused(
            "NR.SCORE plain x=1",
            "plain is no generator: NR.GENERATE and NR.SCORE are for those",
        ),
        _refused("NR.SCORE lm the", "Syntax error in NR.SCORE: name=value is needed, not 'the'"),
        ("NR.INFO lm", field("observed", 1)),
    ],
}
