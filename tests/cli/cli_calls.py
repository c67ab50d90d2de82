"""Ways to run the nr command."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prompt_toolkit.input import PipeInput

import nr
from nr.cli import main, prompt
from nr.cli.session import Session

SUM = """
# Learns to add
NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 1
NR.OBSERVE net 1 2 -> 3 TRAIN
  NR.OBSERVE net 4 5 -> 9 TEST

NR.TRAIN net MAXCYCLES 20
NR.WAIT net 0
"""


def run(*argv: str | Path, **options: Any) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in argv], prog_name="nr", **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run_process(*argv: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nr", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def type_in(keys: PipeInput, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the prompt prints for these keys, up to its end."""
    keys.send_text(text)
    with nr.connect("memory://") as db:
        prompt.prompt(Session(db), "memory://")
    return capsys.readouterr().out
