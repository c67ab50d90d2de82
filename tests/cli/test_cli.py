"""The `nr` command: what it prints, how it fails and ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_calls import SUM, run, run_process

import nr
from nr import engine
from nr.cli import printing

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
    assert output == ""
    assert errors.startswith("closing stopped the training of b'net': ")
    assert errors.count("\n") == 1


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
