"""What samples come to before they are kept: losses that are counted alike, and alarms."""

import json
import struct
from collections.abc import Callable
from typing import Any

from dumps import closed, opened

from conformance.steps import NO_KEY, Refused, Step, arity, field, syntax, trained

LINE = "NR.CREATE net REGRESSOR 1 -> 1 SEED 4 MEMBERS 2 DATASET 200 TEST 100"
CLUB = (
    "NR.CREATE club CLASSIFIER age:number city:category note:text id:key LINEAR -> "
    "joined:category SEED 3"
)
FAST = "MAXCYCLES 40 MAXTIME 0 AUTOSTOP BACKTRACK"
PAIRS = (
    "watched", "alarm", "alarm-after", "level", "scored", "loss", "loss-at-training",
    "new-samples", "moved",
)  # fmt: skip


def _noise(i: int) -> float:
    return (i * 37 % 101 - 50) / 500


def _line(first: int, last: int, slope: float = 1, shift: float = 0) -> bytes:
    """Samples around a line."""
    xs = ((i, i * 29 % 100 / 100) for i in range(first, last))
    rows = (struct.pack("<2f", x + shift, slope * x + _noise(i)) for i, x in xs)
    return b"".join(rows)


def _members(first: int, last: int, over: str = "yes", city: str = "AB") -> str:
    under = "no" if over == "yes" else "yes"
    return json.dumps(
        [
            {
                "age": i * 7 % 60,
                "city": city[i % len(city)],
                "note": "likes jazz" if i % 3 else "none",
                "joined": over if i * 7 % 60 > 30 else under,
            }
            for i in range(first, last)
        ]
    )


def told(**wanted: Any) -> Callable[[Any], bool]:
    """NR.DRIFT's reply: values, or functions that say whether a value will do."""

    def check(reply: Any) -> bool:
        found = dict(zip(reply[::2], reply[1::2], strict=True))
        assert (*found,) == PAIRS
        found = {name.replace("-", "_"): value for name, value in found.items()}
        return all(
            want(found[name]) if callable(want) else found[name] == want
            for name, want in wanted.items()
        )

    return check


def _below(most: float) -> Callable[[Any], bool]:
    return lambda value: value is not None and 0 <= value < most


def _above(least: float) -> Callable[[Any], bool]:
    return lambda value: value is not None and value > least


def _field_moved(name: str) -> Callable[[Any], bool]:
    """One field has moved by more than all others; a key is compared by nothing."""

    def check(moved: Any) -> bool:
        found = dict(zip(moved[::2], moved[1::2], strict=True))
        assert found.pop(b"id") is None
        return max(found, key=lambda key: found[key]) == name.encode() and (
            found[name.encode()] > 0.25 > sorted(found.values())[-2]
        )

    return check


def _one(i: int, slope: float) -> tuple[str, Any]:
    x = i * 29 % 100 / 100
    return f"NR.OBSERVE net {x} -> {slope * x + _noise(i)}", lambda reply: len(reply) == 2


def _said(i: int) -> tuple[Any, Any]:
    line = "NR.OBSERVE", "lm", "JSON", json.dumps({"text": f"a b c {i % 3}"})
    return line, lambda reply: len(reply) == 2


def _with_reference(change: Callable[[list[float]], list[float]]) -> Any:
    """The network of the last dump, with another reference in it."""

    def restore(replies: list[Any]) -> tuple[Any, ...]:
        blob = next(reply for reply in reversed(replies) if isinstance(reply, bytes))
        header, parts = opened(blob)
        version, data = parts["reference"]
        floats = list(struct.unpack(f"<{len(data) // 4}f", data))
        parts["reference"] = version, struct.pack(f"<{len(changed := change(floats))}f", *changed)
        return "NR.RESTORE", "again", closed(header, parts), "REPLACE"

    return restore


def _with_losses(*losses: int) -> Any:
    def restore(replies: list[Any]) -> tuple[Any, ...]:
        blob = next(reply for reply in reversed(replies) if isinstance(reply, bytes))
        header, parts = opened(blob)
        return "NR.RESTORE", "again", closed(header | {"losses": [*losses]}, parts), "REPLACE"

    return restore


def _refused(change: Callable[[list[float]], list[float]]) -> Step:
    return _with_reference(change), Refused("ERR invalid network: what its training found out")


