"""A type checker finds what is misspelt in a user's program, and nothing in one that is right."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nr

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
