"""A prediction over HTTP against an empty route of Starlette on the same machine.

    make bench-http

Both are asked by the same requests of the same length, in turns, in one process of uvicorn; what
is compared is the processor time that the process takes for a request, and the median of the
turns is taken: a machine's speed, and what else it does, cancel out.
"""

import asyncio
import multiprocessing
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from statistics import median

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import nr
from nr.serve.web import application

REQUESTS, TURNS, CLIENTS = 1024, 9, 64
BODY = b'{"inputs":[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9]}'


async def empty(request: Request) -> Response:
    return Response(b"{}", media_type="application/json")


def serve(told: Connection, uvloop: bool) -> None:
    """Both applications in one loop; tells their ports, and then processor time when asked."""
    with nr.connect("memory://") as db:
        db.create("net", "classifier", [9, 15, 2], seed=1)
        apps = Starlette(routes=[Route("/empty", empty, methods=["POST"])]), application(db)
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in apps]
        servers = [
            uvicorn.Server(
                uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False)
            )
            for app in apps
        ]

        async def run() -> None:
            serving = [
                asyncio.create_task(server._serve([listening]))
                for server, listening in zip(servers, sockets, strict=True)
            ]
            told.send([listening.getsockname()[1] for listening in sockets])
            asyncio.get_running_loop().add_reader(told.fileno(), answer)
            await asyncio.gather(*serving)

        def answer() -> None:
            if told.recv():
                used = os.times()
                told.send(used.user + used.system)
                return
            for server in servers:
                server.should_exit = True

        if uvloop:
            import uvloop as fast

            fast.run(run())
        else:
            asyncio.run(run())


@contextmanager
def server(uvloop: bool) -> Iterator[tuple[Connection, list[int]]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, uvloop))
    process.start()
    try:
        yield ours, ours.recv()
    finally:
        ours.send(False)
        process.join()


def answered(connection: socket.socket) -> bytes:
    """The body of an answer."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return body


def turn(told: Connection, port: int, path: str) -> float:
    """Seconds of the server's processor time for a request."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = head.encode() + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS)]
    try:
        told.send(True)
        before: float = told.recv()
        for _ in range(REQUESTS // CLIENTS):
            for connection in connections:
                connection.sendall(request)
            for connection in connections:
                answered(connection)
        told.send(True)
        return (told.recv() - before) / REQUESTS
    finally:
        for connection in connections:
            connection.close()


def main() -> None:
    for uvloop in (False, True):
        with server(uvloop) as (told, (plain, ours)):
            turn(told, plain, "/empty"), turn(told, ours, "/networks/net/run")  # warm
            pairs = [
                (turn(told, plain, "/empty"), turn(told, ours, "/networks/net/run"))
                for _ in range(TURNS)
            ]
        loop = "uvloop" if uvloop else "asyncio"
        empties, runs = (median(times) * 1e6 for times in zip(*pairs, strict=True))
        ratio = median(first / second for first, second in pairs)
        print(
            f"{loop:<8} an empty route {empties:6.0f} us, a prediction {runs:6.0f} us: {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
