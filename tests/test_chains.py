"""Files of ONNX that others wrote, as networks; made by tests/golden_onnx.py."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import nr

DATA = Path(__file__).parent / "data" / "onnx"
FILES = sorted(path.name for path in DATA.glob("*.onnx"))
ROWS = np.random.default_rng(2).normal(3, 3, size=(1000, 4)).astype(np.float32)
RANDOM = np.random.default_rng(3)


def wanted(model: bytes, rows: Any) -> np.ndarray:
    """What the file answers: the last output that is made of numbers, or of maps of them."""
    session = onnxruntime.InferenceSession(model)
    *_, found = session.run(None, {session.get_inputs()[0].name: rows})
    if isinstance(found, list):
        found = [[*each.values()] for each in found]
    return np.asarray(found, float).reshape(len(rows), -1)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_library_is_a_network(name: str) -> None:
    path = DATA / name
    with nr.connect("memory://") as db:
        net = db.restore("net", nr.from_onnx(path))
        assert (net.info().observed, net.info().trainings) == (0, 0)
        found, answers = net.run(ROWS), wanted(path.read_bytes(), ROWS)
        if answers.shape[1] == 1 and net.info().type == "classifier":
            answers = np.hstack([1 - answers, answers])
        assert np.allclose(found, answers, rtol=1e-5, atol=1e-5)
        assert nr.from_onnx(path) == nr.from_onnx(path.read_bytes())


def test_such_a_network_is_one_like_any_other() -> None:
    with nr.connect("memory://") as db:
        net = db.restore("net", nr.from_onnx(DATA / "sklearn_regressor.onnx", dataset=70, seed=4))
        before = net.run(ROWS[:80])
        net.observe_many(ROWS[:80], before.ravel() + 1, to="train")
        assert net.info().train_len == 70
        net.train(maxcycles=30).wait()
        assert abs(net.run(ROWS[:80]) - before).max() > 0.1
        assert net.to_onnx()


def chain(*nodes: Any, **constants: Any) -> bytes:
    """A file whose operations take and give the value of the one before."""
    made, at = [], "x"
    for number, (op, more, given) in enumerate(nodes):
        made.append(helper.make_node(op, [at, *more], [f"v{number}"], **given))
        at = f"v{number}"
    graph = helper.make_graph(
        made,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(np.float32(each), name) for name, each in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    done: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return done


W = {"w": RANDOM.normal(size=(3, 4)), "v": RANDOM.normal(size=(4, 2)), "b": RANDOM.normal(size=4)}
FIRST, LAST = ("MatMul", ["w"], {}), ("MatMul", ["v"], {})
BIAS, TANH, SOFTMAX = ("Add", ["b"], {}), ("Tanh", [], {}), ("Softmax", [], {"axis": -1})


@pytest.mark.parametrize(
    "nodes",
    [
        [("Sub", ["m"], {}), ("Div", ["s"], {}), FIRST, BIAS, TANH, LAST],
        [("Mul", ["s"], {}), ("Add", ["m"], {}), FIRST, TANH, LAST, SOFTMAX],
        [("Gemm", ["w", "b"], {"alpha": 2.0, "beta": 0.5}), ("Relu", [], {}), LAST],
        [("Gemm", ["t", "b"], {"transB": 1}), TANH, LAST, ("Sigmoid", [], {})],
        [FIRST],
    ],
)
def test_a_chain_answers_as_its_file_does(nodes: list[Any]) -> None:
    model = chain(*nodes, **W, t=W["w"].T, m=[5, 6, 7], s=[2, 3, 4])
    rows = ROWS[:, :3]
    with nr.connect("memory://") as db:
        found = db.restore("net", nr.from_onnx(model)).run(rows)
        assert np.allclose(found, wanted(model, rows), rtol=1e-5, atol=2e-5)


def test_a_softmax_that_was_left_out_can_be_said() -> None:
    model = chain(FIRST, BIAS, TANH, LAST, **W)
    with nr.connect("memory://") as db:
        net = db.restore("net", nr.from_onnx(model, kind="classifier"))
        sums = np.exp(wanted(model, ROWS[:, :3]))
        assert np.allclose(net.run(ROWS[:, :3]), sums / sums.sum(1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([("Flatten", [], {})], "this one has no layer of weights"),
        ([FIRST, LAST], "no activation is between two of its layers"),
        ([FIRST, TANH, ("MatMul", ["w"], {})], "another number of inputs than the one before"),
        ([FIRST, TANH, LAST, TANH], "Tanh is behind the last layer"),
        ([FIRST, TANH, ("MatMul", ["q"], {}), ("Relu", [], {}), LAST], "Tanh and Relu are both"),
        ([FIRST, ("LeakyRelu", [], {"alpha": 0.3}), LAST], "a slope of 0.01 below 0"),
        ([FIRST, TANH, LAST, ("Mul", ["b"], {})], "Mul is behind a layer"),
        ([FIRST, ("Gelu", [], {}), LAST], "Gelu is no part of one"),
        ([("MatMul", ["x"], {})], "MatMul takes something else than numbers of the file"),
        ([("MatMul", ["c"], {})], "the weights of MatMul have 3 dimensions"),
        ([("Gemm", ["w", "m"], {})], "numbers of it do not fit each other"),
        ([("MatMul", ["huge"], {})], "its weights are to be finite numbers"),
        ([FIRST, TANH, LAST, SOFTMAX, ("Mul", ["b"], {})], "Mul is behind the last layer"),
    ],
)
def test_what_is_no_chain_of_layers_is_refused(nodes: list[Any], why: str) -> None:
    more = {
        "q": np.eye(4),
        "c": np.ones((3, 2, 2)),
        "m": [1, 2, 3],
        "huge": np.full((3, 2), np.inf),
    }
    with pytest.raises(nr.CommandError, match="only a chain of layers can be taken.*" + why):
        nr.from_onnx(chain(*nodes, **W, **more))


def test_what_is_no_file_of_onnx_is_refused() -> None:
    with pytest.raises(nr.CommandError, match="this is no file of ONNX"):
        nr.from_onnx(b"weights")
    with pytest.raises(FileNotFoundError):
        nr.from_onnx("nowhere.onnx")
    with pytest.raises(nr.CommandError, match="NORMALISE"):
        nr.from_onnx(chain(FIRST, **W), normalise=False)
