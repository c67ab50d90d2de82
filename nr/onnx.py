"""Networks as files of ONNX (extra `onnx`), which run without nr wherever onnxruntime does.

One file has all that answers: how fields become numbers, all members, the calibration, the names of
classes. A network without fields has one input, ``x``, float of shape (n, inputs). One with fields
has an input a field, of its name, of shape (n,):

    number, flag    double; NaN is missing, a flag is 0 or 1
    time            double, seconds since 1970; NaN is missing
    category        string, as the network knows it; "" is missing
    text            string of shape (n, words), as ``words`` makes it of texts; "" are no words
    vector(k)       float of shape (n, k); with NaN among them it is missing

Outputs are ``label`` and ``probabilities`` (n, classes) of a classifier, else ``outputs``
(n, outputs). Of fields numbers are reckoned with as doubles, as the core does; what follows is
float32 there and here, so that they agree within some units of the last place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from math import pi
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from nr.calls import Call, Long
from nr.engine.texts import words as split
from nr.errors import CommandError, ExtraError

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise ExtraError("ONNX needs the package onnx: pip install 'nr[onnx]'") from error

_DAY = 86400.0  # seconds
_PERIODS = {
    1: 1.0,
    2: 7.0,
    4: 365.2425,
}  # days a round, by the bit that says there is such a circle
_BENT = 16
_FARTHEST = 1e30
_TINY = 1e-30
_HIDDEN = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "leakyrelu": "LeakyRelu"}


def export(key: bytes) -> Call[bytes]:
    """As ``Network.to_onnx``."""
    blob = yield "NR.DUMP", key
    model: bytes = yield Long(partial(_exported, blob))
    return model


def words(texts: Iterable[str | None]) -> NDArray[np.object_]:
    """Texts as a file of ONNX takes them: of shape (n, words), a row each, "" behind its last word.

    A word is a run of letters and digits in lower case, by the core's own tables and cut at 64
    bytes; each Chinese character and each of the kana is one. A text without a word is one blank,
    a missing one (None, "") none at all.
    """
    rows = [(split(text) or [" "]) if text else [] for text in texts]
    found = np.full((len(rows), max([1, *map(len, rows)])), "", object)
    for to, row in zip(found, rows, strict=True):
        to[: len(row)] = row
    return found


def _exported(blob: bytes) -> bytes:
    _, _, header, parts, *_ = msgpack.unpackb(blob, strict_map_key=False)
    weights = next((part[2] for part in parts if part[0] == "weights"), None)
    if weights is None:
        raise CommandError("ERR the network has not been trained yet: there is nothing to export")
    if header["kind"] not in ("classifier", "regressor"):
        raise CommandError(f"ERR a {header['kind']} cannot be exported, what it reads is a series")
    graph = _Graph()
    if header["schema"] is None:
        x = graph.input("x", TensorProto.FLOAT, header["layout"][0])
        _heads(graph, header, _members(graph, header, weights, x, True), None, None)
    else:
        encoding, inner, weights, *_ = msgpack.unpackb(weights, strict_map_key=False)
        row = graph("Concat", *filter(None, _fields(graph, encoding)), axis=1)
        y = _members(graph, inner, weights, row, False)
        _heads(graph, inner, y, encoding[2], _units(encoding))
    return graph.model(header)


class _Graph:
    """What is collected for a model: operations, constants, inputs and outputs."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def __call__(self, op: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        """Adds an operation on values by name, or arrays; returns its result's name."""
        name = f"{op}_{len(self.nodes)}"
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        self.nodes.append(helper.make_node(op, names, [name], domain=domain, **attributes))
        return name

    def constant(self, array: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def input(self, name: str, kind: int, width: int | str | None = None) -> str:
        shape: list[str | int | None] = ["n"] if width is None else ["n", width]
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, kind: int, *shape: Any) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, ["n", *shape]))

    def model(self, header: dict[str, Any]) -> bytes:
        graph = helper.make_graph(self.nodes, "nr", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
        model = helper.make_model(graph, producer_name="nr", opset_imports=opsets, ir_version=8)
        fields = [text for _, text in header["schema"][5]] if header["schema"] else []
        helper.set_model_props(model, {"kind": header["kind"], "fields": json.dumps(fields)})
        onnx.checker.check_model(model)
        done: bytes = model.SerializeToString()
        return done


# ---- fields ----


def _fields(graph: _Graph, encoding: list[Any]) -> list[str | None]:
    """The columns of each input, of shape (n, columns); None for one that has none."""
    schema, codes = encoding[0], encoding[1]
    return [_field(graph, text, code) for (_, text), code in zip(schema[5], codes, strict=False)]


def _field(graph: _Graph, text: str, code: list[Any]) -> str | None:
    name, _, kind = text.partition(":")
    word = kind.partition("(")[0].lower()
    missing = np.frombuffer(code[9], "<f4").reshape(1, -1)
    if word == "key":
        return None
    if word == "category":
        return _category(graph, name, code, missing)
    how = _HOW.get(word)
    if how is None:
        raise CommandError(
            f"ERR field {name}: a {word} cannot be exported: no runtime of ONNX has what it takes"
        )
    columns, unknown = how(graph, name, code)
    if code[0]:
        columns.append(graph("Cast", unknown, to=TensorProto.FLOAT))
    if not columns:
        return None
    known = graph("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]
    return graph("Where", unknown, missing, known)


def _category(graph: _Graph, name: str, code: list[Any], missing: Any) -> str | None:
    """A row of a table: of each category, of all others, and of none.

    Where nothing was frequent there is no column, but whoever asks gives the value all the same.
    """
    given = graph.input(name, TensorProto.STRING)
    if not missing.size:
        return None
    terms, columns = code[7], missing.shape[1]
    rows = len(terms) + bool(code[1])
    table = np.vstack([np.eye(rows, columns, dtype=np.float32), missing])
    number = graph(
        *("LabelEncoder", given),
        domain="ai.onnx.ml",
        keys_strings=[*terms, ""],
        values_int64s=[*range(len(terms)), rows],
        default_int64=len(terms) if code[1] else rows,
    )
    return graph("Gather", table, number, axis=0)


_Columns = tuple[list[str], str]
"""Those of a value that is there, and whether it is not, of shape (n, 1)."""


def _double(graph: _Graph, name: str) -> tuple[str, str]:
    x = graph("Reshape", graph.input(name, TensorProto.DOUBLE), np.array([-1, 1]))
    return x, graph("IsNaN", x)


def _number(graph: _Graph, name: str, code: list[Any]) -> _Columns:
    x, unknown = _double(graph, name)
    return [_linear(graph, x, code), *_bins(graph, x, code[5])], unknown


def _flag(graph: _Graph, name: str, code: list[Any]) -> _Columns:
    x, unknown = _double(graph, name)
    return [graph("Cast", x, to=TensorProto.FLOAT)], unknown


def _time(graph: _Graph, name: str, code: list[Any]) -> _Columns:
    x, unknown = _double(graph, name)
    days, circles = graph("Div", x, _DAY), [bit for bit in _PERIODS if code[2] & bit]
    columns = [_linear(graph, days, code)]
    if circles:
        of_bins = max(0, len(code[5]) - 1)
        points = (len(code[9]) // 4 - bool(code[0]) - 1 - of_bins) // len(circles)
        columns += [_circle(graph, days, _PERIODS[bit], points) for bit in circles]
    return [*columns, *_bins(graph, days, code[5])], unknown


def _linear(graph: _Graph, x: str, code: list[Any]) -> str:
    z = graph("Mul", graph("Sub", x, code[3]), code[4])
    z = graph("Clip", z, -_FARTHEST, _FARTHEST)
    if code[2] & _BENT:
        third = graph("Div", z, 3.0)
        z = graph("Div", z, graph("Sqrt", graph("Add", graph("Mul", third, third), 1.0)))
    return graph("Cast", z, to=TensorProto.FLOAT)


def _bins(graph: _Graph, x: str, edges: Sequence[float]) -> list[str]:
    if not edges:
        return []
    below, width = np.array(edges[:-1]), np.diff(edges)
    through = graph("Clip", graph("Div", graph("Sub", x, below), width), 0.0, 1.0)
    return [graph("Cast", through, to=TensorProto.FLOAT)]


def _circle(graph: _Graph, days: str, period: float, points: int) -> str:
    turns = graph("Div", days, period)
    angle = graph("Mul", graph("Sub", turns, graph("Floor", turns)), 2 * pi)
    times = np.repeat(np.arange(1.0, points // 2 + 1), 2)
    quarter = np.tile([0.0, pi / 2], points // 2)  # a cosine is a sine that is ahead
    sines = graph("Sin", graph("Add", graph("Mul", angle, times), quarter))
    return graph("Cast", sines, to=TensorProto.FLOAT)


def _vector(graph: _Graph, name: str, code: list[Any]) -> _Columns:
    shift, scale = np.array(code[6]).reshape(2, -1)
    x = graph("Cast", graph.input(name, TensorProto.FLOAT, len(shift)), to=TensorProto.DOUBLE)
    z = graph("Clip", graph("Mul", graph("Sub", x, shift), scale), -_FARTHEST, _FARTHEST)
    gaps = graph("Cast", graph("IsNaN", x), to=TensorProto.FLOAT)
    most = graph("ReduceMax", gaps, axes=[1], keepdims=1)
    return [graph("Cast", z, to=TensorProto.FLOAT)], graph("Cast", most, to=TensorProto.BOOL)


def _text(graph: _Graph, name: str, code: list[Any]) -> _Columns:
    """Words and pairs of words that follow each other, counted, weighed, and of one length."""
    terms, weights = code[7], np.frombuffer(code[8], "<f4").astype(float)
    given = graph.input(name, TensorProto.STRING, "words")
    first = graph("Gather", given, np.array([0]), axis=1)
    none = graph(
        *("LabelEncoder", first),
        domain="ai.onnx.ml",
        keys_strings=[""],
        values_int64s=[1],
        default_int64=0,
    )
    unknown = graph("Cast", none, to=TensorProto.BOOL)
    if not terms:
        return [], unknown
    order = sorted(range(len(terms)), key=lambda i: " " in terms[i])  # single words first
    single = sum(" " not in term for term in terms)
    counts = graph(
        *("TfIdfVectorizer", given),
        mode="TF",
        min_gram_length=1,
        max_gram_length=2,
        max_skip_count=0,
        ngram_counts=[0, single],
        ngram_indexes=order,
        pool_strings=[word for i in order for word in terms[i].split(" ")],
    )
    counts = graph("Cast", counts, to=TensorProto.DOUBLE)
    often = graph("Add", graph("Log", graph("Max", counts, 1.0)), 1.0)
    weighed = graph("Mul", graph("Mul", often, weights), graph("Min", counts, 1.0))
    length = graph("Sqrt", graph("ReduceSumSquare", weighed, axes=[1], keepdims=1))
    scaled = graph("Mul", graph("Div", weighed, graph("Max", length, _TINY)), code[4])
    return [graph("Cast", scaled, to=TensorProto.FLOAT)], unknown


_HOW = {"number": _number, "flag": _flag, "time": _time, "vector": _vector, "text": _text}


def _units(encoding: list[Any]) -> Any:
    """A regressor's shift and unit of each output."""
    shift, scale = np.array(encoding[3], float).reshape(2, -1)
    return shift, 1 / scale


# ---- the network ----


def _members(graph: _Graph, header: dict[str, Any], blob: bytes, x: str, scaled: bool) -> str:
    """The mean of the members' outputs, of shape (n, outputs), those of a classifier activated."""
    layers, members = header["layout"], header["members"]
    inputs, outputs = layers[0], layers[-1]
    floats = np.frombuffer(blob, "<f4")
    factors, rest = np.split(floats, [2 * (inputs + outputs)])
    in_shift, in_scale, out_shift, out_scale = np.split(
        factors, np.cumsum([inputs, inputs, outputs])
    )
    if scaled:
        x = graph("Mul", graph("Sub", x, in_shift), in_scale)
    y, rest = graph("Unsqueeze", x, np.array([0])), rest.reshape(members, -1)
    at = 0
    for depth, (a, b) in enumerate(pairwise(layers), 1):
        part = rest[:, at : at + (1 + a) * b].reshape(members, 1 + a, b)
        y = graph("Add", graph("MatMul", y, part[:, 1:]), part[:, :1])
        at += (1 + a) * b
        if depth < len(layers) - 1:
            y = _activated(graph, header["activation"], y)
    if header["kind"] == "classifier" and header["loss"] == "crossentropy":
        y = graph("Softmax", graph("Mul", y, out_scale), axis=2)
    elif header["kind"] == "classifier" or header["classic"]:
        y = graph("Sigmoid", y)
    mean = graph("ReduceMean", y, axes=[0], keepdims=0)
    if header["kind"] == "classifier":
        return mean
    return graph("Add", graph("Mul", mean, out_scale), out_shift)


def _activated(graph: _Graph, activation: str, y: str) -> str:
    more: dict[str, Any] = {"alpha": 0.01} if activation == "leakyrelu" else {}
    return graph(_HIDDEN[activation], y, **more)


def _heads(
    graph: _Graph, header: dict[str, Any], y: str, classes: list[str] | None, units: Any
) -> None:
    outputs = header["layout"][-1]
    if header["kind"] == "regressor":
        kind = TensorProto.FLOAT
        if units:
            shift, unit = units
            y = graph("Cast", y, to=TensorProto.DOUBLE)
            y, kind = graph("Add", graph("Mul", y, unit), shift), TensorProto.DOUBLE
        graph.output(y, "outputs", kind, outputs)
        return
    best = graph("ArgMax", y, axis=1, keepdims=0)
    if classes:
        best = graph("Gather", np.array(classes, object), best, axis=0)
    graph.output(best, "label", TensorProto.STRING if classes else TensorProto.INT64)
    graph.output(y, "probabilities", TensorProto.FLOAT, outputs)
