"""Samples are observed, replaced and read."""

from conformance.steps import (
    NO_KEY,
    PAIR,
    SUM,
    Refused,
    Step,
    arity,
    blob_of,
    counted,
    field,
    floats,
    holds,
    not_float,
    syntax,
)

NO_ARROW = (
    "ERR no '->' separator in the correct position between inputs and outputs: are you sure "
    "your training data is correct?"
)
COUNTS = (
    "ERR number of arguments does not match the number of inputs and outputs in the neural network"
)
CLASS_ID = "ERR classifier network output must be an integer in the range from 0 to outputs-1"
EIGHT = [(1, 2), (4, 5), (3, 4), (1, 1), (2, 2), (0, 9), (7, 5), (3, 1)]
COUNTED = [[1, 0], [1, 1], [2, 1], [3, 1], [4, 1], [5, 1], [6, 1], [6, 2]]


PEOPLE = [
    ("ann", 1, "a", "TRAIN", [1, 0]),
    ("bob", 2, "b", "TRAIN", [2, 0]),
    ("ann", 3, "b", "TEST", [2, 1]),
    ("ann", 4, "a", "TRAIN", [3, 1]),
    ("bob", 5, "a", "TEST", [3, 2]),
    ("eve", 6, "b", "TRAIN", [4, 2]),
]


