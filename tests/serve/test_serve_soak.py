"""`nr serve` beside thousands of clients of which many mean harm: others are served as ever."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from serving import Serving, serving

pytestmark = pytest.mark.soak

MANY = 10_000
BEGUN = b"*2\r\n$4\r\nECHO\r\n$400000\r\n" + bytes(1000)  # and never the rest
HUGE = b"*2\r\n$4\r\nECHO\r\n$1073741824\r\n"
ALLOWED = b"*2\r\n$4\r\nECHO\r\n$536870912\r\n"  # as much as a word may have, and none of it


@pytest.fixture
def many() -> Iterator[int]:
    """How many connections there may be, the limit of open files being raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY + 200:
        pytest.skip("the system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 200, hard))
    yield MANY
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Clients that stay connected."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._port, self._stack = port, stack

    def come(self, count: int, sent: bytes = b"") -> list[socket.socket]:
        """So many, each of which sends this."""
        came = []
        for _ in range(count):
            one = self._stack.enter_context(socket.create_connection(("127.0.0.1", self._port), 60))
            if sent:
                one.sendall(sent)
            came.append(one)
        return came


def heard(one: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (part := one.recv(size - len(found))):
        found += part
    return found


def memory_of(served: Serving) -> int:
    """Bytes of the process."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def is_served(client: redis.Redis) -> None:
    """Whoever comes in order is answered as ever."""
    for _ in range(20):
        assert client.execute_command("NR.CLASS", "net", 1, 2) in (0, 1)
        client.connection_pool.disconnect()  # also who comes anew


def test_others_are_served_beside_ten_thousand(tmp_path: Path, many: int) -> None:
    options = ("--resp", "0", "--max-clients", str(many))
    with serving(tmp_path, *options) as served, ExitStack() as stack:
        client = served.client()
        client.execute_command("NR.CREATE", "net", "CLASSIFIER", 2, "->", 2, "SEED", 1)
        before, crowd = memory_of(served), Crowd(served.resp, stack)
        for one in crowd.come(200, HUGE):
            refused = b"-ERR Protocol error: invalid bulk length\r\n"
            assert heard(one, len(refused)) == refused
        crowd.come(1000, ALLOWED)  # announced and not sent
        is_served(client)
        crowd.come(2000, BEGUN)
        is_served(client)
        silent = crowd.come(50, b"NR.INFO net\r\n" * 20_000)[:1]  # who never read
        is_served(client)
        slow = crowd.come(500)
        for letter in b"NR.CLASS net 1 2\r\n":
            for one in slow:
                one.sendall(bytes([letter]))
        assert {heard(one, 4)[:1] for one in slow} == {b":"}
        rest = crowd.come(many - 3800)
        for one in rest:
            one.sendall(b"PING\r\n")
        assert {heard(one, 7) for one in rest} == {b"+PONG\r\n"}
        info = client.info()
        assert info["connected_clients"] > many - 300
        assert memory_of(served) - before < 512 << 20
        is_served(client)
        stack.close()
        del silent
        is_served(client)
        assert served.stop() == 0


def test_connections_that_are_gone_without_a_word_are_let_go(tmp_path: Path, many: int) -> None:
    """Thousands that reset theirs in the middle of a command, while trainings are waited for."""
    with serving(tmp_path, "--resp", "0") as served:
        client = served.client()
        ask = client.execute_command
        ask("NR.CREATE", "net", "REGRESSOR", 1, "->", 1)
        ask("NR.OBSERVE", "net", 1, "->", 2, "TRAIN")
        ask("NR.TRAIN", "net", "MAXCYCLES", 0, "MAXTIME", 0)
        before = memory_of(served)
        for _ in range(20):
            with ExitStack() as stack:
                for one in Crowd(served.resp, stack).come(500, b"NR.WAIT net 0\r\n*2\r\n$4\r\nEC"):
                    one.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0] + [0] * 4)
                    )
        assert ask("NR.STOP", "net") == 1
        while client.info()["connected_clients"] > 1:
            assert client.ping()
        assert memory_of(served) - before < 128 << 20
