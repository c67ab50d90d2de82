"""NR.* commands to a server with the module, for its tests."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
import redis
from redis_server import Server

ROWS = [(1, 2), (4, 5), (3, 3), (0, 9), (7, 5), (3, 1)]
ENDLESS = ("MAXTIME", "0")


def nrx(client: redis.Redis, line: str, *more: Any) -> Any:
    return client.execute_command(*line.split(), *more)


def network(client: redis.Redis, key: str = "net", options: str = "") -> None:
    nrx(client, f"NR.CREATE {key} REGRESSOR 2 3 -> 1 NORMALIZE DATASET 50 TEST 10 {options}")
    for a, b in ROWS:
        nrx(client, f"NR.OBSERVE {key} {a} {b} -> {a + b}")


def train(client: redis.Redis, key: str = "net", options: str = "MAXTIME 0 MAXCYCLES 50") -> None:
    nrx(client, f"NR.TRAIN {key} {options}")
    assert nrx(client, f"NR.WAIT {key} 0") == 1


def info(client: redis.Redis, key: str = "net") -> dict[str, Any]:
    reply = nrx(client, f"NR.INFO {key}")
    return dict(zip(reply[::2], reply[1::2], strict=True))


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        threading.Event().wait(0.01)
    return condition()


def refused(client: redis.Redis, line: str, *more: Any) -> str:
    with pytest.raises(redis.ResponseError) as error:
        nrx(client, line, *more)
    return str(error.value)


class Asking:
    """A client of its own, which has sent a command and not read the reply."""

    def __init__(self, server: Server, *command: Any) -> None:
        self._client = server.client()
        self._connection = self._client.connection_pool.get_connection()
        self._connection.send_command("CLIENT", "ID")
        number = self._connection.read_response()
        self._connection.send_command(*command)
        with server.client() as asked:

            def arrived() -> bool:
                (told,) = asked.client_list(client_id=[number])
                return "b" in told["flags"] or self._connection.can_read(0)

            assert eventually(arrived)

    def reply(self) -> Any:
        try:
            return self._connection.read_response()
        finally:
            self.leave()

    def leave(self) -> None:
        self._connection.disconnect()
        self._client.close()


def blocked(client: redis.Redis) -> int:
    return int(client.info("clients")["blocked_clients"])
