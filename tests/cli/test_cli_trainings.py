"""Trainings end with the `nr` command's process: it waits, or asks."""

from pathlib import Path

import pytest
from cli_calls import run, type_in
from prompt_toolkit.input import PipeInput

import nr
from nr.cli import prompt
from nr.cli.session import Session

TRAINABLE = ["NR.CREATE net REGRESSOR 1 2 -> 1 SEED 1", "NR.OBSERVE net 1 -> 2 TRAIN"]
ENDLESS = ["NR.TRAIN net MAXTIME 0"]


def commands(*lines: str) -> list[str]:
    return [word for line in lines for word in ("-e", line)]


def how_it_ended(url: str) -> tuple[str, int]:
    with nr.connect(url) as db:
        info = db["net"].info()
        return info.ended_by, info.cycles


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/nets.db"


def test_a_command_waits_for_the_training_it_started(url: str) -> None:
    result = run("--url", url, *commands(*TRAINABLE, "nr.train net MAXCYCLES 700 MAXTIME 0"))
    assert result.exit_code == 0
    assert result.stdout.endswith("Training has started\n")
    assert result.stderr == ""
    assert how_it_ended(url) == ("cycles", 700)


def test_a_script_waits_for_all_its_trainings(url: str, tmp_path: Path) -> None:
    script = tmp_path / "two.nr"
    lines = [*TRAINABLE, *(line.replace("net", "other") for line in TRAINABLE)]
    lines += ["NR.TRAIN other MAXCYCLES 300 MAXTIME 0", "NR.TRAIN net MAXCYCLES 500 MAXTIME 0"]
    script.write_text("\n".join(lines))
    assert run("--url", url, script).exit_code == 0
    assert how_it_ended(url) == ("cycles", 500)
    with nr.connect(url) as db:
        assert db["other"].info().cycles == 300


def test_no_wait_leaves(url: str) -> None:
    assert run("--no-wait", "--url", url, *commands(*TRAINABLE, *ENDLESS)).exit_code == 0
    with nr.connect(url) as db:
        assert not db["net"].info().training


def test_a_training_that_was_stopped_or_whose_network_went_is_not_waited_for(url: str) -> None:
    for end in "NR.STOP net", "NR.RESET net", "NR.DEL net":
        assert run("--url", url, *commands(*TRAINABLE, *ENDLESS, end)).exit_code == 0
        run("--url", url, *commands("NR.DEL net"))


def test_a_training_that_failed_ends_with_status_1(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> bool:
        raise nr.EngineError("ERR out of memory")

    monkeypatch.setattr("nr.engine.Trainer.step", fail)
    result = run("--url", url, *commands(*TRAINABLE, *ENDLESS))
    assert result.exit_code == 1
    assert "ERR the training of net failed: out of memory" in result.stderr


def test_a_terminal_sees_a_bar_meanwhile(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("nr.training.Training.wait", lambda self, **how: shown.append(how) or True)
    with nr.connect(url) as db:
        session = Session(db)
        for line in [*TRAINABLE, "NR.TRAIN net MAXCYCLES 5"]:
            session.run(line.encode())
        session.wait()
    assert shown == [{"progress": True}]


@pytest.mark.parametrize("end", ["exit\r", "\x04"])
@pytest.mark.parametrize(
    ("typed", "left"),
    [("l\r", True), ("\x04", True), ("\rNR.STOP net\rNR.WAIT net 0\r\x04", False)],
)
def test_the_prompt_asks_before_it_stops_a_training(
    typed: str, left: bool, end: str, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = type_in(keys, "\r".join([*TRAINABLE, *ENDLESS, end + typed]), capsys)
    assert "Still in training here: net. Leaving now stops it.\n" in printed
    assert printed.endswith("(integer) 1\n") is not left


def test_the_prompt_waits_if_it_is_told_to(
    keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    keys.send_text("\r".join([*TRAINABLE, "NR.TRAIN net MAXCYCLES 20000 MAXTIME 0", "exit", "w\r"]))
    with nr.connect("memory://") as db:
        prompt.prompt(Session(db), "memory://")
        assert db["net"].info().ended_by == "cycles"
