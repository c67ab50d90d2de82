"""The `nr` command: what it prints, how it fails, and its prompt."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

import nr
from nr import engine
from nr.cli import main, printing, prompt
from nr.cli.session import Session
from nr.cli.watch import watch
from nr.engine import Progress

HELLO = Path(__file__).parents[1] / "examples" / "hello.nr"
SUM = """
# Learns to add
NR.CREATE net REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 SEED 1
NR.OBSERVE net 1 2 -> 3 TRAIN
  NR.OBSERVE net 4 5 -> 9 TEST

NR.TRAIN net MAXCYCLES 20
NR.WAIT net 0
"""


@pytest.fixture(autouse=True)
def no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NR_URL", raising=False)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "sum.nr"
    path.write_text(SUM)
    return path


def run(*argv: str | Path, **options: Any) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in argv], prog_name="nr", **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run_process(*argv: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nr", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


# ---- replies, as redis-cli prints them ----


@pytest.mark.parametrize(
    ("reply", "printed"),
    [
        (13, "(integer) 13"),
        (-1, "(integer) -1"),
        ("OK", "OK"),
        (b"net", '"net"'),
        (b'a"b\\c\n\r\t\a\b\x00\xff \x7f', r'"a\"b\\c\n\r\t\a\b\x00\xff \x7f"'),
        (2.0776522297040843, '"2.0776522297040843"'),
        (0.0, '"0"'),
        (1e-05, '"1.0000000000000001e-05"'),
        (None, "(nil)"),
        ([], "(empty array)"),
        ([1, 0], "1) (integer) 1\n2) (integer) 0"),
        ([[1.0], [], [[None]]], '1) 1) "1"\n2) (empty array)\n3) 1) 1) (nil)'),
        (["layout", [2, 3]], "1) layout\n2) 1) (integer) 2\n   2) (integer) 3"),
    ],
)
def test_a_reply_is_printed_as_by_redis_cli(reply: Any, printed: str) -> None:
    assert printing.formatted(reply) == printed


def test_numbers_of_a_long_array_are_aligned() -> None:
    lines = printing.formatted([0] * 9 + [[7, 8]]).split("\n")
    assert lines[0] == " 1) (integer) 0"
    assert lines[9:] == ["10) 1) (integer) 7", "    2) (integer) 8"]


@pytest.mark.parametrize("data", [b"net", b"", b"two words", b"\xff\x00", b"it's", b'"', b"a\\b"])
def test_a_printed_word_reads_back(data: bytes) -> None:
    assert engine.split(printing.word(data).encode()) == [data]


# ---- single commands, scripts, standard input ----


def test_a_single_command() -> None:
    result = run("-e", "nr.create net regressor 2 3 -> 1")
    assert result.exit_code == 0
    assert result.output == "(integer) 13\n"


@pytest.mark.parametrize("line", ["'NR.LIST *'", '"NR.LIST"x', "''"])
def test_a_quoted_word_is_one_word(line: str) -> None:
    """A line of one word is not split a second time."""
    result = run("-e", line)
    assert result.exit_code == 1
    assert "ERR unknown command" in result.output or "ERR unbalanced quotes" in result.output


def test_several_commands_share_a_store() -> None:
    result = run("-e", "NR.CREATE net REGRESSOR 2 3 -> 1", "-e", "NR.LIST", "-e", "NR.DEL net")
    assert result.output == '(integer) 13\n1) "net"\n(integer) 1\n'


def test_a_failing_command_ends_with_status_1() -> None:
    result = run("-e", "NR.INFO nothing", "-e", "NR.LIST")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "-e, line 1: NR.INFO nothing\n(error) ERR no such key\n"


def test_a_script(script: Path) -> None:
    result = run(script)
    assert result.exit_code == 0
    assert result.output == (
        "(integer) 13\n1) (integer) 1\n2) (integer) 0\n1) (integer) 1\n2) (integer) 1\n"
        "Training has started\n(integer) 1\n"
    )


def test_scripts_run_before_commands_on_one_store(script: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.nr"
    second.write_bytes(b"\xef\xbb\xbfNR.OBSERVE net 1 1 -> 2 TRAIN\r\n# end")
    result = run("-e", "NR.LIST", script, second, "-e", "NR.GETDATA net TRAIN 1")
    assert result.output.endswith(
        '1) (integer) 2\n2) (integer) 1\n1) "net"\n1) 1) "1"\n   2) "1"\n2) 1) "2"\n'
    )


def test_a_script_stops_at_its_first_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.nr"
    path.write_bytes(b"# one\n\nNR.LIST\nNR.RUN \xffnet\x1b[2J 1\nNR.LIST\n")
    result = run(path, "-e", "NR.LIST")
    assert result.exit_code == 1
    assert result.stdout == "(empty array)\n"
    assert result.stderr == (
        f"{path}, line 4: NR.RUN \\xffnet\\x1b[2J 1\n(error) ERR no such key\n"
    )


@pytest.mark.parametrize("argv", [[], ["-"]])
def test_standard_input_is_a_script(argv: list[str]) -> None:
    done = run_process(*argv, input=SUM)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Training has started\n(integer) 1\n")
    done = run_process(*argv, input="NR.LIST\nNR.TRIAN net\n")
    assert done.returncode == 1
    assert "<stdin>, line 2: NR.TRIAN net\n(error) ERR unknown command 'NR.TRIAN'" in done.stderr


def test_echo_prints_the_commands(script: Path) -> None:
    lines = run("--echo", script).output.splitlines()
    assert lines[0].startswith("> NR.CREATE net REGRESSOR 2 3 -> 1")
    assert lines[1] == "(integer) 13"
    assert not any("Learns to add" in line for line in lines)


def test_a_script_that_is_not_there() -> None:
    result = run("no-such.nr")
    assert result.exit_code == 2
    assert "There is no script and no command 'no-such.nr'" in result.stderr


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("wacth", ", did you mean watch?"),
        ("NR.LIST", ". Commands of the store go behind -e: nr -e 'NR.LIST ...'"),
        ("help", "; nr --help lists the commands."),
    ],
)
def test_a_word_that_is_no_command_is_told_which_one(word: str, hint: str) -> None:
    result = run(word, "net")
    assert result.exit_code == 2
    assert f"There is no script and no command {word!r}{hint}\n" in result.stderr


def test_help_and_version() -> None:
    text = run("--help").output
    for word in ("script.nr", "-e 'NR.INFO net'", "watch", "plot", "--url", "NR_URL", "--echo"):
        assert word in text
    assert run("--version").output == f"nr {nr.__version__}\n"


# ---- stores ----


def test_an_unknown_scheme_is_a_sentence() -> None:
    result = run("--url", "memori://", "-e", "NR.LIST")
    assert result.exit_code == 1
    assert "did you mean memory://?" in result.stderr


def test_the_url_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_URL", "nowhere://")
    assert run("-e", "NR.LIST").exit_code == 1
    assert run("--url", "memory://", "-e", "NR.LIST").output == "(empty array)\n"


@pytest.mark.parametrize(
    "argv", [["x.nr", "--url", "nowhere://"], ["watch", "k", "--url", "no://"]]
)
def test_the_url_may_follow(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.nr").write_text("NR.LIST")
    assert "no driver for" in run(*argv).stderr


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("memory://", "memory://"),
        ("redis://me@host:1/2", "redis://me@host:1/2"),
        ("redis://me:s%3Acret@host:1/2", "redis://me:***@host:1/2"),
    ],
)
def test_a_password_is_not_printed(url: str, printed: str) -> None:
    assert nr.cli._shown_url(url) == printed


# ---- watch, plot, help: words of nr's own ----


def test_watch_tells_how_a_training_goes_and_ends(script: Path) -> None:
    text = script.read_text().replace("NR.WAIT net 0", "watch net").replace("20", "1000")
    script.write_text(text)
    result = run(script)
    assert result.exit_code == 0
    assert re.search(
        r"^Trained for 1000 cycles and \S+ seconds in all, ended by cycles: "
        r"training error \d+\.\d+, testing error \d+\.\d+\.$",
        result.output,
        re.MULTILINE,
    )


def begun(net: nr.Network) -> nr.Training:
    """An endless training that has ended its first cycle."""
    training = net.train(timeout=0)
    while not (progress := training.progress()) or not progress.cycles:
        pass
    return training


def test_watch_follows_a_running_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", [2, 3, 2], seed=1)
        for to in ("train", "test"):
            net.observe([0, 1], 1, to=to)
        training = begun(net)
        # Between two looks the training is stopped.
        monkeypatch.setattr(
            "nr.cli.watch.time.sleep", lambda _: training.stop() and training.wait()
        )
        watch(db, b"net")
    first, last = capsys.readouterr().out.splitlines()
    errors = r"training error \d+\.\d{6}, testing error \d+\.\d{6}, "
    assert re.match(rf"Cycle \d+: {errors}\d+\.\d\d% of the testing samples misclassified$", first)
    assert re.match(r"Trained for \d+ cycles and \S+ seconds in all, ended by stop: ", last)


def test_watch_shows_no_errors_before_the_first_cycle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = iter([Progress(), Progress(), Progress(3, 0.25, 0.5, 50.0), None])
    monkeypatch.setattr("nr.cli.watch._progress", lambda db, info: next(seen))
    monkeypatch.setattr("nr.cli.watch.time.sleep", lambda _: None)
    with nr.connect("memory://") as db:
        db.create("net", "regressor", [1, 1])
        watch(db, b"net")
    first, last = capsys.readouterr().out.splitlines()
    assert first == "Cycle 3: training error 0.250000"
    assert last == "It is not trained yet."


def test_watch_in_a_terminal_stays_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", [2, 3, 2], seed=1)
        net.observe([0, 1], 1, to="train")
        net.observe([0, 1], 1, to="test")
        training = begun(net)
        monkeypatch.setattr(
            "nr.cli.watch.time.sleep", lambda _: training.stop() and training.wait()
        )
        watch(db, b"net")
    _, first, *_ = capsys.readouterr().out.split("\x1b[2K")
    assert first.startswith("Cycle ")
    assert len(first.rstrip("\r")) == 39


def test_watch_without_a_training(script: Path) -> None:
    result = run(script, "-e", "watch net", "-e", "NR.RESET net", "-e", "watch net")
    assert "No training of net runs.\nTrained for 20 cycles" in result.output
    assert result.output.endswith("No training of net runs.\nIt is not trained yet.\n")


def test_watch_of_an_unknown_network() -> None:
    result = run("watch", "nothing")
    assert result.exit_code == 1
    assert result.stderr == "Error: ERR no such key\n"


@pytest.mark.parametrize(
    "layout", ["REGRESSOR 2 3 -> 1", "CLASSIFIER 2 3 -> 2", "CLASSIFIER 3 -> 2"]
)
def test_plot_draws_any_network(layout: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sample = "0 1 ->" if layout.split()[1] == "2" else "0 1 2 ->"
    picture = tmp_path / "net.png"
    plot = f"plot net '{picture}'"
    result = run("-e", f"NR.CREATE net {layout} SEED 1", "-e", plot)
    assert result.exit_code == 0, result.output
    untrained = picture.read_bytes()
    assert untrained.startswith(b"\x89PNG")
    commands = [f"NR.OBSERVE net {sample} 1 TRAIN", f"NR.OBSERVE net {sample} 0 TEST"]
    commands += ["NR.TRAIN net MAXCYCLES 30", "NR.WAIT net 0", plot]
    words = [word for command in commands for word in ("-e", command)]
    assert run("-e", f"NR.CREATE net {layout} SEED 1", *words).exit_code == 0
    assert picture.read_bytes() != untrained


def test_maps_name_their_inputs_from_0_and_their_classes() -> None:
    pytest.importorskip("matplotlib")
    with nr.connect("memory://") as db:
        three, many, number = (
            db.create("c", "classifier", [2, 3, 3], seed=1).plot().axes,
            db.create("m", "classifier", [2, 3, 12], seed=1).plot().axes,
            db.create("r", "regressor", [2, 3, 1], seed=1).plot().axes,
        )
    assert (three[1].get_xlabel(), three[1].get_ylabel()) == ("input 0", "input 1")
    legend = three[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["class 0", "class 1", "class 2"]
    assert many[2].get_ylabel() == "class"
    assert number[2].get_ylabel() == "output 0"


@pytest.mark.parametrize("kind", ["CLASSIFIER 2 3 -> 2", "REGRESSOR 2 3 -> 1"])
def test_a_map_in_a_vector_format_is_small(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "net.svg"
    assert run("-e", f"NR.CREATE net {kind}", "-e", f"plot net {picture}").exit_code == 0
    assert picture.stat().st_size < 300_000


def test_plot_says_what_is_wrong(script: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert run("plot", "nothing", "--out", "x.png").stderr == "Error: ERR no such key\n"
    result = run(script, "-e", f"plot net {tmp_path}/no/net.png")
    assert result.exit_code == 1
    assert "The plot cannot be written" in result.stderr
    result = run(script, "-e", f"plot net {tmp_path}/net.nonsense")
    assert "The plot cannot be written" in result.stderr
    assert "Missing option '--out'" in run("plot", "net").stderr


def test_plot_without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install 'nr[plot]'" in run("plot", "net", "--out", "x.png").stderr


def test_help_lists_all_and_explains_one() -> None:
    text = run("-e", "help").output
    for spec in engine.specs():
        assert spec.name in text
    assert "watch KEY" in text
    assert run("-e", "help train").output.startswith("NR.TRAIN key [MAXCYCLES n]")
    assert run("-e", "help watch").output.startswith("watch KEY\n")
    assert "There is no command 'NR.FLY'" in run("-e", "help NR.FLY").stderr


@pytest.mark.parametrize("line", ["watch", "plot net", "watch a b"])
def test_own_words_say_how_they_are_used(line: str) -> None:
    result = run("-e", line)
    assert result.exit_code == 1
    assert f"Usage: {line.split()[0]} KEY" in result.stderr


# ---- the prompt ----


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def type_in(keys: PipeInput, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the prompt prints for these keys, up to its end."""
    keys.send_text(text)
    with nr.connect("memory://") as db:
        prompt.prompt(Session(db), "memory://")
    return capsys.readouterr().out


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


# ---- trainings end with the process: it waits, or asks ----

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
    monkeypatch.setattr("nr.following.Training.wait", lambda self, **how: shown.append(how) or True)
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


# ---- ends ----


def test_ctrl_c_ends_without_a_traceback(script: Path) -> None:
    script.write_text(
        SUM.replace("MAXCYCLES 20", "MAXTIME 0").replace("NR.WAIT", "NR.LIST\nNR.WAIT")
    )
    command = [sys.executable, "-m", "nr", script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == '1) "net"\n':
                break
        process.send_signal(signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert output + errors == ""


def test_a_closed_pipe_ends_without_a_traceback(tmp_path: Path) -> None:
    many = tmp_path / "many.nr"
    many.write_text("NR.LIST\n" * 10000)
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "nr", many]
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
