"""Which promotion fits this visitor? A web application that learns it from clicks.

    python examples/promotions.py [URL]     tries it out, with visitors that are made up
    NR_URL=redis://... uvicorn --app-dir examples --workers 3 promotions:app     serves it

All workers share one network, which rests in a store that all of them reach: a Redis, or an SQL
database. Each predicts and observes, and now and then one of them trains, in the background. No
worker knows of the others. Without a URL, and without NR_URL, it is an SQLite file in a temporary
directory.

A visitor is what is known of them, in the body of the request; what is not known is left out:

    POST /promotion {"age": 23, "member": "no", "hour": 9}    which one to show
    POST /seen/coffee?clicked=yes {"age": 23, "hour": 9}      what came of it
"""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from itertools import count
from typing import Any

import nr

PROMOTIONS = ["coffee", "books", "club"]
FIELDS = {
    "age": "number",
    "member": "flag",
    "hour": "number",
    "promotion": f"category({','.join(PROMOTIONS)})",  # a list: whatever else comes is refused
    "clicked": "category(no,yes)",
}
EVERY = 50  # samples of a worker between two trainings of its own
CURIOSITY = 0.1  # how often another one is shown, to learn more
visits = count(1)

Visitor = dict[str, Any]


def network(url: str | None = None) -> nr.Network:
    """The network of all workers; whoever comes first creates it. It learns: was it clicked?"""
    db = nr.connect(url)
    options = {"target": "clicked", "dataset": 4000, "test": 1000, "exist_ok": True}
    return db.create("example:promotions", "classifier", FIELDS, **options)


def chances(net: nr.Network, visitor: Visitor) -> dict[str, float]:
    """How likely this visitor is to click each promotion."""
    answers = net.run([{**visitor, "promotion": name} for name in PROMOTIONS])
    return {name: answer.get("yes", 0) for name, answer in zip(PROMOTIONS, answers, strict=True)}


def choose(net: nr.Network, visitor: Visitor) -> str:
    """The promotion most likely to be clicked, and sometimes any."""
    if random.random() < CURIOSITY or not net.info().cycles:
        return random.choice(PROMOTIONS)
    likely = chances(net, visitor)
    return max(likely, key=likely.__getitem__)


def learn(net: nr.Network, visitor: Visitor, promotion: str, clicked: str) -> None:
    """One more sample; after every so many of this worker's a training, if none runs yet."""
    net.observe({**visitor, "promotion": promotion, "clicked": clicked})
    if next(visits) % EVERY == 0:
        with suppress(nr.TrainingError):  # another worker has just begun
            net.train()


def make_app() -> "FastAPI":  # noqa: F821
    from fastapi import FastAPI, HTTPException

    app = FastAPI()
    net = network()

    @app.post("/promotion")
    def promotion(visitor: Visitor) -> dict[str, str | int]:
        try:
            return {"show": choose(net, visitor), "worker": os.getpid()}
        except (nr.CommandError, nr.ValuesError) as error:  # no such field, an age that is none
            raise HTTPException(400, str(error)) from error

    @app.post("/seen/{promotion}")
    def seen(promotion: str, clicked: str, visitor: Visitor) -> None:
        try:
            learn(net, visitor, promotion, clicked)
        except (nr.CommandError, nr.ValuesError) as error:
            raise HTTPException(400, str(error)) from error

    return app


def __getattr__(name: str) -> object:
    """The application, made when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    return make_app()


# ---- trying it out ----


def visitor() -> Visitor:
    """Somebody; one in ten does not tell their age."""
    who: Visitor = {"member": random.choice(["yes", "no"]), "hour": random.randint(7, 22)}
    return who if random.random() < 0.1 else {"age": random.randint(16, 80), **who}


def clicks(who: Visitor, promotion: str) -> str:
    """What the application does not know: whom it pleases."""
    likes = "club" if who["member"] == "yes" else "coffee" if who["hour"] < 12 else "books"
    return "yes" if random.random() < (0.8 if promotion == likes else 0.1) else "no"


def ask(url: str, body: Visitor) -> Any:
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), kind)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def serve(store: str, port: int, workers: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "uvicorn", "--app-dir", os.path.dirname(__file__) or "."]
    command += ["--workers", str(workers), "--port", str(port), "--log-level", "warning"]
    return subprocess.Popen([*command, "promotions:app"], env={**os.environ, "NR_URL": store})


def rate(url: str, visitors: int, workers: set[object]) -> float:
    """Sends visitors, and returns which part of them clicked."""
    clicked = 0
    for _ in range(visitors):
        who = visitor()
        shown = ask(f"{url}/promotion", who)
        workers.add(shown["worker"])
        click = clicks(who, shown["show"])
        ask(f"{url}/seen/{shown['show']}?clicked={click}", who)
        clicked += click == "yes"
    return clicked / visitors


def wait_for(url: str) -> None:
    """Returns once the server answers."""
    for _ in range(300):
        with suppress(OSError):
            ask(f"{url}/promotion", visitor())
            return
        time.sleep(0.1)
    sys.exit("The server does not answer.")


def visit(store: str) -> tuple[float, float, int]:
    """Visitors for three workers: which part of the first and the last clicked, and how
    many workers answered.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url, workers = f"http://127.0.0.1:{port}", set[object]()
    server = serve(store, port, workers=3)
    try:
        wait_for(url)
        first = rate(url, 100, workers)
        rate(url, 400, workers)
        last = rate(url, 200, workers)
    finally:
        server.terminate()
        server.wait()
    return first, last, len(workers)


def main(store: str) -> bool:
    first, last, workers = visit(store)
    net = network(store)
    info = net.info()
    print(f"{workers} workers, {info.train_len + info.test_len} visits observed")
    print(f"clicked: {first:.0%} of the first visitors, {last:.0%} of the last (at best 80%)")
    for who in (
        {"member": "yes", "age": 40, "hour": 18},
        {"member": "no", "age": 25, "hour": 9},
        {"member": "no", "hour": 20},
    ):
        likely = ", ".join(f"{name} {p:.0%}" for name, p in chances(net, who).items())
        print(", ".join(f"{name} {value}" for name, value in who.items()) + f": {likely}")
    return last > max(first, 0.5)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if sys.argv[1:] else os.environ.get("NR_URL")
        good = main(url or f"sqlite:///{folder}/promotions.db")
    sys.exit(0 if good else "The promotions shown do not please more than at first.")