def observe_errors() -> list[Step]:
    wrong: dict[str, Refused] = {
        "net 1 2 -> 2": Refused(f"{CLASS_ID}: got 2, outputs are 2"),
        "net 1 2 -> -1": Refused(f"{CLASS_ID}: got -1, outputs are 2"),
        "net 1 2 -> 0.5": Refused(f"{CLASS_ID}: got 0.5, outputs are 2"),
        "net 1 2 -> 0.99999999": Refused(f"{CLASS_ID}: got 0.99999999, outputs are 2"),
        "net 1 2 -> 1e-60": Refused(f"{CLASS_ID}: got 1e-60, outputs are 2"),
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


CASES: dict[str, list[Step]] = {
    "samples of a range": [
        (SUM, 13),
        *((f"NR.OBSERVE net {a} {a} -> {2 * a} TRAIN", [a + 1, 0]) for a in range(5)),
        ("NR.GETDATA net TRAIN 1 2", [[[1.0, 1.0], [2.0]], [[2.0, 2.0], [4.0]]]),
        ("NR.GETDATA net TRAIN 3 3", [[[3.0, 3.0], [6.0]]]),
        ("NR.GETDATA net train 4 10003", [[[4.0, 4.0], [8.0]]]),
        ("NR.GETDATA net TRAIN 5 7", []),
        ("NR.GETDATA net TEST 0 7", []),
        (
            "NR.GETDATA net TRAIN 3 2",
            syntax("NR.GETDATA", "the last row, 2, is before the first one, 3"),
        ),
        (
            "NR.GETDATA net TRAIN 0 10000",
            syntax("NR.GETDATA", "at most 10000 rows at once, not 10001"),
        ),
        ("NR.GETDATA net TRAIN 0 x", Refused("ERR invalid row: 'x'")),
        ("NR.GETDATA none TRAIN 0 1", NO_KEY),
        ("NR.GETDATA net TRAIN 0 1 2", arity("nr.getdata")),
        ("NR.CREATE club CLASSIFIER age:number note:text -> joined:category SEED 1", 0),
        ("NR.OBSERVE club age=1 -> joined=no TRAIN", [1, 0]),
        ("NR.OBSERVE club note=b -> joined=yes TRAIN", [2, 0]),
        (
            "NR.GETDATA club TRAIN 0 9",
            [
                [b"age", 1.0, b"note", None, b"joined", b"no"],
                [b"age", None, b"note", b"b", b"joined", b"yes"],
            ],
        ),
        ("NR.DEL club", 1),
    ],
    "a range of more than 16 MB is refused": [
        ("NR.CREATE wide REGRESSOR 850000 -> 1 SEED 1 MEMBERS 1", 850_001),
        *((("NR.OBSERVE", "wide", "FP32", b"?" * 3_400_004, "TRAIN"), [n, 0]) for n in range(1, 6)),
        (
            "NR.GETDATA wide TRAIN 0 9",
            Refused(
                "ERR rows 0 to 9 have 17000020 bytes, at most 16777216 at once: ask for fewer rows"
            ),
        ),
        ("NR.DEL wide", 1),
    ],
    "samples go to the dataset that is less full": [
        (SUM, 13),
        *(
            (f"NR.OBSERVE net {a} {b} -> {a + b}", counts)
            for (a, b), counts in zip(EIGHT, COUNTED, strict=True)
        ),
        ("NR.GETDATA net TRAIN 0", [[1.0, 2.0], [3.0]]),
        ("NR.GETDATA net TRAIN 6", None),
        ("NR.GETDATA net test 1", [[3.0, 1.0], [4.0]]),
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
        *counted((f"NR.OBSERVE net {i} 0 -> {i % 2}" for i in range(40)), (4, 2)),
        ("NR.OBSERVE net 40 0 -> 0", [4, 2]),
        ("NR.OBSERVE net 41 0 -> 0 TEST", [4, 2]),
        ("NR.GETDATA net TRAIN 0", [[40.0, 0.0], [1.0, 0.0]]),
        ("NR.GETDATA net TRAIN 1", [[33.0, 0.0], [0.0, 1.0]]),
        ("NR.GETDATA net TRAIN 2", [[36.0, 0.0], [1.0, 0.0]]),
        ("NR.GETDATA net TRAIN 3", [[37.0, 0.0], [0.0, 1.0]]),
        ("NR.GETDATA net TEST 0", [[31.0, 0.0], [0.0, 1.0]]),
        ("NR.GETDATA net TEST 1", [[41.0, 0.0], [1.0, 0.0]]),
    ],
    "one blob is as many single samples": [
        ("NR.CREATE a REGRESSOR 1 -> 1 SEED 3 DATASET 5 TEST 3", 2),
        ("NR.CREATE b REGRESSOR 1 -> 1 SEED 3 DATASET 5 TEST 3", 2),
        *counted((f"NR.OBSERVE a {i} -> {i}" for i in range(30)), (5, 3)),
        (("NR.OBSERVE", "b", "fp32", b"".join(floats(i, i) for i in range(30))), [5, 3]),
        *(
            (f"NR.GETDATA {key} TRAIN {i}", [[kept], [kept]])
            for i, kept in enumerate((14.0, 2.0, 28.0, 29.0, 25.0))
            for key in "ab"
        ),
        (("NR.OBSERVE", "b", "FP32", floats(1, 2), "TEST"), [5, 3]),
    ],
    "observe refuses, and adds nothing": observe_errors(),
    "numbers that floats do not hold are counted": [
        ("NR.CREATE net REGRESSOR 1 -> 1 SEED 1", 2),
        ("NR.OBSERVE net 16777217 -> 123456789 TRAIN", [1, 0]),
        ("NR.INFO net", field("rounded", 2)),
        ("NR.GETDATA net TRAIN 0", [[16777216.0], [123456792.0]]),
        ("NR.OBSERVE net 16777216 -> 0.1 TEST", [1, 1]),
        ("NR.OBSERVE net 1e9 -> 1000000000.5 TEST", [1, 2]),
        ("NR.OBSERVE net 16777219 -> x", not_float("x")),
        (
            "NR.OBSERVE net 16777219 16777219 -> 1",
            Refused(f"{COUNTS}: 2 -> 1 given, 1 -> 1 expected"),
        ),
        (("NR.OBSERVE", "net", "FP32", floats(16777217, 1)), [2, 2]),
        ("NR.INFO net", field("rounded", 3)),
        ("NR.RESET net", "OK"),
        ("NR.INFO net", field("parameters", 2)),
        ("NR.OBSERVE net 1764237600 -> 1", [3, 2]),
        ("NR.OBSERVE net 1 -> 1", [4, 2]),
        ("NR.INFO net", field("rounded", 4)),
        ("NR.DUMP net", holds(rounded=4)),
        (lambda replies: ("NR.RESTORE", "copy", blob_of(replies)), "OK"),
        ("NR.INFO copy", field("rounded", 4)),
    ],
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
    "clear": [
        (PAIR, 17),
        *counted((f"NR.OBSERVE net {a} {b} -> {a % 2}" for a, b in EIGHT), (4, 2)),
        ("NR.CLEAR net TEST", 2),
        ("NR.INFO net", field("training-dataset-len", 4)),
        ("NR.INFO net", field("test-dataset-len", 0)),
        ("NR.GETDATA net TEST 0", None),
        ("NR.OBSERVE net 1 2 -> 1 TEST", [4, 1]),
        ("NR.CLEAR net", 5),
        ("NR.CLEAR net", 0),
        ("NR.INFO net", field("observed", 9)),
        ("NR.OBSERVE net 9 2 -> 1", [1, 0]),
        ("NR.GETDATA net TRAIN 0", [[9.0, 2.0], [0.0, 1.0]]),
        ("NR.TRAIN net MAXCYCLES 2", "Training has started"),
        ("NR.WAIT net 0", 1),
        ("NR.CLEAR net train", 1),
        ("NR.INFO net", field("training-total-cycles", 2)),
        ("NR.CLEAR none", NO_KEY),
        ("NR.CLEAR net BOTH", syntax("NR.CLEAR", "the dataset must be TRAIN or TEST, not 'BOTH'")),
        ("NR.CLEAR", arity("nr.clear")),
        ("NR.CLEAR net TRAIN TEST", arity("nr.clear")),
    ],
    "forget": [
        (
            "NR.CREATE net CLASSIFIER who:key age:number at:time -> yes:category SEED 1 DATASET 9 "
            "TEST 9",
            lambda reply: reply == 0 or reply > 0,
        ),
        *(
            (f"NR.OBSERVE net who={who} age={age} -> yes={yes} {to}", counts)
            for who, age, yes, to, counts in PEOPLE
        ),
        ("NR.FORGET net who=ann age=1", 1),
        ("NR.GETDATA net TRAIN 0", lambda reply: b"eve" in reply),
        ("NR.FORGET net who=ann", 2),
        ("NR.FORGET net who=ann", 0),
        ("NR.INFO net", field("training-dataset-len", 2)),
        ("NR.INFO net", field("test-dataset-len", 1)),
        ("NR.FORGET net age=5.0 yes=a", 1),
        ("NR.FORGET net at=", 2),
        ("NR.INFO net", field("training-dataset-len", 0)),
        ("NR.OBSERVE net age=1 -> yes=a", [1, 0]),
        ("NR.FORGET net whom=ann", Refused("ERR no field 'whom' in net, did you mean who?")),
        ("NR.FORGET net who=ann who=bob", Refused("ERR field who is given twice")),
        (
            "NR.FORGET net age=old",
            Refused("ERR field age: a number or nothing is needed, not 'old'"),
        ),
        ("NR.FORGET net ann", syntax("NR.FORGET", "name=value is needed, not 'ann'")),
        ("NR.FORGET net", arity("nr.forget")),
        ("NR.CREATE plain REGRESSOR 1 -> 1 SEED 1", 2),
        (
            "NR.FORGET plain a=1",
            Refused("ERR plain has no fields to find samples by: NR.CLEAR drops all of them"),
        ),
    ],
}
