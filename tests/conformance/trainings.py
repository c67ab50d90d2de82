"""How trainings start, run, stop and are refused."""

import re
from collections.abc import Callable
from typing import Any

from conformance.steps import (
    NO_KEY,
    PAIR,
    SUM,
    Refused,
    Step,
    blob_of,
    field,
    floats,
    holds,
    near,
    observed,
    syntax,
    trained,
)

TRAINING = Refused("ERR neural network training already in progress")
NO_TRAIN = Refused(
    "ERR Can't start training: the training dataset is empty, add samples with NR.OBSERVE"
)
NO_TEST = Refused(
    "ERR Can't start training with AUTOSTOP option: overfitting detection requires a non "
    "zero length testing dataset"
)


def too_big(reply: Any) -> bool:
    """Of "big" in the case below, on a driver with the memory that drivers.py gives them all."""
    found = re.fullmatch(
        "ERR Can't start training: with 1 samples and 100020001 parameters, 'big' would take "
        r"(\d+) bytes, more than half of the memory of 2147483648: use fewer samples, units or "
        "MEMBERS, or set memory to more",
        reply,
    )
    return found is not None and int(found[1]) > 6 * 4 * 100020001


def line(**wanted: str) -> Callable[[Any], bool]:
    """NR.THREADS has one line, which says so."""

    def check(reply: Any) -> bool:
        [told] = reply
        found = dict(pair.partition("=")[::2] for pair in told.split(" "))
        return bool(found.items() >= wanted.items())

    return check


def counted_new(observed: int, new: int, ordered: int, coalesced: int = 0) -> list[Step]:
    numbers = {"observed": observed, "new": new, "ordered": ordered, "coalesced": coalesced}
    return [("NR.INFO net", field(name, number)) for name, number in numbers.items()]


