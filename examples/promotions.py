"""Which promotion to show to which visitor? A web application that learns it from clicks.

    python examples/promotions.py [redis://...]     tries it out, with visitors that are made up
    NR_URL=redis://... uvicorn --app-dir examples --workers 3 promotions:app     serves it

All workers share one network, which rests in Redis: each predicts and observes, and now and then
one of them trains, in the background. No worker knows of the others.

    GET /promotion?age=23&member=0&hour=9   which one to show
    POST /seen?promotion=coffee&age=23&member=0&hour=9&clicked=1   what came of it
"""

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from itertools import count
from urllib.parse import urlencode

import nr

PROMOTIONS = ["coffee", "books", "club"]
EVERY = 50  # samples of a worker between two trainings of its own
visits = count(1)
CURIOSITY = 0.1  # how often another one is shown, to learn more


def row(promotion: str, age: float, member: int, hour: float) -> list[float]:
    """What the network is told: the visitor, and the promotion as one of three."""
    return [age / 100, member, hour / 24, *(float(promotion == name) for name in PROMOTIONS)]


def network(url: str | None = None) -> nr.Network:
    """The network of all workers; whoever comes first creates it. It learns: was it clicked?"""
    db = nr.connect(url)
    sizes = {"dataset": 4000, "test": 1000}
    return db.create("example:promotions", "classifier", [6, 12, 2], **sizes, exist_ok=True)


def choose(net: nr.Network, age: float, member: int, hour: float) -> str:
    """The promotion most likely to be clicked, and sometimes any."""
    if random.random() < CURIOSITY or not net.info().cycles:
        return random.choice(PROMOTIONS)
    clicked = net.run([row(name, age, member, hour) for name in PROMOTIONS])[:, 1]
    return PROMOTIONS[clicked.argmax()]


def learn(net: nr.Network, inputs: list[float], clicked: int) -> None:
    """One more sample; after every so many of this worker's a training, if none runs yet."""
    net.observe(inputs, clicked)
    if next(visits) % EVERY == 0:
        with suppress(nr.TrainingError):  # another worker has just begun
            net.train(autostop=True, backtrack=True, timeout=2)


def make_app() -> "FastAPI":  # noqa: F821
    from fastapi import FastAPI

    app = FastAPI()
    net = network()

    @app.get("/promotion")
    def promotion(age: float, member: int, hour: float) -> dict[str, str | int]:
        return {"show": choose(net, age, member, hour), "worker": os.getpid()}

    @app.post("/seen")
    def seen(promotion: str, age: float, member: int, hour: float, clicked: int) -> None:
        learn(net, row(promotion, age, member, hour), clicked)

    return app


def __getattr__(name: str) -> object:
    """The application, made when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    return make_app()


# ---- trying it out ----


def visitor() -> dict[str, float]:
    age, member, hour = random.randint(16, 80), random.randint(0, 1), random.randint(7, 22)
    return {"age": age, "member": member, "hour": hour}


def clicks(age: float, member: int, hour: float, promotion: str) -> bool:
    """What the application does not know: whom it pleases."""
    likes = "club" if member else "coffee" if hour < 12 else "books"
    return random.random() < (0.8 if promotion == likes else 0.1)


def ask(url: str, method: str, **query: object) -> object:
    request = urllib.request.Request(f"{url}?{urlencode(query)}", method=method)
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
        shown = ask(f"{url}/promotion", "GET", **who)
        assert isinstance(shown, dict)
        workers.add(shown["worker"])
        click = clicks(**who, promotion=shown["show"])  # type: ignore[arg-type]
        ask(f"{url}/seen", "POST", promotion=shown["show"], clicked=int(click), **who)
        clicked += click
    return clicked / visitors


def main() -> None:
    store = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("NR_URL", "redis://localhost")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url, workers = f"http://127.0.0.1:{port}", set[object]()
    server = serve(store, port, workers=3)
    try:
        for _ in range(300):
            try:
                ask(f"{url}/promotion", "GET", **visitor())
                break
            except OSError:
                time.sleep(0.1)
        first = rate(url, 100, workers)
        rate(url, 400, workers)
        last = rate(url, 200, workers)
    finally:
        server.terminate()
        server.wait()
    net = network(store)
    info = net.info()
    print(f"{len(workers)} workers, {info.train_len + info.test_len} visits observed")
    print(f"clicked: {first:.0%} of the first visitors, {last:.0%} of the last (at best 80%)")
    for who, query in {
        "a member": (40, 1, 18),
        "in the morning": (25, 0, 9),
        "in the evening": (60, 0, 20),
    }.items():
        chances = net.run([row(name, *query) for name in PROMOTIONS])[:, 1]
        shown = ", ".join(f"{name} {p:.0%}" for name, p in zip(PROMOTIONS, chances, strict=True))
        print(f"{who}: {shown}")
    sys.exit(0 if last > max(first, 0.5) else 1)


if __name__ == "__main__":
    main()
