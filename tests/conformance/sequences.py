"""Networks that read sequences: of symbols, of numbers, and beside other fields."""

import json
from typing import Any

from conformance.steps import Refused, Step, field, trained

VISITS = (
    "NR.CREATE next CLASSIFIER pages:sequence(category) country:category 6 -> page:category "
    "DATASET 100 TEST 50 SEED 5 MEMBERS 2"
)
MOVES = (
    "NR.CREATE move REGRESSOR path:sequence(2) beat:sequence 5 4 -> speed:number "
    "DATASET 100 TEST 50 SEED 6 MEMBERS 1"
)
OPTIONS = [
    *("CELL", "GRU"),
    *("UNROLL", "4"),
    *("CLIP", "0.5"),
    *("VOCABULARY", "10000"),
    *("DROPOUT", "0.25"),
    *("DECAY", "0.5"),
    *("AFTER", "2"),
    *("DRIFT", "OFF"),
]
PAGES = ("home", "shoes", "cart", "help")


def _visits(n: int) -> list[dict[str, Any]]:
    """The next page follows from the last one and the country."""
    return [
        {
            "pages": [PAGES[(i * i + k * (i % 3 + 1)) % 4] for k in range(i % 6 + 1)],
            "country": ("IT", "FR")[i % 2],
            "page": PAGES[(i * i + i % 6 * (i % 3 + 1) + i % 2) % 4],
        }
        for i in range(n)
    ]


def _moves(n: int) -> list[dict[str, Any]]:
    return [
        {
            "path": [[(i * k % 7) / 7, (i + k) % 5 / 5] for k in range(i % 9 + 1)],
            "beat": None if i % 4 == 0 else [i % 3, k := i % 5, k / 2],
            "speed": i % 7 / 7 + i % 9,
        }
        for i in range(n)
    ]


def _observed(key: str, rows: list[dict[str, Any]], train: int) -> list[Step]:
    test = len(rows) - train
    return [
        (("NR.OBSERVE", key, "JSON", json.dumps(rows[:train]), "TRAIN"), [train, 0]),
        (("NR.OBSERVE", key, "JSON", json.dumps(rows[train:]), "TEST"), [train, test]),
    ]


def _refused(words: str, why: str) -> Step:
    return words, Refused(f"ERR {why}")


def _names_pages(reply: Any) -> bool:
    return reply[::2] == [b"cart", b"home", b"shoes"]


def _steps(n: int) -> str:
    return "[" + ",".join(["1"] * n) + "]"


