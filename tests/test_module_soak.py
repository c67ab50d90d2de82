"""Trainings that end all the time, while clients run and observe and keys come and go."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
import redis
from module_load import SHAPES, settle
from redis_server import Server, redis_server

CLIENTS, UNTOUCHED, TOUCHED = 50, 16, 16


class Soak:
    """All that happens at once to one server, and what went wrong."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server = server
        self.end = monotonic() + seconds
        self.faults: list[str] = []
        self.trained = 0
        self.commands = 0

    def thread(self, work: Callable[[redis.Redis, random.Random], None], seed: int) -> None:
        draw = random.Random(seed)
        with self.server.client() as client:
            try:
                while monotonic() < self.end and not self.faults:
                    work(client, draw)
            except (redis.ConnectionError, AssertionError, TypeError) as error:
                self.faults.append(f"{type(error).__name__}: {error}")

    def train(self, key: str) -> Callable[[redis.Redis, random.Random], None]:
        """One network that nobody else touches: no cycle of its trainings may be lost."""

        def work(client: redis.Redis, draw: random.Random) -> None:
            cycles = draw.randint(1, 300)
            before = info(client, key)[b"training-total-cycles"]
            client.execute_command("NR.TRAIN", key, "MAXTIME", "0", "MAXCYCLES", cycles)
            assert client.execute_command("NR.WAIT", key, "0") == 1
            after = info(client, key)[b"training-total-cycles"]
            assert after == before + cycles, f"{key}: {before} and {cycles} make {after}"
            self.trained += 1

        return work

    def use(self, client: redis.Redis, draw: random.Random) -> None:
        with client.pipeline(transaction=False) as pipe:
            for _ in range(20):
                key = draw.choice(["u", "t"]) + str(draw.randrange(16))
                a, b = draw.random(), draw.random()
                pipe.execute_command("NR.RUN", key, a, b)
                pipe.execute_command("NR.OBSERVE", key, a, b, "->", "0")
            self.commands += len(pipe.execute(raise_on_error=False))

    def disturb(self, client: redis.Redis, draw: random.Random) -> None:
        key, other = f"t{draw.randrange(TOUCHED)}", f"t{draw.randrange(TOUCHED)}"
        line = draw.choice(
            [
                f"DEL {key}",
                f"RENAME {key} {other}",
                f"NR.RESET {key}",
                f"SET {key} x",
                f"COPY {key} {other} REPLACE",
                f"PEXPIRE {key} 5",
                f"NR.STOP {key}",
                f"NR.WAIT {key} 3",
                "NR.THREADS",
                *[f"NR.CREATE {key} {draw.choice(SHAPES)}"] * 8,
                *[f"NR.TRAIN {key} MAXTIME {draw.choice([0, 20, 200])}"] * 8,
            ]
        )
        try:
            client.execute_command(*line.split())
        except redis.ResponseError:
            return


def info(client: redis.Redis, key: str) -> dict[bytes, int]:
    reply = client.execute_command("NR.INFO", key)
    return dict(zip(reply[::2], reply[1::2], strict=True))


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.soak)])
def test_nothing_is_lost_or_left_while_trainings_end_and_keys_go(
    tmp_path: Path, seconds: int
) -> None:
    server = Server(redis_server(), tmp_path, "THREADS", "4").start()
    try:
        with server.client() as client:
            for i in range(UNTOUCHED):
                client.execute_command(*f"NR.CREATE u{i} {SHAPES[i % 4]}".split())
                client.execute_command(*f"NR.OBSERVE u{i} 1 2 -> 0 TRAIN".split())
        soak = Soak(server, seconds)
        works = [soak.train(f"u{i}") for i in range(UNTOUCHED)]
        works += [soak.disturb] * TOUCHED + [soak.use] * CLIENTS
        threads = [threading.Thread(target=soak.thread, args=(w, i)) for i, w in enumerate(works)]
        for thread in threads:
            thread.start()
        with server.client() as client:
            while any(thread.is_alive() for thread in threads):
                threading.Event().wait(0.1)
                if monotonic() > soak.end:  # those of other clients that never end
                    for i in range(TOUCHED):
                        client.delete(f"t{i}")
            for thread in threads:
                thread.join()
            assert soak.faults == []
            settle(client)
            assert client.execute_command("NR.THREADS") == []
            assert [info(client, f"u{i}")[b"training"] for i in range(UNTOUCHED)] == [0] * UNTOUCHED
        assert soak.trained >= UNTOUCHED
        assert soak.commands > 0
        assert server.stop() == 0
        print(f"{soak.trained} trainings and {soak.commands} commands in {seconds} s")
    finally:
        server.kill()
