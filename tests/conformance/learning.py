"""What comes of trainings: weights, errors, metrics."""

import math
import struct
from collections.abc import Callable
from typing import Any

from conformance.steps import (
    NO_KEY,
    Step,
    between,
    blob_of,
    chosen,
    counted,
    field,
    floats,
    history,
    holds,
    near,
    observed,
    syntax,
    trained,
)

METRICS_FIELDS = [
    *("samples", "accuracy", "log-loss", "brier", "auc", "calibration-error"),
    *("confusion-matrix", "precision", "recall", "f1", "support"),
]


def round_to_float(number: float) -> float:
    """As a float32 holds it."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def sign(i: int) -> int:
    """Mostly 1: the few others are far from the mean."""
    return 1 if i % 7 else -1


def largest_float(reply: Any) -> bool:
    """Of NR.METRICS' errors or R2."""
    return max(map(abs, reply[3] + reply[7])) == (2 - 2**-23) * 2.0**127


def mostly_zeros(samples: int, inputs: int) -> bytes:
    """The class says which half of the inputs has the three that are not 0."""
    rows = []
    for i in range(samples):
        row = [0.0] * inputs
        for j in range(3):
            row[(i * 7 + j * 11) % (inputs // 2) + i % 2 * (inputs // 2)] = 1 + j / 4
        rows.append(floats(*row, i % 2))
    return b"".join(rows)


def consistent(samples: int, classes: int) -> Callable[[Any], bool]:
    """NR.METRICS of a classifier that agree with its confusion matrix."""

    def check(reply: Any) -> bool:
        told = dict(zip(reply[::2], reply[1::2], strict=True))
        matrix, support = told["confusion-matrix"], told["support"]
        right = [matrix[i][i] for i in range(classes)]
        recall = [hit / of if of else None for hit, of in zip(right, support, strict=True)]
        return bool(
            told["samples"] == samples == sum(support)
            and [sum(row) for row in matrix] == support
            and told["recall"] == recall
            and told["accuracy"] == sum(right) / samples
            and 0 < told["log-loss"] < math.log(classes)
            and 0 < told["brier"] < 1
        )

    return check


PARAMETERS = {"CLASSIFIER 2 4 -> 25": 137, "REGRESSOR 2 4 -> 1": 17, "REGRESSOR 2 -> 1": 3}
LEARNED = {  # what 3 + 4 comes to after 35 cycles, and how good that is on the testing samples
    ("RPROP", "CLASSIFIER 2 4 -> 25"): (0, 0),
    ("RPROP", "REGRESSOR 2 4 -> 1"): (5.61, 0.986),
    ("RPROP", "REGRESSOR 2 -> 1"): (6.95, 1.0),
    ("ADAM", "CLASSIFIER 2 4 -> 25"): (0, 0),
    ("ADAM", "REGRESSOR 2 4 -> 1"): (5.86, 0.990),
    ("ADAM", "REGRESSOR 2 -> 1"): (9.00, 0.679),
    ("SGD", "CLASSIFIER 2 4 -> 25"): (0, 0),
    ("SGD", "REGRESSOR 2 4 -> 1"): (5.05, 0.968),
    ("SGD", "REGRESSOR 2 -> 1"): (7.01, 1.0),
}

CASES: dict[str, list[Step]] = {
    "training by every optimizer": [
        step
        for (optimizer, kind), (output, r2) in LEARNED.items()
        for step in [
            (
                f"NR.CREATE net {kind} NORMALIZE SEED 4 OPTIMIZER {optimizer} BATCH 5",
                PARAMETERS[kind],
            ),
            *observed("net", 20, room=(1000, 500)),
            *trained("net", "MAXCYCLES 30 MAXTIME 0 AUTOSTOP BACKTRACK"),
            *trained("net", "MAXCYCLES 5 MAXTIME 0"),
            ("NR.RUN net 3 4", near(output, by=0.05) if r2 else chosen(3)),
            ("NR.HISTORY net", history(5, classes=not r2)),
            ("NR.METRICS net", between("r2", r2 - 0.01, r2 + 0.01) if r2 else consistent(7, 25)),
            ("NR.IMPORTANCE net", lambda reply: len(reply) == 2 and 0.1 < min(reply) < 2),
            ("NR.DUMP net", holds(trained=True, train_len=13, test_len=7, ended_by="cycles")),
            ("NR.DEL net", 1),
        ]
    ],
    "metrics and importance": [
        ("NR.CREATE net CLASSIFIER 2 4 -> 2 NORMALIZE SEED 4 DATASET 40 TEST 20", 22),
        ("NR.METRICS net", None),
        ("NR.IMPORTANCE net", None),
        *counted((f"NR.OBSERVE net {i % 7} {i} -> {int(i > 15)}" for i in range(30)), (40, 20)),
        *trained("net", "AUTOSTOP BACKTRACK MAXTIME 0"),
        ("NR.METRICS net", field("samples", 10)),
        ("NR.METRICS net", field("support", [5, 5])),
        ("NR.METRICS net", lambda reply: reply[::2] == METRICS_FIELDS),
        ("NR.IMPORTANCE net", lambda reply: reply[1] > 5 * abs(reply[0])),
        ("NR.RESET net", "OK"),
        ("NR.METRICS net", None),
        ("NR.CREATE reg REGRESSOR 1 4 -> 2 NORMALIZE SEED 4 CLASSWEIGHTS NONE", 18),
        *counted(f"NR.OBSERVE reg {i} -> {i} {-i}" for i in range(30)),
        *trained("reg", "AUTOSTOP BACKTRACK MAXTIME 0"),
        ("NR.METRICS reg", lambda reply: reply[::2] == ["samples", "rmse", "mae", "r2"]),
        ("NR.METRICS reg", lambda reply: all(r2 > 0.9 for r2 in reply[7])),
        (
            "NR.CONFIGURE reg CLASSWEIGHTS BALANCED",
            syntax("NR.CONFIGURE", "CLASSWEIGHTS is for classifiers"),
        ),
        (
            "NR.CREATE x REGRESSOR 1 -> 1 CLASSWEIGHTS BALANCED",
            syntax("NR.CREATE", "CLASSWEIGHTS is for classifiers"),
        ),
        (
            "NR.CREATE x REGRESSOR 1 -> 1 MEMBERS 65",
            syntax("NR.CREATE", "MEMBERS must be AUTO or an integer from 1 to 64, not '65'"),
        ),
        ("NR.METRICS none", NO_KEY),
        ("NR.IMPORTANCE none", NO_KEY),
    ],
    "errors that no float holds": [
        *(
            step
            for key, train, test, mean in (
                ("far", (3e38, 3.1e38), (-3e38, -3.1e38), 3.05e38),
                ("near", (1, 2), (0, 1e-20), 1.5),
            )
            for step in (
                (f"NR.CREATE {key} REGRESSOR 1 2 -> 1 SEED 1", 7),
                *counted(
                    f"NR.OBSERVE {key} {i} -> {y} {to}"
                    for to, numbers in (("TRAIN", train), ("TEST", test))
                    for i, y in enumerate(numbers)
                ),
                *trained(key, "MAXCYCLES 5 MAXTIME 0"),
                (f"NR.METRICS {key}", largest_float),
                (f"NR.RUN {key} 1", near(mean, by=mean / 100)),
                (f"NR.DUMP {key}", holds(train_len=2, test_len=2, total_cycles=5)),
                (lambda replies: ("NR.RESTORE", "copy", blob_of(replies), "REPLACE"), "OK"),
            )
        ),
    ],
    "columns without spread": [
        ("NR.CREATE net REGRESSOR 2 5 -> 3 NORMALIZE SEED 1 DATASET 20 TEST 10", 33),
        *counted((f"NR.OBSERVE net {i} 7 -> 0 7e-9 {i}e-36" for i in range(30)), (20, 10)),
        *trained("net", "MAXCYCLES 200 MAXTIME 0"),
        ("NR.RUN net 30 7", lambda reply: reply[:2] == [0.0, round_to_float(7e-9)]),
        ("NR.RUN net 10 7", lambda reply: abs(reply[2] - 1e-35) < 5e-37),
        ("NR.METRICS net", lambda reply: reply[3][:2] == reply[5][:2] == [0.0, 0.0]),
        ("NR.METRICS net", lambda reply: reply[7][:2] == [None, None] and reply[7][2] > 0.99),
        ("NR.INFO net", field("training-ended-by", "cycles")),
        # A spread where there was none, and none where there was one.
        *counted((f"NR.OBSERVE net {i} {i} -> {i} {i} 5" for i in range(400)), (20, 10), (20, 10)),
        *trained("net", "MAXCYCLES 200 MAXTIME 0"),
        ("NR.RUN net 390 390", lambda reply: abs(reply[0] - 390) < 20 and reply[2] == 5.0),
        ("NR.DUMP net", holds(train_len=20, test_len=10, total_cycles=400)),
        ("NR.CREATE apart REGRESSOR 1 5 -> 1 NORMALIZE SEED 1", 16),
        *counted(
            f"NR.OBSERVE apart {1e9 + 64 * i:.0f} -> {i}e-37 {to}"
            for to in ("TRAIN", "TEST")
            for i in range(30)
        ),
        *trained("apart", "MAXCYCLES 200 MAXTIME 0"),
        ("NR.METRICS apart", lambda reply: reply[7][0] > 0.99),
    ],
    "samples as large as a float can be": [
        ("NR.CREATE net REGRESSOR 2 5 -> 1 NORMALIZE SEED 1", 21),
        *counted(
            f"NR.OBSERVE net {i} {3.4e38 if i % 9 else -3.4e38} -> {3.4e38 * sign(i)}"
            for i in range(60)
        ),
        *trained("net", "MAXCYCLES 50 MAXTIME 0"),
        ("NR.INFO net", field("training-ended-by", "cycles")),
        ("NR.INFO net", lambda reply: 0 < reply[reply.index("dataset-error") + 1] < 1),
        ("NR.IMPORTANCE net", lambda reply: all(map(math.isfinite, reply)) and any(reply)),
    ],
    "a training that diverged": [
        step
        for optimizer in ("RPROP", "ADAM", "SGD")
        for kind, parameters in (("REGRESSOR 1 5 -> 1", 16), ("CLASSIFIER 1 5 -> 2", 22))
        for limit in ("MAXCYCLES 100", "MAXCYCLES 100 AUTOSTOP BACKTRACK")
        if (optimizer, limit) != ("ADAM", "MAXCYCLES 100 AUTOSTOP BACKTRACK")
        for step in [
            (
                f"NR.CREATE net {kind} NORMALIZE SEED 1 L2 0 OPTIMIZER {optimizer} LEARNRATE 1e6",
                parameters,
            ),
            *counted(f"NR.OBSERVE net {i} -> {i * i % 2}" for i in range(60)),
            *trained("net", f"{limit} MAXTIME 0"),
            ("NR.INFO net", field("training-ended-by", "diverged")),
            ("NR.INFO net", lambda reply: reply[reply.index("dataset-error") + 1] < 10),
            ("NR.DEL net", 1),
        ]
    ],
    "inputs that are mostly zeros": [
        ("NR.CREATE net CLASSIFIER 90 20 -> 2 NORMALIZE SEED 3", 1862),
        (("NR.OBSERVE", "net", "FP32", mostly_zeros(150, 90)), [100, 50]),
        *trained("net", "AUTOSTOP BACKTRACK MAXCYCLES 30 MAXTIME 0"),
        ("NR.METRICS net", consistent(50, 2)),
        (("NR.CLASS", "net", *[0] * 89, 1), 1),
        ("NR.CONFIGURE net OPTIMIZER ADAM BATCH 40 THREADS 2", "OK"),
        *trained("net", "MAXCYCLES 3 MAXTIME 0"),
        ("NR.RUN net " + "0 " * 60 + "1 " * 30, near(0, 1, by=0.001)),
    ],
    "classic training": [
        ("NR.CREATE net REGRESSOR 2 3 -> 1 CLASSIC NORMALIZE SEED 4", 13),
        *observed("net", 20, room=(1000, 500)),
        *trained("net"),
        ("NR.RUN net 3 4", near(7)),
    ],
}
