"""The store in IndexedDB, in Chromium: what was acknowledged is there after whatever happens."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium, WebDriverException, chromium, needs_chromium, site
from test_js import executable  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.soak, needs_chromium, pytest.mark.usefixtures("executable")]

RELOADS = int(os.environ.get("NR_RELOADS", "1000"))
KILLS = 5
PAGES = {"/reloads": Path(__file__).parent / "pages" / "reloads.html"}
OPEN = 'const db = await nr.open("indexeddb:club");'


@pytest.fixture
def url() -> Iterator[str]:
    with site(PAGES) as url:
        yield url


@pytest.fixture
def page(url: str, tmp_path: Path) -> Iterator[Chromium]:
    with chromium(tmp_path / "profile") as browser:
        browser.open(f"{url}/empty")
        yield browser


def test_what_was_learned_survives_a_reload(page: Chromium) -> None:
    before = page.run(f"""{OPEN}
        const fields = {{ age: "number", country: "category", joined: "category" }};
        const options = {{ target: "joined", seed: 1 }};
        const net = await db.create("clüb", "classifier", fields, options);
        const joined = (i) => (i % 40 > 20 ? "yes" : "no");
        await net.observeMany(Array.from({{ length: 60 }}, (_, i) =>
          ({{ age: 20 + i % 40, country: ["IT", "FR"][i % 2], joined: joined(i) }})));
        await net.train({{ maxCycles: 50, timeout: 0 }});
        const more = Array.from({{ length: 100 }}, (_, i) => ({{ age: i, joined: "no" }}));
        await Promise.all(more.map((row) => net.observe(row)));
        await net.forget({{ age: 7 }});
        await db.create("gone", "regressor", [1, 1]);
        await db.delete("gone");
        return [net.run({{ age: 33 }}), net.history(), net.info(), [...net.dump()]];""")
    page.driver.refresh()
    after = page.run(f"""{OPEN}
        const net = db.network("clüb");
        const found = [net.run({{ age: 33 }}), net.history(), net.info(), [...net.dump()]];
        await db.close();
        return [db.names ? found : null];""")
    assert after == [before]


def test_one_page_at_a_time_changes_something(page: Chromium, url: str) -> None:
    page.run(f"""globalThis.{OPEN.removeprefix("const ")}
        const net = await db.create("net", "regressor", [1, 1], {{ seed: 1, test: 0 }});
        await net.observe(1, 2);""")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open(f"{url}/empty")
    busy = page.run('return await refused(nr.open("indexeddb:club", { wait: false }));')
    assert busy["is"]
    assert busy["text"] == "ERR indexeddb:club is open in another page, which may change it"
    reads = page.run("""globalThis.other = await nr.open("indexeddb:club");
        globalThis.waiting = other.network("net").observe(2, 4);
        const late = new Promise((resolve) => setTimeout(resolve, 300, "waits"));
        return [other.network("net").info().trainLen, await Promise.race([waiting, late])];""")
    assert reads == [1, "waits"]
    second = page.driver.current_window_handle
    page.driver.switch_to.window(first)
    page.run("""await db.network("net").train({ maxCycles: 5, timeout: 0, autostop: false });
        await db.network("net").observe(3, 6);""")
    page.driver.switch_to.window(second)
    told = page.run("""for (let i = 0; i < 100 && !other.network("net").info().cycles; i++)
          await new Promise((resolve) => setTimeout(resolve, 50));
        return other.network("net").info().cycles;""")
    assert told == 5
    page.driver.switch_to.window(first)
    page.driver.close()
    page.driver.switch_to.window(second)
    assert page.run("return [await waiting, other.network('net').info().cycles];") == [[3, 0], 5]


def test_a_full_quota_refuses_and_loses_nothing(page: Chromium, url: str) -> None:
    make = f"""globalThis.{OPEN.removeprefix("const ")}
        const options = {{ seed: 1, dataset: 100000, test: 0 }};
        globalThis.net = await db.create("net", "regressor", [64, 1], options);
        globalThis.row = (i) => Array.from({{ length: 64 }}, (_, k) => i + k / 64);
        await net.observe(row(0), 0);"""
    page.cdp("Storage.overrideQuotaForOrigin", origin=url, quotaSize=200_000)
    page.run(make)
    found = page.run("""let kept = 1, error = null;
        while (!error && kept < 20000) {
          const some = Array.from({ length: 50 }, (_, i) =>
            net.observe(row(kept + i), kept + i).then(() => kept++));
          await Promise.all(some).catch((refusal) => (error = refusal));
          await Promise.allSettled(some);
        }
        const is = error instanceof nr.NrError;
        return [kept, net.info().trainLen, is, `${error}`, `${error?.cause?.name}`];""")
    kept, length, is_ours, text, cause = found
    assert (is_ours, cause) == (True, "QuotaExceededError"), found
    assert "indexeddb:club cannot be written: the browser gives it no more room" in text
    assert kept == length > 1
    page.cdp("Storage.overrideQuotaForOrigin", origin=url)
    # It is remembered for a while how full it was.
    again = page.run("""for (let i = 0; i < 200; i++) {
          if (!(await refused(net.observe(row(1), 1)))) return net.info().trainLen;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }""")
    assert again == kept + 1
    page.driver.refresh()
    assert page.run(f"{OPEN} return db.network('net').info().trainLen;") == kept + 1


DAMAGE = """
    const request = indexedDB.open("nr:club");
    const opened = new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const kept = await opened;
    const work = kept.transaction(["networks", "log"], "readwrite");
    const done = new Promise((resolve) => (work.oncomplete = resolve));
    const [networks, log] = [work.objectStore("networks"), work.objectStore("log")];
    const key = (name) => new TextEncoder().encode(name);
    networks.get(key("flipped")).onsuccess = ({ target: { result } }) => {
      result.dump[result.dump.length >> 1] ^= 16;
      networks.put(result, key("flipped"));
    };
    networks.put("no record", key("replaced"));
    log.delete([key("missing"), 1]);
    log.put([new Uint8Array([1, 2, 3])], [key("other"), 2]);
    await done;
    kept.close();"""


def test_damaged_records_are_told_and_the_others_go_on(page: Chromium) -> None:
    names = ["flipped", "fine", "missing", "other", "replaced"]
    page.run(
        f"""{OPEN}
        for (const name of given[0]) {{
          const net = await db.create(name, "regressor", [1, 1], {{ test: 0, seed: 1 }});
          for (let i = 0; i < 3; i++) await net.observe(i, i);
        }}
        await db.close();
        {DAMAGE}""",
        names,
    )
    found: Any = page.run(f"""globalThis.{OPEN.removeprefix("const ")}
        const told = {{}};
        for (const name of db.names()) told[name] = await refused(() => db.network(name).info());
        return told;""")
    assert sorted(found) == sorted(names)
    assert found.pop("fine") is None
    for name, error in found.items():
        assert (error["is"], error["code"]) == (True, "ERR"), error
        assert error["text"].startswith("ERR what was kept of this network is damaged: "), name
    assert "commands are missing" in found["missing"]["text"]
    assert "it has no dump" in found["replaced"]["text"]
    left = page.run("""
        await db.delete("flipped");
        await db.restore("missing", db.network("fine").dump(), { replace: true });
        const busy = await refused(db.create("other", "regressor", [1, 1]));
        await db.close();
        const again = await nr.open("indexeddb:club");
        return [again.names(), again.network("missing").info().trainLen, busy.text];""")
    assert left == [["fine", "missing", "other", "replaced"], 3, "ERR the key name is busy"]


def test_who_has_no_store_is_told(page: Chromium) -> None:
    told = page.run("""const found = [await refused(nr.open("sqlite://x"))];
        delete Navigator.prototype.locks;
        found.push(await refused(nr.open("indexeddb:x")));
        Object.defineProperty(globalThis, "WebAssembly", { value: undefined });
        found.push(await refused(nr.open()));
        return found;""")
    assert all(error["is"] for error in told)
    assert [error["text"].partition(":")[0] for error in told] == [
        "ERR 'sqlite",
        "ERR this engine has no Web Locks, without which two pages could write at once",
        "ERR this engine has no WebAssembly",
    ]


def ended(page: Chromium, seconds: float) -> str:
    """The title of a page that says how it ended; it was loaded again and again until then."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(WebDriverException):
            title: str = page.driver.title
            if ":" in title and "127.0.0.1" not in title:
                return title
        time.sleep(0.25)
    return "it has not ended"


def test_reloads_amid_writes_lose_nothing_acknowledged(url: str, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile") as page:
        page.open(f"{url}/reloads?loads={RELOADS}")
        title = ended(page, 60 + RELOADS)
    print(title)
    assert title.startswith("whole: ")


def test_a_killed_browser_loses_nothing_acknowledged(tmp_path: Path) -> None:
    told: list[str] = []
    with site(PAGES, told) as url:
        for _ in range(KILLS):
            with chromium(tmp_path / "profile") as page:
                page.open(f"{url}/reloads?tell&loads=1000000")
                time.sleep(1.5)
                page.kill()
        with chromium(tmp_path / "profile") as page:
            page.open(f"{url}/reloads?tell&loads=1")
            title = ended(page, 60)
    acknowledged = max(map(int, told))
    print(title, acknowledged)
    found = re.match(r"whole: (\d+) samples", title)
    assert found
    assert int(found[1]) >= acknowledged > 0
