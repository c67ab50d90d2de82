"""A type checker finds what is misspelt in a user's program, and nothing in one that is right."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from nr.commands.options import ConfigureOptions, CreateOptions
from nr.engine import Option, specs

PROGRAM = """\
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nr
from nr.sklearn import NetworkClassifier, NetworkRegressor

with nr.connect("memory://", memory=10**9) as db:
    net = db.create("a", "classifier", [2, 3, 2], normalize=True, l2=None, loss="crossentropy")
    net.observe([1, 2], 1, to="train")
    net.observe_many(np.zeros((3, 2)), pd.Series([0, 1, 0]))
    net.configure(optimizer="adam", learnrate=0.01, classweights="balanced")
    net.train(timeout=0.5).wait(timeout=10)
    one: int = net.classify([1.0, 2.0])
    some: NDArray[np.int64] = net.classify([[1.0, 2.0], [3.0, 4.0]])
    any: int = net.classify(np.array([1.0, 2.0]))
    db.create("b", "clasifier", [2, 3, 2])  # "clasifier"
    db.create("b", "classifier", [2, 3, 2], optimiser="adam")  # "optimiser"
    db.create("b", "classifier", [2, 3, 2], activation="rleu")  # 'rleu'
    db.create("b", "classifier", [2, 3, 2], classic="yes")  # "classic"
    db.create("b", "classifier", "2-3-2")  # "str"
    net.observe([1, 2], 1, to="trian")  # 'trian'
    net.sample("testing", 0)  # 'testing'
    net.configure(optimizer="adm")  # 'adm'
    net.configure(seed=3)  # "seed"
    net.train(timeout="5")  # "str"
    net.train(autostpo=True)  # "autostpo"
    net.classify([1.0, 2.0]).shape  # "shape"
    int(net.classify([[1.0, 2.0]]).bit_count())  # "bit_count"
    report: nr.Metrics = net.evaluate([[1.0, 2.0]], [0])
    net.evaluate([[1.0, 2.0]], [0]).acuracy  # "acuracy"
    model_file: bytes = net.to_onnx()
    net.to_onnx(opset=17)  # "opset"
    net.plot_evaluation([[1.0, 2.0]], ys=[0])  # "ys"
    model = NetworkClassifier(hidden=(3, 4), l2=0.1, random_state=1).fit([[1.0]], [0])
    chances: NDArray[np.float64] = model.predict_proba([[1.0]])
    NetworkClassifier(hiden=(3, 4))  # "hiden"
    NetworkClassifier(hidden="lineal")  # 'lineal'
    NetworkRegressor(optimizer="adm")  # 'adm'
    NetworkRegressor(members="5")  # "str"
    NetworkRegressor().predict([[1.0]]).shap  # "shap"
    why = net.explain([1.0, 2.0], top=1, ignore_extra=False)
    share: float = why.attributions[0] + why.others
    why.atributions  # "atributions"
    net.explain([1.0, 2.0], of=1.5)  # "float"
    net.explain([1.0, 2.0], tops=1)  # "tops"
    sure: int | None = net.classify([1.0, 2.0], sure=0.9)
    net.classify([1.0, 2.0], sure=0.9).bit_count()  # "bit_count"
    net.classify({"age": 1}, sure=0.9).upper()  # "upper"
    net.classify([1.0, 2.0], sure="0.9")  # "str"
    lower, value, upper = net.run({"age": 1}, interval=0.9)["size"]
    net.run({"age": 1}, interval=0.9)["size"].mean()  # "mean"
    net.run({"age": 1})["size"].mean()  # "mean"
    net.run([1.0, 2.0], interval="0.9")  # "str"
    text: str = net.generate("once", length=9, temperature=0.5)
    net.generate("once", temprature=0.5)  # "temprature"
    net.generate("once", length="9")  # "str"
    bits: float = net.score("once").perplexity
    net.score("once").perplexty  # "perplexty"
    net.score(7)  # "int"
    net.forecast("store", interval="0.9")  # "str"
    net.forecast(serie="store")  # "serie"
    theirs: nr.Network = db.restore("c", nr.from_onnx("model.onnx", kind="classifier"))
    nr.from_onnx("model.onnx", kind="clasifier")  # "clasifier"
    nr.from_onnx(7)  # "int"
    NetworkClassifier(random_state=1).fit([[1.0]], [0], weights=[1])  # "weights"
    NetworkRegressor(url="sqlite://", keys="a")  # "keys"
"""


def test_a_misspelt_option_is_found(tmp_path: Path) -> None:
    try:
        import mypy  # noqa: F401
    except ImportError:
        reason = "mypy is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    options = ["--strict", "--follow-imports=silent", f"--cache-dir={os.devnull}"]
    command = [sys.executable, "-m", "mypy", *options, program.name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    found = dict(re.findall(r"^program\.py:(\d+): error: (.*)$", done.stdout, re.MULTILINE))
    lines = enumerate(PROGRAM.splitlines(), 1)
    wanted = {str(number): line.partition("# ")[2] for number, line in lines if "# " in line}
    assert found.keys() == wanted.keys(), done.stdout + done.stderr
    for number, text in wanted.items():
        assert text.strip("\"'") in found[number], done.stdout


# Parameters of create by themselves: they are of every network.
PARAMETERS = {"normalize", "dataset", "test", "seed"}


def wanted(option: Option) -> set[Any]:
    """The types, or for a choice the values, that an option has in Python."""
    types: dict[str, set[Any]] = {"switch": {bool}, "count": {int}, "real": {float}}
    words = () if option.type == "switch" else option.words
    found = types.get(option.type, set()) | {word.lower() for word in words}
    return found | ({NoneType} if option.automatic else set())


def said(hint: Any) -> set[Any]:
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {hint} if isinstance(hint, type) else set().union(*map(said, get_args(hint)))


@pytest.mark.parametrize(
    ("command", "types"), [("NR.CREATE", CreateOptions), ("NR.CONFIGURE", ConfigureOptions)]
)
def test_the_types_of_options_are_those_of_the_core(command: str, types: Any) -> None:
    [spec] = [spec for spec in specs() if spec.name == command]
    options = {o.word.lower(): wanted(o) for o in spec.options}
    hints = {name: said(hint) for name, hint in get_type_hints(types).items()}
    assert hints == {name: types for name, types in options.items() if name not in PARAMETERS}
