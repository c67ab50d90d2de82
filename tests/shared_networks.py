"""Networks of all kinds, whose trainings ranks share: each a function that makes one."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nr


def _noise(rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(rows, columns)).astype(np.float32)


def plain(db: nr.Database) -> nr.Network:
    """Of six members, and of four blocks of samples and two more for the refit."""
    net = db.create("net", "classifier", [9, 15, 3], seed=1, members=6, dataset=9000)
    x = _noise(2600, 9)
    net.observe_many(x, (x[:, 0] > 0).astype(int) + (x[:, 1] * x[:, 2] > 0))
    return net


def alone(db: nr.Database) -> nr.Network:
    """Of one member, which all ranks share."""
    net = db.create("net", "regressor", [30, 40, 2], seed=5, members=1, dataset=9000)
    x = _noise(2600, 30)
    net.observe_many(x, np.tanh(x[:, :2]) + x[:, 2:4])
    return net


def classic(db: nr.Database) -> nr.Network:
    net = db.create("net", "regressor", [5, 8, 1], seed=2, classic=True, dataset=9000)
    x = _noise(1900, 5)
    net.observe_many(x, np.tanh(x[:, :1]) + x[:, 1:2] / 3)
    return net


def fields(db: nr.Database) -> nr.Network:
    kinds = {"age": "number", "country": "category"}
    net = db.create("net", "classifier", kinds, target="joined", seed=3)
    age, at = np.arange(1900) % 61 + 18, np.arange(1900) % 3
    country, joined = np.array(["IT", "FR", "DE"])[at], np.where((age > 40) & (at != 1), "y", "n")
    net.observe_many(pd.DataFrame({"age": age, "country": country, "joined": joined}))
    return net


def sequences(db: nr.Database) -> nr.Network:
    kinds = {"word": "sequence(char)"}
    net = db.create("net", "classifier", kinds, target="kind", seed=4, members=3)
    random = np.random.default_rng(4)
    words = ["".join(random.choice(list("abcde"), size=6)) for _ in range(120)]
    net.observe_many(pd.DataFrame({"word": words, "kind": [word[0] for word in words]}))
    return net


def forecaster(db: nr.Database) -> nr.Network:
    text = "NR.CREATE net FORECASTER -> demand:number HORIZON 2 WINDOW 6 SEED 6"
    db.backend.execute(*text.encode().split())
    for i in range(90):
        db.backend.execute(b"NR.OBSERVE", b"net", b"->", b"demand=%d" % (i % 7 + i // 30))
    return db["net"]


def generator(db: nr.Database) -> nr.Network:
    """Nothing of it is shared: rank 0 trains it."""
    net = db.create("net", "generator", {}, target="text", hidden=[8], seed=7)
    for i in range(40):
        net.observe({"text": f"the cat {('sat', 'ran')[i % 2]} on the {('mat', 'bed')[i % 3 > 0]}"})
    return net


def translator(db: nr.Database) -> nr.Network:
    """Nor of one from sequence to sequence."""
    text = "NR.CREATE net GENERATOR from:sequence(char) 8 -> to:sequence(word) SEED 8"
    db.backend.execute(*text.encode().split())
    net = db["net"]
    for i in range(60):
        net.observe({"from": "abcdef"[i % 6 :] + "xyz"[i % 3], "to": f"w{i % 6} v{i % 3}"})
    return net


GENERATORS = [generator, translator]
NETWORKS = [plain, alone, classic, fields, sequences, forecaster, *GENERATORS]
TRAINING = {"maxcycles": 12, "autostop": True, "backtrack": True}
