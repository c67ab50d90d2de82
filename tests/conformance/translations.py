"""Generators from one sequence to another: an encoder, attention, a decoder, beam search."""

import json
import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

from conformance.steps import Refused, Step, field, trained

SAY = (
    "NR.CREATE say GENERATOR word:sequence(char) 12 -> sounds:sequence(category) SEED 5 BATCH 20 "
    "LEARNRATE 0.03 DROPOUT 0.1 DATASET 120 TEST 40"
)
LETTERS = "abcdefgh"
SOUNDS = {f"{letter.upper()}{number}".encode() for letter in LETTERS for number in range(2)}
FAST = "MAXCYCLES 15 MAXTIME 0 AUTOSTOP BACKTRACK"


def _words(n: int) -> list[str]:
    random = Random(1)
    return ["".join(random.choices(LETTERS, k=random.randint(1, 5))) for _ in range(n)]


def _sounds(word: str) -> str:
    """Backwards, and each letter louder before an a or an e."""
    loud = [int(next_one in "ae") for next_one in f"{word[1:]}-"]
    return " ".join(f"{word[i].upper()}{loud[i]}" for i in reversed(range(len(word))))


def _samples(n: int) -> str:
    return json.dumps([{"word": word, "sounds": _sounds(word)} for word in _words(n)])


def _refused(words: str, why: str) -> Step:
    return words, Refused(f"ERR {why}")


def _likely(n: int, most: int = 30) -> Callable[[Any], bool]:
    """So many sequences and their log-probabilities, the likeliest first."""

    def check(reply: Any) -> bool:
        texts, odds = reply[::2], reply[1::2]
        falling = all(a >= b for a, b in pairwise(odds)) and odds[0] < 0
        known = all(set(text.split()) <= SOUNDS and 0 < len(text.split()) <= most for text in texts)
        return falling and known and len(odds) == n == len(set(texts))

    return check


def _scored(symbols: int) -> Callable[[Any], bool]:
    def check(reply: Any) -> bool:
        found = dict(zip(reply[::2], reply[1::2], strict=True))
        perplexity = math.exp(-found["log-probability"] / symbols)
        same = math.isclose(found["perplexity"], perplexity, rel_tol=1e-9)
        return same and found["symbols"] == symbols and found["log-probability"] < 0

    return check


def _measured(reply: Any) -> bool:
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    loss = math.isclose(math.exp(found["log-loss"]), found["perplexity"], rel_tol=1e-9)
    better = found["exact-matches"] >= found["naive-exact-matches"]
    fewer = found["symbol-errors"] < found["naive-symbol-errors"]
    return loss and better and fewer and found["samples"] == 40


