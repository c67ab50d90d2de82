"""What every driver must answer: named sequences of commands, each with its reply.

A step is a command and what it replies: a value, a ``Refused`` with the error's text, a
function that says whether a reply will do, or ``ANY`` where it is enough that all drivers
reply the same. A command is a line, a tuple of arguments, or a function of the replies so
far that makes one. All networks have a SEED, so that all drivers end in the same bytes.
"""

import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgpack

import nr
from nr.backends import Backend
from nr.dispatcher import arguments


class Refused(str):
    """The text of the error that a command must raise."""


def ANY(_: Any) -> bool:
    return True


Command = str | tuple[Any, ...] | Callable[[list[Any]], tuple[Any, ...]]
Step = tuple[Command, Any]

NO_KEY = Refused("ERR no such key")
BUSY = Refused("ERR the key name is busy")
TRAINING = Refused("ERR neural network training already in progress")
NOT_A_TYPE = Refused("ERR invalid neural network type. Must be CLASSIFIER or REGRESSOR")
NO_TRAIN = Refused(
    "ERR Can't start training: the training dataset is empty, add samples with NR.OBSERVE"
)
NO_TEST = Refused(
    "ERR Can't start training with AUTOSTOP option: overfitting detection requires a non "
    "zero length testing dataset"
)
NOT_CLASS = Refused(
    "ERR you can't call NR.CLASS with a regressor network. Use this command with a "
    "classifier network"
)
NO_ARROW = (
    "ERR no '->' separator in the correct position between inputs and outputs: are you sure "
    "your training data is correct?"
)
COUNTS = (
    "ERR number of arguments does not match the number of inputs and outputs in the neural network"
)
INPUTS = "ERR number of arguments does not match the number of inputs in the neural network"
CLASS_ID = "ERR classifier network output must be an integer in the range from 0 to outputs-1"


def units(why: str) -> Refused:
    return Refused(f"ERR invalid units count: {why}")


def syntax(command: str, why: str) -> Refused:
    return Refused(f"ERR Syntax error in {command}: {why}")


def arity(command: str) -> Refused:
    return Refused(f"ERR wrong number of arguments for '{command}' command")


def not_float(text: str) -> Refused:
    return Refused(
        "ERR invalid neural network input: must be a valid float precision floating point "
        f"number, not '{text}'"
    )


def near(*wanted: float, by: float = 0.25) -> Callable[[Any], bool]:
    return lambda reply: (
        len(reply) == len(wanted)
        and all(abs(got - want) <= by for got, want in zip(reply, wanted, strict=True))
    )


