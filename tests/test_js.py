"""The core in WebAssembly, and the store of JavaScript over it: in node, the same bits as here.

``make wasm`` builds what they take. Where a tool for that is missing they are skipped, and fail
where CI=true. That two builds are the same file is a long proof (``make soak``).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import golden_js
import pytest
import test_bits
import test_golden
from conformance import CASES, run
from drivers import MEMORY
from js_store import EXACT, RELAXED, RELAXES, Node, node

import nr
from nr.backends import connect

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "data" / "golden"
# A training that hears of its memory tells bytes, and pointers have four here.
ITS_OWN = {"training refuses what takes more than half of the memory"}
LONG = {"metrics and importance", "a training without options is AUTOSTOP BACKTRACK"}


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def made(target: str, *words: str) -> None:
    """Runs make, which tells what it lacks."""
    argv = ["make", "-s", "-j2", target, *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    if done.returncode and "Not installed: " in done.stdout:
        missing(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def executable() -> str:
    """Node, and beside it the core."""
    if not (found := shutil.which("node")):
        missing("Not installed: node")
    made("wasm")
    return found


@pytest.fixture(scope="module", params=[("workers", EXACT), ("slices", RELAXED)], ids="-".join)
def shared(request: pytest.FixtureRequest, executable: str) -> Iterator[Node]:
    with node(executable, *request.param) as backend:
        yield backend


@pytest.fixture
def store(shared: Node) -> Node:
    """The store of JavaScript, emptied."""
    keys = shared.execute(b"NR.LIST")
    assert isinstance(keys, list)
    for key in keys:
        assert isinstance(key, bytes)
        shared.execute(b"NR.DEL", key)
    return shared


def answers(store: Node, case: str) -> None:
    backend = connect("memory://", memory=MEMORY)
    try:
        assert run(store, CASES[case], case not in ITS_OWN) == run(backend, CASES[case], False)
    finally:
        backend.close()


@pytest.mark.parametrize("case", [name for name in CASES if name not in LONG | ITS_OWN])
def test_replies_and_dumps_are_those_of_the_contract(store: Node, case: str) -> None:
    answers(store, case)


@pytest.mark.soak
@pytest.mark.parametrize("case", sorted(LONG))
def test_long_cases_are_those_of_the_contract(store: Node, case: str) -> None:
    answers(store, case)


def test_a_training_that_takes_too_much_memory_is_refused(store: Node) -> None:
    (case,) = ITS_OWN
    run(store, CASES[case])


def test_the_bits_of_trainings_are_the_same(store: Node) -> None:
    assert test_bits.bits(nr.Database(store)) == test_bits.pinned()


def test_golden_dumps_are_restored_and_go_on(store: Node) -> None:
    db = nr.Database(store)
    for key, blob in test_golden.DUMPS.items():
        db.restore(key, blob)
    test_golden.stands(db)
    test_golden.goes_on(db)


@pytest.mark.parametrize("name", sorted(golden_js.UNSETTLED))
def test_a_course_has_the_same_bits(store: Node, name: str) -> None:
    wanted = golden_js.course(name)
    db = nr.Database(store)
    for part in "done", "asked", "more", "then":
        commands = [tuple(words) for words, _ in wanted[part]]
        assert golden_js.asked(db, commands) == wanted[part]


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_golden_dumps_of_fields_answer_as_they_did(store: Node, kind: str) -> None:
    asked = json.loads((GOLDEN / "fields-1" / "asked.json").read_text("utf-8"))
    expected = json.loads((GOLDEN / "fields-1" / "expected.json").read_text("utf-8"))[kind]
    net = nr.Database(store).restore("net", (GOLDEN / "fields-1" / f"{kind}.dump").read_bytes())
    assert [[value.hex() for value in row.values()] for row in net.run(asked)] == expected


@pytest.mark.parametrize("name", ["moves", "visits"])
def test_golden_dumps_of_sequences_answer_as_they_did(store: Node, name: str) -> None:
    asked = json.loads((GOLDEN / "sequences-1" / "asked.json").read_text("utf-8"))[name]
    expected = json.loads((GOLDEN / "sequences-1" / "expected.json").read_text("utf-8"))[name]
    net = nr.Database(store).restore("net", (GOLDEN / "sequences-1" / f"{name}.dump").read_bytes())
    assert net.run(asked) == expected


# What is saturated has gradients below 2^-126, and such are weights that a dump may bring.
SATURATED = "NR.CREATE net CLASSIFIER 2 8 -> 2 CLASSIC NORMALIZE NO SEED 3 DATASET 40 TEST 0"
TINY = "NR.CREATE tiny REGRESSOR 2 3 -> 1 NORMALIZE NO SEED 3 DATASET 40 TEST 0"


def flushed(db: nr.Database) -> list[object]:
    """What comes of numbers that are denormal, or whose products are."""
    db.execute(SATURATED)
    db.execute(TINY)
    for i in range(40):
        x, y = (i * 7 % 11 - 5) * 300, (i * 5 % 13 - 6) * 200
        db.execute("NR.OBSERVE", "net", x, y, "->", int(x > y))
        db.execute("NR.OBSERVE", "tiny", x * 1e-42, y * 1e-40, "->", x / 1000)
    found: list[object] = []
    for key in "net", "tiny":
        db.execute("NR.TRAIN", key, "MAXCYCLES", 400, "MAXTIME", 0)
        db.execute("NR.WAIT", key, 0)
        found += [db.execute("NR.RUN", key, x, 1e-41) for x in (0, 1e-40, 3e-39, 700)]
        found.append(nr.engine.Net.load(db[key].dump(), 0).weights())
    return found


def test_denormal_numbers_are_flushed_though_no_mode_does_it(store: Node, db: nr.Database) -> None:
    assert flushed(nr.Database(store)) == flushed(db)


@pytest.mark.parametrize("flags", [[], [RELAXES]], ids=[EXACT, RELAXED])
def test_the_package_passes_its_own_tests(executable: str, flags: list[str]) -> None:
    tests = sorted((ROOT / "js" / "test").glob("*.test.js"))
    if flags:  # of itself this one takes either build
        tests.remove(ROOT / "js" / "test" / "golden.test.js")
    done = subprocess.run([executable, *flags, "--test", *tests], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.soak
def test_two_builds_are_one_file(executable: str, tmp_path: Path) -> None:
    for name in "one", "two":
        copy = tmp_path / name
        shutil.copytree(ROOT / "nr" / "engine", copy / "nr" / "engine")
        shutil.copy(ROOT / "Makefile", copy)
        (copy / "js").mkdir()
        subprocess.run(["make", "-s", "wasm"], cwd=copy, check=True)
    for build in EXACT, RELAXED:
        built = [(tmp_path / name / "js" / build).read_bytes() for name in ("one", "two")]
        assert built[0] == built[1] == (ROOT / "js" / build).read_bytes()
