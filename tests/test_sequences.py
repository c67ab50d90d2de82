"""Random sequences of commands: every driver replies as the memory driver does, to the bit."""

import struct
from collections.abc import Callable
from typing import Any

from conformance import CASES, mask
from conformance import execute as reply_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nr
from nr.backends import Backend

KEYS = st.sampled_from([b"a", b"b", b"\xff \x00"])
NUMBERS = st.one_of(
    st.integers(-9, 9).map(lambda n: b"%d" % n),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda x: repr(x).encode()),
)
WORDS = st.one_of(
    st.sampled_from(
        b"-> FP32 TRAIN TEST DATASET SEED NORMALIZE CLASSIC L2 REPLACE nan 1e400".split()
    ),
    NUMBERS,
    st.binary(max_size=5),
)
VERBS = st.sampled_from(
    b"CREATE OBSERVE RUN CLASS INFO RESET GETDATA CONFIGURE STOP WAIT DUMP RESTORE DEL LIST "
    b"HISTORY THREADS FOO".split()
)
NETS = st.sampled_from(
    [
        "REGRESSOR 2 -> 1 DATASET 6 TEST 3",
        "REGRESSOR 2 3 -> 2 NORMALIZE DATASET 8 TEST 0",
        "CLASSIFIER 2 4 -> 3 DATASET 5 TEST 5 OPTIMIZER ADAM BATCH 2",
        "CLASSIFIER 1 2 2 -> 2 NORMALIZE OPTIMIZER SGD",
        "REGRESSOR 1 2 -> 1 CLASSIC NORMALIZE DATASET 4 TEST 2",
    ]
)
OPTIONS = st.sampled_from(["THREADS 2", "L2 0.01", "L2 AUTO BATCH 3", "OPTIMIZER ADAM", "SEED 1"])
LIMITS = st.sampled_from(["", "AUTOSTOP", "AUTOSTOP BACKTRACK"])
DATASETS = st.sampled_from([[], [b"TRAIN"], [b"TEST"]])


def words(text: str) -> list[bytes]:
    return text.encode().split()


@st.composite
def creating(draw: st.DrawFn) -> list[list[bytes]]:
    seed = draw(st.integers(0, 5))
    return [[b"NR.CREATE", draw(KEYS), *words(draw(NETS)), b"SEED", b"%d" % seed]]


@st.composite
def observing(draw: st.DrawFn) -> list[list[bytes]]:
    """Samples of 2 -> 1, in most cases: one by one, or as a blob."""
    key, inputs, to = draw(KEYS), draw(st.sampled_from([2, 2, 2, 1])), draw(DATASETS)
    rows = draw(st.lists(st.tuples(*[st.integers(0, 2)] * (inputs + 1)), min_size=1, max_size=12))
    if draw(st.booleans()):
        blob = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        return [[b"NR.OBSERVE", key, b"FP32", blob, *to]]
    return [
        [b"NR.OBSERVE", key, *(b"%d" % x for x in row[:-1]), b"->", b"%d" % row[-1], *to]
        for row in rows
    ]


@st.composite
def training(draw: st.DrawFn) -> list[list[bytes]]:
    """To its end. Samples that come before its worker begins may be for it, or not."""
    key, cycles = draw(KEYS), draw(st.integers(1, 20))
    start = [b"NR.TRAIN", key, b"MAXTIME", b"0", b"MAXCYCLES", b"%d" % cycles, *words(draw(LIMITS))]
    return [start, [b"NR.WAIT", key, b"0"]]


@st.composite
def reading(draw: st.DrawFn) -> list[list[bytes]]:
    key, inputs = draw(KEYS), draw(st.lists(NUMBERS, min_size=1, max_size=3))
    which, row = draw(st.sampled_from([b"TRAIN", b"TEST"])), draw(st.integers(0, 6))
    return [
        [b"NR.RUN", key, *inputs],
        [b"NR.CLASS", key, *inputs],
        [b"NR.GETDATA", key, which, b"%d" % row],
        [b"NR.INFO", key],
        [b"NR.HISTORY", key],
        [b"NR.METRICS", key],
        [b"NR.IMPORTANCE", key],
        [b"NR.CONFIGURE", key],
    ]


@st.composite
def changing(draw: st.DrawFn) -> list[list[bytes]]:
    key = draw(KEYS)
    change = st.sampled_from([[b"NR.RESET", key], [b"NR.DEL", key], [b"NR.STOP", key]])
    return [draw(st.one_of(change, OPTIONS.map(lambda o: [b"NR.CONFIGURE", key, *words(o)])))]


@st.composite
def copying(draw: st.DrawFn) -> list[list[bytes]]:
    """NR.RESTORE of what the last NR.DUMP replied; its blob is put in when it runs."""
    replace = draw(st.sampled_from([[], [b"REPLACE"]]))
    return [[b"NR.DUMP", draw(KEYS)], [b"NR.RESTORE", draw(KEYS), b"BLOB", *replace]]


@st.composite
def nonsense(draw: st.DrawFn) -> list[list[bytes]]:
    return [[b"NR." + draw(VERBS), draw(KEYS), *draw(st.lists(WORDS, max_size=7))]]


SEQUENCES = st.lists(
    st.one_of(
        creating(), creating(), observing(), observing(), observing(), training(),
        reading(), changing(), copying(), nonsense(),
    ),
    max_size=25,
)  # fmt: skip


def replies(backend: Backend, sequence: list[list[list[bytes]]]) -> list[Any]:
    """Empties the store, runs the commands, and dumps what is left of it."""
    for key in backend.execute(b"NR.LIST"):
        backend.execute(b"NR.DEL", key)
    blob, found = b"", []
    for argv in [argv for commands in sequence for argv in commands]:
        named = [blob if word == b"BLOB" else word for word in argv]
        reply = reply_of(backend, named)
        if argv[0] == b"NR.DUMP" and isinstance(reply, bytes):
            blob = reply
        if named[0] == b"NR.CREATE" and b"SEED" not in named:
            backend.execute(b"NR.DEL", named[1])  # nonsense that was none: no two are alike
        found.append(mask(named, reply))
    keys = backend.execute(b"NR.LIST")
    return [*found, keys, *(mask([b"NR.DUMP"], backend.execute(b"NR.DUMP", key)) for key in keys)]


def is_fine(call: Callable[[], object]) -> bool:
    """Replies, or refuses on one line; whatever else is raised goes through."""
    try:
        call()
    except nr.Error as error:
        return str(error).isprintable()
    return True


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(sequence=SEQUENCES)
def test_every_driver_replies_as_memory_does(
    backend: Backend, memory: Backend, sequence: list[list[list[bytes]]]
) -> None:
    assert replies(backend, sequence) == replies(memory, sequence)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(argv=st.lists(st.binary(max_size=12), max_size=8))
def test_nothing_but_an_error_escapes(backend: Backend, argv: list[bytes]) -> None:
    assert is_fine(lambda: backend.execute(*argv))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(line=st.text(max_size=40))
def test_no_line_breaks_anything(db: nr.Database, line: str) -> None:
    assert is_fine(lambda: db.execute(line))


def test_cases_have_commands() -> None:
    """A case without a step would pass on a driver that does nothing."""
    assert all(CASES.values())