CASES: dict[str, list[Step]] = {
    "a sudden change raises an alarm": [
        (LINE, 2),
        ("NR.DRIFT net", told(watched="no", alarm="no", loss_at_training=None, moved=[0, None])),
        (("NR.OBSERVE", "net", "FP32", _line(0, 150)), [100, 50]),
        *trained("net", FAST),
        ("NR.INFO net", field("drift", "off")),
        ("NR.DRIFT net", told(watched="no", scored=0, loss=None, new_samples=0)),
        ("NR.CONFIGURE net DRIFT ON", "OK"),
        ("NR.CONFIGURE net", field("DRIFT", "ON")),
        ("NR.INFO net", field("drift", "none")),
        (("NR.OBSERVE", "net", "FP32", _line(150, 250)), [167, 83]),
        ("NR.DRIFT net", told(alarm="no", alarm_after=None, scored=100, level=_below(0.5))),
        ("NR.DRIFT net", told(new_samples=100, moved=lambda moved: _below(0.1)(moved[1]))),
        *(_one(i, 1) for i in range(250, 262)),
        ("NR.DRIFT net", told(alarm="no", scored=112, loss_at_training=_above(0))),
        *(_one(i, -1) for i in range(262, 312)),
        ("NR.DRIFT net", told(alarm="yes", alarm_after=_below(150), loss=_above(0.3))),
        ("NR.INFO net", field("drift", "alarm")),
        *trained("net", FAST),
        ("NR.DRIFT net", told(alarm="no", scored=0, loss=None, new_samples=0)),
        (("NR.OBSERVE", "net", "FP32", _line(0, 90, 1, 2)), lambda reply: len(reply) == 2),
        ("NR.DRIFT net", told(scored=90, moved=lambda moved: moved[1] > 0.5)),
        ("NR.CONFIGURE net DRIFT OFF", "OK"),
        ("NR.DRIFT net", told(watched="no", scored=0, alarm="no")),
        ("NR.CONFIGURE net DRIFT", "OK"),
        ("NR.DRIFT net", told(watched="yes", scored=0, alarm="no")),
        *(_one(i, 1) for i in range(3)),
        ("NR.DRIFT net", told(scored=3)),
        ("NR.RESET net", "OK"),
        ("NR.DRIFT net", told(watched="yes", scored=0, loss_at_training=None)),
        ("NR.OBSERVE net 1 -> 1", lambda reply: len(reply) == 2),
        ("NR.DRIFT net", told(scored=0)),
    ],
    "fields move": [
        (CLUB + " DRIFT", 0),
        ("NR.DRIFT club", told(watched="yes", moved=[])),
        (("NR.OBSERVE", "club", "JSON", _members(0, 240)), [160, 80]),
        *trained("club", FAST),
        (("NR.OBSERVE", "club", "JSON", _members(240, 340)), [227, 113]),
        ("NR.DRIFT club", told(alarm="no", scored=100)),
        (("NR.OBSERVE", "club", "JSON", _members(340, 440, "yes", "BC")), [293, 147]),
        ("NR.DRIFT club", told(alarm="no", scored=200, moved=_field_moved("city"))),
        ("NR.OBSERVE club age=50 city=A -> joined=no", [294, 147]),
        ("NR.OBSERVE club age=50 -> joined=perhaps", [295, 147]),
        ("NR.DRIFT club", told(scored=202, loss=_above(0.2))),
        (("NR.OBSERVE", "club", "JSON", _members(440, 500, "no")), lambda reply: sum(reply) == 502),
        ("NR.DRIFT club", told(alarm="yes", alarm_after=_above(200))),
        ("NR.CLEAR club", 502),
        ("NR.DRIFT club", told(alarm="yes", new_samples=0)),
        ("NR.DEL club", 1),
    ],
    "an alarm makes a training due": [
        (LINE + " TRAINEVERY AUTO", 2),
        (("NR.OBSERVE", "net", "FP32", _line(0, 190)), [127, 63]),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("drift", "none")),
        ("NR.INFO net", field("ordered", 5)),
        ("NR.INFO net", field("trainings", 1)),
        *(_one(i, -1) for i in range(190, 196)),
        ("NR.DRIFT net", told(watched="yes", alarm="no", scored=6)),
        (("NR.OBSERVE", "net", "FP32", _line(196, 225, -1)), lambda reply: len(reply) == 2),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("ordered", 6)),
        ("NR.INFO net", field("new", 0)),
        ("NR.INFO net", field("trainings", 2)),
        ("NR.DRIFT net", told(alarm="no", scored=0)),
    ],
    "a single sample raises the alarm": [
        (LINE + " TRAINEVERY AUTO", 2),
        (("NR.OBSERVE", "net", "FP32", _line(0, 290)), [193, 97]),
        ("NR.WAIT net 0", 1),
        *(_one(i, -1) for i in range(290, 317)),
        ("NR.INFO net", field("ordered", 5)),
        ("NR.DRIFT net", told(scored=27, alarm="no")),
        _one(317, -1),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("ordered", 6)),
        ("NR.INFO net", field("new", 0)),
        ("NR.INFO net", field("trainings", 2)),
    ],
    "few held-out samples are nothing to compare with": [
        (LINE + " DRIFT ON", 2),
        (("NR.OBSERVE", "net", "FP32", _line(0, 40), "TRAIN"), [40, 0]),
        (("NR.OBSERVE", "net", "FP32", _line(40, 49), "TEST"), [40, 9]),
        *trained("net", FAST),
        (("NR.OBSERVE", "net", "FP32", _line(0, 60, -1)), lambda reply: len(reply) == 2),
        ("NR.OBSERVE net 1 -> 1", lambda reply: len(reply) == 2),
        ("NR.DRIFT net", told(watched="yes", scored=0, loss=None, loss_at_training=_above(0))),
    ],
    "drift refuses": [
        ("NR.DRIFT nobody", NO_KEY),
        ("NR.DRIFT", arity("nr.drift")),
        (f"{LINE} DRIFT MAYBE", syntax("NR.CREATE", "unknown option 'MAYBE'")),
        (f"{LINE} DRIFT ON", 2),
        ("NR.CONFIGURE net DRIFT OFF DRIFT", syntax("NR.CONFIGURE", "DRIFT is given twice")),
        (
            "NR.CREATE sales FORECASTER -> y:number DRIFT ON SEED 1",
            syntax("NR.CREATE", "DRIFT is for classifiers and regressors"),
        ),
        ("NR.CREATE sales FORECASTER -> y:number SEED 1 TRAINEVERY AUTO", 0),
        (
            "NR.CONFIGURE sales DRIFT ON",
            syntax("NR.CONFIGURE", "DRIFT is for classifiers and regressors"),
        ),
        (
            "NR.DRIFT sales",
            Refused(
                "ERR sales is a forecaster, whose samples are not scored before they are kept: "
                "NR.METRICS tells how good it is"
            ),
        ),
        ("NR.CREATE lm GENERATOR -> text:sequence(char) SEED 1", 0),
        (
            "NR.DRIFT lm",
            Refused(
                "ERR lm is a generator, whose samples are not scored before they are kept: "
                "NR.METRICS tells how good it is"
            ),
        ),
        ("NR.DEL net sales lm", 3),
    ],
    "a generator that trains by itself observes on": [
        ("NR.CREATE lm GENERATOR 4 -> text:sequence(word) SEED 1 TRAINEVERY AUTO", 0),
        *(_said(i) for i in range(8)),
        *trained("lm", "MAXCYCLES 1 MAXTIME 0"),
        *(_said(i) for i in range(2)),
        ("NR.DEL lm", 1),
    ],
    "what lies with the weights is checked": [
        (LINE, 2),
        (("NR.OBSERVE", "net", "FP32", _line(0, 150)), [100, 50]),
        *trained("net", FAST),
        ("NR.CONFIGURE net DRIFT ON", "OK"),
        (("NR.OBSERVE", "net", "FP32", _line(0, 20)), lambda reply: len(reply) == 2),
        ("NR.DUMP net", bytes),
        (_with_reference(lambda x: x), "OK"),
        ("NR.DRIFT again", told(watched="yes", scored=20, loss_at_training=_above(0))),
        _refused(lambda x: x[:-1]),
        _refused(lambda x: x[:5]),
        _refused(lambda x: [float("nan"), *x[1:]]),
        _refused(lambda x: [2.0**60, *x[1:]]),
        _refused(lambda x: [0.5, *x[1:]]),
        _refused(lambda x: [x[0], -1.0, *x[2:]]),
        _refused(lambda x: [*x[:8], x[9] + 1, *x[9:]]),
        _refused(lambda x: [*x[:-1], -1.0]),
        _refused(lambda x: x + x[-19:]),
        (_with_losses(1, 2**53, 2**53, 2**53, 2**53), "OK"),
        ("NR.DRIFT again", told(alarm="yes", scored=2**53)),
        (_with_losses(1, 2, 3, 4), Refused("ERR invalid network: the header's losses")),
        (_with_losses(1, 2, 3, 4, -1), Refused("ERR invalid network: the header's losses")),
        ("NR.DEL net again", 2),
    ],
}
