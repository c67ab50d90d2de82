"""How sure an answer is: intervals, and classes that are probable enough."""

import json
import struct
from typing import Any

from dumps import closed, opened

from conformance.steps import NO_KEY, PAIR, Refused, Step, arity, syntax, trained

NOISY = "NR.CREATE net REGRESSOR 1 -> 2 SEED 4 MEMBERS 2 DATASET 90 TEST 40"
HOUSE = "NR.CREATE house REGRESSOR size:number place:category LINEAR -> price:number SEED 2"
CLUB = "NR.CREATE club CLASSIFIER age:number LINEAR -> joined:category SEED 3"
FAST = "MAXCYCLES 60 MAXTIME 0 AUTOSTOP BACKTRACK"
RANGE = "INTERVAL must be a number above 0 and up to 0.9999, not '{}'"
SHARE = "SURE must be a number above 0 and up to 1, not '{}'"
FEW = "ERR INTERVAL {} takes at least {} testing samples at the last training, there were {}"


def _noise(i: int) -> float:
    return (i * 37 % 101 - 50) / 50


def _noisy(n: int) -> bytes:
    rows = ((i / n, i / n + 0.1 * _noise(i), 5 - i / n) for i in range(n))
    return b"".join(struct.pack("<3f", *row) for row in rows)


def _houses(n: int) -> str:
    rows = (
        {"size": i % 50, "place": "AB"[i % 2], "price": i % 50 + 10 * (i % 2) + 3 * _noise(i)}
        for i in range(n)
    )
    return json.dumps(list(rows))


def _members(n: int) -> str:
    joined = ("yes" if i % 60 + 15 * _noise(i) > 30 else "no" for i in range(n))
    return json.dumps([{"age": i % 60, "joined": word} for i, word in enumerate(joined)])


def _widths(reply: Any) -> list[float]:
    assert all(low <= value <= high for low, value, high in reply)
    return [high - low for low, _, high in reply]


def _noise_is_told(reply: Any) -> bool:
    first, second = _widths(reply)
    return 0.1 < first < 0.4 and second < first


def _as_the_blob(replies: list[Any]) -> tuple[Any, ...]:
    """NR.RUN's rows in a blob have the numbers of the row before, as float32."""
    numbers = struct.unpack("<12f", replies[-1])
    flat = [x for triple in replies[-2] for x in triple]
    assert numbers[6:] == struct.unpack("<6f", struct.pack("<6f", *flat))
    return ("NR.LIST",)


def _price(reply: Any) -> bool:
    name, triple = reply
    return name == b"price" and 3 < _widths([triple])[0] < 9 and abs(triple[1] - 30) < 3


def _wider(replies: list[Any]) -> tuple[Any, ...]:
    wide, narrow = (_widths([reply[1]])[0] for reply in replies[-2:])
    assert wide > narrow
    return ("NR.LIST",)


def _restored(without: str, **changed: bytes) -> Any:
    """The network of the last dump, without a part or with other bytes in it."""

    def restore(replies: list[Any]) -> tuple[Any, ...]:
        blob = next(reply for reply in reversed(replies) if isinstance(reply, bytes))
        header, parts = opened(blob)
        parts = {name: part for name, part in parts.items() if name != without}
        for name, data in changed.items():
            parts[name] = 1, data
        return "NR.RESTORE", "again", closed(header, parts), "REPLACE"

    return restore


def _bad(*floats: float) -> Step:
    """Residuals that are none."""
    why = "ERR invalid network: what its training found out"
    return _restored("", residuals=struct.pack(f"<{len(floats)}f", *floats)), Refused(why)


NO_BACKGROUND = (
    "ERR NR.EXPLAIN takes background samples, which a training keeps, and NR.CLEAR and NR.FORGET "
    "drop: train {} again"
)
ONE_ROW = "ERR NR.EXPLAIN explains one row at a time, not {}"


