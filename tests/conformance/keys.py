"""Networks are made, configured, listed and deleted."""

from conformance.steps import BUSY, NO_KEY, PAIR, SUM, Refused, Step, arity, field, syntax, units

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
    "datasets-full",
    "training-total-steps",
    "training-total-cycles",
    "training-total-seconds",
    "dataset-error",
    "test-error",
    "classification-errors-perc",
    "overfitting-detected",
]
NOT_A_TYPE = Refused(
    "ERR invalid neural network type. Must be CLASSIFIER, REGRESSOR, FORECASTER or GENERATOR"
)


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
            "NR.CREATE",
            "CLASSIC has no ACTIVATION: it goes with SEED, THREADS, TRAINEVERY and DRIFT alone",
        ),
        "REGRESSOR 2 " + "3 " * 63 + "-> 1": Refused(
            "ERR too many layers: 65, at most 64 with inputs and outputs"
        ),
    }
    steps: list[Step] = [(f"NR.CREATE net {words}", error) for words, error in wrong.items()]
    return [*steps, ("NR.CREATE net", arity("nr.create")), ("NR.LIST", [])]


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
                *("CLASSWEIGHTS", "BALANCED", "TRAINEVERY", "OFF", "DRIFT", "OFF"),
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
    "info in order": [
        (PAIR, 17),
        (
            "NR.INFO net",
            lambda reply: reply[::2][:17] == INFO_FIELDS,
        ),
        ("NR.INFO net", field("layout", [2, 3, 2])),
        (SUM.replace("net", "reg"), 13),
        ("NR.INFO reg", lambda reply: "classification-errors-perc" not in reply),
        ("NR.INFO reg", field("auto-normalization", 1)),
    ],
    "inputs are scaled unless one says no": [
        ("NR.CREATE net REGRESSOR 2 -> 1 SEED 1", 3),
        ("NR.INFO net", field("auto-normalization", 1)),
        ("NR.INFO net", field("training-dataset-maxlen", 10000)),
        ("NR.INFO net", field("test-dataset-maxlen", 5000)),
        ("NR.CREATE raw REGRESSOR 2 -> 1 normalize no SEED 1", 3),
        ("NR.INFO raw", field("auto-normalization", 0)),
        ("NR.CONFIGURE raw", field("NORMALIZE", "no")),
        ("NR.CREATE yes REGRESSOR 2 -> 1 NORMALIZE YES DATASET 7 SEED 1", 3),
        ("NR.INFO yes", field("auto-normalization", 1)),
        ("NR.INFO yes", field("training-dataset-maxlen", 7)),
        ("NR.INFO yes", field("test-dataset-maxlen", 5000)),
        ("NR.CREATE old REGRESSOR 2 -> 1 CLASSIC SEED 1", 3),
        ("NR.INFO old", field("auto-normalization", 0)),
        ("NR.INFO old", field("training-dataset-maxlen", 1000)),
        ("NR.INFO old", field("test-dataset-maxlen", 500)),
        ("NR.CREATE club REGRESSOR a:number -> b:number SEED 1", 0),
        ("NR.INFO club", field("auto-normalization", 0)),
        ("NR.INFO club", field("training-dataset-maxlen", 10000)),
        (
            "NR.CREATE no REGRESSOR 2 -> 1 NORMALIZE NO NORMALIZE YES",
            syntax("NR.CREATE", "NORMALIZE is given twice"),
        ),
    ],
    "full datasets": [
        (PAIR, 17),
        ("NR.INFO net", field("datasets-full", "no")),
        *(("NR.OBSERVE net 1 2 -> 0 TEST", [0, n]) for n in (1, 2)),
        ("NR.INFO net", field("datasets-full", "testing")),
        *(("NR.OBSERVE net 1 2 -> 0", [n, 2]) for n in (1, 2, 3, 4)),
        ("NR.INFO net", field("datasets-full", "both")),
        ("NR.OBSERVE net 1 2 -> 0", [4, 2]),
        ("NR.CLEAR net TEST", 2),
        ("NR.INFO net", field("datasets-full", "training")),
        ("NR.CLEAR net", 4),
        ("NR.INFO net", field("datasets-full", "no")),
        ("NR.CREATE none REGRESSOR 2 -> 1 DATASET 0 TEST 0 SEED 1", 3),
        ("NR.INFO none", field("datasets-full", "no")),
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
            syntax(
                "NR.CONFIGURE",
                "a CLASSIC network has no options but THREADS, TRAINEVERY and DRIFT",
            ),
        ),
        ("NR.CONFIGURE old THREADS 3", "OK"),
    ],
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
    "list what begins alike": [
        *(
            (("NR.CREATE", key, "REGRESSOR", 1, "->", 1, "SEED", 1), 2)
            for key in (
                b"a",
                b"a\xff",
                b"a\xff\xffz",
                b"b",
                b"a\n",
                b"a*b",
                b"\xff",
                b"\xff\xff",
                b"A",
            )
        ),
        (("NR.LIST", b"a*"), [b"a", b"a\n", b"a*b", b"a\xff", b"a\xff\xffz"]),
        (("NR.LIST", b"a?"), [b"a\n", b"a\xff"]),
        (("NR.LIST", b"a"), [b"a"]),
        (("NR.LIST", b"a\xff*"), [b"a\xff", b"a\xff\xffz"]),
        (("NR.LIST", b"\xff*"), [b"\xff", b"\xff\xff"]),
        (("NR.LIST", b"a\\**"), [b"a*b"]),
        (("NR.LIST", b"\\b"), [b"b"]),
        (("NR.LIST", b"a[\n*]*"), [b"a\n", b"a*b"]),
        (("NR.LIST", b"*\xff*z"), [b"a\xff\xffz"]),
    ],
}
