"""Epochs a second beside PyTorch, and one step from Python beside onnxruntime.

8 inputs, 32 units, 3 classes; 2000 sequences of 60 steps in batches of 32, with Adam and a clipped
gradient. Contenders take turns, in processor time, one thread each; the best turn counts, since a
machine has other things to do as well.
"""

import io
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nr
from benchmarks.quality.claims import Claim
from benchmarks.quality.tables import markdown
from benchmarks.sequences.part import Part

INPUTS, UNITS, CLASSES, SEQUENCES, STEPS, BATCH = 8, 32, 3, 2000, 60, 32
ROUNDS, EPOCHS, RUNS = 5, 4, 3000
RATE, CLIP = 0.005, 1.0
LEAST = {"LSTM": 2, "GRU": 4}  # times PyTorch's epochs
MOST_STEP = 4  # microseconds

Turn = Callable[[], float]
"""Takes a turn, and returns processor seconds of one epoch or run."""


def drawn() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(SEQUENCES, STEPS, INPUTS)).astype(np.float32)
    return x, rng.integers(0, CLASSES, SEQUENCES)


# ---- Training ----


def ours(db: nr.Database, cell: str) -> Turn:
    x, y = drawn()
    net = db.create(
        f"train-{cell}",
        "classifier",
        {"x": f"sequence({INPUTS})"},
        target="y",
        hidden=[UNITS],
        seed=1,
        members=1,
        cell=cell,
        batch=BATCH,
        dataset=SEQUENCES,
        test=0,
    )
    rows = [{"x": steps, "y": f"{class_}"} for steps, class_ in zip(x, y, strict=True)]
    net.observe_many(rows, to="train")

    def seconds(epochs: int) -> float:
        began = process_time()
        net.train(maxcycles=epochs, timeout=0, autostop=False).wait()
        return process_time() - began

    return lambda: (seconds(1 + EPOCHS) - seconds(1)) / EPOCHS


def model(cell: str) -> Any:
    import torch

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps = getattr(torch.nn, cell)(INPUTS, UNITS)
            self.head = torch.nn.Linear(UNITS, CLASSES)

        def forward(self, x: Any) -> Any:
            return self.head(self.steps(x)[0][-1])

    torch.manual_seed(1)
    return Model()


def torch_(cell: str) -> Turn:
    import torch

    torch.set_num_threads(1)
    x, y = (torch.tensor(array) for array in drawn())
    x = x.transpose(0, 1).contiguous()  # steps first, which is as fast or faster
    net = model(cell)
    adam = torch.optim.Adam(net.parameters(), RATE)

    def turn() -> float:
        began = process_time()
        for chosen in torch.randperm(SEQUENCES).split(BATCH):
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x[:, chosen]), y[chosen])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            adam.step()
        return process_time() - began

    return turn


# ---- Running ----


def timed(run: Callable[[], object]) -> Turn:
    def turn() -> float:
        began = process_time()
        for _ in range(RUNS):
            run()
        return (process_time() - began) / RUNS

    return turn


def single(db: nr.Database, cell: str, members: int) -> nr.Network:
    net = db.create(
        f"run-{cell}-{members}",
        "classifier",
        {"x": f"sequence({INPUTS})"},
        target="y",
        hidden=[UNITS],
        seed=1,
        members=members,
        cell=cell,
    )
    x, y = drawn()
    net.observe_many([{"x": x[i], "y": f"{y[i]}"} for i in range(100)])
    net.train(maxcycles=1, timeout=0, autostop=False).wait()
    return net


def onnx(cell: str, step: NDArray[np.float32]) -> Turn:
    import onnxruntime
    import torch

    blob = io.BytesIO()
    given = torch.tensor(step[:, None])
    torch.onnx.export(model(cell).eval(), (given,), blob, dynamo=False, input_names=["x"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        blob.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    row = {"x": step[:, None]}
    return timed(lambda: session.run(None, row))


def steps_of(db: nr.Database, cell: str) -> dict[str, Turn]:
    import torch

    step = drawn()[0][0, :1]
    net, four, other = single(db, cell, 1), single(db, cell, 4), model(cell).eval()
    tensor, row, rows = torch.tensor(step[:, None]), {"x": step}, {"x": step.tolist()}

    def forward() -> object:
        with torch.inference_mode():
            return other(tensor)

    return {
        "nr, an array": timed(lambda: net.run(row)),
        "nr, a list": timed(lambda: net.run(rows)),
        "nr, 4 members, an array": timed(lambda: four.run(row)),
        "onnxruntime": onnx(cell, step),
        "PyTorch": timed(forward),
    }


# ---- Both ----


def best(turns: dict[str, Turn]) -> dict[str, float]:
    """Of some rounds, in which all take a turn."""
    rounds = [{name: turn() for name, turn in turns.items()} for _ in range(ROUNDS)]
    return {name: min(found[name] for found in rounds) for name in turns}


def trained(found: dict[str, dict[str, float]]) -> list[Claim]:
    claims = []
    for cell, seconds in found.items():
        times = seconds["PyTorch"] / seconds["nr"]
        figures = ", ".join(f"{name} {1 / s:.1f}" for name, s in seconds.items())
        says = f"Epochs of {cell} a processor second, at least {LEAST[cell]} times PyTorch's"
        claims.append(Claim(says, times >= LEAST[cell], f"{times:.1f} times: {figures}"))
    return claims


def measure() -> Part:
    with nr.connect() as db:
        training = {cell: best({"nr": ours(db, cell), "PyTorch": torch_(cell)}) for cell in LEAST}
        running = {cell: best(steps_of(db, cell)) for cell in LEAST}
    slowest = max(found["nr, an array"] for found in running.values()) * 1e6
    claims = [
        *trained(training),
        Claim(
            f"One step of {INPUTS}-{UNITS}-{CLASSES} from Python takes at most {MOST_STEP} µs",
            slowest <= MOST_STEP,
            f"{slowest:.1f} µs",
        ),
    ]
    rows = [
        [name, *[f"{running[cell][name] * 1e6:.1f}" for cell in LEAST]] for name in running["LSTM"]
    ]
    table = markdown(["one step from Python, µs of the processor", *LEAST], rows)
    return Part("Speed", claims, f"{__doc__.split(chr(10), 2)[2].strip()}\n\n{table}")
