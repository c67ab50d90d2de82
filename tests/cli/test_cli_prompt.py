"""The prompt of the `nr` command."""

from pathlib import Path

import pytest
from cli_calls import type_in
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput

import nr
from nr.cli import prompt


def test_the_prompt_runs_commands_and_survives_errors(
    keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "NR.CREATE net REGRESSOR 2 3 -> 1\r\r# note\rNR.INFO x\rNR.LIST 'a\rwatch\rNR.LIST\r\x04"
    assert type_in(keys, text, capsys).splitlines()[1:] == [
        "(integer) 13",
        "(error) ERR no such key",
        "(error) ERR unbalanced quotes",
        "Usage: watch KEY",
        '1) "net"',
    ]


def test_pasted_lines_are_commands_each(
    keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "NR.CREATE net REGRESSOR 2 -> 1\r\nNR.INFO x\n\nNR.LIST\nexit\nNR.LIST"
    assert type_in(keys, f"\x1b[200~{lines}\x1b[201~\r", capsys).splitlines()[1:] == [
        "(integer) 3",
        "(error) ERR no such key",
        '1) "net"',
    ]


@pytest.mark.parametrize("end", ["exit\r", " QUIT\r", "\x04"])
def test_the_prompt_ends(end: str, keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Ctrl-D leaves" in type_in(keys, end, capsys)


def test_ctrl_c_drops_the_line_alone(keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    assert type_in(keys, "NR.DEL x\x03NR.LIST\r\x04", capsys).splitlines()[1:] == ["(empty array)"]


def test_history_is_kept_under_the_state_directory(
    keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(keys, "NR.LIST\r\x04", capsys)
    assert "+NR.LIST" in prompt.history_path().read_text()
    assert prompt.history_path().stat().st_mode & 0o77 == 0
    assert type_in(keys, "\x1b[A\r\x04", capsys).splitlines()[1:] == ["(empty array)"]


def test_a_history_that_cannot_be_kept_is_done_without(
    keys: PipeInput, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    assert type_in(keys, "NR.LIST\r\x04", capsys).splitlines()[1:] == ["(empty array)"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("NR.TR", ["NR.TRAIN"]),
        ("tr", ["NR.TRAIN"]),
        ("wat", ["watch"]),
        ("NR.TRAIN ", ["net", '"two words"']),
        ("watch n", ["net"]),
        ("NR.TRAIN net MAX", ["MAXCYCLES", "MAXTIME"]),
        ("help nr.get", ["NR.GETDATA"]),
        ("help get", ["NR.GETDATA"]),
        ("NR.THREADS ", []),
        ("nonsense ", []),
    ],
)
def test_completion_offers_what_fits(typed: str, offered: list[str]) -> None:
    with nr.connect("memory://") as db:
        for name in ("net", "two words"):
            db.create(name, "regressor", [2, 1])
        completions = prompt.CommandCompleter(db).get_completions(
            Document(typed), CompleteEvent(completion_requested=True)
        )
        assert sorted(c.text for c in completions) == sorted(offered)