def floats(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def field(name: str, value: Any) -> Callable[[Any], bool]:
    """NR.INFO or NR.CONFIGURE says so."""
    return lambda reply: reply[reply.index(name) + 1] == value


def round_to_float(number: float) -> float:
    """As a float32 holds it."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def sign(i: int) -> int:
    """Mostly 1: the few others are far from the mean."""
    return 1 if i % 7 else -1


def largest_float(reply: Any) -> bool:
    """Of NR.METRICS' errors or R2."""
    return max(map(abs, reply[3] + reply[7])) == (2 - 2**-23) * 2.0**127


def last(kind: type) -> Callable[[list[Any]], Any]:
    return lambda replies: next(r for r in reversed(replies) if isinstance(r, kind))


def flipped(blob: bytes, at: int) -> bytes:
    return blob[:at] + bytes([blob[at] ^ 0x40]) + blob[at + 1 :]


blob_of = last(bytes)
METRICS_FIELDS = [
    *("samples", "accuracy", "log-loss", "brier", "auc", "calibration-error"),
    *("confusion-matrix", "precision", "recall", "f1", "support"),
]
INFO_FIELDS = [
    "id",
    "type",
    "auto-normalization",
    "training",
    "layout",
    "training-dataset-maxlen",
    "training-dataset-len",
    "test-dataset-maxlen",
    "test-dataset-len",
    "training-total-steps",
    "training-total-cycles",
    "training-total-seconds",
    "dataset-error",
    "test-error",
    "classification-errors-perc",
    "overfitting-detected",
]
SUM = "NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 7"
PAIR = "NR.CREATE net CLASSIFIER 2 3 -> 2 DATASET 4 TEST 2 SEED 1"
EIGHT = [(1, 2), (4, 5), (3, 4), (1, 1), (2, 2), (0, 9), (7, 5), (3, 1)]
COUNTED = [[1, 0], [1, 1], [2, 1], [3, 1], [4, 1], [5, 1], [6, 1], [6, 2]]


def observed(key: str, samples: int, to: str = "") -> list[Step]:
    """Sums of two, a sample a command."""
    rows = [((i * 7) % 11, (i * 5) % 13) for i in range(samples)]
    return [(f"NR.OBSERVE {key} {a} {b} -> {a + b} {to}".strip(), ANY) for a, b in rows]


def trained(key: str, options: str = "MAXCYCLES 50 MAXTIME 0") -> list[Step]:
    return [(f"NR.TRAIN {key} {options}", "Training has started"), (f"NR.WAIT {key} 0", 1)]


def mostly_zeros(samples: int, inputs: int) -> bytes:
    """The class says which half of the inputs has the three that are not 0."""
    rows = []
    for i in range(samples):
        row = [0.0] * inputs
        for j in range(3):
            row[(i * 7 + j * 11) % (inputs // 2) + i % 2 * (inputs // 2)] = 1 + j / 4
        rows.append(floats(*row, i % 2))
    return b"".join(rows)


def too_big(reply: Any) -> bool:
    """Of "big" in the case below, on a driver with the memory that drivers.py gives them all."""
    found = re.fullmatch(
        "ERR Can't start training: with 1 samples and 100020001 parameters, 'big' would take "
        r"(\d+) bytes, more than half of the memory of 2147483648: use fewer samples, units or "
        "MEMBERS, or set memory to more",
        reply,
    )
    return found is not None and int(found[1]) > 6 * 4 * 100020001


def create_errors() -> list[Step]:
    wrong: dict[str, Refused] = {
        "THING 2 -> 1": NOT_A_TYPE,
        "'' 2 -> 1": NOT_A_TYPE,
        "REGRESSOR 2": units("no '->' before the outputs"),
        "REGRESSOR 2 1": units("no '->' before the outputs"),
        "REGRESSOR 2 3 ->": units("nothing after '->'"),
        "REGRESSOR -> 1": units("nothing before '->'"),
        "REGRESSOR 2 -> 1 2": units("more than one number after '->'"),
        "REGRESSOR 2 -> -> 1": units("more than one '->'"),
        "REGRESSOR 2 x -> 1": units("'x'"),
        "REGRESSOR 2 '' -> 1": units("''"),
        "REGRESSOR 0 -> 1": units("'0'"),
        "REGRESSOR 2 -> 0": units("'0'"),
        "REGRESSOR -2 -> 1": units("'-2'"),
        "REGRESSOR 2.5 -> 1": units("'2.5'"),
        "REGRESSOR 0x2 -> 1": units("'0x2'"),
        "REGRESSOR ' 2' -> 1": units("' 2'"),
        f"REGRESSOR {2**63} -> 1": Refused(
            "ERR too many units in a layer: 9223372036854775808, at most 16777216"
        ),
        "REGRESSOR 65536 65536 -> 1": Refused(
            "ERR too many parameters: 4295098369, at most 134217728"
        ),
        "REGRESSOR 2 -> 1 FOO": syntax("NR.CREATE", "unknown option 'FOO'"),
        "REGRESSOR 2 -> 1 DATASETS 5": syntax(
            "NR.CREATE", "unknown option 'DATASETS', did you mean DATASET?"
        ),
        "REGRESSOR 2 -> 1 DATASET": syntax("NR.CREATE", "DATASET wants a value"),
        "REGRESSOR 2 -> 1 TEST x": syntax(
            "NR.CREATE", "TEST must be an integer from 0 to 67108864, not 'x'"
        ),
        "REGRESSOR 2 -> 1 DATASET -1": syntax(
            "NR.CREATE", "DATASET must be an integer from 0 to 67108864, not '-1'"
        ),
        "REGRESSOR 2 -> 1 DATASET 1000000000000": Refused(
            "ERR too large a dataset: DATASET 1000000000000, at most 67108864 samples"
        ),
        "REGRESSOR 10000 -> 1 DATASET 60000000": Refused(
            "ERR too large a dataset: DATASET 60000000 takes 2400240000000 bytes, "
            "at most 68719476736"
        ),
        "REGRESSOR 2 -> 1 SEED 9007199254740992": syntax(
            "NR.CREATE",
            "SEED must be an integer from 0 to 9007199254740991, not '9007199254740992'",
        ),
        "REGRESSOR 2 -> 1 SEED 1 SEED 2": syntax("NR.CREATE", "SEED is given twice"),
        "REGRESSOR 2 -> 1 ACTIVATION SIGMOD": syntax(
            "NR.CREATE",
            "ACTIVATION must be SIGMOID, TANH, RELU or LEAKYRELU, not 'SIGMOD', "
            "did you mean SIGMOID?",
        ),
        "REGRESSOR 2 -> 1 LOSS CROSSENTROPY": syntax(
            "NR.CREATE", "CROSSENTROPY is for classifiers"
        ),
        "REGRESSOR 2 -> 1 LOSS X": syntax("NR.CREATE", "LOSS must be MSE or CROSSENTROPY, not 'X'"),
        "REGRESSOR 2 -> 1 OPTIMIZER X": syntax(
            "NR.CREATE", "OPTIMIZER must be RPROP, ADAM or SGD, not 'X'"
        ),
        "REGRESSOR 2 -> 1 LEARNRATE 0": syntax(
            "NR.CREATE", "LEARNRATE must be AUTO or a number above 0 and up to 1000000, not '0'"
        ),
        "REGRESSOR 2 -> 1 LEARNRATE nan": syntax(
            "NR.CREATE", "LEARNRATE must be AUTO or a number above 0 and up to 1000000, not 'nan'"
        ),
        "REGRESSOR 2 -> 1 BATCH 0": syntax(
            "NR.CREATE", "BATCH must be AUTO or an integer from 1 to 67108864, not '0'"
        ),
        "REGRESSOR 2 -> 1 L2 -1": syntax(
            "NR.CREATE", "L2 must be AUTO or a number from 0 to 1000000, not '-1'"
        ),
        "REGRESSOR 2 -> 1 PATIENCE 0": syntax(
            "NR.CREATE", "PATIENCE must be AUTO or an integer from 1 to 2147483648, not '0'"
        ),
        "REGRESSOR 2 -> 1 THREADS 257": syntax(
            "NR.CREATE", "THREADS must be an integer from 1 to 256, not '257'"
        ),
        "REGRESSOR 2 -> 1 CLASSIC ACTIVATION RELU": syntax(
            "NR.CREATE", "CLASSIC has no ACTIVATION: it goes with SEED and THREADS alone"
        ),
        "REGRESSOR 2 " + "3 " * 63 + "-> 1": Refused(
            "ERR too many layers: 65, at most 64 with inputs and outputs"
        ),
    }
    steps: list[Step] = [(f"NR.CREATE net {words}", error) for words, error in wrong.items()]
    return [*steps, ("NR.CREATE net", arity("nr.create")), ("NR.LIST", [])]


def observe_errors() -> list[Step]:
    wrong: dict[str, Refused] = {
        "net 1 2 -> 2": Refused(f"{CLASS_ID}: got 2, outputs are 2"),
        "net 1 2 -> -1": Refused(f"{CLASS_ID}: got -1, outputs are 2"),
        "net 1 2 -> 0.5": Refused(f"{CLASS_ID}: got 0.5, outputs are 2"),
        "net 1 2 1": Refused(NO_ARROW),
        "net 1 -> 2 1": Refused(f"{NO_ARROW} 1 -> 2 given, 2 -> 1 expected"),
        "net -> 1 2 1": Refused(NO_ARROW),
        "net 1 2 ->": Refused(NO_ARROW),
        "net 1 2 -> 1 ->": Refused(NO_ARROW),
        "net 1 2 -> -> 1": Refused(NO_ARROW),
        "net 1 2 3 -> 1": Refused(f"{COUNTS}: 3 -> 1 given, 2 -> 1 expected"),
        "net 1 2 -> 1 1": Refused(f"{COUNTS}: 2 -> 2 given, 2 -> 1 expected"),
        **{
            f"net 1 '{text}' -> 1": not_float(text)
            for text in ("x", "nan", "inf", "-inf", "1e400", "1e39", "0x10", " 1", "1 ", "", "1_0")
        },
        "net 1 2 -> 1 FOO": not_float("FOO"),
        "net": arity("nr.observe"),
        "none 1 2 -> 1": NO_KEY,
        "net FP32": syntax("NR.OBSERVE", "FP32 takes one blob, and then TRAIN, TEST or nothing"),
        "net FP32 ''": Refused("ERR invalid FP32 blob: it is empty"),
        "net FP32 abc": Refused(
            "ERR invalid FP32 blob: 3 bytes are not a whole number of 32-bit floats"
        ),
        "net FP32 abcd": Refused(
            "ERR invalid FP32 blob: 4 bytes are not a whole number of rows of 12 bytes "
            "(3 32-bit floats)"
        ),
    }
    many = floats(1, 2, 0, 1, float("nan"), 0)
    return [
        (PAIR, 17),
        *((f"NR.OBSERVE {words}", error) for words, error in wrong.items()),
        (
            ("NR.OBSERVE", "net", "FP32", floats(1, 2, 1), "TRIAN"),
            syntax("NR.OBSERVE", "FP32 takes one blob, and then TRAIN, TEST or nothing"),
        ),
        (
            ("NR.OBSERVE", "net", "FP32", many),
            Refused(
                "ERR invalid neural network input: sample 1 holds NaN or an infinity as number 1"
            ),
        ),
        (
            ("NR.OBSERVE", "net", "FP32", floats(1, 2, 0, 1, 2, 8)),
            Refused(f"{CLASS_ID}: got 8, outputs are 2"),
        ),
        ("NR.INFO net", field("training-dataset-len", 0)),
        ("NR.INFO net", field("test-dataset-len", 0)),
    ]


def restore_errors() -> list[Step]:
    """A dump that was tampered with is refused, and what was there stays."""

    def tampered(change: Callable[[bytes], bytes]) -> Command:
        return lambda replies: ("NR.RESTORE", "net", change(blob_of(replies)), "REPLACE")

    def is_refused(reply: Any) -> bool:
        return isinstance(reply, Refused) and reply.startswith("ERR invalid network")

    def is_any_refused(reply: Any) -> bool:
        return isinstance(reply, Refused) and reply.startswith("ERR ")

    changes = [lambda blob, n=n: blob[:n] for n in (0, 1, 10, -1, -8)]
    flips = [lambda blob, n=n: flipped(blob, n) for n in (0, 2, 20, 99, -60, -9, -1)]
    return [
        (SUM, 13),
        *observed("net", 5),
        ("NR.DUMP net", lambda reply: isinstance(reply, bytes)),
        *((tampered(change), is_refused) for change in changes),
        *((tampered(flip), is_any_refused) for flip in flips),
        (tampered(lambda blob: blob + b"\0"), is_refused),
        ("NR.RESTORE net abc", Refused("ERR invalid network: not a dump of one")),
        (lambda replies: ("NR.RESTORE", "net", blob_of(replies)), BUSY),
        (
            lambda replies: ("NR.RESTORE", "new", blob_of(replies), "REPLACES"),
            syntax("NR.RESTORE", "unknown option 'REPLACES', did you mean REPLACE?"),
        ),
        ("NR.LIST", [b"net"]),
        ("NR.INFO net", field("training-dataset-len", 4)),
    ]


BEYOND = Refused("ERR the network's outputs for these inputs are beyond the range of 32-bit floats")
HUGE = {
    "relu": "REGRESSOR 2 3 -> 2 ACTIVATION RELU",
    "linear": "REGRESSOR 2 -> 2",
    "scaled": "REGRESSOR 2 20 -> 2 NORMALIZE",
    "classes": "CLASSIFIER 2 3 -> 3",
    "classic": "CLASSIFIER 2 3 -> 3 CLASSIC",
}


def finite(reply: Any) -> bool:
    return all(math.isfinite(float(x)) for x in reply)


CASES: dict[str, list[Step]] = {
    "create replies the number of parameters": [
        ("NR.CREATE net REGRESSOR 2 3 -> 1 SEED 1", 13),
        ("NR.CREATE iris CLASSIFIER 5 10 -> 3 SEED 1", 93),
        ("NR.CREATE linear REGRESSOR 4 -> 2 SEED 1", 10),
        ("nr.create lower classifier 2 -> 1 seed 1 normalize dataset 3 test 0", 3),
        ("NR.CREATE net REGRESSOR 2 3 -> 1", BUSY),
        ("NR.LIST", [b"iris", b"linear", b"lower", b"net"]),
    ],
    "create takes every option": [
        (
            "NR.CREATE a CLASSIFIER 2 3 -> 2 SEED 5 ACTIVATION RELU LOSS MSE OPTIMIZER ADAM "
            "LEARNRATE 0.05 BATCH 16 L2 1e-4 PATIENCE 9 THREADS 2 MEMBERS 3 "
            "CLASSWEIGHTS balanced NORMALIZE DATASET 0 TEST 0",
            17,
        ),
        (
            "NR.CONFIGURE a",
            [
                *("NORMALIZE", "yes", "CLASSIC", "no", "SEED", "5", "ACTIVATION", "RELU"),
                *("LOSS", "MSE", "OPTIMIZER", "ADAM", "LEARNRATE", "0.05", "L2", "0.0001"),
                *("BATCH", "16", "PATIENCE", "9", "THREADS", "2", "MEMBERS", "3"),
                *("CLASSWEIGHTS", "BALANCED"),
            ],
        ),
        ("NR.CREATE b REGRESSOR 2 3 -> 2 CLASSIC SEED 0", 17),
        ("NR.CONFIGURE b", field("ACTIVATION", "SIGMOID")),
        ("NR.CONFIGURE b", field("LOSS", "MSE")),
        ("NR.CREATE c CLASSIFIER 1 -> 2 ACTIVATION LEAKYRELU OPTIMIZER SGD SEED 3", 4),
        ("NR.CREATE d CLASSIFIER 1 -> 2 ACTIVATION TANH LOSS CROSSENTROPY SEED 3", 4),
        ("NR.CREATE e REGRESSOR 2 " + "2 " * 62 + "-> 1 SEED 1", 375),
    ],
    "create refuses what it cannot make": create_errors(),
    "keys are bytes": [
        (("NR.CREATE", b"\xff \x00'", "REGRESSOR", 1, "->", 1, "SEED", 1), 2),
        (("NR.CREATE", "", "REGRESSOR", 1, "->", 1, "SEED", 1), 2),
        (("NR.OBSERVE", b"\xff \x00'", 1, "->", 2), [1, 0]),
        ("NR.LIST", [b"", b"\xff \x00'"]),
        (("NR.DEL", b"\xff \x00'"), 1),
        (("NR.INFO", b"\xff \x00'"), NO_KEY),
    ],
    "a missing key is an error for every command on one": [
        (f"NR.{command} none{rest}", NO_KEY)
        for command, rest in {
            "OBSERVE": " 1 -> 1",
            "RUN": " 1",
            "CLASS": " 1",
            "TRAIN": "",
            "INFO": "",
            "RESET": "",
            "GETDATA": " TRAIN 0",
            "CONFIGURE": " THREADS 2",
            "STOP": "",
            "WAIT": " 1",
            "DUMP": "",
            "HISTORY": "",
        }.items()
    ]
    + [("NR.CONFIGURE none", NO_KEY), ("NR.DEL none", 0), ("NR.LIST", [])],
    "unknown commands": [
        ("NR.FOO", Refused("ERR unknown command 'NR.FOO'")),
        ("NR.OBSERV net 1", Refused("ERR unknown command 'NR.OBSERV', did you mean NR.OBSERVE?")),
        ('""', Refused("ERR unknown command ''")),
        *(
            (f"NR.{name}", arity(f"nr.{name.lower()}"))
            for name in ("INFO", "DEL", "WAIT", "RUN", "TRAIN", "DUMP", "RESTORE", "RESET", "STOP")
        ),
        ("NR.THREADS x", arity("nr.threads")),
        ("NR.LIST a b", arity("nr.list")),
    ],
    "samples go to the dataset that is less full": [
        (SUM, 13),
        *(
            (f"NR.OBSERVE net {a} {b} -> {a + b}", counts)
            for (a, b), counts in zip(EIGHT, COUNTED, strict=True)
        ),
        ("NR.GETDATA net TRAIN 0", [[1.0, 2.0], [3.0]]),
        ("NR.GETDATA net TRAIN 6", None),
        ("NR.GETDATA net test 1", ANY),
    ],
    "samples go where they are told": [
        (PAIR, 17),
        ("NR.OBSERVE net 1 2 -> 0 TEST", [0, 1]),
        ("NR.OBSERVE net 1 2 -> 1 test", [0, 2]),
        ("NR.OBSERVE net 1 2 -> 1 TRAIN", [1, 2]),
        ("NR.GETDATA net TRAIN 0", [[1.0, 2.0], [0.0, 1.0]]),
        ("NR.GETDATA net TEST 0", [[1.0, 2.0], [1.0, 0.0]]),
        ("NR.GETDATA net TEST 2", None),
        ("NR.GETDATA net TEST 9007199254740991", None),
        ("NR.GETDATA net TEST 18446744073709551616", None),
    ],
    "401 and 200 after 601 of 1000 and 500": [
        ("NR.CREATE net REGRESSOR 2 -> 1 SEED 3", 3),
        (
            ("NR.OBSERVE", "net", "FP32", b"".join(floats(i, i, i) for i in range(601))),
            [401, 200],
        ),
    ],
    "a full dataset evicts": [
        (PAIR, 17),
        *((f"NR.OBSERVE net {i} 0 -> {i % 2}", ANY) for i in range(40)),
        ("NR.OBSERVE net 40 0 -> 0", [4, 2]),
        ("NR.OBSERVE net 41 0 -> 0 TEST", [4, 2]),
        *(
            (f"NR.GETDATA net {to} {i}", ANY)
            for to, n in (("TRAIN", 4), ("TEST", 2))
            for i in range(n)
        ),
    ],
    "one blob is as many single samples": [
        ("NR.CREATE a REGRESSOR 1 -> 1 SEED 3 DATASET 5 TEST 3", 2),
        ("NR.CREATE b REGRESSOR 1 -> 1 SEED 3 DATASET 5 TEST 3", 2),
        *((f"NR.OBSERVE a {i} -> {i}", ANY) for i in range(30)),
        (("NR.OBSERVE", "b", "fp32", b"".join(floats(i, i) for i in range(30))), [5, 3]),
        *((f"NR.GETDATA {key} TRAIN {i}", ANY) for i in range(5) for key in "ab"),
        (("NR.OBSERVE", "b", "FP32", floats(1, 2), "TEST"), [5, 3]),
    ],
    "observe refuses, and adds nothing": observe_errors(),
    "datasets of no length": [
        ("NR.CREATE net REGRESSOR 1 -> 1 DATASET 0 TEST 0 SEED 1", 2),
        (
            "NR.OBSERVE net 1 -> 1",
            Refused("ERR the network keeps no samples: it was created with DATASET 0 and TEST 0"),
        ),
        (
            "NR.OBSERVE net 1 -> 1 TRAIN",
            Refused("ERR the network keeps no training samples: it was created with DATASET 0"),
        ),
        ("NR.CREATE half REGRESSOR 1 -> 1 TEST 0 SEED 1", 2),
        (
            "NR.OBSERVE half 1 -> 1 TEST",
            Refused("ERR the network keeps no testing samples: it was created with TEST 0"),
        ),
        ("NR.OBSERVE half 1 -> 1", [1, 0]),
        ("NR.OBSERVE half 1 -> 1", [2, 0]),
    ],
    "getdata": [
        (PAIR, 17),
        ("NR.GETDATA net TRAIN 0", None),
        (
            "NR.GETDATA net FOO 0",
            syntax("NR.GETDATA", "the dataset must be TRAIN or TEST, not 'FOO'"),
        ),
        ("NR.GETDATA net TRAIN x", Refused("ERR invalid row: 'x'")),
        ("NR.GETDATA net TRAIN -1", Refused("ERR invalid row: '-1'")),
        ("NR.GETDATA net", arity("nr.getdata")),
    ],
    "run and class": [
        (PAIR, 17),
        ("NR.RUN net 1 2", lambda reply: abs(sum(reply) - 1) < 1e-6),
        ("NR.CLASS net 1 2", lambda reply: reply in (0, 1)),
        (("NR.RUN", "net", "FP32", floats(1, 2, 3, 4)), lambda reply: len(reply) == 16),
        (("NR.CLASS", "net", "fp32", floats(1, 2, 3, 4, 5, 6)), lambda reply: len(reply) == 3),
        ("NR.CREATE reg REGRESSOR 2 -> 1 SEED 1", 3),
        ("NR.RUN reg 1e-3 .5", lambda reply: len(reply) == 1),
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
            for key, layout in HUGE.items()
            for step in (
                (f"NR.CREATE {key} {layout} SEED 1 TEST 0", ANY),
                (f"NR.RUN {key} 3e38 -3e38", finite),
                (f"NR.RUN {key} 3.4e38 3.4e38", finite),
            )
        ),
        ("NR.CLASS classes 3e38 3e38", lambda reply: reply in range(3)),
        (("NR.RUN", "classes", "FP32", floats(*[3e38, -3e38] * 70)), ANY),
        ("NR.OBSERVE relu 1 1 -> 3e38 -3e38", ANY),
        ("NR.OBSERVE relu 2 1 -> -3e38 3e38", ANY),
        ("NR.TRAIN relu MAXCYCLES 3", "Training has started"),
        ("NR.WAIT relu 0", 1),
        ("NR.RUN relu 1 1", finite),
        ("NR.RUN relu 3e38 -3e38", BEYOND),
        (("NR.RUN", "relu", "FP32", floats(*[3e38, -3e38] * 70)), BEYOND),
    ],
    "the tutorial's sums": [
        (SUM, 13),
        *((f"NR.OBSERVE net {a} {b} -> {a + b}", ANY) for a, b in EIGHT),
        ("NR.TRAIN net MAXCYCLES 3000 MAXTIME 0", "Training has started"),
        ("NR.WAIT net 0", 1),
        ("NR.RUN net 1 1", near(2)),
        ("NR.RUN net 3 2", near(5)),
        ("NR.INFO net", field("training", 0)),
        ("NR.INFO net", field("training-total-cycles", 3000)),
        ("NR.INFO net", field("training-ended-by", "cycles")),
        ("NR.HISTORY net", lambda reply: 0 < len(reply) <= 1000 and reply[-1][0] == 3000),
    ],
    "info in order": [
        (PAIR, 17),
        (
            "NR.INFO net",
            lambda reply: reply[::2][:16] == INFO_FIELDS,
        ),
        ("NR.INFO net", field("layout", [2, 3, 2])),
        (SUM.replace("net", "reg"), 13),
        ("NR.INFO reg", lambda reply: "classification-errors-perc" not in reply),
        ("NR.INFO reg", field("auto-normalization", 1)),
    ],
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
        ("NR.WAIT net 30", 0),
        ("NR.STOP net", 1),
        ("NR.WAIT net 0", 1),
        ("NR.STOP net", 0),
        ("NR.INFO net", field("training-ended-by", "stop")),
        ("NR.INFO net", lambda reply: reply[reply.index("training-total-cycles") + 1] > 0),
        ("NR.DEL net", 1),
    ],
    "samples observed while it trains stay": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        *observed("net", 4, "TRAIN"),
        ("NR.STOP net", 1),
        ("NR.WAIT net 0", 1),
        ("NR.INFO net", field("training-dataset-len", 11)),
        ("NR.GETDATA net TRAIN 10", ANY),
        ("NR.RESET net", "OK"),
    ],
    "reset drops a running training": [
        (SUM, 13),
        *observed("net", 9),
        ("NR.RUN net 1 2", ANY),
        ("NR.TRAIN net MAXTIME 0", "Training has started"),
        ("NR.RESET net", "OK"),
        ("NR.INFO net", field("training", 0)),
        ("NR.WAIT net 0", 1),
        ("NR.THREADS", []),
        ("NR.INFO net", field("training-total-cycles", 0)),
        ("NR.INFO net", field("training-dataset-len", 7)),
        ("NR.RUN net 1 2", ANY),
        *trained("net"),
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
        ("NR.DUMP net", ANY),
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
        ("NR.RUN net 1 2", ANY),
        ("NR.RESET net", "OK"),
        ("NR.RUN net 1 2", ANY),
        *trained("net", "MAXCYCLES 4"),
        ("NR.RESET net", "OK"),
        ("NR.INFO net", field("training-total-steps", 0)),
        ("NR.HISTORY net", []),
        ("NR.GETDATA net TRAIN 0", [[1.0, 2.0], [0.0, 1.0]]),
    ],
    "configure": [
        (PAIR, 17),
        ("NR.CONFIGURE net L2 0.001 THREADS 2 optimizer sgd BATCH 7 LEARNRATE 0.5", "OK"),
        ("NR.CONFIGURE net", field("L2", "0.001")),
        ("NR.CONFIGURE net", field("OPTIMIZER", "SGD")),
        ("NR.CONFIGURE net BATCH 1000 PATIENCE 2147483648 LEARNRATE 100000", "OK"),
        ("NR.CONFIGURE net", field("BATCH", "1000")),
        ("NR.CONFIGURE net", field("PATIENCE", "2147483648")),
        ("NR.CREATE far REGRESSOR 1 -> 1 SEED 9007199254740991", 2),
        ("NR.CONFIGURE far", field("SEED", "9007199254740991")),
        ("NR.CREATE round REGRESSOR 1 -> 1 SEED 100000", 2),
        ("NR.CONFIGURE round", field("SEED", "100000")),
        ("NR.CONFIGURE net L2 AUTO PATIENCE AUTO", "OK"),
        ("NR.CONFIGURE net", field("L2", "AUTO")),
        (
            "NR.CONFIGURE net SEED 4",
            syntax("NR.CONFIGURE", "SEED is fixed when the network is created"),
        ),
        (
            "NR.CONFIGURE net THREADS 4 NORMALIZE",
            syntax("NR.CONFIGURE", "NORMALIZE is fixed when the network is created"),
        ),
        ("NR.CONFIGURE net L2", syntax("NR.CONFIGURE", "L2 wants a value")),
        (
            "NR.CONFIGURE net L2 0.5 THREADS 0",
            syntax("NR.CONFIGURE", "THREADS must be an integer from 1 to 256, not '0'"),
        ),
        ("NR.CONFIGURE net FOO 1", syntax("NR.CONFIGURE", "unknown option 'FOO'")),
        ("NR.CONFIGURE net", field("L2", "AUTO")),
        ("NR.CREATE old REGRESSOR 1 -> 1 CLASSIC SEED 1", 2),
        (
            "NR.CONFIGURE old L2 0.5",
            syntax("NR.CONFIGURE", "a CLASSIC network has no options but THREADS"),
        ),
        ("NR.CONFIGURE old THREADS 3", "OK"),
    ],
    "wait": [
        (PAIR, 17),
        ("NR.WAIT net 0", 1),
        ("NR.WAIT net 5", 1),
        ("NR.WAIT net -1", Refused("ERR invalid number of milliseconds of time: '-1'")),
        ("NR.WAIT net x", Refused("ERR invalid number of milliseconds of time: 'x'")),
    ],
    "dump and restore": [
        (SUM, 13),
        *observed("net", 9),
        *trained("net"),
        ("NR.RUN net 3 4", ANY),
        ("NR.DUMP net", lambda reply: isinstance(reply, bytes)),
        (lambda replies: ("NR.RESTORE", "copy", blob_of(replies)), "OK"),
        ("NR.RUN copy 3 4", ANY),
        ("NR.HISTORY copy", ANY),
        *observed("copy", 60),
        *trained("copy"),
        ("NR.RUN copy 3 4", ANY),
        ("NR.INFO net", field("training-total-cycles", 50)),
        ("NR.INFO copy", field("training-total-cycles", 100)),
    ],
    "a damaged dump is refused": restore_errors(),
    "delete": [
        *((f"NR.CREATE {key} REGRESSOR 1 -> 1 SEED 1", 2) for key in "abc"),
        ("NR.DEL a a none", 1),
        ("NR.DEL b c a", 2),
        ("NR.LIST", []),
    ],
    "list": [
        *(
            (("NR.CREATE", key, "REGRESSOR", 1, "->", 1, "SEED", 1), 2)
            for key in ("a", "ab", "abc", "b*", "[x]", "B", "a-z")
        ),
        ("NR.LIST", [b"B", b"[x]", b"a", b"a-z", b"ab", b"abc", b"b*"]),
        ("NR.LIST *", [b"B", b"[x]", b"a", b"a-z", b"ab", b"abc", b"b*"]),
        ("NR.LIST a*", [b"a", b"a-z", b"ab", b"abc"]),
        ("NR.LIST ?", [b"B", b"a"]),
        ("NR.LIST a[b-z]*", [b"ab", b"abc"]),
        ("NR.LIST a[^b]*", [b"a-z"]),
        (("NR.LIST", "b\\*"), [b"b*"]),
        (("NR.LIST", "\\[x]"), [b"[x]"]),
        ("NR.LIST *b*c*", [b"abc"]),
        (("NR.LIST", ""), []),
        ("NR.LIST none", []),
    ],
}


# ---- running them ----


def run(backend: Backend, steps: Sequence[Step], check: bool = True) -> list[Any]:
    """Runs a case: its replies, masked, and at the end what NR.DUMP holds of each network."""
    replies: list[Any] = []
    masked: list[Any] = []
    for command, expected in steps:
        words = command(replies) if callable(command) else command
        argv = arguments([words] if isinstance(words, str) else words)
        reply = execute(backend, argv)
        replies.append(reply)
        masked.append(mask(argv, reply))
        if check:
            ok = expected(reply) if callable(expected) else same(reply, expected)
            assert ok, f"{argv} replied {reply!r}, not {expected!r}"
    keys = backend.execute(b"NR.LIST")
    assert isinstance(keys, list)
    dumps = [mask([b"NR.DUMP"], backend.execute(b"NR.DUMP", key)) for key in keys]
    return [*masked, keys, dumps]


def execute(backend: Backend, argv: Sequence[bytes]) -> Any:
    """A command's reply, or the text of its refusal. Nothing but nr.CommandError is expected."""
    try:
        return backend.execute(*argv)
    except nr.CommandError as error:
        return Refused(error)


def same(reply: Any, expected: Any) -> bool:
    """Equal in type too: an integer is no double, text no bytes."""
    if isinstance(expected, list):
        return (
            isinstance(reply, list)
            and len(reply) == len(expected)
            and all(map(same, reply, expected))
        )
    return type(reply) is type(expected) and reply == expected


HIDDEN = {"id", "training-total-seconds"}
STATISTICS = {
    *HIDDEN,
    "training-total-steps",
    "training-total-cycles",
    "dataset-error",
    "test-error",
    "classification-errors-perc",
}


def mask(argv: Sequence[bytes], reply: Any) -> Any:
    """A reply without what may differ: ids, seconds, and a running training's progress."""
    if isinstance(reply, Refused):
        return reply
    name = argv[0].upper()
    if name == b"NR.INFO":
        shown = dict(zip(reply[::2], reply[1::2], strict=True))
        timed = shown["training-ended-by"] == "stop"
        return {f: v for f, v in shown.items() if f not in (STATISTICS if timed else HIDDEN)}
    if name == b"NR.DUMP":
        return content(reply)
    return len(reply) if name == b"NR.THREADS" else reply


def content(blob: bytes) -> Any:
    """What a dump holds, the id, the time spent training and so the checksum aside."""
    magic, version, header, *arrays, _checksum = msgpack.unpackb(blob)
    kept = {k: v for k, v in header.items() if k not in ("id", "total_ms")}
    return magic, version, kept, arrays
