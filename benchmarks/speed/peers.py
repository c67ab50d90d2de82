"""The others, each with what it is good at: buffers made once, arithmetic in place.

All train by RPROP on all samples at once, with sigmoid units and the squared error, as CLASSIC
does. Libraries are imported by the contender that needs them.
"""

import warnings
from collections.abc import Callable
from ctypes import c_uint

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed import harness
from benchmarks.speed.nets import BATCH, Layout, rows, samples

Call = Callable[[int], int | None]

# ================================ libfann ================================


def _fann(net: Layout) -> int:
    layers = (c_uint * len(net.layers))(*net.layers)
    made: int = harness.load().fann_make(layers, len(net.layers))
    return made


def fann_train(net: Layout) -> Call:
    library, made, given = harness.load(), _fann(net), samples(net)
    data = library.fann_samples(
        net.samples, net.layers[0], net.layers[-1], given.x.ctypes.data, given.y.ctypes.data
    )
    return lambda times: library.fann_cycles(made, data, times)


def fann_row(net: Layout) -> Call:
    library, made, data = harness.load(), _fann(net), rows(net)
    return lambda times: library.fann_rows(made, data.ctypes.data, net.layers[0], BATCH, times)


# ================================= numpy =================================


class NumpyRprop:
    """Samples in rows, so that all products are matrix products; no array is made in a cycle."""

    def __init__(self, net: Layout) -> None:
        given, rng = samples(net), np.random.default_rng(1)
        n, pairs = net.samples, list(zip(net.layers, net.layers[1:], strict=False))
        sizes = [(a + 1) * b for a, b in pairs]
        self.w = rng.uniform(-0.05, 0.05, sum(sizes)).astype(np.float32)
        self.g, self.before = np.zeros_like(self.w), np.zeros_like(self.w)
        self.step, self.same = np.full_like(self.w, 0.1), np.zeros_like(self.w)
        self.weights, self.grads, at = [], [], 0
        for (a, b), size in zip(pairs, sizes, strict=True):
            self.weights.append(self.w[at : at + size].reshape(a + 1, b))
            self.grads.append(self.g[at : at + size].reshape(a + 1, b))
            at += size
        self.y = given.y
        self.act = [given.x, *(np.empty((n, b), np.float32) for _, b in pairs)]
        self.delta = [np.empty((n, b), np.float32) for _, b in pairs]
        self.slope = [np.empty((n, b), np.float32) for _, b in pairs]

    def inwards(self, w: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        np.matmul(self.act[0], w, out=y)

    def first_gradient(self) -> None:
        np.matmul(self.act[0].T, self.delta[0], out=self.grads[0][1:])

    def forward(self) -> None:
        for i, (x, w, y) in enumerate(zip(self.act, self.weights, self.act[1:], strict=False)):
            if i:
                np.matmul(x, w[1:], out=y)
            else:
                self.inwards(w[1:], y)
            y += w[0]
            np.negative(y, out=y)
            np.exp(y, out=y)
            y += 1
            np.reciprocal(y, out=y)

    def backward(self) -> None:
        last = len(self.weights) - 1
        np.subtract(self.act[-1], self.y, out=self.delta[-1])
        for i in range(last, -1, -1):
            np.subtract(1, self.act[i + 1], out=self.slope[i])
            self.slope[i] *= self.act[i + 1]
            self.delta[i] *= self.slope[i]
            if i:
                np.matmul(self.act[i].T, self.delta[i], out=self.grads[i][1:])
            else:
                self.first_gradient()
            np.sum(self.delta[i], axis=0, out=self.grads[i][0])
            if i:
                np.matmul(self.delta[i], self.weights[i][1:].T, out=self.delta[i - 1])

    def move(self) -> None:
        """RPROP without taking steps back, which is the cheapest kind."""
        np.multiply(self.g, self.before, out=self.same)
        np.sign(self.same, out=self.same)
        np.multiply(self.g, self.same >= 0, out=self.g)
        self.step *= np.where(self.same > 0, 1.2, np.where(self.same < 0, 0.5, 1)).astype("f4")
        np.clip(self.step, 1e-6, 50, out=self.step)
        self.before[:] = self.g
        np.sign(self.g, out=self.same)
        self.same *= self.step
        self.w -= self.same

    def cycles(self, times: int) -> None:
        with np.errstate(over="ignore"):
            for _ in range(times):
                self.forward()
                self.backward()
                self.move()


class ListsRprop(NumpyRprop):
    """The same, with the first layer's inputs in scipy's compressed rows, and turned for the
    gradient."""

    def __init__(self, net: Layout) -> None:
        from scipy.sparse import csr_array

        super().__init__(net)
        self.lists = csr_array(self.act[0])
        self.turned = self.lists.T.tocsr()

    def inwards(self, w: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        y[:] = self.lists @ w

    def first_gradient(self) -> None:
        self.grads[0][1:] = self.turned @ self.delta[0]


def plain_train(net: Layout) -> Call:
    """The same as one writes it down: an expression a line, a new array for each."""
    given, rng = samples(net), np.random.default_rng(1)
    pairs = list(zip(net.layers, net.layers[1:], strict=False))
    weights = [rng.uniform(-0.05, 0.05, (a + 1, b)).astype("f4") for a, b in pairs]
    before = [np.zeros_like(w) for w in weights]
    steps = [np.full_like(w, 0.1) for w in weights]

    def cycle() -> None:
        layers = [given.x]
        for w in weights:
            layers.append(1 / (1 + np.exp(-(layers[-1] @ w[1:] + w[0]))))
        delta = (layers[-1] - given.y) * layers[-1] * (1 - layers[-1])
        for i in range(len(weights) - 1, -1, -1):
            x, w = layers[i], weights[i]
            g = np.vstack([delta.sum(axis=0), x.T @ delta])
            if i:
                delta = (delta @ w[1:].T) * x * (1 - x)
            same = g * before[i]
            g = np.where(same < 0, 0, g)
            grown = np.where(same > 0, steps[i] * 1.2, np.where(same < 0, steps[i] * 0.5, steps[i]))
            steps[i] = np.clip(grown, 1e-6, 50).astype("f4")
            weights[i] = w - np.sign(g) * steps[i]
            before[i] = g

    def cycles(times: int) -> None:
        with np.errstate(over="ignore"):
            for _ in range(times):
                cycle()

    return cycles


def numpy_train(net: Layout) -> Call:
    return NumpyRprop(net).cycles


def numpy_lists_train(net: Layout) -> Call:
    return ListsRprop(net).cycles


def sgemm(net: Layout) -> Call:
    """1024 x 1024 x 1024, the same whatever the network."""
    rng = np.random.default_rng(1)
    a, b = (rng.random((1024, 1024), np.float32) for _ in range(2))
    c = np.empty_like(a)

    def call(times: int) -> None:
        for _ in range(times):
            np.matmul(a, b, out=c)

    return call


# ================================ PyTorch ================================


def torch_train(net: Layout, threads: int, lists: bool = False) -> Call:
    """With lists, the first layer multiplies by a matrix in compressed rows."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    layers: list[torch.nn.Module] = []
    for a, b in zip(net.layers, net.layers[1:], strict=False):
        layers += [torch.nn.Linear(a, b), torch.nn.Sigmoid()]
    given = samples(net)
    x, y = torch.from_numpy(given.x), torch.from_numpy(given.y)
    model = torch.nn.Sequential(*layers)
    parameters, forward = list(model.parameters()), model
    if lists:
        rest, bias = model[1:], parameters[1]
        weights = torch.nn.Parameter(parameters[0].detach().t().contiguous())
        parameters[0] = weights
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in beta state
            x = x.to_sparse_csr()

        def forward(x: torch.Tensor) -> torch.Tensor:
            return rest(torch.sparse.mm(x, weights) + bias)

    optimizer = torch.optim.Rprop(parameters, lr=0.1)
    loss = torch.nn.MSELoss(reduction="sum")

    def cycles(times: int) -> None:
        for _ in range(times):
            optimizer.zero_grad()
            loss(forward(x), y).backward()
            optimizer.step()

    return cycles


# ======================= onnxruntime and scikit-learn =====================


def _mlp(net: Layout):  # type: ignore[no-untyped-def]
    from sklearn.neural_network import MLPClassifier

    given = samples(net)
    model = MLPClassifier(net.layers[1:-1], activation="logistic", max_iter=2, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(given.x, given.ids)


def sklearn_row(net: Layout) -> Call:
    model, one = _mlp(net), rows(net)[:1]

    def call(times: int) -> None:
        for _ in range(times):
            model.predict(one)

    return call


def onnx_session(net: Layout):  # type: ignore[no-untyped-def]
    """The same network as a graph of MatMul, Add and Sigmoid: nothing that costs more."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng, nodes, weights, last = np.random.default_rng(1), [], [], "x"
    for i, (a, b) in enumerate(zip(net.layers, net.layers[1:], strict=False)):
        for name, shape in ((f"w{i}", (a, b)), (f"b{i}", (b,))):
            weights.append(numpy_helper.from_array(rng.random(shape, np.float32), name))
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [f"z{i}"]))
        last = f"y{i}"
        nodes.append(helper.make_node("Sigmoid", [f"z{i}"], [last]))
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])]
        for name, width in (("x", net.layers[0]), (last, net.layers[-1]))
    ]
    graph = helper.make_graph(nodes, "net", *ends, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def onnx_row(net: Layout) -> Call:
    session, given = onnx_session(net), {"x": rows(net)[:1]}

    def call(times: int) -> None:
        for _ in range(times):
            session.run(None, given)

    return call
