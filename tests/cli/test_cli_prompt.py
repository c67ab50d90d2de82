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
        ("NR.CLEAR net ", ["TEST", "TRAIN"]),
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


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("NR.RUN club co", ["country="]),
        ("NR.CLASS club country=IT a", ["age="]),
        ("nr.run club country=", ["country=FR", 'country="New Zealand"']),
        ("NR.RUN club country=F", ["country=FR"]),
        ('NR.RUN club country="New Z', ['country="New Zealand"']),
        ('NR.RUN club country="New Zealand" ag', ["age="]),
        ("NR.RUN club plan=", ["plan=basic", "plan=full"]),
        ("NR.RUN club vip=", ["vip=no", "vip=yes"]),
        ("NR.RUN club age=", []),
        ("NR.RUN club aeg=", []),
        ("NR.RUN club jo", []),
        ("NR.OBSERVE club country=IT -> ", ["joined=", "TEST", "TRAIN", "WEIGHT", "WEIGHTS"]),
        ("NR.OBSERVE plain W", []),
        ("NR.OBSERVE plain F", ["FP32"]),
        ("NR.OBSERVE club F", []),
        ("NR.RUN club F", []),
        ("NR.OBSERVE club J", ["JSON"]),
        ("NR.OBSERVE sales F", ["FOR"]),
        ("NR.OBSERVE sales W", []),
        ("NR.OBSERVE sales -> T", []),
        ("NR.RUN sales F", ["FOR"]),
        ("NR.OBSERVE gone W", ["WEIGHT", "WEIGHTS"]),
        ('NR.OBSERVE "two clubs" W', ["WEIGHT", "WEIGHTS"]),
        ("NR.OBSERVE club country=IT -> joined=", ["joined=no", "joined=yes"]),
        ("NR.FORGET club joined=y", ["joined=yes"]),
        ("NR.FIELDS club ", ["ADD", "DROP"]),
        ("NR.FIELDS club DROP p", ["plan"]),
        ("NR.FIELDS club DROP country ADD p", []),
        ("NR.RUN plain 1 co", []),
        ("NR.RUN gone co", []),
        ('NR.RUN "two clubs" a', ["a="]),
        ('NR.RUN "two clubs', ['"two clubs"']),
    ],
)
def test_completion_offers_fields_and_the_values_that_are_known(
    typed: str, offered: list[str]
) -> None:
    kinds = {"age": "number", "country": "category", "plan": "category(basic,full)"}
    kinds["vip"] = "flag"
    with nr.connect("memory://") as db:
        net = db.create("club", "classifier", kinds, target="joined", seed=1)
        for i in range(20):
            country, joined = ("FR", "New Zealand")[i % 2], ("no", "yes")[i % 2]
            net.observe({"age": i, "country": country, "joined": joined}, to="train")
        net.train(maxcycles=2, autostop=False).wait()
        db.create("plain", "regressor", [2, 1])
        db.create("two clubs", "classifier", {"a": "number"}, target="b")
        db.execute("NR.CREATE sales FORECASTER -> demand:number")
        completions = prompt.CommandCompleter(db).get_completions(
            Document(typed), CompleteEvent(completion_requested=True)
        )
        found = [c.text for c in completions if c.text not in OF_SAMPLES or c.text in offered]
        assert sorted(found) == sorted(offered)


OF_SAMPLES = {"->", "FP32", "WEIGHT", "JSON", "MSGPACK", "COLUMNS"}
"""Words of NR.RUN and NR.OBSERVE, which come behind the fields."""


def test_fields_are_asked_for_at_tab_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with nr.connect("memory://") as db:
        db.create("club", "classifier", {"age": "number"}, target="joined")
        completer = prompt.CommandCompleter(db)
        monkeypatch.setattr(db, "execute", lambda *argv: pytest.fail(str(argv)))
        typed = Document("NR.RUN club a")
        assert not list(completer.get_completions(typed, CompleteEvent(text_inserted=True)))
