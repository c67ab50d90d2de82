"""Chains of layers that others trained and wrote as files of ONNX (extra `onnx`), as networks.

    db.restore("net", nr.from_onnx("model.onnx"))

Such a chain is what scikit-learn's MLPs, by skl2onnx, and PyTorch's sequences of linear layers
become: products (Gemm, or MatMul and Add) with one activation between them, softmax or sigmoid
behind them or nothing, and inputs that are perhaps scaled first. All that is no such chain is
refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from nr.commands.arguments import arguments
from nr.engine import Net, parse
from nr.errors import CommandError, ExtraError

_Floats = NDArray[np.float64]
_SAME = {"Identity", "Cast", "Flatten", "Reshape", "Dropout", "Squeeze"}
_HIDDEN = {"Relu": "RELU", "Tanh": "TANH", "Sigmoid": "SIGMOID", "LeakyRelu": "LEAKYRELU"}
_LEAK = 0.01
_PRODUCTS = {"Gemm", "MatMul"}
_LABELS = {
    *("ArgMax", "ArrayFeatureExtractor", "ZipMap", "Sub", "Concat", "Normalizer", "LabelEncoder"),
    *("Gather", "Unsqueeze"),
}
"""What makes labels and maps of a classifier's probabilities."""


@dataclass
class _Layer:
    weights: _Floats  # (inputs, outputs)
    biases: _Floats


@dataclass
class _Chain:
    """What was read so far: inputs come to ``x * scale - shift * scale``."""

    shift: _Floats = field(default_factory=lambda: np.zeros(1))
    scale: _Floats = field(default_factory=lambda: np.ones(1))
    layers: list[_Layer] = field(default_factory=list)
    between: list[str] = field(default_factory=list)  # an activation behind each layer but the last
    head: str = ""  # Softmax, LogSoftmax, Sigmoid or nothing


def from_onnx(
    source: str | os.PathLike[str] | bytes,
    kind: Literal["classifier", "regressor"] | None = None,
    **options: Any,
) -> bytes:
    """A dump, for ``Database.restore``, of the network that a file of ONNX, or its bytes, holds.

    A classifier if softmax or sigmoid comes last, else a regressor; ``kind="classifier"`` says that
    the outputs are a classifier's sums before a softmax that was left out. Classes are numbers, in
    the file's order. ``options`` are NR.CREATE's. Raises CommandError where the file holds
    anything but a chain of layers, and ExtraError without the package onnx.
    """
    reader = _Reader(_graph(source))
    with np.errstate(all="ignore"):  # what is not finite then is refused
        try:
            chain = reader.chain()
            kind = kind or ("classifier" if chain.head else "regressor")
            if kind == "classifier" and chain.layers[-1].weights.shape[1] == 1:
                _with_two_classes(chain)
            weights = _weights(chain)
        except ValueError as error:
            raise _refuse(f"numbers of it do not fit each other: {error}") from error
    return _dump(chain, kind, weights, options)


