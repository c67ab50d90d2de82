"""The bits of trained networks, for good: on every driver and instruction set, with any threads.

tests/data/golden/bits.json has a digest for each network here: of its weights, its history, the
errors that it tells and its outputs. Where one changes, networks that were trained with SEED come
out differently from then on, everywhere: that wants a reason, and a line in CHANGELOG.md.
``python tests/test_bits.py`` prints the file anew. tests/c/test_bits.c does the same to larger
networks, of several blocks of samples, and on ARM.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nr
from nr import engine
from nr.backends import Backend

FILE = Path(__file__).parent / "data" / "golden" / "bits.json"
TRAIN, TEST = 70, 30
BEST = "MAXCYCLES 15 AUTOSTOP BACKTRACK"

# Options are given where a default of theirs may change some day.
KINDS = {
    "CLASSIFIER 3 5 -> 3 LOSS CROSSENTROPY": "MAXCYCLES 12",
    "CLASSIFIER 3 4 5 -> 3 LOSS MSE NORMALIZE": BEST,
    "REGRESSOR 3 5 -> 2 LOSS MSE NORMALIZE": BEST,
}
NETWORKS: dict[str, str] = {
    **{
        f"{kind} OPTIMIZER {optimizer} ACTIVATION {activation} L2 0.01 MEMBERS 2 BATCH 9": training
        for kind, training in KINDS.items()
        for optimizer in ("RPROP", "ADAM", "SGD")
        for activation in ("SIGMOID", "TANH", "RELU", "LEAKYRELU")
    },
    **{
        f"{kind} CLASSIC{normalize}": training
        for kind, training in (
            ("CLASSIFIER 3 5 -> 3", BEST),
            ("REGRESSOR 3 5 4 -> 2", "MAXCYCLES 9"),
        )
        for normalize in ("", " NORMALIZE")
    },
    "REGRESSOR 3 -> 2 MEMBERS 1 L2 0": "MAXCYCLES 12",
    "CLASSIFIER 3 -> 3 MEMBERS 5 L2 0.1 CLASSWEIGHTS BALANCED": BEST,
    "CLASSIFIER 3 9 -> 3 MEMBERS 8 L2 0.01 NORMALIZE CLASSWEIGHTS BALANCED": BEST,
    "CLASSIFIER 3 40 17 -> 3 MEMBERS 1 L2 0.01 NORMALIZE": "MAXCYCLES 12",
    "REGRESSOR 3 9 -> 2 MEMBERS 1 L2 0 OPTIMIZER SGD BATCH 1 LEARNRATE 0.01": "MAXCYCLES 3",
    "REGRESSOR 3 9 -> 2 MEMBERS 3 L2 0 OPTIMIZER RPROP LEARNRATE 0.5 PATIENCE 3": BEST,
    "CLASSIFIER 60 8 -> 2 MEMBERS 2 L2 0.01 NORMALIZE": BEST,  # its inputs are mostly zeros
}


def samples(create: str, rows: int, first: int = 0) -> bytes:
    """Inputs, then outputs, as NR.OBSERVE takes them."""
    inputs = int(create.split()[1])
    outputs = 1 if create.startswith("CLASSIFIER") else int(create.split("-> ")[1].split()[0])
    made = []
    for i in range(first, first + rows):
        row = [((i + 1) * (7 * j + 3) % 23) / 7 - 1.5 for j in range(inputs)]
        if inputs > 50:
            row = [x if (i + 7 * j) % 20 == 0 else 0.0 for j, x in enumerate(row)]
        made += row
        if create.startswith("CLASSIFIER"):
            made.append(float((row[0] > 0) + (row[1] > row[2] and "-> 3" in create)))
        else:
            made += [row[0] * row[1] + row[2] / 3 + k for k in range(outputs)]
    return struct.pack(f"<{len(made)}f", *made)


def trained(db: nr.Database, create: str, threads: int = 1) -> None:
    words = ["SEED", 11, "DATASET", 200, "TEST", 200, "THREADS", threads]
    if "NORMALIZE" not in create:
        words += ["NORMALIZE", "NO"]
    db.execute("NR.CREATE", "net", *create.split(), *words)
    db.execute("NR.OBSERVE", "net", "FP32", samples(create, TRAIN), "TRAIN")
    db.execute("NR.OBSERVE", "net", "FP32", samples(create, TEST, TRAIN), "TEST")
    db.execute("NR.TRAIN", "net", *NETWORKS[create].split(), "MAXTIME", 0)
    db.execute("NR.WAIT", "net", 0)


def digest(db: nr.Database, create: str) -> str:
    """Of what the network learned, tells and replies: to rows one by one, and to many."""
    found = hashlib.sha256(engine.Net.load(db["net"].dump(), 0).weights())
    info = db["net"].info()
    assert info.ended_by in ("cycles", "autostop"), info
    found.update(struct.pack("<2d", info.train_error, info.test_error))
    found.update(np.nan_to_num(db["net"].history()).tobytes())
    inputs = np.frombuffer(samples(create, 37), "<f4").reshape(37, -1)[:, : int(create.split()[1])]
    found.update(db.execute("NR.RUN", "net", "FP32", inputs.tobytes()))  # type: ignore[arg-type]
    for row in inputs[:3]:
        reply: Any = db.execute("NR.RUN", "net", *row.tolist())
        found.update(struct.pack(f"<{len(reply)}d", *reply))
    return found.hexdigest()[:24]


def bits(db: nr.Database, threads: int = 1) -> dict[str, str]:
    """Network to digest."""
    found = {}
    for create in NETWORKS:
        trained(db, create, threads)
        found[create] = digest(db, create)
        del db["net"]
    return found


def pinned() -> dict[str, str]:
    found: dict[str, str] = json.loads(FILE.read_text())
    return found


def test_the_bits_are_the_same_on_every_driver(backend: Backend) -> None:
    assert bits(nr.Database(backend)) == pinned()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_the_bits_are_the_same_on_every_instruction_set(
    db: nr.Database, isa: str, threads: int
) -> None:
    best = engine.isa()
    try:
        engine.set_isa(isa)
    except nr.EngineError:
        pytest.skip(f"this processor has no {isa}: what it would come to is not compared")
    try:
        assert bits(db, threads) == pinned()
    finally:
        engine.set_isa(best)


if __name__ == "__main__":
    with nr.connect("memory://") as db:
        print(json.dumps(bits(db), indent=1))
