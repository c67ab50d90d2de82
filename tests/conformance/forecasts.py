"""Forecasters: series that grow step by step, and what comes next of them."""

import json
import math
from collections.abc import Callable
from typing import Any

from conformance.steps import NO_KEY, Refused, Step, field, trained

SALES = (
    "NR.CREATE sales FORECASTER price:number holiday:flag -> demand:number "
    "HORIZON 4 WINDOW 16 SEED 3 MEMBERS 2"
)
FAST = "MAXCYCLES 40 MAXTIME 0 AUTOSTOP BACKTRACK"
KEY_WORDS = ["HORIZON", "4", "WINDOW", "16", "SEASON", "AUTO"]
PATTERN = (0.0, 5.0, 2.0, 8.0)


def steps(n: int, level: float = 0) -> list[dict[str, Any]]:
    """Four steps are a season; it grows by 1 a step."""
    return [
        {
            "price": None if i % 10 == 9 else i % 3,
            "holiday": i % 4 == 3,
            "demand": level + i + PATTERN[i % 4],
        }
        for i in range(n)
    ]


def _refused(words: str, why: str) -> Step:
    return words, Refused(f"ERR {why}")


def _goes_on(n: int, level: float = 0, by: float = 1.5) -> Callable[[Any], bool]:
    """The four steps after n, or nearly; with an interval around each."""

    def check(rows: Any) -> bool:
        wanted = [row["demand"] for row in steps(n + 4, level)[n:]]
        sure = [row[1] if isinstance(row[1], list) else [row[1]] * 3 for row in rows]
        around = all(low <= value <= high for low, value, high in sure)
        near = all(abs(y[1] - want) < by for y, want in zip(sure, wanted, strict=True))
        return near and around and all(row[0] == b"demand" for row in rows)

    return check


def _scores(reply: Any) -> bool:
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    rows = [found[name] for name in ("mase", "rmse", "naive-mase", "naive-rmse")]
    shaped = all(len(row) == 1 and len(row[0]) == 5 for row in rows)
    better = found["mase"][0][0] < found["naive-mase"][0][0]
    mean = math.isclose(sum(found["mase"][0][1:]) / 4, found["mase"][0][0])
    return shaped and better and mean and found["season"] == 4 and found["samples"] == 9


def _json(n: int, level: float = 0) -> str:
    return json.dumps(steps(n, level))