def _graph(source: str | os.PathLike[str] | bytes) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraError("ONNX needs the package onnx: pip install 'nr[onnx]'") from error
    try:
        if isinstance(source, bytes):
            return onnx.load_from_string(source).graph
        return onnx.load(source).graph
    except (DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise CommandError(f"ERR this is no file of ONNX: {error}") from error


def _refuse(what: str) -> CommandError:
    return CommandError(f"ERR only a chain of layers can be taken from a file of ONNX: {what}")


# ---- reading ----


class _Reader:
    """Follows a graph's only input from operation to operation."""

    def __init__(self, graph: Any) -> None:
        from onnx import numpy_helper

        self.nodes = list(graph.node)
        constants = [(each.name, each) for each in graph.initializer]
        for node in graph.node:
            if node.op_type == "Constant":
                constants += [(node.output[0], part.t) for part in node.attribute if part.type == 4]
        self.constants = {name: numpy_helper.to_array(tensor) for name, tensor in constants}
        inputs = [each.name for each in graph.input if each.name not in self.constants]
        if len(inputs) != 1:
            raise _refuse(f"this one has {len(inputs)} inputs: {', '.join(inputs)}")
        self.at = inputs[0]

    def chain(self) -> _Chain:
        chain = _Chain()
        while node := self._next(chain):
            self._take(chain, node)
            self.at = node.output[0]
        if not chain.layers:
            raise _refuse("this one has no layer of weights")
        others = {node.op_type for node in self._behind(self.at)}
        unknown = sorted(others - _LABELS - _SAME if chain.head else others - _SAME)
        if unknown:
            raise _refuse(f"{unknown[0]} is behind the last layer")
        return chain

    def _next(self, chain: _Chain) -> Any:
        """The operation that comes next, or None behind the last one that counts."""
        found = [node for node in self.nodes if self.at in node.input]
        ended = not any(node.op_type in _PRODUCTS for node in self._behind(self.at))
        if not found or (ended and chain.head):
            return None
        if len(found) > 1:
            raise _refuse(f"{' and '.join(node.op_type for node in found)} take the same numbers")
        return found[0]

    def _behind(self, name: str) -> Iterator[Any]:
        names = {name}
        for node in self.nodes:  # in the order in which they are worked out
            if names.intersection(node.input):
                names.update(node.output)
                yield node

    def _take(self, chain: _Chain, node: Any) -> None:
        op = node.op_type
        if op in _PRODUCTS:
            self._product(chain, node)
        elif op in ("Add", "Sub", "Mul", "Div", "Scaler"):
            self._moved(chain, node)
        elif op in ("Softmax", "LogSoftmax"):
            self._head(chain, op)
        elif op in _HIDDEN:
            self._activation(chain, node)
        elif op not in _SAME:
            raise _refuse(f"{op} is no part of one")

    def _constant(self, node: Any, at: int) -> _Floats:
        found = self.constants.get(node.input[at]) if at < len(node.input) else None
        if found is None or found.dtype.kind not in "fiu":
            raise _refuse(f"{node.op_type} takes something else than numbers of the file")
        return np.asarray(found, float)

    def _product(self, chain: _Chain, node: Any) -> None:
        given = _attributes(node)
        if node.input[0] != self.at or given.get("transA"):
            raise _refuse(f"the weights of {node.op_type} come first")
        weights = self._constant(node, 1) * given.get("alpha", 1)
        if weights.ndim != 2:
            raise _refuse(f"the weights of {node.op_type} have {weights.ndim} dimensions")
        weights = weights.T if given.get("transB") else weights
        biases = np.zeros(weights.shape[1])
        if len(node.input) > 2:
            biases = biases + self._constant(node, 2).ravel() * given.get("beta", 1)
        if chain.layers and len(chain.between) < len(chain.layers):
            raise _refuse("no activation is between two of its layers")
        if chain.layers and chain.layers[-1].weights.shape[1] != len(weights):
            raise _refuse("a layer has another number of inputs than the one before has outputs")
        chain.layers.append(_Layer(weights, biases))

    def _moved(self, chain: _Chain, node: Any) -> None:
        """Inputs that are scaled, or biases."""
        op, layer = node.op_type, chain.layers[-1] if chain.layers else None
        if op == "Scaler":
            given = _attributes(node)
            by, times = (
                np.array(given.get(name, [of])) for name, of in (("offset", 0.0), ("scale", 1.0))
            )
        else:
            own = list(node.input).index(self.at)
            if own and op in ("Sub", "Div"):
                raise _refuse(f"{op} has them in second place")
            value = self._constant(node, 1 - own).ravel()
            by = {"Add": -value, "Sub": value}.get(op, np.zeros(1))
            times = {"Mul": value, "Div": 1 / value}.get(op, np.ones(1))
        if layer is None:
            chain.shift = chain.shift + by / chain.scale
            chain.scale = chain.scale * times
        elif op == "Add" and len(chain.between) < len(chain.layers) and not chain.head:
            layer.biases = layer.biases - by
        else:
            raise _refuse(f"{op} is behind a layer")

    def _activation(self, chain: _Chain, node: Any) -> None:
        op = node.op_type
        if not any(behind.op_type in _PRODUCTS for behind in self._behind(node.output[0])):
            if op != "Sigmoid":
                raise _refuse(f"{op} is behind the last layer")
            self._head(chain, op)
            return
        if op == "LeakyRelu" and abs(_attributes(node).get("alpha", _LEAK) - _LEAK) > 1e-6:
            raise _refuse(f"LeakyRelu is to have a slope of {_LEAK} below 0")
        if len(chain.between) != len(chain.layers) - 1:
            raise _refuse(f"{op} is not behind a layer")
        if {op, *chain.between} != {op}:
            raise _refuse(f"{chain.between[0]} and {op} are both in it")
        chain.between.append(op)

    def _head(self, chain: _Chain, op: str) -> None:
        if not chain.layers or len(chain.between) != len(chain.layers) - 1:
            raise _refuse(f"{op} is not behind the last layer")
        chain.head = op


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {part.name: helper.get_attribute_value(part) for part in node.attribute}


# ---- the network ----


def _dump(chain: _Chain, kind: str, weights: bytes, options: dict[str, Any]) -> bytes:
    layers = chain.layers
    argv: list[Any] = ["NR.CREATE", "net", kind, len(layers[0].weights)]
    argv += [layer.weights.shape[1] for layer in layers[:-1]]
    argv += ["->", layers[-1].weights.shape[1], "MEMBERS", 1]
    if chain.between:
        argv += ["ACTIVATION", _HIDDEN[chain.between[0]]]
    if chain.head == "Sigmoid":
        argv += ["LOSS", "MSE"]
    for word, value in options.items():
        argv += [word.upper()] if value is True else [word.upper(), value]
    made = Net.create(parse(arguments(argv)), 1, 0)
    header = msgpack.unpackb(made.header())
    header["trained"] = True
    return Net.assemble(msgpack.packb(header), weights).dump()


def _with_two_classes(chain: _Chain) -> None:
    """A sum before a sigmoid is the second class's, where the first one's is 0 before a softmax."""
    last = chain.layers[-1]
    last.weights = np.hstack([np.zeros_like(last.weights), last.weights])
    last.biases = np.concatenate([[0.0], last.biases.ravel()])
    chain.head = "Softmax"


def _weights(chain: _Chain) -> bytes:
    """Factors, then each layer's biases and weights, as the core has them."""
    inputs, outputs = len(chain.layers[0].weights), chain.layers[-1].weights.shape[1]
    parts = [np.broadcast_to(each, inputs) for each in (chain.shift, chain.scale)]
    parts += [np.zeros(outputs), np.ones(outputs)]
    for layer in chain.layers:
        parts += [np.broadcast_to(layer.biases, layer.weights.shape[1]), layer.weights.ravel()]
    floats = np.concatenate(parts).astype("<f4")
    if not np.isfinite(floats).all():
        raise _refuse("its weights are to be finite numbers, as float32 as well")
    return floats.tobytes()
