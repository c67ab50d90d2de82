"""What tests start as processes of their own, to run beside others and to be killed.

python sql_worker.py observe URL FIRST COUNT KEY ... observes samples FIRST, FIRST + 1, ... on
                                                    each network, after a line from its input
python sql_worker.py hold URL KEY                   observes in a transaction it leaves open
python sql_worker.py train URL KEY                  trains without an end
"""

import sys
import time

import sqlalchemy as sa

import nr


def observe(url: str, first: str, count: str, *keys: str) -> None:
    with nr.connect(url) as db:
        print("ready", flush=True)
        for key in keys:
            sys.stdin.readline()
            net = db[key]
            for number in range(int(first), int(first) + int(count)):
                net.observe([number, -number], [1])


def hold(url: str, key: str) -> None:
    with nr.connect(url) as db:
        engine: sa.Engine = db.backend.store.engine  # type: ignore[attr-defined]
        with engine.connect() as connection:
            for number in range(5):
                db.using(connection)[key].observe([number, 0], [1])
            print("ready", flush=True)
            time.sleep(600)


def train(url: str, key: str) -> None:
    with nr.connect(url) as db:
        training = db[key].train(timeout=0, autostop=False)
        while not (progress := training.progress()) or not progress.cycles:
            time.sleep(0.01)
        print("ready", flush=True)
        training.wait()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
