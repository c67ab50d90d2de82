"""`nr serve` as a process: who may come, what is told, and how it ends."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from serving import Serving, serving

from nr.cli import main


@pytest.fixture
def client(served_memory: Serving) -> redis.Redis:
    client = served_memory.client(decode_responses=True)
    if names := client.keys():
        client.delete(*names)
    return client


def refused(*options: str) -> str:
    """What `nr serve` says of options that it does not take."""
    result = CliRunner().invoke(main, ["serve", *options])
    assert result.exit_code == 1, result.output
    return result.output.strip()


# ---- options ----


def test_what_ends_it_is_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "address already in use" in refused("--resp", str(taken.getsockname()[1]))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_something_is_to_be_served() -> None:
    assert refused() == ("Error: nothing is to be served: give --resp PORT, --http PORT or both")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.7.7", "::", "example.org"])
def test_other_machines_come_with_a_password_alone(host: str) -> None:
    assert refused("--resp", "0", "--host", host) == (
        f"Error: --host {host} can be reached from other machines: give --password-file or --acl"
    )


def test_password_and_users_are_not_both_given(tmp_path: Path) -> None:
    assert refused("--resp", "0", "--password-file", "a", "--acl", "b") == (
        "Error: --password-file and --acl both say who may come: give one of them"
    )


def test_a_certificate_has_a_key(tmp_path: Path) -> None:
    assert refused("--resp", "0", "--tls-cert", "a") == (
        "Error: --tls-cert needs --tls-key, too: the certificate and its key"
    )
    assert refused("--resp", "0", "--tls-key", "a") == (
        "Error: --tls-key needs --tls-cert, too: the certificate and its key"
    )
    path = tmp_path / "no.pem"
    path.write_text("nothing")
    told = refused("--resp", "0", "--tls-cert", str(path), "--tls-key", str(path))
    assert told.startswith(f"Error: --tls-cert {path}, --tls-key {path}: [SSL")


@pytest.mark.parametrize("content", ["", "\n", "one\ntwo\n"])
def test_a_password_file_has_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "password"
    path.write_text(content)
    assert refused("--resp", "0", "--password-file", str(path)) == (
        f"Error: --password-file {path}: one line is needed, the password"
    )


def test_a_password_file_is_there() -> None:
    told = refused("--resp", "0", "--password-file", "/nowhere/at/all")
    assert told.startswith("Error: --password-file /nowhere/at/all: [Errno 2]")


LINE = "a line is: user NAME on|off >password ~pattern +@all|+@read"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nobody", LINE),
        ("user", LINE),
        ("user app on ~* +@all", "app is on, but has no password: >password, or #SHA-256"),
        (
            "user app on >a allkeys",
            "'allkeys' is none of on, off, >password, #SHA-256, ~pattern, +@all, +@read",
        ),
    ],
)
def test_a_line_of_users_is_understood_or_refused(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "users"
    path.write_text(f"# users\n{line}\n")
    assert refused("--resp", "0", "--acl", str(path)) == f"Error: --acl {path}, line 2: {why}"


def test_somebody_may_come(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("user app off >secret\n")
    assert refused("--resp", "0", "--acl", str(path)) == (
        f"Error: --acl {path}: no user is on, so nobody could come"
    )


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused("--resp", str(port), "--url", "memory://")
    assert told.startswith(f"Error: --resp 127.0.0.1:{port}: [Errno 98]")


# ---- a process ----


def test_it_ends_in_order_and_keeps_what_it_wrote(tmp_path: Path) -> None:
    options = ("--url", f"sqlite:///{tmp_path}/nets.db", "--resp", "0")
    with serving(tmp_path / "first", *options) as served:
        assert served.client().execute_command("NR.CREATE", "net", "REGRESSOR", 1, "->", 1) == 2
        assert served.stop() == 0
        assert served.said().splitlines()[-1] == "ends"
    with serving(tmp_path / "second", *options) as served:
        assert served.client().execute_command("NR.LIST") == [b"net"]


def test_a_training_is_given_back_at_the_end(tmp_path: Path) -> None:
    options = ("--url", f"sqlite:///{tmp_path}/nets.db", "--resp", "0", "--grace", "0")
    with serving(tmp_path / "first", *options) as served:
        nr = served.client(decode_responses=True).execute_command
        nr("NR.CREATE", "net", "REGRESSOR", 1, "->", 1)
        nr("NR.OBSERVE", "net", 1, "->", 2, "TRAIN")
        nr("NR.TRAIN", "net", "MAXCYCLES", 0, "MAXTIME", 0)
        assert served.stop() == 0
    with serving(tmp_path / "second", *options) as served:
        (line,) = served.client(decode_responses=True).execute_command("NR.THREADS")
        assert "state=waiting" in line


def test_nothing_of_it_is_imported_by_nr() -> None:
    code = "import nr, nr.aio, sys; print([m for m in sys.modules if 'serve' in m or 'uv' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


# ---- what clients begin with ----


def test_an_unknown_command_is_told_what_there_is(client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError) as error:
        client.get("x")
    assert str(error.value) == (
        "unknown command 'GET': here are the NR.* commands, and of Redis' those that COMMAND "
        "LIST names"
    )
    names = client.execute_command("COMMAND LIST")
    assert {"nr.class", "scan", "hello"} <= set(names)
    assert client.execute_command("COMMAND COUNT") == len(names)