def _told(reply: Any) -> dict[str, Any]:
    """NR.EXPLAIN's reply, whose parts come to the prediction."""
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    assert [*found][1:] == ["prediction", "baseline", "attributions", "others", "error"]
    added = sum(found["attributions"][1::2]) + found["others"]
    assert abs(found["prediction"] - found["baseline"] - added) < 1e-9
    sizes = [abs(value) for value in found["attributions"][1::2]]
    assert sizes == sorted(sizes, reverse=True)
    return found


def _rests_on(*names: Any, of: Any) -> Any:
    """These fields, the largest first, exactly."""

    def check(reply: Any) -> bool:
        found = _told(reply)
        named = [*found["attributions"][::2]] == [*names]
        return named and reply[1] == of and found["error"] == 0

    return check


def _same_explanation(replies: list[Any]) -> tuple[Any, ...]:
    assert replies[-1] == replies[-2] == replies[-3]
    return ("NR.LIST",)


def _opposite(replies: list[Any]) -> tuple[Any, ...]:
    """Of two classes one's log-odds are the other's, below 0."""
    yes, no = map(_told, replies[-2:])
    assert abs(yes["prediction"] + no["prediction"]) < 1e-6
    return ("NR.LIST",)


def _sums(n: int, inputs: int) -> bytes:
    """Samples whose outputs are the sum of the inputs, each counting more than the one before,
    and the first input."""
    rows = ([(i * (k + 3) % 17) / 17 for k in range(inputs)] for i in range(n))
    wide = f"<{inputs + 2}f"
    return b"".join(
        struct.pack(wide, *row, sum(k * x for k, x in enumerate(row)), row[0]) for row in rows
    )


def _order(inputs: int) -> Any:
    """Inputs of 1 where those of the background are a half on average: the last counts most."""

    def check(reply: Any) -> bool:
        found = _told(reply)
        return found["attributions"][0] == inputs - 1 and found["attributions"][1] > inputs / 8

    return check


def _all_of_14(reply: Any) -> bool:
    found = _told(reply)
    return sorted(found["attributions"][::2]) == [*range(14)] and 0 < found["error"] < 5


def _without_background(blob: bytes) -> bool:
    return "background" not in opened(blob)[1]


