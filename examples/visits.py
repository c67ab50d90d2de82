"""A web application that awaits: does a visitor buy? Its samples belong to its requests.

    python examples/visits.py [sqlite:///file.db]     tries it out, with visitors that are made up
    NR_URL=sqlite:///file.db uvicorn --app-dir examples visits:app     serves it

Each request has one transaction of SQLAlchemy's: the row of a visit and the sample that the network
keeps of it are committed together. Predictions and trainings hold no other request up.

    POST /visit?pages=7&member=1&bought=1   what happened
    GET /chance?pages=7&member=1            how probable a purchase is
    POST /train                             learns from what was kept, and says how that went
"""

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import nr.aio

TABLE = "CREATE TABLE IF NOT EXISTS example_visits (pages integer, member integer, bought integer)"


def make_app(url: str) -> FastAPI:
    """The application on an SQLite file."""
    engine = create_async_engine(url.replace("sqlite://", "sqlite+aiosqlite://", 1))
    found: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with nr.aio.connect(engine=engine) as db:
            found["db"] = db
            options = {"seed": 1, "exist_ok": True}
            found["net"] = await db.create("example:visits", "classifier", [2, 6, 2], **options)
            async with engine.begin() as connection:
                await connection.execute(sa.text(TABLE))
            yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/visit")
    async def visit(pages: int, member: int, bought: int) -> dict[str, int]:
        async with AsyncSession(engine) as session, session.begin():
            row = {"pages": pages, "member": member, "bought": bought}
            into = "INSERT INTO example_visits VALUES (:pages, :member, :bought)"
            await session.execute(sa.text(into), row)
            net = await (await found["db"].using(session))["example:visits"]
            train, test = await net.observe([pages, member], bought)
        return {"kept": train + test}

    @app.get("/chance")
    async def chance(pages: int, member: int) -> dict[str, float]:
        return {"chance": float((await found["net"].run([pages, member]))[1])}

    @app.post("/train")
    async def train() -> dict[str, Any]:
        training = await found["net"].train(maxcycles=400)
        info = await training.result()
        return {"cycles": info.cycles, "wrong": info.class_errors}

    return app


def __getattr__(name: str) -> object:
    """The application, made when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    return make_app(os.environ["NR_URL"])


# ---- trying it out ----


async def ask(app: FastAPI, method: str, path: str, **query: object) -> Any:
    """One request, without a server in between."""
    import json
    from urllib.parse import urlencode

    answer: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        answer.append(message.get("body", b""))
        assert message.get("status", 200) == 200, message

    scope = {
        "type": "http", "method": method, "path": path, "headers": [], "http_version": "1.1",
        "query_string": urlencode(query).encode(), "scheme": "http", "server": ("here", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return json.loads(b"".join(answer))


def buys(pages: int, member: int) -> int:
    """What the application does not know: who buys."""
    return int(random.random() < (0.9 if pages > (4 if member else 12) else 0.1))


async def try_out(url: str) -> None:
    random.seed(1)
    app = make_app(url)
    async with app.router.lifespan_context(app):
        visitors = [(random.randrange(20), random.randrange(2)) for _ in range(300)]
        for pages, member in visitors:
            seen = {"pages": pages, "member": member, "bought": buys(pages, member)}
            kept = await ask(app, "POST", "/visit", **seen)
        training = asyncio.create_task(ask(app, "POST", "/train"))
        before = await ask(app, "GET", "/chance", pages=8, member=1)  # while it trains
        trained = await training
        chances = {
            member: (await ask(app, "GET", "/chance", pages=8, member=member))["chance"]
            for member in (1, 0)
        }
    print(f"{kept['kept']} visits kept; asked while it trained: {before['chance']:.0%}")
    print(f"{trained['cycles']} cycles, {trained['wrong']:.0f}% of the held-back visits wrong")
    print(f"8 pages seen: {chances[1]:.0%} of members buy, {chances[0]:.0%} of others")
    sys.exit(0 if chances[1] > 0.7 > 0.3 > chances[0] else 1)


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("NR_URL", "")
    if url:
        asyncio.run(try_out(url))
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(try_out(f"sqlite:///{directory}/visits.db"))


if __name__ == "__main__":
    main()
