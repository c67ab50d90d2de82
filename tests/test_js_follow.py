"""A device follows a network of a server: in node over memory, and in Chromium over IndexedDB."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium, needs_chromium, site
from dropping import Dropping, dropping
from test_js import executable  # noqa: F401  (a fixture)

import nr

sys.path.append(str(Path(__file__).parent / "serve"))
from http_calls import TOKENS
from http_server import served

LINES = Path(__file__).parent / "pages" / "lines.mjs"
FIELDS = {"age": "number", "country": "category", "since": "time"}
SAMPLES = int(os.environ.get("NR_QUEUED", "60"))
ASKED = [{"age": age, "country": country} for age in (22, 44, 66) for country in ("IT", "FR", None)]
UNTIL = """
    const until = async (holds) => {
      for (let i = 0; i < 1200 && !(await holds()); i++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      if (!(await holds())) throw new Error(`not so within a minute: ${holds}`);
    };
"""


class Node:
    """Runs JavaScript in node."""

    store, origin = "memory://", ""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self.input, self.output = process.stdin, process.stdout

    def run(self, script: str, *given: Any) -> Any:
        self.input.write(json.dumps({"script": script, "given": given}) + "\n")
        self.input.flush()
        reply = json.loads(self.output.readline())
        assert "error" not in reply, reply["error"]
        return reply["found"]


@contextmanager
def node(program: str) -> Iterator[Node]:
    argv = [program, LINES]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        page = Node(process)
        try:
            yield page
        finally:
            page.input.close()


@pytest.fixture(params=["node", pytest.param("chromium", marks=[pytest.mark.soak, needs_chromium])])
def page(request: pytest.FixtureRequest, executable: str, tmp_path: Path) -> Iterator[Any]:  # noqa: F811
    if request.param == "node":
        with node(executable) as one:
            yield one
        return
    with site({}) as url, chromium(tmp_path / "profile") as browser:
        browser.store, browser.origin = "indexeddb:device", url  # type: ignore[attr-defined]
        browser.open(f"{url}/empty")
        yield browser


@pytest.fixture
def club(db: nr.Database) -> nr.Network:
    net = db.create("club", "classifier", FIELDS, target="joined", seed=1)
    ages = [20 + i % 50 for i in range(200)]
    net.observe_many(
        [
            {
                "age": age,
                "country": "IT" if age % 2 else "FR",
                "joined": "yes" if age > 45 else "no",
            }
            for age in ages
        ]
    )
    net.train(maxcycles=40).wait()
    return net


@pytest.fixture
def proxy(db: nr.Database, page: Any) -> Iterator[Dropping]:
    """Before a server that pages of the test's origin may ask."""
    with (
        served(db, tick=0.02, origins=frozenset({page.origin})) as url,
        dropping(url, seed=7) as how,
    ):
        yield how


def follow(page: Any, proxy: Dropping, options: str = "{}") -> None:
    page.run(
        f"""globalThis.db = await nr.open(given[0]);
        globalThis.changes = 0;
        globalThis.errors = [];
        const heard = {{ onChange: () => changes++, onError: (error) => errors.push(error) }};
        globalThis.net = await db.follow(given[1], {{ ...heard, ...{options} }});""",
        page.store,
        f"{proxy.url}/networks/club",
    )


def test_a_device_answers_as_the_server_does_and_hears_of_trainings(
    page: Any, proxy: Dropping, club: nr.Network
) -> None:
    follow(page, proxy, "{ poll: 3600 }")
    assert page.run("return given[0].map((row) => net.run(row));", ASKED) == club.run(ASKED)
    assert page.run("return [net.info().trainLen, net.info().testLen, changes];") == [0, 0, 0]
    club.train(maxcycles=5).wait()
    page.run(UNTIL + "await until(() => changes > 0);")
    assert page.run("return given[0].map((row) => net.run(row));", ASKED) == club.run(ASKED)
    assert page.run("return net.problem;") is None


def test_without_events_it_looks_now_and_then(page: Any, db: nr.Database, club: nr.Network) -> None:
    with (
        served(db, streams=0, origins=frozenset({page.origin})) as url,
        dropping(url, seed=1) as how,
    ):
        follow(page, how, "{ poll: 0.2 }")
        club.train(maxcycles=5).wait()
        page.run(UNTIL + "await until(() => changes > 0);")
        assert page.run("return given[0].map((row) => net.run(row));", ASKED) == club.run(ASKED)
        assert page.run("return net.problem;") is None


def test_each_sample_arrives_once_though_answers_are_lost(
    page: Any, proxy: Dropping, club: nr.Network
) -> None:
    follow(page, proxy, "{ retry: 0.01 }")
    before = club.info().observed
    proxy.offline = True
    observe = """for (let i = given[0]; i < given[1]; i++)
          await net.observe({ age: 1000 + i, since: new Date(i * 1000), joined: "yes" });"""
    page.run(observe, 0, SAMPLES // 2)
    page.run("""const rows = Array.from({ length: 3 }, (_, i) => ({ age: 3000 + i, joined: "no" }));
        await net.observeMany(rows);""")
    page.run(UNTIL + "await until(() => net.problem);")
    assert page.run("return net.run({ age: 30 });")
    assert club.info().observed == before
    assert page.run("return await net.waiting();") == SAMPLES // 2 + 1
    proxy.lost, proxy.offline = 0.5, False
    page.run(observe, SAMPLES // 2, SAMPLES)
    ends = time.monotonic() + 60 + SAMPLES
    while waiting := page.run("return await net.waiting();"):
        assert time.monotonic() < ends, f"{waiting} entries wait still"
        time.sleep(0.2)
    info = club.info()
    assert info.observed == before + SAMPLES + 3
    rows = [row for name in ("train", "test") for row in club.samples(name)]
    ages = sorted(row["age"] for row in rows if row["age"] >= 1000)
    assert ages == [*range(1000, 1000 + SAMPLES), 3000, 3001, 3002]
    assert proxy.posts > SAMPLES + 1
    assert page.run("return await net.refused();") == []
    print(f"{SAMPLES + 1} entries, {proxy.posts} posts that came to the server")


@pytest.mark.soak
@needs_chromium
@pytest.mark.parametrize("page", ["chromium"], indirect=True)
def test_a_browser_asks_for_leave_to_post_once_and_not_before_each_sample(
    page: Any, proxy: Dropping, club: nr.Network
) -> None:
    follow(page, proxy)
    for age in range(5):
        page.run('await net.observe({ age: given[0], joined: "yes" });', age)
        page.run(UNTIL + "await until(async () => !(await net.waiting()));")
    assert proxy.posts == 5
    assert proxy.preflights.count("/networks/club/observe") == 1


def test_what_is_wrong_is_told_at_once_and_what_the_server_refuses_stays(
    page: Any, proxy: Dropping, club: nr.Network
) -> None:
    follow(page, proxy, "{ retry: 0.01 }")
    wrong = page.run("""return [
        await refused(net.observe({ aeg: 3, joined: "yes" })),
        await refused(net.observe({ age: "old", joined: "yes" })),
        await refused(net.observeMany([{ age: 3, joined: "yes" }, { age: 4 }])),
        await refused(net.train()),
        await refused(() => net.run({ aeg: 3 })),
        await net.waiting()];""")
    assert wrong.pop() == 0
    assert all(error["is"] for error in wrong)
    assert wrong[0]["text"] == "ERR no field 'aeg' in club, did you mean age?"
    proxy.offline = True
    page.run('await net.observe({ age: 5, country: "IT", joined: "yes" });')
    page.run('await net.observe({ age: 6, joined: "yes" });')
    club.drop_fields("country")
    proxy.offline = False
    page.run(UNTIL + "await until(async () => !(await net.waiting()));")
    [refused] = page.run("return await net.refused();")
    assert refused["why"].startswith("ERR no field 'country' in club")
    assert refused["samples"] == {"samples": {"age": 5, "country": "IT", "joined": "yes"}}
    assert club.info().observed == 201
    assert page.run("return errors.at(-1) instanceof nr.NrError;")
    page.run("await net.dropRefused();")
    assert page.run("return await net.refused();") == []


def test_who_cannot_follow_is_told(page: Any, proxy: Dropping, club: nr.Network) -> None:
    told = page.run(
        """const db = await nr.open();
        await db.create("club", "regressor", [1, 1]);
        const found = [];
        for (const [url, options] of given[0]) found.push(await refused(db.follow(url, options)));
        return found;""",
        [
            ["club", {}],
            [f"{proxy.url}/networks/nobody", {}],
            [f"{proxy.url}/networks/club", {}],
            ["http://127.0.0.1:9/networks/other", {}],
        ],
    )
    assert all(error["is"] for error in told)
    assert [error["text"].partition(" (")[0][:56] for error in told] == [
        "ERR 'club' is no network of a server: https://host/netwo",
        "ERR no such key",
        "ERR club is a network of this store: give another name",
        "ERR http://127.0.0.1:9 cannot be reached: "
        + told[3]["text"].partition("reached: ")[2][:14],
    ]


def test_a_device_says_its_token(page: Any, db: nr.Database, club: nr.Network) -> None:
    with served(db, user_of=TOKENS.get, origins=frozenset({page.origin})) as url:
        told = page.run(
            """const db = await nr.open();
            const found = [
              await refused(db.follow(given[0])),
              await refused(db.follow(given[0], { token: "x" })),
            ];
            const net = await db.follow(given[0], { as: "mine", token: async () => "all" });
            await net.observe({ age: 3, joined: "no" });
            for (let i = 0; i < 200 && await net.waiting(); i++)
              await new Promise((resolve) => setTimeout(resolve, 50));
            const names = db.names();
            await db.close();
            return [...found.map(({ text }) => text), names, await net.waiting()];""",
            f"{url}/networks/club",
        )
    needed = "NOAUTH Authentication required: a bearer token is needed"
    assert told == [needed, "WRONGPASS invalid bearer token", ["mine"], 0]
    assert club.info().observed == 201


@pytest.mark.soak
@needs_chromium
@pytest.mark.parametrize("page", ["chromium"], indirect=True)
def test_offline_a_page_is_loaded_again_and_loses_nothing(
    page: Any, proxy: Dropping, club: nr.Network
) -> None:
    follow(page, proxy, "{ retry: 0.05 }")
    proxy.offline = True
    expected = club.run(ASKED)
    for i in range(5):
        page.run('await net.observe({ age: given[0], joined: "yes" });', 1000 + i)
        page.driver.refresh()
        follow(page, proxy, "{ retry: 0.05 }")
        assert page.run("return given[0].map((row) => net.run(row));", ASKED) == expected
        assert page.run("return await net.waiting();") == i + 1
    club.train(maxcycles=5).wait()
    proxy.offline = False
    page.run(UNTIL + "await until(async () => !(await net.waiting()) && changes);")
    assert page.run("return given[0].map((row) => net.run(row));", ASKED) == club.run(ASKED)
    rows = [row for name in ("train", "test") for row in club.samples(name)]
    assert sorted(row["age"] for row in rows)[-5:] == [1000, 1001, 1002, 1003, 1004]
    assert club.info().observed == 205