CASES: dict[str, list[Step]] = {
    "what an answer rests on is told by field": [
        (CLUB.replace("age:number", "age:number city:category id:key"), 0),
        (
            "NR.EXPLAIN club age=5",
            Refused("ERR net has not been trained yet: NR.TRAIN club comes first"),
        ),
        (("NR.OBSERVE", "club", "JSON", _members(240)), [160, 80]),
        *trained("club", FAST),
        ("NR.EXPLAIN club age=55", _rests_on(b"age", b"city", b"id", of=b"yes")),
        (
            ("NR.EXPLAIN", "club", "JSON", '{"age":55}'),
            _rests_on(b"age", b"city", b"id", of=b"yes"),
        ),
        ("NR.EXPLAIN club age=55 id=me CLASS yes", _rests_on(b"age", b"city", b"id", of=b"yes")),
        (_same_explanation, [b"club"]),
        ("NR.EXPLAIN club age=55 TOP 1", _rests_on(b"age", of=b"yes")),
        ("NR.EXPLAIN club age=55 class no top 1", _rests_on(b"age", of=b"no")),
        (_opposite, [b"club"]),
        ("NR.EXPLAIN club age=55 CLASS maybe", Refused("ERR no class 'maybe' in club")),
        ("NR.EXPLAIN club age=55 CLASS", syntax("NR.EXPLAIN", "CLASS wants a value")),
        (
            "NR.EXPLAIN club age=55 TOP 0",
            syntax("NR.EXPLAIN", "TOP must be an integer from 1 to 16777216, not '0'"),
        ),
        ("NR.EXPLAIN club age=55 TOP 1 TOP 2", syntax("NR.EXPLAIN", "TOP is given twice")),
        (
            "NR.EXPLAIN club age=55 CLASS no OUTPUT no",
            syntax("NR.EXPLAIN", "CLASS or OUTPUT is given twice"),
        ),
        (
            "NR.EXPLAIN club age=55 OUTPUT joined",
            Refused(
                "ERR OUTPUT is for regressors: CLASS says which class of a classifier is explained"
            ),
        ),
        ("NR.EXPLAIN club aeg=55", Refused("ERR no field 'aeg' in club, did you mean age?")),
        (("NR.EXPLAIN", "club", "JSON", '[{"age":5},{}]'), Refused(ONE_ROW.format(2))),
        ("NR.EXPLAIN nobody age=5", NO_KEY),
        ("NR.EXPLAIN club", arity("nr.explain")),
        ("NR.FORGET club age=70", 0),
        ("NR.DUMP club", _without_background),
        ("NR.EXPLAIN club age=55", Refused(NO_BACKGROUND.format("club"))),
        *trained("club", "MAXCYCLES 2 MAXTIME 0"),
        ("NR.EXPLAIN club age=55", _rests_on(b"age", b"city", b"id", of=b"yes")),
        ("NR.CLEAR club TEST", 80),
        ("NR.EXPLAIN club age=55", Refused(NO_BACKGROUND.format("club"))),
        ("NR.CLASS club age=55", b"yes"),
    ],
    "what an answer rests on is told by input": [
        ("NR.CREATE net REGRESSOR 3 4 -> 2 SEED 6 MEMBERS 3", 26),
        (("NR.OBSERVE", "net", "FP32", _sums(120, 3), "TRAIN"), [120, 0]),
        *trained("net", "MAXCYCLES 60 MAXTIME 0"),
        (
            "NR.EXPLAIN net 1 1 1",
            Refused("ERR the network has 2 outputs: OUTPUT says which is explained"),
        ),
        ("NR.EXPLAIN net 1 1 1 OUTPUT 0", _order(3)),
        (("NR.EXPLAIN", "net", "FP32", struct.pack("<3f", 1, 1, 1), "OUTPUT", "0"), _order(3)),
        ("NR.EXPLAIN net 1 1 1 OUTPUT 0", _rests_on(2, 1, 0, of=0)),
        (_same_explanation, [b"net"]),
        ("NR.EXPLAIN net 1 0.5 0.5 OUTPUT 1 TOP 1", _rests_on(0, of=1)),
        (
            "NR.EXPLAIN net 1 1 1 OUTPUT 2",
            Refused("ERR no output '2' in net: they are numbers from 0 to 1"),
        ),
        (
            "NR.EXPLAIN net 1 1 1 CLASS 1",
            Refused(
                "ERR CLASS is for classifiers: OUTPUT says which output of a regressor is explained"
            ),
        ),
        (
            "NR.EXPLAIN net 1 1 OUTPUT 1",
            Refused(
                "ERR number of arguments does not match the number of inputs in the neural "
                "network: 2 given, 3 expected"
            ),
        ),
        (("NR.EXPLAIN", "net", "FP32", bytes(24)), Refused(ONE_ROW.format(2))),
        (
            "NR.EXPLAIN net a=1",
            Refused("ERR net has no fields: give it numbers, in the order of its inputs"),
        ),
        ("NR.RESET net", "OK"),
        (
            "NR.EXPLAIN net 1 1 1 OUTPUT 0",
            Refused("ERR net has not been trained yet: NR.TRAIN net comes first"),
        ),
    ],
    "many inputs are explained by orders that are drawn": [
        ("NR.CREATE net REGRESSOR 14 4 -> 2 SEED 6 MEMBERS 2", 70),
        (("NR.OBSERVE", "net", "FP32", _sums(120, 14), "TRAIN"), [120, 0]),
        *trained("net", "MAXCYCLES 60 MAXTIME 0"),
        (("NR.EXPLAIN", "net", *"1" * 14, "OUTPUT", "0"), _all_of_14),
        (
            ("NR.EXPLAIN", "net", *"1" * 14, "OUTPUT", "0", "TOP", "1"),
            lambda r: len(_told(r)["attributions"]) == 2,
        ),
        ("NR.DUMP net", lambda blob: len(opened(blob)[1]["background"][1]) == 4 * 14 * 64),
        (_restored(""), "OK"),
        (("NR.EXPLAIN", "again", *"1" * 14, "OUTPUT", "0"), _all_of_14),
        (
            _restored("", background=bytes(4 * 13)),
            Refused("ERR invalid network: what its training found out"),
        ),
        (
            _restored("", background=bytes(4 * 14 * 65)),
            Refused("ERR invalid network: what its training found out"),
        ),
    ],
    "samples dropped while a training runs are no background": [
        (CLUB, 0),
        (("NR.OBSERVE", "club", "JSON", _members(240)), [160, 80]),
        ("NR.TRAIN club MAXTIME 0 MAXCYCLES 0", "Training has started"),
        ("NR.WAIT club 300", 0),
        ("NR.FORGET club age=1", 4),
        ("NR.STOP club", 1),
        ("NR.WAIT club 0", 1),
        ("NR.CLASS club age=55", b"yes"),
        ("NR.EXPLAIN club age=55", Refused(NO_BACKGROUND.format("club"))),
        ("NR.DEL club", 1),
    ],
    "an interval lies around each output": [
        (NOISY, 4),
        ("NR.RUN net 0.5 INTERVAL 0.9", Refused(FEW.format(0.9, 9, 0))),
        (("NR.OBSERVE", "net", "FP32", _noisy(90), "TRAIN"), [90, 0]),
        *trained("net", "MAXCYCLES 5 MAXTIME 0"),
        ("NR.RUN net 0.5 INTERVAL 0.9", Refused(FEW.format(0.9, 9, 0))),
        (("NR.OBSERVE", "net", "FP32", _noisy(3), "TEST"), [90, 3]),
        *trained("net", FAST),
        ("NR.RUN net 0.5 INTERVAL 0.9", Refused(FEW.format(0.9, 9, 3))),
        ("NR.RUN net 0.5 interval 0.75", lambda reply: len(_widths(reply)) == 2),
        (("NR.OBSERVE", "net", "FP32", _noisy(37), "TEST"), [90, 40]),
        *trained("net", FAST),
        ("NR.RUN net 0.5 INTERVAL 0.9", _noise_is_told),
        (("NR.RUN", "net", "FP32", struct.pack("<2f", 0, 0.5), "INTERVAL", "0.9"), bytes),
        (_as_the_blob, [b"net"]),
        ("NR.RUN net 0.5 INTERVAL 0.999", Refused(FEW.format(0.999, 999, 40))),
        ("NR.RUN net 0.5 INTERVAL 0.9999", Refused(FEW.format(0.9999, 9999, 40))),
        ("NR.RUN net 0.5 INTERVAL", syntax("NR.RUN", "INTERVAL wants a value")),
        ("NR.RUN net 0.5 INTERVAL 1", syntax("NR.RUN", RANGE.format(1))),
        ("NR.RUN net 0.5 INTERVAL no", syntax("NR.RUN", RANGE.format("no"))),
        ("NR.RUN net INTERVAL 0.9", Refused("ERR INTERVAL without inputs is for forecasters")),
        (
            ("NR.RUN", "net", "FP32", "abcd", "INTERVAL", "0.9", "INTERVAL", "0.9"),
            syntax("NR.RUN", "FP32 takes one blob"),
        ),
        ("NR.DUMP net", lambda blob: len(opened(blob)[1]["residuals"][1]) == 4 * (1 + 2 * 40)),
        (_restored(""), "OK"),
        ("NR.RUN again 0.5 INTERVAL 0.9", _noise_is_told),
        _bad(40.0),
        _bad(0.0),
        _bad(1.0, 1.0),
        _bad(1.0, 1.0, -1.0),
        _bad(1.0, 1.0, float("nan")),
        _bad(2.0, 1.0, 2.0, 1.0, 1.0),
        _bad(0.5, 1.0, 1.0),
        ("NR.RUN again 0.5 INTERVAL 0.9", _noise_is_told),
        (_restored("residuals"), "OK"),
        (
            "NR.RUN again 0.5 INTERVAL 0.9",
            Refused(
                "ERR INTERVAL takes what trainings keep since INTERVAL is there: train the "
                "network again"
            ),
        ),
        ("NR.CLEAR net", 130),
        ("NR.RUN net 0.5 INTERVAL 0.9", _noise_is_told),
        ("NR.RESET net", "OK"),
        ("NR.RUN net 0.5 INTERVAL 0.9", Refused(FEW.format(0.9, 9, 0))),
    ],
    "an interval is in the unit of its field": [
        (HOUSE, 0),
        (("NR.OBSERVE", "house", "JSON", _houses(150)), [100, 50]),
        *trained("house", FAST),
        ("NR.RUN house size=20 place=B INTERVAL 0.9", _price),
        ("NR.RUN house size=20 place=B INTERVAL 0.5", list),
        (_wider, [b"house"]),
        (
            ("NR.RUN", "house", "JSON", '[{"size":20,"place":"B"},{}]', "INTERVAL", "0.9"),
            lambda rows: _price(rows[0]) and len(_widths([rows[1][1]])) == 1,
        ),
        ("NR.RUN house INTERVAL=0.9", Refused("ERR no field 'INTERVAL' in house")),
        ("NR.FIELDS house DROP place", "OK"),
        ("NR.RUN house size=20 INTERVAL 0.9", lambda reply: len(reply[1]) == 3),
    ],
    "a class is told where it is sure enough": [
        (PAIR, 17),
        (
            "NR.RUN net 1 2 INTERVAL 0.9",
            Refused(
                "ERR INTERVAL is for regressors and forecasters: NR.CLASS has SURE p for "
                "classifiers"
            ),
        ),
        ("NR.CLASS net 1 2 SURE 0.01", lambda reply: type(reply) is int),
        ("NR.CLASS net 1 2 SURE 1", None),
        (("NR.CLASS", "net", "FP32", struct.pack("<4f", 1, 2, 3, 4), "SURE", "1"), [None, None]),
        (
            ("NR.CLASS", "net", "FP32", "SURE"),
            Refused(
                "ERR invalid FP32 blob: 4 bytes are not a whole number of rows of 8 bytes "
                "(2 32-bit floats)"
            ),
        ),
        ("NR.CLASS net 1 2 SURE", syntax("NR.CLASS", "SURE wants a value")),
        ("NR.CLASS net 1 2 SURE 0", syntax("NR.CLASS", SHARE.format(0))),
        ("NR.CLASS net 1 2 SURE 80%", syntax("NR.CLASS", SHARE.format("80%"))),
        ("NR.CREATE mse CLASSIFIER 1 -> 2 LOSS MSE SEED 1", 4),
        (
            "NR.CLASS mse 1 SURE 0.8",
            Refused(
                "ERR SURE takes probabilities, which LOSS MSE does not give: LOSS CROSSENTROPY does"
            ),
        ),
    ],
    "a class is named where it is sure enough": [
        (CLUB, 0),
        (("NR.OBSERVE", "club", "JSON", _members(240)), [160, 80]),
        *trained("club", FAST),
        ("NR.CLASS club age=55 SURE 0.8", b"yes"),
        ("NR.CLASS club age=30 SURE 0.8", None),
        ("NR.CLASS club age=5 SURE 0.8", b"no"),
        (
            ("NR.CLASS", "club", "JSON", '[{"age":55},{"age":30}]', "SURE", "0.8"),
            [b"yes", None],
        ),
        ("NR.CLASS club age=30", lambda reply: reply in (b"no", b"yes")),
    ],
}
