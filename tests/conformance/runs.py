"""Networks answer, untrained and trained, with whatever numbers."""

import struct
from collections.abc import Callable
from typing import Any

from conformance.steps import (
    PAIR,
    ROOM,
    SUM,
    Refused,
    Step,
    arity,
    counted,
    field,
    finite,
    floats,
    near,
    not_float,
)

NOT_CLASS = Refused(
    "ERR you can't call NR.CLASS with a regressor network. Use this command with a "
    "classifier network"
)
INPUTS = "ERR number of arguments does not match the number of inputs in the neural network"
BEYOND = Refused("ERR the network's outputs for these inputs are beyond the range of 32-bit floats")
HUGE = {
    "relu": ("REGRESSOR 2 3 -> 2 ACTIVATION RELU", 17),
    "linear": ("REGRESSOR 2 -> 2", 6),
    "scaled": ("REGRESSOR 2 20 -> 2 NORMALIZE", 102),
    "classes": ("CLASSIFIER 2 3 -> 3", 21),
    "classic": ("CLASSIFIER 2 3 -> 3 CLASSIC", 21),
}
EIGHT = [(1, 2), (4, 5), (3, 4), (1, 1), (2, 2), (0, 9), (7, 5), (3, 1)]


def rows(*wanted: float) -> Callable[[Any], bool]:
    """A blob of these outputs, or nearly."""
    return lambda blob: near(*wanted, by=1e-4)(struct.unpack(f"<{len(blob) // 4}f", blob))


CASES: dict[str, list[Step]] = {
    "run and class": [
        (PAIR, 17),
        ("NR.RUN net 1 2", near(0.60367, 0.39633, by=1e-4)),
        ("NR.CLASS net 1 2", 0),
        (
            ("NR.RUN", "net", "FP32", floats(1, 2, 3, 4)),
            rows(0.60367, 0.39633, 0.61425, 0.38575),
        ),
        (("NR.CLASS", "net", "fp32", floats(-1, 2, 3, -4, 5, 6)), [0, 1, 0]),
        ("NR.CREATE reg REGRESSOR 2 -> 1 SEED 1", 3),
        ("NR.RUN reg 1e-3 .5", near(0.16535, by=1e-4)),
        ("NR.CLASS reg 1 2", NOT_CLASS),
        (("NR.CLASS", "reg", "FP32", floats(1, 2)), NOT_CLASS),
    ],
    "run and class refuse": [
        (PAIR, 17),
        *(
            step
            for name in ("NR.RUN", "NR.CLASS")
            for step in (
                (f"{name} net 1", Refused(f"{INPUTS}: 1 given, 2 expected")),
                (f"{name} net 1 2 3", Refused(f"{INPUTS}: 3 given, 2 expected")),
                (f"{name} net 1 x", not_float("x")),
                (f"{name} net nan 1", not_float("nan")),
                (f"{name} net", arity(name.lower())),
                (f"{name} net FP32 ''", Refused("ERR invalid FP32 blob: it is empty")),
                (
                    f"{name} net FP32 abcd",
                    Refused(
                        "ERR invalid FP32 blob: 4 bytes are not a whole number of rows of 8 "
                        "bytes (2 32-bit floats)"
                    ),
                ),
                (
                    (name, "net", "FP32", floats(0, 0, 0, float("inf"))),
                    Refused(
                        "ERR invalid neural network input: row 1 holds NaN or an infinity as "
                        "number 1"
                    ),
                ),
            )
        ),
    ],
    "inputs that no sum can hold": [
        *(
            step
            for key, (layout, parameters) in HUGE.items()
            for step in (
                (f"NR.CREATE {key} {layout} SEED 1 TEST 0", parameters),
                (f"NR.RUN {key} 3e38 -3e38", finite),
                (f"NR.RUN {key} 3.4e38 3.4e38", finite),
            )
        ),
        ("NR.CLASS classes 3e38 3e38", 0),
        (
            ("NR.RUN", "classes", "FP32", floats(*[3e38, -3e38] * 70)),
            rows(*[0.3204, 0.4407, 0.2388] * 70),
        ),
        ("NR.OBSERVE relu 1 1 -> 3e38 -3e38", [1, 0]),
        ("NR.OBSERVE relu 2 1 -> -3e38 3e38", [2, 0]),
        ("NR.TRAIN relu MAXCYCLES 3", "Training has started"),
        ("NR.WAIT relu 0", 1),
        ("NR.RUN relu 1 1", finite),
        ("NR.RUN relu 3e38 -3e38", BEYOND),
        (("NR.RUN", "relu", "FP32", floats(*[3e38, -3e38] * 70)), BEYOND),
    ],
    "the tutorial's sums": [
        (SUM, 13),
        *counted((f"NR.OBSERVE net {a} {b} -> {a + b}" for a, b in EIGHT), ROOM),
        ("NR.TRAIN net MAXCYCLES 3000 MAXTIME 0", "Training has started"),
        ("NR.WAIT net 0", 1),
        ("NR.RUN net 1 1", near(2)),
        ("NR.RUN net 3 2", near(5)),
        ("NR.INFO net", field("training", 0)),
        ("NR.INFO net", field("training-total-cycles", 3000)),
        ("NR.INFO net", field("training-ended-by", "cycles")),
        ("NR.HISTORY net", lambda reply: 500 < len(reply) <= 1000 and reply[-1][0] == 3000),
    ],
}
