"""Load for servers with the module: random commands of every kind, and soaking."""

import random
import struct
from collections.abc import Iterator

import redis

KEYS = [f"k{i}" for i in range(12)]
SHAPES = [
    "REGRESSOR 2 3 -> 1 NORMALIZE DATASET 40 TEST 10",
    "REGRESSOR 2 -> 1 DATASET 5 TEST 5",
    "CLASSIFIER 2 4 -> 1 DATASET 30 TEST 0 OPTIMIZER ADAM BATCH 4",
    "REGRESSOR 2 5 5 -> 1 CLASSIC NORMALIZE DATASET 20 TEST 20",
]
TRAININGS = [
    "MAXTIME 0 MAXCYCLES 3",
    "MAXTIME 0 MAXCYCLES 50 AUTOSTOP BACKTRACK",
    "MAXTIME 5",
    "MAXTIME 0 MAXCYCLES 400",
]
OPTIONS = ["OPTIMIZER SGD", "OPTIMIZER RPROP", "L2 0.01", "THREADS 2", "BATCH AUTO", "PATIENCE 3"]


def commands(count: int, seed: int, databases: int = 2) -> Iterator[list[str | bytes]]:
    """Mixed commands on a few keys, errors among them; NR.* and Redis' own."""
    draw = random.Random(seed)
    for _ in range(count):
        yield _one(draw, databases)


def _one(draw: random.Random, databases: int) -> list[str | bytes]:
    key, other = draw.choice(KEYS), draw.choice(KEYS)
    a, b = draw.uniform(-9, 9), draw.uniform(-9, 9)
    kind = draw.choices(
        ["observe", "blob", "train", "create", "run", "stop", "reset", "configure", "rename",
         "copy", "move", "del", "restore", "redis restore", "set", "expire", "swapdb", "select",
         "flushdb", "script", "unlink", "bulk"],
        [400, 60, 60, 60, 30, 8, 15, 20, 15, 15, 10, 8, 12, 12, 6, 6, 2, 10, 0.5, 8, 6, 2],
    )[0]  # fmt: skip
    simple = {
        "observe": f"NR.OBSERVE {key} {a:.6f} {b:.6f} -> 0",
        "train": f"NR.TRAIN {key} {draw.choice(TRAININGS)}",
        "create": f"NR.CREATE {key} {draw.choice(SHAPES)}",
        "run": f"NR.RUN {key} {a:.6f} {b:.6f}",
        "stop": f"NR.STOP {key}",
        "reset": f"NR.RESET {key}",
        "configure": f"NR.CONFIGURE {key} {draw.choice(OPTIONS)}",
        "rename": f"RENAME {key} {other}",
        "copy": f"COPY {key} {other} REPLACE",
        "move": f"MOVE {key} {draw.randrange(databases)}",
        "del": f"NR.DEL {key} {other}",
        "set": f"SET {key} text",
        "expire": f"PEXPIRE {key} {draw.choice([1, 60_000_000])}",
        "swapdb": "SWAPDB 0 1",
        "select": f"SELECT {draw.randrange(databases)}",
        "flushdb": draw.choice(["FLUSHDB", "FLUSHDB ASYNC"]),
        "unlink": f"UNLINK {key}",
    }
    if kind in simple:
        return list(simple[kind].split())
    if kind == "blob":
        rows = [draw.uniform(-3, 3) if i % 3 != 2 else 0.0 for i in range(3 * draw.randint(1, 20))]
        return ["NR.OBSERVE", key, "FP32", struct.pack(f"<{len(rows)}f", *rows)]
    if kind == "bulk":  # as much as a thread does
        row = struct.pack("<3f", draw.uniform(-3, 3), draw.uniform(-3, 3), 0.0)
        return ["NR.OBSERVE", key, "FP32", row * 90_000]
    scripts = {
        "restore": "local dump = redis.call('NR.DUMP',KEYS[2]) "
        "return redis.call('NR.RESTORE',KEYS[1],dump,'REPLACE')",
        "redis restore": "local dump = redis.call('DUMP',KEYS[2]) "
        "return redis.call('RESTORE',KEYS[1],0,dump,'REPLACE')",
        "script": "redis.call('NR.OBSERVE',KEYS[1],1,2,'->',0) "
        "return redis.call('NR.OBSERVE',KEYS[2],3,4,'->',0)",
    }
    return ["EVAL", scripts[kind], "2", key, other]


def apply(client: redis.Redis, count: int, seed: int) -> None:
    """Runs them in pipelines and transactions of all lengths; waits for the trainings to end."""
    draw, pending = random.Random(seed), list(commands(count, seed))
    while pending:
        some = draw.choice([1, 1, 5, 50])
        with client.pipeline(transaction=draw.random() < 0.2) as pipe:
            for argv in pending[:some]:
                pipe.execute_command(*argv)
            pipe.execute(raise_on_error=False)
        del pending[:some]
    settle(client)


def settle(client: redis.Redis, databases: int = 2) -> None:
    """Waits for all trainings to end, and for keys with little time to have expired."""
    while lines := client.execute_command("NR.THREADS"):
        for line in lines:
            told = dict(pair.split("=") for pair in line.decode().split())
            client.execute_command("SELECT", told["db"])
            try:
                client.execute_command("NR.WAIT", told["key"], "1000")
            except redis.ResponseError:
                continue
    for db in reversed(range(databases)):
        client.execute_command("SELECT", db)
        while any(0 <= client.pttl(key) < 10_000 for key in client.scan_iter()):
            continue
