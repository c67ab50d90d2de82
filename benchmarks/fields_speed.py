"""How fast networks with fields take what people have: `make bench-fields-speed`.

Three questions, each beside a named peer. Rounds of both take turns, and the figures are medians
of rounds, so that what else the machine does falls on both alike:

- one dictionary of ten fields, to a class: beside scikit-learn's DictVectorizer and logistic
  regression, which take dictionaries, too;
- NR.OBSERVE of ten numbers by name, in the time of a server with the module: beside the same
  numbers for a network without names;
- a frame of 100,000 rows and ten mixed columns, to samples: beside scikit-learn's encoding of the
  same columns (OneHotEncoder, StandardScaler, SimpleImputer).
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import nr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

NUMBERS = ["age", "income", "score", "visits"]
WORDS = ["country", "device", "plan"]


def people(n: int) -> pd.DataFrame:
    """Ten fields with gaps; the last one is to be learned."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.normal(3e4, 1e4, n),
            "score": rng.random(n),
            "visits": rng.poisson(4, n).astype(float),
            "country": rng.choice(["IT", "FR", "DE", "ES", "UK"], n),
            "device": rng.choice(["phone", "tablet", "pc"], n),
            "plan": rng.choice(["free", "basic", "pro"], n),
            "vip": rng.random(n) < 0.3,
            "size": rng.random(n),
            "since": pd.date_range("2020-01-01", periods=n, freq="min"),
            "joined": rng.choice(["yes", "no"], n),
        }
    )
    frame.loc[::9, "visits"] = np.nan
    frame.loc[::7, "country"] = None
    return frame


def rounds(calls: dict[str, Callable[[], object]], times: int, n: int) -> dict[str, float]:
    """Seconds a call, the median of n rounds in which all take turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(n):
        for name, call in calls.items():
            start = perf_counter()
            for _ in range(times):
                call()
            found[name].append((perf_counter() - start) / times)
    return {name: median(seconds) for name, seconds in found.items()}


def one_dictionary(db: nr.Database) -> None:
    frame = people(2000)
    net = db.create_from("one", frame, target="joined", seed=1)
    net.train(maxcycles=20, autostop=False).wait()
    inputs = frame.drop(columns="joined").assign(since=range(len(frame)))  # seconds
    rows = [{k: v for k, v in row.items() if v == v} for row in inputs.to_dict("records")]
    peer = make_pipeline(
        DictVectorizer(), StandardScaler(with_mean=False), LogisticRegression(max_iter=3000)
    )
    peer.fit([{k: v for k, v in row.items() if v is not None} for row in rows], frame.joined)
    row = rows[5]
    calls = {"nr": lambda: net.classify(row), "scikit-learn": lambda: peer.predict([row])}
    for name, seconds in rounds(calls, 200, 31).items():
        print(f"a dictionary of ten fields, {name:<14} {seconds * 1e6:10.2f} us")


def a_frame(db: nr.Database) -> None:
    frame = people(100_000)
    scale = make_pipeline(SimpleImputer(), StandardScaler())
    peer = make_column_transformer(
        (scale, [*NUMBERS, "size"]), (OneHotEncoder(handle_unknown="ignore"), [*WORDS, "vip"])
    )

    def create() -> None:
        if "frame" in db:
            del db["frame"]
        db.create_from("frame", frame, target="joined")

    create()
    calls = {
        "create_from": create,
        "observe_many": lambda: db["frame"].observe_many(frame),
        "scikit-learn": lambda: peer.fit_transform(frame),
    }
    for name, seconds in rounds(calls, 1, 7).items():
        print(f"100,000 rows of ten columns, {name:<14} {seconds:9.3f} s")


def a_sample_on_a_server() -> None:
    from redis_server import Server, redis_server

    names = ["age", "income", "visits", "height", "score", "a", "b", "c", "d", "e"]
    values = ["33", "1234.5", "7", "170.2", "0.25", "1", "2", "3", "4.5", "9"]
    sizes = "DATASET 10000 TEST 5000 SEED 1"
    kinds = " ".join(f"{name}:number" for name in names)
    named = " ".join(map("=".join, zip(names, values, strict=True)))
    commands = {
        "by name": f"NR.OBSERVE named {named} -> joined=yes",
        "plain": f"NR.OBSERVE plain {' '.join(values)} -> 1",
    }
    with tempfile.TemporaryDirectory() as directory:
        server = Server(redis_server(), Path(directory)).start()
        try:
            with server.client() as client:
                run = client.execute_command
                run(*f"NR.CREATE plain CLASSIFIER 10 -> 2 {sizes}".split())
                run(*f"NR.CREATE named CLASSIFIER {kinds} -> joined:category {sizes}".split())
                for name, micros in _server_times(client, commands).items():
                    print(f"NR.OBSERVE of ten numbers, {name:<15} {micros:10.2f} us")
        finally:
            server.kill()


def _server_times(client: Any, commands: dict[str, str]) -> dict[str, float]:
    """Microseconds of the server's processor for each command, its protocol included."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(31):
        for name, line in commands.items():
            pipe, before = client.pipeline(transaction=False), _spent(client)
            for _ in range(2000):
                pipe.execute_command(*line.split())
            pipe.execute()
            found[name].append((_spent(client) - before) / 2000 * 1e6)
    return {name: median(micros) for name, micros in found.items()}


def _spent(client: Any) -> float:
    told = client.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def main() -> None:
    with nr.connect("memory://") as db:
        one_dictionary(db)
        a_frame(db)
    a_sample_on_a_server()


if __name__ == "__main__":
    main()