CASES: dict[str, list[Step]] = {
    "samples make trainings due": [
        (f"{SUM} TRAINEVERY 4", 13),
        ("NR.CONFIGURE net", field("TRAINEVERY", "4")),
        *observed("net", 3),
        *counted_new(3, 3, 0),
        ("NR.INFO net", field("trainings", 0)),
        *observed("net", 1, held=(3, 0)),
        ("NR.WAIT net 0", 1),
        *counted_new(4, 0, 1),
        ("NR.INFO net", field("trainings", 1)),
        ("NR.INFO net", field("training-ended-by", "autostop")),
        ("NR.CONFIGURE net TRAINEVERY 2", "OK"),
        (("NR.OBSERVE", "net", "FP32", floats(*range(15))), [7, 2]),
        ("NR.WAIT net 0", 1),
        *counted_new(9, 1, 3, 1),
        ("NR.INFO net", field("trainings", 2)),
        ("NR.CONFIGURE net TRAINEVERY OFF", "OK"),
        *observed("net", 3, "TEST", held=(7, 2)),
        *counted_new(12, 0, 3, 1),
        ("NR.INFO net", field("trainings", 2)),
    ],
    "samples make trainings due by themselves": [
        (PAIR.replace("DATASET 4 TEST 2", "DATASET 90 TEST 10 TRAINEVERY AUTO"), 17),
        ("NR.CONFIGURE net", field("TRAINEVERY", "AUTO")),
        ("NR.OBSERVE net 1 2 -> 1 TEST", [0, 1]),
        *(("NR.OBSERVE net 1 2 -> 1 TRAIN", [n, 1]) for n in range(1, 9)),
        *counted_new(9, 9, 0),
        ("NR.OBSERVE net 1 2 -> 0 TRAIN", [9, 1]),
        ("NR.WAIT net 0", 1),
        *counted_new(10, 0, 1),
        (("NR.OBSERVE", "net", "FP32", floats(*[1, 2, 0] * 65), "TRAIN"), [74, 1]),
        ("NR.WAIT net 0", 1),
        *counted_new(75, 5, 5, 3),
        ("NR.INFO net", field("trainings", 2)),
    ],
    "without a training sample no training is due": [
        (f"{SUM} TRAINEVERY 2", 13),
        *observed("net", 5, "TEST"),
        *counted_new(5, 5, 0),
        ("NR.THREADS", []),
        *observed("net", 1, "TRAIN", held=(0, 5)),
        ("NR.WAIT net 0", 1),
        *counted_new(6, 0, 3, 2),
        ("NR.INFO net", field("trainings", 1)),
        ("NR.RESET net", "OK"),
    ],
    "trainings that are due while one runs are the same": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        ("NR.CONFIGURE net TRAINEVERY 1", "OK"),
        *observed("net", 4, "TRAIN", held=(7, 2)),
        *counted_new(13, 0, 4, 4),
        ("NR.THREADS", line(key="net", maxtime="0")),
        ("NR.STOP net", 1),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("trainings", 1)),
        ("NR.DEL net", 1),
    ],
    "trainevery refuses": [
        (
            "NR.CREATE net REGRESSOR 1 -> 1 TRAINEVERY 0",
            syntax(
                "NR.CREATE",
                "TRAINEVERY must be AUTO, OFF or an integer from 1 to 67108864, not '0'",
            ),
        ),
        ("NR.CREATE net REGRESSOR 1 -> 1 CLASSIC SEED 1", 2),
        ("NR.CONFIGURE net TRAINEVERY 67108864", "OK"),
        (
            "NR.CONFIGURE net TRAINEVERY 67108865",
            syntax(
                "NR.CONFIGURE",
                "TRAINEVERY must be AUTO, OFF or an integer from 1 to 67108864, not '67108865'",
            ),
        ),
        ("NR.CONFIGURE net", field("TRAINEVERY", "67108864")),
    ],
    "training refuses what takes more than half of the memory": [
        ("NR.CREATE big REGRESSOR 10000 10000 -> 1 MEMBERS 1 SEED 1", 100020001),
        ("NR.TRAIN big", NO_TRAIN),
        (("NR.OBSERVE", "big", "FP32", floats(*range(10001))), [1, 0]),
        ("NR.TRAIN big", too_big),
        ("NR.TRAIN big", too_big),  # nothing of the first is left
        ("NR.INFO big", field("training", 0)),
        ("NR.THREADS", []),
    ],
    "training refuses": [
        (SUM, 13),
        ("NR.TRAIN net", NO_TRAIN),
        ("NR.TRAIN net AUTOSTOP", NO_TRAIN),
        *observed("net", 3, "TRAIN"),
        ("NR.TRAIN net AUTOSTOP", NO_TEST),
        (
            "NR.TRAIN net MAXTIM 5",
            syntax("NR.TRAIN", "unknown option 'MAXTIM', did you mean MAXTIME?"),
        ),
        ("NR.TRAIN net MAXCYCLES", syntax("NR.TRAIN", "MAXCYCLES wants a value")),
        ("NR.TRAIN net MAXCYCLES x", Refused("ERR invalid number of cycles: 'x'")),
        ("NR.TRAIN net MAXTIME -1", Refused("ERR invalid number of milliseconds of time: '-1'")),
        ("NR.INFO net", field("training", 0)),
        *trained("net", "MAXCYCLES 3"),
    ],
    "a second training while one runs": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        ("NR.TRAIN net", TRAINING),
        ("NR.TRAIN net AUTOSTOP MAXCYCLES 4", TRAINING),
        ("NR.INFO net", field("training", 1)),
        ("NR.THREADS", lambda reply: len(reply) == 1 and " key=net db=" in reply[0]),
        ("NR.WAIT net 1", 0),
        ("NR.RESET net", "OK"),
    ],
    "stop keeps what was reached": [
        (SUM, 13),
        ("NR.STOP net", 0),
        *observed("net", 9),
        ("NR.TRAIN net MAXTIME 0 MAXCYCLES 0", "Training has started"),
        ("NR.WAIT net 300", 0),
        ("NR.STOP net", 1),
        ("NR.WAIT net 0", 1),
        ("NR.STOP net", 0),
        ("NR.INFO net", field("training-ended-by", "stop")),
        ("NR.INFO net", lambda reply: reply[reply.index("training-total-cycles") + 1] > 0),
        ("NR.DEL net", 1),
    ],
    "a training without options is AUTOSTOP BACKTRACK": [
        (SUM, 13),
        *observed("net", 30),
        ("NR.TRAIN net", "Training has started"),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("training-ended-by", "autostop")),
        ("NR.DEL net", 1),
    ],
    "samples observed while it trains stay": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        *observed("net", 4, "TRAIN", held=(7, 2)),
        ("NR.STOP net", 1),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("training-dataset-len", 11)),
        ("NR.GETDATA net TRAIN 10", [[10.0, 2.0], [12.0]]),
        ("NR.DEL net", 1),
    ],
    "reset drops a running training": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.RUN net 1 2", near(-0.21114, by=1e-4)),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        ("NR.RESET net", "OK"),
        ("NR.INFO net", field("training", 0)),
        ("NR.WAIT net 0", 1),
        ("NR.THREADS", []),
        ("NR.INFO net", field("training-total-cycles", 0)),
        ("NR.INFO net", field("training-dataset-len", 7)),
        ("NR.RUN net 1 2", near(-0.46398, by=1e-4)),
        *trained("net"),
        ("NR.INFO net", field("training-total-cycles", 50)),
    ],
    "delete and create anew during a training": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        ("NR.DEL net", 1),
        ("NR.WAIT net 0", NO_KEY),
        ("NR.THREADS", []),
        (SUM, 13),
        ("NR.INFO net", field("training", 0)),
        *observed("net", 9),
        *trained("net"),
        ("NR.INFO net", field("training-total-cycles", 50)),
    ],
    "restore over a training": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.DUMP net", holds(train_len=7, test_len=2, total_cycles=0)),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        (lambda replies: ("NR.RESTORE", "net", blob_of(replies), "REPLACE"), "OK"),
        ("NR.INFO net", field("training", 0)),
        ("NR.INFO net", field("training-total-cycles", 0)),
        *trained("net"),
        ("NR.INFO net", field("training-total-cycles", 50)),
    ],
    "reset makes new weights and keeps the samples": [
        (PAIR, 17),
        ("NR.OBSERVE net 1 2 -> 1", [1, 0]),
        ("NR.RUN net 1 2", near(0.60367, 0.39633, by=1e-4)),
        ("NR.RESET net", "OK"),
        ("NR.RUN net 1 2", near(0.49830, 0.50170, by=1e-4)),
        *trained("net", "MAXCYCLES 4"),
        ("NR.RESET net", "OK"),
        ("NR.INFO net", field("training-total-steps", 0)),
        ("NR.HISTORY net", []),
        ("NR.GETDATA net TRAIN 0", [[1.0, 2.0], [0.0, 1.0]]),
    ],
    "wait": [
        (PAIR, 17),
        ("NR.WAIT net 0", 1),
        ("NR.WAIT net 5", 1),
        ("NR.WAIT net -1", Refused("ERR invalid number of milliseconds of time: '-1'")),
        ("NR.WAIT net x", Refused("ERR invalid number of milliseconds of time: 'x'")),
    ],
}
