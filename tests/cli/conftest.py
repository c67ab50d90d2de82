"""What the tests of the nr command begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_calls import SUM
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput


@pytest.fixture(autouse=True)
def no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NR_URL", raising=False)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "sum.nr"
    path.write_text(SUM)
    return path


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe
