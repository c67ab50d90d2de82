"""What the tests of trainings share: a network that learns quickly, and waiting for things."""

import threading
from collections.abc import Callable
from time import monotonic

import nr

ENDLESS = {"timeout": 0, "autostop": False}


def network(db: nr.Database, name: str = "net") -> nr.Network:
    net = db.create(name, "regressor", [2, 3, 1], normalize=True, dataset=50, test=10, seed=1)
    net.observe_many([[1, 2], [4, 5], [3, 3], [0, 9], [7, 5], [3, 1]], [3, 9, 6, 9, 12, 4])
    return net


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        threading.Event().wait(0.01)
    return condition()


def has_cycles(training: nr.Training) -> bool:
    return (training.progress() or nr.Progress()).cycles > 0