CASES: dict[str, list[Step]] = {
    "a generator from one sequence to another": [
        (SAY, 0),
        ('NR.OBSERVE say word=ab -> sounds="B0 A0" TRAIN', [1, 0]),
        (
            "NR.GETDATA say TRAIN 0",
            [b"word", [b"a", b"b"], b"sounds", [b"B0", b"A0"]],
        ),
        _refused("NR.RUN say word=ab", "net has not been trained yet: NR.TRAIN say comes first"),
        _refused(
            "NR.SCORE say word=ab sounds=B0",
            "net has not been trained yet: NR.TRAIN say comes first",
        ),
        ("NR.METRICS say", None),
        ("NR.CLEAR say", 1),
        (("NR.OBSERVE", "say", "JSON", _samples(160)), [120, 40]),
        *trained("say", FAST),
        ("NR.INFO say", field("type", "generator")),
        ("NR.INFO say", field("layout", [36, 12, 18])),
        ("NR.INFO say", field("recurrent-layers", [12])),
        (
            "NR.INFO say",
            field("fields", [b"word:sequence(char)", b"->", b"sounds:sequence(category)"]),
        ),
        ("NR.METRICS say", _measured),
        ("NR.HISTORY say", lambda points: 1 <= len(points) <= 15),
        ("NR.RUN say word=bad", _likely(4)),
        ("NR.RUN say word=bad BEAM 1", _likely(1)),
        ("NR.RUN say word=bad LENGTH 2 BEAM 7", _likely(7, 2)),
        ("NR.RUN say word=xyz BEAM 2", _likely(2)),  # letters that it has never seen
        ('NR.RUN say JSON \'{"word": "fad"}\' BEAM 3', _likely(3)),
        (
            'NR.RUN say JSON \'[{"word": "fad"}, {"word": ["c", "h"]}]\' BEAM 2 LENGTH 9',
            lambda reply: len(reply) == 2 and all(map(_likely(2, 9), reply)),
        ),
        ('NR.SCORE say word=bad sounds="D0 A0 B1"', _scored(4)),
        ("NR.SCORE say word=bad sounds=Z7", _scored(2)),
        ("NR.DUMP say", lambda blob: len(blob) > 1000),
        *trained("say", "MAXCYCLES 1 MAXTIME 0"),
        ("NR.INFO say", lambda reply: "say" not in reply),
        ("NR.DUMP say", lambda blob: len(blob) > 1000),
        ("NR.RESET say", "OK"),
        _refused("NR.RUN say word=ab", "net has not been trained yet: NR.TRAIN say comes first"),
        *trained("say", "MAXCYCLES 2 MAXTIME 0"),
        *trained("say", "MAXCYCLES 1 MAXTIME 0"),
        ("NR.INFO say", field("training-total-cycles", 3)),
    ],
    "a generator of words from words, with more layers": [
        (
            "NR.CREATE t GENERATOR a:sequence(word) 6 5 -> b:sequence(char) SEED 2 CELL GRU "
            "DATASET 50 TEST 0 OPTIMIZER SGD LEARNRATE 0.5 CLIP 5 DECAY 0.5 AFTER 4 BATCH 7 "
            "VOCABULARY 9",
            0,
        ),
        ('NR.OBSERVE t a="one more" -> "b=été 1"', [1, 0]),
        ('NR.OBSERVE t -> "b=été 2"', [2, 0]),  # without an input: as one that is unknown
        (
            (
                "NR.OBSERVE",
                "t",
                "JSON",
                json.dumps([{"a": "one two", "b": "1 2"}, {"a": ["two"], "b": "2"}] * 10),
            ),
            [22, 0],
        ),
        *trained("t", "MAXCYCLES 3 MAXTIME 0"),
        ("NR.METRICS t", None),
        ("NR.RUN t a=two BEAM 2 LENGTH 3", lambda reply: len(reply) == 4),
        ("NR.DUMP t", lambda blob: len(blob) > 1000),
    ],
    "generators from one sequence to another refuse": [
        (SAY, 0),
        ("NR.CREATE lm GENERATOR 5 -> text:sequence(word) SEED 1 VOCABULARY 5", 0),
        ("NR.CREATE plain REGRESSOR x:number -> y:number SEED 1", 0),
        _refused(
            "NR.CREATE g GENERATOR a:number -> b:sequence(word)",
            "field a:number: the input of a generator is of kind sequence(word), sequence(char) or "
            "sequence(category)",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(3) -> b:sequence(word)",
            "field a:sequence(3): the input of a generator is of kind sequence(word), "
            "sequence(char) or sequence(category)",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(word) c:number -> b:sequence(word)",
            "a generator has one field before '->', or none, not 2",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(word) -> b:sequence(word) c:sequence(word)",
            "a generator has one output, a sequence, not 2",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(word) -> b:sequence(word) TIED",
            "Syntax error in NR.CREATE: TIED is for generators of one sequence",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(word) -> b:sequence(word) INIT 0.1",
            "Syntax error in NR.CREATE: INIT is for generators of one sequence",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(word) -> b:sequence(word) MEMBERS 2",
            "Syntax error in NR.CREATE: a generator is one network: it takes no MEMBERS",
        ),
        _refused(
            "NR.CONFIGURE say MEMBERS 2",
            "Syntax error in NR.CONFIGURE: MEMBERS is fixed when the network is created",
        ),
        _refused(
            "NR.CREATE g GENERATOR a:sequence(word) -> b:sequence(word) VOCABULARY 1",
            "Syntax error in NR.CREATE: VOCABULARY of a generator is at least 2: one of its "
            "symbols is the end",
        ),
        _refused("NR.OBSERVE say word=ab -> sounds=", "field sounds: an output is needed"),
        _refused(
            'NR.OBSERVE say "word=" -> "sounds=  "',
            "field sounds: an empty sequence, of which there are none: leave the field out",
        ),
        (("NR.OBSERVE", "say", "JSON", _samples(60), "TRAIN"), [60, 0]),
        (("NR.OBSERVE", "lm", "JSON", '{"text": "a b a"}', "TRAIN"), [1, 0]),
        *trained("say", "MAXCYCLES 1 MAXTIME 0"),
        *trained("lm", "MAXCYCLES 1 MAXTIME 0"),
        _refused(
            "NR.GENERATE say",
            "say goes from one sequence to another: NR.RUN replies the likeliest ones",
        ),
        _refused(
            "NR.CLASS say word=ab",
            "say goes from one sequence to another: NR.RUN replies the likeliest ones",
        ),
        _refused(
            "NR.IMPORTANCE say",
            "say is a generator, which knows no importance: NR.METRICS tells how good it is",
        ),
        _refused(
            "NR.EXPLAIN say word=ab",
            "say is a generator, whose answers NR.EXPLAIN does not take apart: NR.SCORE tells how "
            "likely they are",
        ),
        _refused(
            "NR.FIELDS say ADD x:number",
            "the texts of say have the field that it was created with: a generator takes no others",
        ),
        *(
            _refused(
                words,
                "field word: there is nothing to go from: give it at least one symbol",
            )
            for words in ("NR.RUN say word=", "NR.RUN say", "NR.SCORE say sounds=A0")
        ),
        (
            ("NR.RUN", "say", f"word={'a' * 1025}"),
            Refused(
                "ERR field word: 1025 symbols, of which a generator from one sequence to another "
                "takes 1024 at most: give it a part at a time"
            ),
        ),
        _refused("NR.SCORE say word=ab", "field sounds: an output is needed"),
        *(
            _refused(
                f"NR.RUN say word=ab {option} {value}",
                f"Syntax error in NR.RUN: {option} must be an integer from 1 to {most}, not "
                f"'{value}'",
            )
            for option, most, values in (
                ("BEAM", 64, ("0", "65", "1000000", "all")),
                ("LENGTH", 65536, ("0", "1000000000")),
            )
            for value in values
        ),
        _refused(
            "NR.RUN say word=ab BEAM 2 BEAM 3",
            "Syntax error in NR.RUN: BEAM is given twice",
        ),
        _refused(
            "NR.RUN say word=ab TOP 2",
            "TOP is for generators of one sequence, which tell what comes next: BEAM says how many "
            "sequences are wanted",
        ),
        _refused("NR.RUN say word=ab INTERVAL 0.5", "INTERVAL is for regressors and forecasters"),
        _refused("NR.RUN say FOR a", "say is no forecaster: FOR names a series of one"),
        *(
            _refused(
                f"NR.RUN {network} {option} 2",
                f"{option} is for generators from one sequence to another",
            )
            for network in ("lm text=a", "lm", "plain x=1")
            for option in ("BEAM", "LENGTH")
        ),
        (
            ("NR.OBSERVE", "say", f"word={'a' * 1025}", "->", "sounds=A0", "TRAIN"),
            Refused(
                "ERR field word: 1025 symbols, of which a generator from one sequence to another "
                "takes 1024 at most: give it a part at a time"
            ),
        ),
    ],
}