CASES: dict[str, list[Step]] = {
    "sequences of symbols are learned beside a category": [
        (VISITS, 0),
        *_observed("next", _visits(60), 40),
        (
            'NR.OBSERVE next pages="home shoes  cart" country=IT -> page=cart TEST',
            [40, 21],
        ),
        (
            "NR.GETDATA next TEST 20",
            [b"pages", [b"home", b"shoes", b"cart"], b"country", b"IT", b"page", b"cart"],
        ),
        _refused(
            "NR.RUN next pages=home", "net has not been trained yet: NR.TRAIN next comes first"
        ),
        *trained("next", "MAXCYCLES 8 AUTOSTOP BACKTRACK MAXTIME 0"),
        ("NR.CLASS next pages=home country=IT", lambda page: page.decode() in PAGES),
        ('NR.RUN next \'pages=["home","shoes"]\' country=FR', _names_pages),
        ('NR.RUN next pages="never seen" country=US', _names_pages),
        ("NR.RUN next country=IT", _names_pages),
        (
            'NR.CLASS next JSON \'[{"pages":["home"]},{"pages":"home cart"},{}]\'',
            lambda pages: len(pages) == 3,
        ),
        _refused(
            "NR.EXPLAIN next pages=home",
            "a field of next is a sequence, which NR.EXPLAIN does not take apart: NR.IMPORTANCE "
            "tells what its answers rest on",
        ),
        ("NR.IMPORTANCE next", lambda reply: reply[::2] == [b"pages", b"country"]),
        ("NR.METRICS next", lambda reply: reply[1] == 21),
        ("NR.INFO next", field("recurrent-layers", [6])),
        ("NR.INFO next", field("layout", [8, 3])),
        ("NR.DUMP next", lambda blob: len(blob) > 1000),
        *trained("next", "MAXCYCLES 2 MAXTIME 0"),
    ],
    "sequences of numbers and vectors are learned": [
        (MOVES, 0),
        *_observed("move", _moves(70), 50),
        ("NR.OBSERVE move path=[[1,2],[3,4.5]] beat=[7] -> speed=2 TRAIN", [51, 20]),
        (
            "NR.GETDATA move TRAIN 50",
            [b"path", [[1.0, 2.0], [3.0, 4.5]], b"beat", [7.0], b"speed", 2.0],
        ),
        *trained("move", "MAXCYCLES 5 MAXTIME 0"),
        ("NR.RUN move path=[[1,2],[3,4.5]]", lambda reply: reply[0] == b"speed"),
        ("NR.RUN move JSON '[{\"beat\":[1,2]},{}]'", lambda reply: len(reply) == 2),
        ("NR.IMPORTANCE move", lambda reply: reply[::2] == [b"path", b"beat"]),
        ("NR.RESET move", "OK"),
        _refused(
            "NR.CONFIGURE move DROPOUT 1",
            "Syntax error in NR.CONFIGURE: DROPOUT must be AUTO or a number from 0 to 0.9, not '1'",
        ),
        _refused(
            "NR.CONFIGURE move VOCABULARY 10001",
            "Syntax error in NR.CONFIGURE: VOCABULARY must be an integer from 1 to 10000, "
            "not '10001'",
        ),
        ("NR.DUMP move", lambda blob: len(blob) > 1000),
    ],
    "gated recurrent units, and how far and how long a gradient goes": [
        (MOVES + " CELL GRU UNROLL 4 CLIP 0.5 DROPOUT 0.25 DECAY 0.5 AFTER 2 THREADS 2", 0),
        *_observed("move", _moves(70), 50),
        ("NR.CONFIGURE move", lambda reply: reply[-len(OPTIONS) :] == OPTIONS),
        *trained("move", "MAXCYCLES 3 MAXTIME 0"),
        ("NR.RUN move path=[[1,2],[3,4.5]]", lambda reply: reply[0] == b"speed"),
        ("NR.CONFIGURE move UNROLL AUTO CLIP AUTO DROPOUT AUTO VOCABULARY 9 DECAY AUTO", "OK"),
        _refused(
            "NR.CONFIGURE move DECAY 0",
            "Syntax error in NR.CONFIGURE: DECAY must be AUTO or a number above 0 and up to 1, "
            "not '0'",
        ),
        _refused(
            "NR.CONFIGURE move DECAY 0.5 AFTER 0",
            "Syntax error in NR.CONFIGURE: AFTER must be an integer from 1 to 67108864, not '0'",
        ),
        _refused(
            "NR.CONFIGURE move CELL LSTM",
            "Syntax error in NR.CONFIGURE: CELL is fixed when the network is created",
        ),
        _refused(
            "NR.CONFIGURE move CLIP 0",
            "Syntax error in NR.CONFIGURE: CLIP must be AUTO or a number above 0 and up to "
            "1000000, not '0'",
        ),
        ("NR.DUMP move", lambda blob: len(blob) > 1000),
        *trained("move", "MAXCYCLES 2 MAXTIME 0"),
        ("NR.CREATE plain REGRESSOR x:number -> y:number SEED 1", 0),
        _refused(
            "NR.CONFIGURE plain CLIP 1",
            "Syntax error in NR.CONFIGURE: CLIP is for networks with a field that is a sequence",
        ),
        _refused(
            "NR.CREATE other REGRESSOR 1 -> 1 DECAY 0.5",
            "Syntax error in NR.CREATE: DECAY is for networks with a field that is a sequence",
        ),
        _refused(
            "NR.CREATE other REGRESSOR 1 -> 1 CELL GRU",
            "Syntax error in NR.CREATE: CELL is for networks with a field that is a sequence",
        ),
    ],
    "sequences that are none": [
        (VISITS, 0),
        (MOVES, 0),
        _refused(
            "NR.OBSERVE next pages=[] -> page=home",
            "field pages: an empty sequence, of which there are none: leave the field out",
        ),
        _refused(
            "NR.OBSERVE next 'pages= ' -> page=home",
            "field pages: an empty sequence, of which there are none: leave the field out",
        ),
        _refused(
            "NR.OBSERVE next 'pages=[\"home\",null]' -> page=home",
            "field pages: step 1 is empty, and no symbol",
        ),
        _refused(
            'NR.OBSERVE next JSON \'{"pages":7,"page":"home"}\'',
            "field pages: a list of steps or nothing is needed, not '7'",
        ),
        _refused(
            "NR.OBSERVE move path=[[1,2],[3]] -> speed=1",
            "field path: step 1 has 1 numbers where 2 are needed",
        ),
        _refused(
            "NR.OBSERVE move path=[1,2] -> speed=1",
            "field path: step 0 has 1 numbers where 2 are needed",
        ),
        _refused(
            "NR.OBSERVE move beat=[1,null] -> speed=1",
            "field beat: step 1 has what is no finite 32-bit number",
        ),
        _refused(
            "NR.OBSERVE move beat=3 -> speed=1",
            "field beat: a list of steps or nothing is needed, not '3'",
        ),
        (
            ("NR.OBSERVE", "move", f"beat={_steps(65537)}", "->", "speed=1"),
            Refused("ERR field beat: 65537 steps, at most 65536: give the latest ones, or fewer"),
        ),
        (("NR.OBSERVE", "move", f"beat={_steps(65536)}", "->", "speed=1", "TRAIN"), [1, 0]),
        _refused(
            "NR.CREATE a CLASSIFIER x:sequence(0) -> y:category",
            "field x: sequence takes how many numbers a step has, 1 to 65536, or category, word or "
            "char, not '0'",
        ),
        _refused(
            "NR.CREATE a CLASSIFIER x:number -> y:sequence",
            "field y:sequence: the output of a classifier is of kind category",
        ),
        _refused(
            f"NR.CREATE a CLASSIFIER {' '.join(f'x{i}:sequence' for i in range(9))} -> y:category",
            "9 fields are sequences, at most 8 may be",
        ),
        _refused(
            "NR.CREATE a CLASSIFIER x:sequence 1 2 3 4 5 6 7 8 9 -> y:category",
            "9 recurrent layers, at most 8",
        ),
        ("NR.FIELDS next ADD clicks:sequence(3)", "OK"),
        ("NR.FIELDS next DROP pages", "OK"),
        ("NR.LIST", [b"move", b"next"]),
    ],
}
