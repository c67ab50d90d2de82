"""Writes forecasters, networks of sequences, generators, and networks that are watched, for
test_golden_series.py to read.

    .venv/bin/python tests/golden_series.py tests/data/golden/series-2
    .venv/bin/python tests/golden_series.py tests/data/golden/texts-1
    .venv/bin/python tests/golden_series.py tests/data/golden/phrases-1
    .venv/bin/python tests/golden_series.py tests/data/golden/drift-1

As golden_write.py, with whose servers it is written: the folder is new, and what is there already
stays as it is. expected.json is what that version replied.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
from golden_write import (
    keys,
    trained,
    write_mariadb,
    write_module,
    write_postgresql,
    write_redis,
    write_sqlite,
)

import nr

PATTERN = (0.0, 5.0, 2.0, 8.0)
PAGES = ("home", "shoes", "cart", "help")
Command = str | tuple[str, ...]


def steps(n: int, level: float) -> str:
    rows = [
        {
            "price": None if i % 10 == 9 else i % 3,
            "holiday": i % 4 == 3,
            "demand": level + i / 2 + y,
        }
        for i in range(n)
        for y in [PATTERN[i % 4]]
    ]
    return json.dumps(rows)


def visits(n: int) -> str:
    rows = [
        {
            "pages": [PAGES[(i + k * (i % 3 + 1)) % 4] for k in range(i % 6 + 1)],
            "country": ("IT", "FR")[i % 2],
            "page": PAGES[(i + i % 2) % 4],
        }
        for i in range(n)
    ]
    return json.dumps(rows)


def moves(n: int) -> str:
    rows = [
        {
            "path": [[(i * k % 7) / 8, (i + k) % 5 / 4] for k in range(i % 9 + 1)],
            "speed": i % 7 / 8 + i % 9,
        }
        for i in range(n)
    ]
    return json.dumps(rows)


SALES = "FORECASTER price:number holiday:flag -> demand:number HORIZON 4 WINDOW 16 MEMBERS 2 SEED 3"
SERIES: dict[str, list[Command]] = {
    "sales": [
        f"NR.CREATE sales {SALES} DATASET 50",
        ("NR.OBSERVE", "sales", "FOR", "store 7", "JSON", steps(60, 100)),  # more than are kept
        ("NR.OBSERVE", "sales", "JSON", steps(48, 0)),
        *trained("sales", "MAXCYCLES 20 MAXTIME 0 AUTOSTOP BACKTRACK"),
        "NR.OBSERVE sales FOR new price=1 -> demand=3.5",
    ],
    "untrained": [
        "NR.CREATE untrained FORECASTER -> a:number b:number SEASON 4 SEED 3",
        "NR.OBSERVE untrained -> a=1 b=-2.5",
    ],
    "visits": [
        "NR.CREATE visits CLASSIFIER pages:sequence(category) country:category 4 -> page:category "
        "DATASET 30 TEST 10 SEED 5 MEMBERS 2 VOCABULARY 3",
        ("NR.OBSERVE", "visits", "JSON", visits(60)),
        *trained("visits", "MAXCYCLES 3 MAXTIME 0 AUTOSTOP BACKTRACK"),
    ],
    "moves": [
        "NR.CREATE moves REGRESSOR path:sequence(2) 4 3 -> speed:number DATASET 40 TEST 0 SEED 6 "
        "MEMBERS 1 CELL GRU UNROLL 4 CLIP 0.5 DROPOUT 0.25",
        ("NR.OBSERVE", "moves", "JSON", moves(30)),
        *trained("moves", "MAXCYCLES 3 MAXTIME 0"),
    ],
}
SERIES_ASKED: dict[str, list[str]] = {
    "sales": [
        "NR.RUN sales",
        'NR.RUN sales FOR "store 7" INTERVAL 0.5',
        "NR.METRICS sales",
        "NR.GETDATA sales TRAIN 0",
        "NR.GETDATA sales TRAIN 2",
    ],
    "untrained": ["NR.GETDATA untrained TRAIN 0", "NR.METRICS untrained"],
    "visits": [
        "NR.RUN visits pages=home country=IT",
        'NR.RUN visits pages="cart home never shoes"',
        "NR.RUN visits country=FR",
        "NR.GETDATA visits TRAIN 0 99",
        "NR.GETDATA visits TEST 0 99",
        "NR.METRICS visits",
    ],
    "moves": [
        "NR.RUN moves path=[[1,2],[0.5,0.25],[0,0],[1,1],[0,1]]",
        "NR.RUN moves JSON '[{}, {\"path\": [[0.5, 0.5]]}]'",
        "NR.GETDATA moves TRAIN 0 99",
    ],
}


LINES = ("the cat sat on the mat", "a dog ran", "the dog sat on a rug", "a rug [the mat] ran")


def texts(n: int) -> str:
    return json.dumps([{"text": f"{LINES[i % 4]} {LINES[i * 5 % 3]}"} for i in range(n)])


TEXTS: dict[str, list[Command]] = {
    "words": [
        "NR.CREATE words GENERATOR 9 6 -> text:sequence(word) SEED 3 BATCH 4 UNROLL 5 TIED NO "
        "VOCABULARY 12 DATASET 40 TEST 10 INIT 0.2",
        ("NR.OBSERVE", "words", "JSON", texts(60)),
        *trained("words", "MAXCYCLES 6 MAXTIME 0 AUTOSTOP BACKTRACK"),
    ],
    "letters": [
        "NR.CREATE letters GENERATOR 17 -> text:sequence(char) SEED 4 CELL GRU OPTIMIZER SGD "
        "LEARNRATE 0.5 BATCH 3 DROPOUT 0.2 DATASET 30 TEST 0",
        ("NR.OBSERVE", "letters", "JSON", texts(30)),
        *trained("letters", "MAXCYCLES 4 MAXTIME 0"),
    ],
    "unread": [
        "NR.CREATE unread GENERATOR -> s:sequence(category) SEED 5",
        'NR.OBSERVE unread -> s="a b <unk> c"',
    ],
}
TEXTS_ASKED: dict[str, list[str]] = {
    "words": [
        'NR.RUN words text="the cat" TOP 3',
        "NR.RUN words",
        'NR.SCORE words text="a dog sat never"',
        "NR.GENERATE words LENGTH 12 SEED 6",
        'NR.GENERATE words text="the dog" TEMPERATURE 0',
        "NR.METRICS words",
        "NR.GETDATA words TRAIN 0 99",
    ],
    "letters": [
        'NR.RUN letters "text=the c"',
        'NR.SCORE letters text="the cat"',
        "NR.GENERATE letters LENGTH 40 TEMPERATURE 0.5 TOP 4 SEED 1",
    ],
    "unread": ["NR.GETDATA unread TRAIN 0", "NR.METRICS unread"],
}


def spelled(n: int) -> str:
    words = ["".join("abcdef"[i * k % 6] for k in range(1, 2 + i % 5)) for i in range(n)]
    return json.dumps([{"word": word, "sounds": " ".join(word[::-1].upper())} for word in words])


def asked_and_told(n: int) -> str:
    rows = [{"ask": LINES[i % 4], "tell": LINES[i % 4][:5]} for i in range(n)]
    return json.dumps([{"tell": "?"}, *rows])  # and one without an input


PHRASES: dict[str, list[Command]] = {
    "say": [
        "NR.CREATE say GENERATOR word:sequence(char) 9 -> sounds:sequence(category) SEED 3 "
        "OPTIMIZER ADAM LEARNRATE 0.02 BATCH 20 DROPOUT 0.2 CLIP 5 L2 0 VOCABULARY 20 DATASET 90 "
        "TEST 30 THREADS 2",
        ("NR.OBSERVE", "say", "JSON", spelled(130)),
        *trained("say", "MAXCYCLES 8 MAXTIME 0 AUTOSTOP BACKTRACK"),
    ],
    "tell": [
        "NR.CREATE tell GENERATOR ask:sequence(word) 7 5 -> tell:sequence(char) SEED 4 CELL GRU "
        "OPTIMIZER SGD LEARNRATE 0.5 BATCH 7 DROPOUT 0 CLIP 1 DECAY 0.5 AFTER 2 VOCABULARY 12 "
        "DATASET 40 TEST 0",
        ("NR.OBSERVE", "tell", "JSON", asked_and_told(30)),
        *trained("tell", "MAXCYCLES 4 MAXTIME 0"),
    ],
    "unsaid": [
        "NR.CREATE unsaid GENERATOR a:sequence(category) -> b:sequence(word) SEED 5",
        'NR.OBSERVE unsaid a="x y" -> b="one two"',
    ],
}
PHRASES_ASKED: dict[str, list[str]] = {
    "say": [
        "NR.RUN say word=bad",
        "NR.RUN say word=faded BEAM 1",
        "NR.RUN say word=xyz BEAM 9 LENGTH 4",
        'NR.SCORE say word=bad sounds="D A B"',
        "NR.METRICS say",
        "NR.HISTORY say",
        "NR.GETDATA say TRAIN 0 99",
        "NR.GETDATA say TEST 0 99",
    ],
    "tell": [
        'NR.RUN tell ask="the cat never" BEAM 2',
        'NR.SCORE tell ask="a dog ran" tell=a',
        "NR.GETDATA tell TRAIN 0 99",
    ],
    "unsaid": ["NR.GETDATA unsaid TRAIN 0", "NR.METRICS unsaid"],
}


def line(first: int, last: int, slope: int) -> str:
    rows = [(i, i * 29 % 100 / 100) for i in range(first, last)]
    return json.dumps([{"x": x, "y": slope * x + (i * 37 % 101 - 50) / 500} for i, x in rows])


def members(first: int, last: int, city: str) -> str:
    rows = [
        {
            "age": i * 7 % 60,
            "city": city[i % len(city)],
            "note": "likes jazz" if i % 3 else None,
            "joined": "yes" if i * 7 % 60 > 30 else "no",
        }
        for i in range(first, last)
    ]
    return json.dumps(rows)


def pairs(first: int, last: int) -> list[Command]:
    rows = [(i * 7 % 11, i * 5 % 13) for i in range(first, last)]
    return [f"NR.OBSERVE pairs {a} {b} -> {int(a > 5)}" for a, b in rows]


WATCHED: dict[str, list[Command]] = {
    "line": [
        "NR.CREATE line REGRESSOR x:number 3 -> y:number SEED 4 MEMBERS 2 DATASET 200 TEST 100",
        ("NR.OBSERVE", "line", "JSON", line(0, 150, 1)),
        *trained("line", "MAXCYCLES 20 MAXTIME 0 AUTOSTOP BACKTRACK"),
        "NR.CONFIGURE line DRIFT ON",
        ("NR.OBSERVE", "line", "JSON", line(150, 200, 1)),
        ("NR.OBSERVE", "line", "JSON", line(200, 280, -1)),  # to the alarm
    ],
    "club": [
        "NR.CREATE club CLASSIFIER age:number city:category note:text LINEAR -> joined:category "
        "SEED 3 DRIFT ON DATASET 60 TEST 40",
        ("NR.OBSERVE", "club", "JSON", members(0, 90, "AB")),
        *trained("club", "MAXCYCLES 9 MAXTIME 0"),
        ("NR.OBSERVE", "club", "JSON", members(90, 160, "BC")),
    ],
    "pairs": [
        "NR.CREATE pairs CLASSIFIER 2 3 -> 2 SEED 2 DATASET 40 TEST 20",
        *pairs(0, 60),
        *trained("pairs", "MAXCYCLES 9 MAXTIME 0"),
        "NR.CONFIGURE pairs TRAINEVERY AUTO",
        *pairs(60, 65),
    ],
}
WATCHED_ASKED: dict[str, list[str]] = {
    "line": [
        "NR.DRIFT line",
        "NR.RUN line x=0.5",
        "NR.RUN line x=0.5 INTERVAL 0.9",
        "NR.EXPLAIN line x=0.25",
        "NR.METRICS line",
    ],
    "club": [
        "NR.DRIFT club",
        "NR.CLASS club age=50 SURE 0.6",
        "NR.EXPLAIN club age=50 city=A",
        "NR.EXPLAIN club city=never note=jazz",
    ],
    "pairs": ["NR.DRIFT pairs", "NR.CLASS pairs 2 7 SURE 0.99", "NR.EXPLAIN pairs 9 1"],
}
SETS = {
    "series-2": (SERIES, SERIES_ASKED),
    "texts-1": (TEXTS, TEXTS_ASKED),
    "phrases-1": (PHRASES, PHRASES_ASKED),
    "drift-1": (WATCHED, WATCHED_ASKED),
}
"""By folder: commands that make networks, and what these are asked."""


def run(db: nr.Database, commands: list[Any]) -> list[Any]:
    return [db.execute(*([line] if isinstance(line, str) else line)) for line in commands]


def said(db: nr.Database, name: str) -> dict[str, Any]:
    """What all drivers reply alike, with texts in place of bytes."""
    return {key: as_text(run(db, lines)) for key, lines in SETS[name][1].items()}


def as_text(reply: Any) -> Any:
    if isinstance(reply, list):
        return [as_text(one) for one in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


@dataclass
class Writer:
    """Writes stores into a folder; each of them says the same."""

    folder: Path
    said: dict[str, Any]

    @contextmanager
    def filled(self, url: str, name: str) -> Iterator[nr.Database]:
        with nr.connect(url) as db:
            for commands in SETS[self.folder.name][0].values():
                run(db, commands)
            assert said(db, self.folder.name) == self.said, name
            yield db


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    writer: Any = Writer(folder, {})
    with nr.connect("memory://") as db:
        for commands in SETS[folder.name][0].values():
            run(db, commands)
        writer.said = said(db, folder.name)
        blobs = {key: db.execute("NR.DUMP", key) for key in keys(db)}
    (folder / "dumps.msgpack").write_bytes(msgpack.packb(blobs))
    (folder / "expected.json").write_text(json.dumps(writer.said) + "\n")
    for write in write_sqlite, write_postgresql, write_mariadb, write_redis:
        write(writer)
    for name in "module.rdb", "module.aof":
        write_module(writer, name)


if __name__ == "__main__":
    main()