CASES: dict[str, list[Step]] = {
    "a series is forecast": [
        (SALES, 0),
        ("NR.OBSERVE sales price=2 holiday=no -> demand=7", [1, 1]),
        ("NR.CLEAR sales", 1),
        (("NR.OBSERVE", "sales", "JSON", _json(60)), [60, 1]),
        _refused("NR.RUN sales", "net has not been trained yet: NR.TRAIN sales comes first"),
        ("NR.METRICS sales", None),
        *trained("sales", FAST),
        ("NR.RUN sales", _goes_on(60)),
        ("NR.RUN sales INTERVAL 0.8", _goes_on(60)),
        ("NR.METRICS sales", _scores),
        ("NR.OBSERVE sales -> demand=60", [61, 1]),
        ("NR.OBSERVE sales price=1 holiday=no -> demand=66", [62, 1]),
        ("NR.RUN sales", _goes_on(62)),
        ("NR.CONFIGURE sales", lambda reply: reply[-6:] == KEY_WORDS),
        ("NR.DUMP sales", lambda blob: len(blob) > 1000),
        (lambda replies: ("NR.RESTORE", "again", replies[-1]), "OK"),
        ("NR.RUN again", _goes_on(62)),
        ("NR.RESET sales", "OK"),
        _refused("NR.RUN sales", "net has not been trained yet: NR.TRAIN sales comes first"),
    ],
    "several series are forecast by one network": [
        (SALES + " DATASET 40", 0),
        (("NR.OBSERVE", "sales", "FOR", "store 7", "JSON", _json(50)), [40, 1]),
        (("NR.OBSERVE", "sales", "FOR", "store 8", "JSON", _json(36, 1000)), [36, 2]),
        ("NR.OBSERVE sales FOR tiny price=1 -> demand=2", [1, 3]),
        (
            "NR.GETDATA sales TRAIN 2",
            [b"series", b"tiny", b"price", [1.0], b"holiday", [None], b"demand", [2.0]],
        ),
        (
            "NR.GETDATA sales TRAIN 0",
            lambda reply: (
                reply[1] == b"store 7"
                and reply[7][:3] == [12.0, 19.0, 12.0]
                and len(reply[3]) == 40
            ),
        ),
        ("NR.GETDATA sales TRAIN 3", None),
        *trained("sales", FAST),
        ("NR.RUN sales FOR 'store 7'", _goes_on(50)),
        ("NR.RUN sales FOR 'store 8' INTERVAL 0.5", _goes_on(36, 1000)),
        _refused("NR.RUN sales FOR store9", "no series 'store9' in sales"),
        _refused("NR.RUN sales", "no steps of sales were observed without FOR"),
        _refused("NR.RUN sales FOR tiny", "a forecast takes at least 5 steps, the series has 1"),
        _refused(
            "NR.RUN sales FOR 'store 7' INTERVAL 0.99",
            "INTERVAL 0.99 takes at least 99 held-out windows at the last training, there were 9",
        ),
        ("NR.FORGET sales 'series=store 7'", 1),
        ("NR.FORGET sales 'series=store 7'", 0),
        _refused("NR.RUN sales FOR 'store 7'", "no series 'store 7' in sales"),
        ("NR.RUN sales FOR 'store 8'", _goes_on(36, 1000)),
        ("NR.OBSERVE sales FOR 'store 8' -> demand=1036", [37, 2]),
        ("NR.DUMP sales", lambda blob: len(blob) > 1000),
        ("NR.CLEAR sales", 2),
        ("NR.OBSERVE sales FOR 'store 8' -> demand=1036", [1, 1]),
    ],
    "forecasters count steps for TRAINEVERY": [
        (SALES + " TRAINEVERY 1000", 0),
        (("NR.OBSERVE", "sales", "JSON", _json(30)), [30, 1]),
        ("NR.OBSERVE sales FOR b -> demand=1", [1, 2]),
        ("NR.INFO sales", field("new", 31)),
        ("NR.INFO sales", field("observed", 31)),
        ("NR.INFO sales", field("type", "forecaster")),
        ("NR.DUMP sales", lambda blob: len(blob) > 100),
    ],
    "a forecaster without inputs, of two outputs and a given season": [
        (
            "NR.CREATE two FORECASTER 5 -> a:number b:number HORIZON 2 WINDOW 8 SEASON 2 SEED 1 "
            "MEMBERS 1",
            0,
        ),
        (
            (
                "NR.OBSERVE",
                "two",
                "JSON",
                json.dumps([{"a": i % 2 * 10 + i, "b": -i} for i in range(30)]),
            ),
            [30, 1],
        ),
        *trained("two", FAST),
        (
            "NR.RUN two",
            lambda rows: (
                [row[::2] for row in rows] == [[b"a", b"b"]] * 2
                and abs(rows[0][1] - 30) < 1
                and abs(rows[1][3] + 31) < 1
            ),
        ),
        (
            "NR.RUN two INTERVAL 0.5",
            lambda rows: all(row[::2] == [b"a", b"b"] and len(row[3]) == 3 for row in rows),
        ),
        ("NR.METRICS two", lambda reply: reply[-1] == [b"a", b"b"]),
        ("NR.DUMP two", lambda blob: len(blob) > 1000),
    ],
    "forecasters refuse": [
        (SALES, 0),
        ("NR.CREATE plain REGRESSOR 1 -> 1 SEED 1", 2),
        ("NR.OBSERVE sales -> demand=1", [1, 1]),
        _refused("NR.OBSERVE sales price=3 -> demand=", "field demand: an output is needed"),
        _refused(
            "NR.OBSERVE sales FOR a -> demand=x",
            "field demand: a number or nothing is needed, not 'x'",
        ),
        _refused(
            "NR.OBSERVE sales -> demand=1 TEST",
            "a forecaster is tested with the latest steps of each series: it takes no TRAIN and "
            "no TEST",
        ),
        _refused(
            "NR.OBSERVE sales -> demand=1 WEIGHT 2",
            "the steps of a series count alike: a forecaster takes no WEIGHT",
        ),
        _refused(
            f"NR.OBSERVE sales FOR {'a' * 65} -> demand=1",
            f"the name of a series is up to 64 bytes of UTF-8, not '{'a' * 65}'",
        ),
        _refused(
            "NR.OBSERVE plain FOR a x=1 -> y=1",
            "plain is no forecaster: FOR names a series of one",
        ),
        _refused("NR.RUN plain FOR a", "plain is no forecaster: FOR names a series of one"),
        _refused("NR.RUN plain INTERVAL 0.5", "INTERVAL without inputs is for forecasters"),
        _refused(
            "NR.RUN sales price=1",
            "sales is a forecaster, which goes on from what was observed: NR.RUN sales [FOR "
            "series] [INTERVAL p]",
        ),
        _refused("NR.RUN sales FOR", "Syntax error in NR.RUN: FOR wants the name of a series"),
        _refused("NR.RUN sales INTERVAL", "Syntax error in NR.RUN: INTERVAL wants a value"),
        _refused(
            "NR.RUN sales INTERVAL 1",
            "Syntax error in NR.RUN: INTERVAL must be a number above 0 and up to 0.9999, not '1'",
        ),
        _refused(
            "NR.RUN sales FOR a b",
            "Syntax error in NR.RUN: a series takes [FOR series] [INTERVAL p], and not 'b'",
        ),
        ("NR.RUN none", NO_KEY),
        ("NR.TRAIN sales", "Training has started"),
        _refused(
            "NR.WAIT sales 0",
            "the training of sales failed: Can't start training: the longest series has 1 steps, "
            "HORIZON 4 and a season of 1 take at least 10",
        ),
        _refused(
            "NR.FIELDS sales DROP price",
            "the steps of sales have the fields that it was created with: a forecaster takes no "
            "others",
        ),
        _refused(
            "NR.EXPLAIN sales price=1",
            "sales is a forecaster, whose forecasts NR.EXPLAIN does not take apart: NR.METRICS "
            "tells how good it is",
        ),
        _refused(
            "NR.IMPORTANCE sales",
            "sales is a forecaster, which knows no importance of its fields: NR.METRICS tells how "
            "good it is",
        ),
        _refused(
            "NR.FORGET sales price=1",
            "a forecaster forgets a series as a whole: NR.FORGET sales series=name",
        ),
        *(
            _refused(
                f"NR.CREATE f FORECASTER price:number x:{kind} -> y:number",
                f"field x:{kind}: a step of a forecaster has numbers and flags: say a category as "
                "a flag for each of its values, and leave times out",
            )
            for kind in ("category", "time", "text", "vector(2)", "sequence", "key")
        ),
        _refused(
            "NR.CREATE f FORECASTER x:number -> y:category",
            "field y:category: the output of a forecaster is of kind number",
        ),
        _refused(
            "NR.CREATE f FORECASTER -> y:number SEASON 60",
            "Syntax error in NR.CREATE: SEASON 60 takes a WINDOW of at least 62",
        ),
        _refused(
            "NR.CREATE f FORECASTER -> y:number TEST 5",
            "Syntax error in NR.CREATE: a forecaster has no TEST: it is tested with the latest "
            "steps of each series",
        ),
        _refused(
            "NR.CREATE f FORECASTER x:number -> y:number DATASET 100000",
            "a forecaster with 2 fields keeps 1 to 65531 steps of a series, not DATASET 100000",
        ),
        _refused(
            "NR.CREATE f FORECASTER -> " + " ".join(f"y{i}:number" for i in range(101)),
            "101 fields of a forecaster, at most 100",
        ),
        _refused(
            "NR.CREATE f REGRESSOR 1 -> 1 HORIZON 3",
            "Syntax error in NR.CREATE: HORIZON is for forecasters",
        ),
        ("NR.INFO sales", field("observed", 1)),
    ],
}
