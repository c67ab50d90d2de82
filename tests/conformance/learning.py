"""What comes of trainings: weights, errors, metrics."""

import math
import struct
from typing import Any

from conformance.steps import (
    ANY,
    NO_KEY,
    Step,
    blob_of,
    field,
    floats,
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


CASES: dict[str, list[Step]] = {
    "training by every optimizer": [
        step
        for optimizer in ("RPROP", "ADAM", "SGD")
        for kind in ("CLASSIFIER 2 4 -> 25", "REGRESSOR 2 4 -> 1", "REGRESSOR 2 -> 1")
        for step in [
            (f"NR.CREATE net {kind} NORMALIZE SEED 4 OPTIMIZER {optimizer} BATCH 5", ANY),
            *observed("net", 20),
            *trained("net", "MAXCYCLES 30 MAXTIME 0 AUTOSTOP BACKTRACK"),
            *trained("net", "MAXCYCLES 5 MAXTIME 0"),
            ("NR.RUN net 3 4", ANY),
            ("NR.HISTORY net", ANY),
            ("NR.METRICS net", ANY),
            ("NR.IMPORTANCE net", ANY),
            ("NR.DUMP net", ANY),
            ("NR.DEL net", 1),
        ]
    ],
    "metrics and importance": [
        ("NR.CREATE net CLASSIFIER 2 4 -> 2 NORMALIZE SEED 4 DATASET 40 TEST 20", ANY),
        ("NR.METRICS net", None),
        ("NR.IMPORTANCE net", None),
        *((f"NR.OBSERVE net {i % 7} {i} -> {int(i > 15)}", ANY) for i in range(30)),
        *trained("net", "AUTOSTOP BACKTRACK MAXTIME 0"),
        ("NR.METRICS net", field("samples", 10)),
        ("NR.METRICS net", field("support", [5, 5])),
        ("NR.METRICS net", lambda reply: reply[::2] == METRICS_FIELDS),
        ("NR.IMPORTANCE net", lambda reply: reply[1] > 5 * abs(reply[0])),
        ("NR.RESET net", "OK"),
        ("NR.METRICS net", None),
        ("NR.CREATE reg REGRESSOR 1 4 -> 2 NORMALIZE SEED 4 CLASSWEIGHTS NONE", ANY),
        *((f"NR.OBSERVE reg {i} -> {i} {-i}", ANY) for i in range(30)),
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
            for key, train, test in (
                ("far", (3e38, 3.1e38), (-3e38, -3.1e38)),
                ("near", (1, 2), (0, 1e-20)),
            )
            for step in (
                (f"NR.CREATE {key} REGRESSOR 1 2 -> 1 SEED 1", ANY),
                *((f"NR.OBSERVE {key} {i} -> {y} TRAIN", ANY) for i, y in enumerate(train)),
                *((f"NR.OBSERVE {key} {i} -> {y} TEST", ANY) for i, y in enumerate(test)),
                *trained(key, "MAXCYCLES 5 MAXTIME 0"),
                (f"NR.METRICS {key}", largest_float),
                (f"NR.RUN {key} 1", ANY),
                (f"NR.DUMP {key}", ANY),
                (lambda replies: ("NR.RESTORE", "copy", blob_of(replies), "REPLACE"), "OK"),
            )
        ),
    ],
    "columns without spread": [
        ("NR.CREATE net REGRESSOR 2 5 -> 3 NORMALIZE SEED 1 DATASET 20 TEST 10", 33),
        *((f"NR.OBSERVE net {i} 7 -> 0 7e-9 {i}e-36", ANY) for i in range(30)),
        *trained("net", "MAXCYCLES 200 MAXTIME 0"),
        ("NR.RUN net 30 7", lambda reply: reply[:2] == [0.0, round_to_float(7e-9)]),
        ("NR.RUN net 10 7", lambda reply: abs(reply[2] - 1e-35) < 5e-37),
        ("NR.METRICS net", lambda reply: reply[3][:2] == reply[5][:2] == [0.0, 0.0]),
        ("NR.METRICS net", lambda reply: reply[7][:2] == [None, None] and reply[7][2] > 0.99),
        ("NR.INFO net", field("training-ended-by", "cycles")),
        # A spread where there was none, and none where there was one.
        *((f"NR.OBSERVE net {i} {i} -> {i} {i} 5", ANY) for i in range(400)),
        *trained("net", "MAXCYCLES 200 MAXTIME 0"),
        ("NR.RUN net 390 390", lambda reply: abs(reply[0] - 390) < 20 and reply[2] == 5.0),
        ("NR.DUMP net", ANY),
        ("NR.CREATE apart REGRESSOR 1 5 -> 1 NORMALIZE SEED 1", ANY),
        *((f"NR.OBSERVE apart {1e9 + 64 * i:.0f} -> {i}e-37 TRAIN", ANY) for i in range(30)),
        *((f"NR.OBSERVE apart {1e9 + 64 * i:.0f} -> {i}e-37 TEST", ANY) for i in range(30)),
        *trained("apart", "MAXCYCLES 200 MAXTIME 0"),
        ("NR.METRICS apart", lambda reply: reply[7][0] > 0.99),
    ],
    "samples as large as a float can be": [
        ("NR.CREATE net REGRESSOR 2 5 -> 1 NORMALIZE SEED 1", ANY),
        *(
            (f"NR.OBSERVE net {i} {3.4e38 if i % 9 else -3.4e38} -> {3.4e38 * sign(i)}", ANY)
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
        for kind in ("REGRESSOR 1 5 -> 1", "CLASSIFIER 1 5 -> 2")
        for limit in ("MAXCYCLES 100", "MAXCYCLES 100 AUTOSTOP BACKTRACK")
        if (optimizer, limit) != ("ADAM", "MAXCYCLES 100 AUTOSTOP BACKTRACK")
        for step in [
            (
                f"NR.CREATE net {kind} NORMALIZE SEED 1 L2 0 OPTIMIZER {optimizer} LEARNRATE 1e6",
                ANY,
            ),
            *((f"NR.OBSERVE net {i} -> {i * i % 2}", ANY) for i in range(60)),
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
        ("NR.METRICS net", ANY),
        (("NR.CLASS", "net", *[0] * 89, 1), 1),
        ("NR.CONFIGURE net OPTIMIZER ADAM BATCH 40 THREADS 2", ANY),
        *trained("net", "MAXCYCLES 3 MAXTIME 0"),
        ("NR.RUN net " + "0 " * 60 + "1 " * 30, ANY),
    ],
    "classic training": [
        ("NR.CREATE net REGRESSOR 2 3 -> 1 CLASSIC NORMALIZE SEED 4", 13),
        *observed("net", 20),
        *trained("net"),
        ("NR.RUN net 3 4", ANY),
    ],
}
