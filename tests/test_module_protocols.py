"""The module's replies in the two versions of the server's protocol."""

import json
import socket
from typing import Any

import pytest
from redis_server import Server

import nr

LINES = (
    "NR.INFO club",
    "NR.METRICS club",
    "NR.RUN club age=3 country=IT",
    'NR.RUN club JSON \'[{"age":3},{"country":"FR"}]\'',
    "NR.CLASS club age=3",
    "NR.CLASS club JSON '[{\"age\":3},{}]'",
    "NR.IMPORTANCE club",
    "NR.FIELDS club",
    "NR.GETDATA club TRAIN 0",
    "NR.GETDATA club TRAIN 2 5",
    "NR.GETDATA plain TRAIN 0 3",
    "NR.INFO plain",
    "NR.METRICS plain",
    "NR.RUN plain 1",
    "NR.CONFIGURE club",
    "NR.RUN lm text=a TOP 3",
    'NR.RUN lm JSON \'[{"text":"a"},{"text":"bc"}]\'',
    "NR.SCORE lm text=a",
    "NR.GENERATE lm LENGTH 5 SEED 2",
    "NR.RUN say word=ab BEAM 3",
    'NR.RUN say JSON \'[{"word":"ab"},{"word":"c"}]\' BEAM 2',
    "NR.SCORE say word=ab sounds=A",
    "NR.METRICS say",
)
HIDDEN = ("id", "training-total-seconds")


def _club(db: nr.Database) -> None:
    kinds = {"age": "number", "country": "category"}
    net = db.create("club", "classifier", kinds, target="joined", seed=1)
    for i in range(40):
        row = {"age": i % 7 / 3, "country": ("IT", None)[i % 2], "joined": ("no", "yes")[i % 2]}
        net.observe(row)
    plain = db.create("plain", "regressor", [1, 1], seed=1)
    for i in range(6):
        plain.observe(i, i / 3, to="train")
    net.train(maxcycles=5, autostop=False).wait()
    plain.train(maxcycles=5, autostop=False).wait()


def _generators(db: nr.Database) -> None:
    kinds = {"word": "sequence(char)", "sounds": "sequence(category)"}
    lm = db.create("lm", "generator", {"text": "sequence(char)"}, target="text", seed=1, hidden=[4])
    say = db.create("say", "generator", kinds, target="sounds", seed=1, hidden=[4])
    for i in range(30):
        word = "abcab"[i % 3 :]
        lm.observe({"text": word})
        say.observe({"word": word, "sounds": list(word.upper())})
    for net in lm, say:
        net.train(maxcycles=3, autostop=False).wait()


def _shown(db: nr.Database, line: str) -> Any:
    reply: Any = db.execute(line)
    if not line.startswith("NR.INFO"):
        return reply
    return [(k, v) for k, v in zip(reply[::2], reply[1::2], strict=True) if k not in HIDDEN]


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_are_those_of_the_other_drivers(server: Server, protocol: int) -> None:
    with nr.connect(server.url(), protocol=protocol) as db, nr.connect("memory://") as memory:
        for each in db, memory:
            _club(each)
            _generators(each)
        for line in LINES:
            if protocol == 2 and line.startswith("NR.GETDATA club"):
                continue  # where numbers are texts
            ours, theirs = _shown(db, line), _shown(memory, line)
            assert repr(ours) == repr(theirs), line
        rows = json.dumps([{"age": i % 9} for i in range(4000)])  # which a thread replies
        assert db.execute("NR.RUN", "club", "JSON", rows) == memory.execute(
            "NR.RUN", "club", "JSON", rows
        )
        for net in db["club"], memory["club"]:
            assert len(net.samples("train")) == net.info().train_len


def test_names_and_values_are_maps_in_version_3(server: Server) -> None:
    with nr.connect(server.url()) as db:
        _club(db)
        classes = db.execute("NR.RUN club age=1")
    with server.client(protocol=3) as client:
        info = client.execute_command("NR.INFO", "club")
        assert info[b"layout"] == [3, 16, 2]
        assert info[b"fields"] == [b"age:number", b"country:category", b"->", b"joined:category"]
        assert client.execute_command("NR.METRICS", "club")[b"classes"] == [b"no", b"yes"]
        found = client.execute_command("NR.RUN", "club", "age=1")
        assert [part for pair in found.items() for part in pair] == classes
        assert client.execute_command("NR.RUN", "club", "JSON", '[{"age":1},{}]')[0] == found
        assert isinstance(client.execute_command("NR.RUN", "plain", 1), list)
        with client.pipeline(transaction=True) as both:
            both.execute_command("NR.RUN", "club", "age=1")
            assert both.execute() == [found]


def test_what_generators_tell_are_maps_in_version_3(server: Server) -> None:
    lines = "NR.RUN lm text=a TOP 3", "NR.RUN say word=ab BEAM 3"
    with nr.connect(server.url()) as db:
        _generators(db)
        flat: list[Any] = [db.execute(line) for line in lines]
    with server.client(protocol=3) as client:
        for line, pairs in zip(lines, flat, strict=True):
            found = client.execute_command(*line.split())
            assert [part for pair in found.items() for part in pair] == pairs, line
        score = client.execute_command("NR.SCORE", "say", "word=ab", "sounds=A")
        assert list(score) == [b"log-probability", b"symbols", b"perplexity"]
        text = client.execute_command("NR.GENERATE", "lm", "LENGTH", 5)
        assert isinstance(text, bytes)
        assert len(text) <= 5
        rows = client.execute_command("NR.RUN", "say", "JSON", '[{"word":"ab"},{"word":"c"}]')
        assert [len(row) for row in rows] == [4, 4]


def _asked(server: Server, *lines: str) -> list[bytes]:
    """The first bytes of what is replied to each line."""
    found = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        for line in lines:
            raw.sendall(line.encode() + b"\r\n")
            found.append(raw.recv(1 << 16))
    return found


@pytest.mark.parametrize(
    ("protocol", "info", "run"), [(2, b"*", b"*4\r\n$"), (3, b"%", b"%2\r\n$")]
)
def test_what_goes_over_the_wire(server: Server, protocol: int, info: bytes, run: bytes) -> None:
    with nr.connect(server.url()) as db:
        _club(db)
    _, *replies = _asked(
        server,
        f"HELLO {protocol}",
        "NR.INFO club",
        "NR.METRICS club",
        "NR.RUN club age=1",
        'NR.RUN club MSGPACK "\\x91\\x80"',
        "NR.GETDATA club TRAIN 0",
        "NR.RUN plain 1",
        "NR.METRICS plain",
    )
    starts = [info, info, run, b"*1\r\n" + run, b"*6\r\n$", b"*1\r\n", b""]
    for reply, start in zip(replies, starts, strict=True):
        assert reply.startswith(start), reply[:40]
    assert replies[-1] == (b"$-1\r\n" if protocol == 2 else b"_\r\n")
