"""Networks with fields: what they are told by name, and how fields come and go."""

import json
from typing import Any

import msgpack

from conformance.steps import NO_KEY, Refused, Step, arity, field, floats, syntax, trained
from nr.engine import records

CLUB = (
    "NR.CREATE club CLASSIFIER age:number country:category vip:flag LINEAR -> joined:category "
    "DATASET 100 TEST 50 SEED 5"
)


def _club(samples: int = 30) -> list[Step]:
    lines = (
        f"NR.OBSERVE club age={i % 7} country={('IT', 'FR')[i % 2]} vip={('yes', 'no')[i % 3 > 0]} "
        f"-> joined={('no', 'yes')[i % 2]} {('TRAIN', 'TEST')[i % 3 == 0]}"
        for i in range(samples)
    )
    replies = ([i - (i + 2) // 3, (i + 2) // 3] for i in range(1, samples + 1))
    return [(CLUB, 0), *zip(lines, replies, strict=True)]


def _pairs(**values: Any) -> list[Any]:
    return [part for name, value in values.items() for part in (name.encode(), value)]


def _refused(words: str, why: str) -> Step:
    return words, Refused(f"ERR {why}")


def _probabilities(reply: Any) -> bool:
    return reply[::2] == [b"no", b"yes"] and abs(sum(reply[1::2]) - 1) < 1e-6


def _same_answers(replies: list[Any]) -> tuple[Any, ...]:
    """Of the last four replies, which are to the same row said in four ways."""
    assert replies[-4] == replies[-3] == replies[-2] == replies[-1][0]
    assert replies[-8] == replies[-7]
    return ("NR.LIST",)


def _weighed(form: str, samples: Any, blob: bytes) -> tuple[Any, ...]:
    return "NR.OBSERVE", "club", form, samples, "WEIGHTS", blob, "TRAIN"


def _records(blob: bytes) -> list[bytes]:
    """Those of the training dataset of a dump."""
    parts = {name: data for name, _, data in msgpack.unpackb(blob)[3]}
    return records.split(parts["train"])


WEIGHT = "WEIGHTS, sample {}: a number above 0 and up to 1000000 is needed, not {}"

FIELDS = [
    [b"age", b"number", b"input", []],
    [b"country", b"category", b"input", []],
    [b"vip", b"flag", b"input", []],
    [b"joined", b"category", b"output", []],
]

ODD = [
    {},
    {"country": "Atlantis"},
    {"note": "of no word"},
    {"age": 1e300},
    {"note": "jazz", "country": "FR", "age": 3},
    {"age": 3, "country": "FR", "note": "jazz"},
]
YES = (
    0.5241336226463318,
    0.5241336226463318,
    0.4870501458644867,
    0.5335779786109924,
    0.8045114874839783,
    0.8045114874839783,
)


def _of_yes(reply: Any) -> bool:
    return [tuple(row[2:]) for row in reply] == [(b"yes", y) for y in YES]


CASES: dict[str, list[Step]] = {
    "what a row lacks or says for the first time is answered to the same bits": [
        (
            "NR.CREATE odd CLASSIFIER age:number country:category note:text -> joined:category "
            "DATASET 100 TEST 50 SEED 5",
            0,
        ),
        *(
            (
                f"NR.OBSERVE odd age={i % 7} country={('IT', 'FR')[i % 2]} "
                f'note="{("likes jazz", "plays chess")[i % 5 % 2]}" '
                f"-> joined={('no', 'yes')[i % 2]} {('TRAIN', 'TEST')[i % 3 == 0]}",
                lambda reply: True,
            )
            for i in range(30)
        ),
        *trained("odd", "MAXCYCLES 20 MAXTIME 0"),
        (("NR.RUN", "odd", "JSON", json.dumps(ODD)), _of_yes),
        (("NR.RUN", "odd", "MSGPACK", msgpack.packb(ODD)), _of_yes),
        (
            ("NR.CLASS", "odd", "JSON", json.dumps(ODD)),
            [b"yes", b"yes", b"no", b"yes", b"yes", b"yes"],
        ),
        ("NR.CLASS odd age=", b"yes"),
        ("NR.DEL odd", 1),
    ],
    "a sample that counts more is believed more": [
        ("NR.CREATE one CLASSIFIER a:number LINEAR -> y:category TEST 0 SEED 1", 0),
        *(("NR.OBSERVE one a=1 -> y=no", [i + 1, 0]) for i in range(6)),
        ("NR.OBSERVE one a=1 -> y=yes WEIGHT 3", [7, 0]),
        *trained("one", "MAXCYCLES 100 MAXTIME 0"),
        ("NR.CLASS one a=1", b"no"),
        ("NR.OBSERVE one a=1 -> y=yes WEIGHT 30", [8, 0]),
        *trained("one", "MAXCYCLES 100 MAXTIME 0"),
        ("NR.CLASS one a=1", b"yes"),
        ("NR.DEL one", 1),
    ],
    "all names that are no fields are told at once": [
        *_club(1),
        _refused("NR.OBSERVE club a=1 age=3 b=2 -> joined=no", "no fields 'a', 'b' in club"),
        _refused("NR.OBSERVE club age=3 -> joined=no c=2", "no field 'c' in club"),
        _refused("NR.OBSERVE club aeg=3 -> c=2", "no fields 'aeg', 'c' in club"),
        _refused(
            ("NR.OBSERVE", "club", "JSON", '[{"joined":"no"},{"b":[1,{}],"age":1,"a":2}]'),
            "sample 1: no fields 'b', 'a' in club",
        ),
        _refused(
            ("NR.RUN", "club", "MSGPACK", msgpack.packb({f"x{i}": i for i in range(12)})),
            "no fields 'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8', 'x9' and 2 more in "
            "club",
        ),
        _refused(
            ("NR.CLASS", "club", "MSGPACK", msgpack.packb({"é" * 40: 1, "b" * 90: 2, "c" * 90: 3})),
            "no fields '" + "\\xc3\\xa9" * 11 + "\\xc3...', '" + "b" * 90 + "' and 1 more in club",
        ),
        _refused(
            ("NR.CLASS", "club", "COLUMNS", msgpack.packb({"age": [1], "b": [1], "aeg": [1]})),
            "no fields 'b', 'aeg' in club",
        ),
        ("NR.DEL club", 1),
    ],
    "rows are answered whatever they lack, or say that was never seen": [
        *_club(),
        *trained("club", "MAXCYCLES 20 MAXTIME 0"),
        (("NR.RUN", "club", "JSON", "{}"), _probabilities),
        ("NR.RUN club age=", _probabilities),
        ("NR.RUN club country=Atlantis", _probabilities),
        ("NR.RUN club age=1e300 vip=", _probabilities),
        ("NR.RUN club age=3 country=FR vip=yes", _probabilities),
        ("NR.RUN club vip=yes country=FR age=3", _probabilities),
        (("NR.RUN", "club", "JSON", '{"vip":true,"age":3.0,"country":"FR"}'), _probabilities),
        (
            (
                "NR.RUN",
                "club",
                "COLUMNS",
                msgpack.packb({"country": ["FR"], "vip": [1], "age": [3]}),
            ),
            lambda reply: _probabilities(reply[0]),
        ),
        (_same_answers, lambda reply: reply == [b"club"]),
        ("NR.OBSERVE club age=1e300 -> joined=yes TRAIN", [21, 10]),
        ("NR.OBSERVE club age=-1e308 -> joined=no TRAIN", [22, 10]),
        *trained("club", "MAXCYCLES 5 MAXTIME 0"),
        ("NR.RUN club age=-1e308", _probabilities),
        ("NR.FIELDS club DROP age ADD note:text", "OK"),
        ("NR.OBSERVE club note=jazz -> joined=maybe TRAIN", [23, 10]),
        ("NR.RUN club note=jazz", _probabilities),
        *trained("club", "MAXCYCLES 20 MAXTIME 0"),
        ("NR.RUN club note=jazz", lambda reply: reply[::2] == [b"maybe", b"no", b"yes"]),
        ("NR.RUN club note=blues", lambda reply: reply[::2] == [b"maybe", b"no", b"yes"]),
    ],
    "each of several samples has a weight of its own": [
        (CLUB, 0),
        (_weighed("JSON", '[{"joined":"a"},{"joined":"b"}]', floats(1, 2.5)), [2, 0]),
        (_weighed("MSGPACK", msgpack.packb({"joined": "c"}), floats(7)), [3, 0]),
        (
            _weighed("MSGPACK", msgpack.packb({"joined": "c"}), b"TEST"),
            syntax("NR.OBSERVE", WEIGHT.format(0, "3.62960493e+12")),
        ),
        (_weighed("COLUMNS", msgpack.packb({"joined": ["d", "e"]}), floats(3, 4)), [5, 0]),
        ("NR.OBSERVE club -> joined=f WEIGHT 2.5 TRAIN", [6, 0]),
        (
            "NR.DUMP club",
            lambda blob: (
                [bytes(one) for one in _records(blob)]
                == [
                    msgpack.packb([weight, None, None, None, name])
                    for weight, name in (
                        *(
                            (None, "a"),
                            (2.5, "b"),
                            (7.0, "c"),
                            (3.0, "d"),
                            (4.0, "e"),
                            (2.5, "f"),
                        ),
                    )
                ]
            ),
        ),
        _refused(
            _weighed("JSON", '[{"joined":"a"},{"joined":"b"}]', floats(1)),
            "WEIGHTS has 1 numbers for 2 samples",
        ),
        _refused(
            _weighed("JSON", '{"joined":"a"}', floats(1, 1)), "WEIGHTS has 2 numbers for 1 samples"
        ),
        *(
            (_weighed("JSON", '[{"joined":"a"}]', blob), syntax("NR.OBSERVE", why))
            for blob, why in (
                (floats(0), WEIGHT.format(0, "0")),
                (floats(1, -2), WEIGHT.format(1, "-2")),
                (floats(1, 2, 1000001), WEIGHT.format(2, "1000001")),
                (floats(float("nan")), WEIGHT.format(0, "no finite one")),
                (floats(float("inf")), WEIGHT.format(0, "no finite one")),
                (b"abc", "WEIGHTS takes a 32-bit float for each sample, not 3 bytes"),
                (b"", "WEIGHTS takes a 32-bit float for each sample, not 0 bytes"),
            )
        ),
        (
            ("NR.OBSERVE", "club", "->", "joined=a", "WEIGHTS", floats(1)),
            syntax(
                "NR.OBSERVE",
                "WEIGHTS is for JSON, MSGPACK and COLUMNS: one sample takes WEIGHT w",
            ),
        ),
        (
            ("NR.OBSERVE", "club", "JSON", "[]", "WEIGHT", "1", "WEIGHTS", floats(1)),
            syntax("NR.OBSERVE", "WEIGHT or WEIGHTS is given twice"),
        ),
        (
            ("NR.OBSERVE", "club", "JSON", "[]", "WEIGHTS"),
            syntax(
                "NR.OBSERVE",
                "JSON takes one argument, and then WEIGHT w, WEIGHTS blob, TRAIN, TEST or nothing",
            ),
        ),
        ("NR.DEL club", 1),
    ],
    "the layout that a training has chosen is shown": [
        *_club(),
        ("NR.INFO club", field("layout", [1, 1])),
        *trained("club", "MAXCYCLES 5 MAXTIME 0"),
        ("NR.INFO club", field("layout", [4, 2])),
        ("NR.INFO club", field("parameters", 10)),
        ("NR.INFO club", lambda reply: "recurrent-layers" not in reply),
        ("NR.FIELDS club DROP age", "OK"),
        ("NR.INFO club", field("layout", [4, 2])),
        ("NR.RESET club", "OK"),
        ("NR.INFO club", field("layout", [1, 1])),
        ("NR.INFO club", field("parameters", 0)),
        *trained("club", "MAXCYCLES 5 MAXTIME 0"),
        ("NR.INFO club", field("layout", [3, 2])),
        ("NR.INFO club", field("parameters", 8)),
        ("NR.DEL club", 1),
    ],
    "fields come and go, and the samples stay": [
        *_club(),
        ("NR.FIELDS club", FIELDS),
        ("NR.FIELDS club ADD phone:category(a,b) note:text", "OK"),
        (
            "NR.GETDATA club TRAIN 0",
            [
                b"age",
                1.0,
                b"country",
                b"FR",
                b"vip",
                b"no",
                b"phone",
                None,
                b"note",
                None,
                b"joined",
                b"yes",
            ],
        ),
        ("NR.OBSERVE club age=3 phone=a -> joined=no TRAIN", [21, 10]),
        ("NR.FIELDS club DROP age vip", "OK"),
        _refused("NR.OBSERVE club age=3 -> joined=no", "no field 'age' in club"),
        (
            "NR.GETDATA club TRAIN 20",
            [b"country", None, b"phone", b"a", b"note", None, b"joined", b"no"],
        ),
        ("NR.FIELDS club ADD age:category", "OK"),
        (
            "NR.GETDATA club TRAIN 0",
            [b"country", b"FR", b"phone", None, b"note", None, b"age", None, b"joined", b"yes"],
        ),
        (
            "NR.FIELDS club",
            [
                FIELDS[1],
                [b"phone", b"category(a,b)", b"input", [b"a", b"b"]],
                [b"note", b"text", b"input", []],
                [b"age", b"category", b"input", []],
                FIELDS[3],
            ],
        ),
        *trained("club", "MAXCYCLES 5 MAXTIME 0"),
        ("NR.CLASS club country=IT phone=b", b"no"),
        ("NR.DEL club", 1),
    ],
    "the network answers as before until it is trained with other fields": [
        *_club(),
        *trained("club", "MAXCYCLES 30 MAXTIME 0"),
        ("NR.CLASS club country=FR age=3 vip=yes", b"yes"),
        (
            "NR.FIELDS club",
            [
                FIELDS[0],
                [*FIELDS[1][:3], [b"FR", b"IT"]],
                FIELDS[2],
                [*FIELDS[3][:3], [b"no", b"yes"]],
            ],
        ),
        ("NR.FIELDS club ADD size:number DROP vip", "OK"),
        ("NR.CLASS club country=FR age=3 size=7", b"yes"),
        _refused("NR.CLASS club country=FR vip=yes", "no field 'vip' in club"),
        ("NR.OBSERVE club country=FR size=7 -> joined=yes TRAIN", [21, 10]),
        *trained("club", "MAXCYCLES 3 MAXTIME 0"),
        ("NR.IMPORTANCE club", lambda reply: reply[::2] == [b"age", b"country", b"size"]),
        ("NR.DEL club", 1),
    ],
    "fields are changed while a training runs": [
        *_club(),
        ("NR.TRAIN club MAXTIME 0 MAXCYCLES 0", "Training has started"),
        ("NR.WAIT club 300", 0),
        ("NR.FIELDS club ADD size:number DROP vip", "OK"),
        ("NR.STOP club", 1),
        ("NR.WAIT club 0", 1),
        ("NR.CLASS club country=FR age=3 size=7", b"yes"),
        *trained("club", "MAXCYCLES 3 MAXTIME 0"),
        ("NR.IMPORTANCE club", lambda reply: reply[::2] == [b"age", b"country", b"size"]),
        ("NR.DEL club", 1),
    ],
    "what cannot be changed of fields is told": [
        *_club(1),
        _refused(
            "NR.FIELDS club ADD age:text",
            "club has a field age:number already: with DROP age in the same command another one "
            "takes its place",
        ),
        _refused(
            "NR.FIELDS club ADD joined:text",
            "club has a field joined:category already, as an output",
        ),
        _refused(
            "NR.FIELDS club ADD b:txt",
            "field b: a kind is number, flag, category, time, text, vector(n), sequence or key, "
            "not 'txt', did you mean TEXT?",
        ),
        _refused("NR.FIELDS club DROP agee", "no field 'agee' in club, did you mean age?"),
        _refused(
            "NR.FIELDS club DROP joined", "field joined is an output: inputs alone can be dropped"
        ),
        _refused("NR.FIELDS club DROP vip vip", "field vip is given twice"),
        _refused(
            "NR.FIELDS club DROP age country vip",
            "no field would be left to learn from: ADD another one first, or in the same command",
        ),
        (
            "NR.FIELDS club age",
            syntax("NR.FIELDS", "ADD field:kind ... or DROP field ... is needed, not 'age'"),
        ),
        ("NR.FIELDS club ADD", syntax("NR.FIELDS", "ADD takes field:kind ...")),
        ("NR.FIELDS club DROP", syntax("NR.FIELDS", "DROP takes field ...")),
        ("NR.FIELDS", arity("nr.fields")),
        ("NR.FIELDS none", NO_KEY),
        ("NR.FIELDS none ADD a:number", NO_KEY),
        ("NR.FIELDS club", FIELDS),
        ("NR.CREATE plain REGRESSOR 1 -> 1 SEED 1", 2),
        ("NR.FIELDS plain", []),
        _refused(
            "NR.FIELDS plain ADD a:number",
            "plain has no fields: NR.CREATE gives a network fields, or counts of its inputs and "
            "outputs",
        ),
        ("NR.DEL club plain", 2),
    ],
}
