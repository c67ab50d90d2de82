"""Debian's Chromium for tests of the npm package: a site of its files, and what a page runs."""

import http.server
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.common.exceptions import WebDriverException  # noqa: E402

ROOT = Path(__file__).parents[1]
JS = ROOT / "js"
EMPTY = b"<!doctype html><title>empty</title>"
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1000,800", "--hide-scrollbars"),
)
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="chromium and chromedriver are not installed",
)


class _Files(http.server.SimpleHTTPRequestHandler):
    """A directory's files, and pages beside them."""

    def __init__(
        self, pages: Mapping[str, Path], told: list[str], *args: Any, directory: str
    ) -> None:
        self.pages, self.told = pages, told
        super().__init__(*args, directory=directory)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path != "/empty" and path not in self.pages:
            super().do_GET()
            return
        page = self.pages[path].read_bytes() if path in self.pages else EMPTY
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self) -> None:
        self.told.append(self.path.partition("?")[2])
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def site(
    pages: Mapping[str, Path], told: list[str] | None = None, directory: Path = JS
) -> Iterator[str]:
    """The URL at which a directory's files are, and these pages; ``/empty`` is one, too.

    The queries of what pages post are put into ``told``.
    """
    handler = partial(_Files, pages, [] if told is None else told, directory=str(directory))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Chromium:
    """A browser with a profile of its own."""

    def __init__(self, profile: Path, *flags: str) -> None:
        self.profile = profile
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, *flags, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver: Any = webdriver.Chrome(options=options, service=service)
        self.driver.set_script_timeout(240)

    def open(self, url: str) -> None:
        self.driver.get(url)

    def run(self, script: str, *given: Any) -> Any:
        """What a script returns in the page. Fails where it throws.

        It has the package as ``nr``, ``given``, and ``refused``: from a promise, or what makes one,
        to its error as ``{is, text, code}``.
        """
        wrapped = f"""
            const done = arguments[arguments.length - 1];
            const given = arguments[0];
            (async () => {{
              const nr = await import("/src/index.js");
              const refused = async (work) => {{
                try {{
                  await (typeof work === "function" ? work() : work);
                }} catch (error) {{
                  const [text, code] = [error.message, error.code];
                  return {{ is: error instanceof nr.NrError, text, code }};
                }}
              }};
              {script}
            }})().then(
              (found) => done({{ found: found ?? null }}),
              (error) => done({{ error: `${{error}}` }}),
            );
        """
        reply = self.driver.execute_async_script(wrapped, list(given))
        assert "error" not in reply, reply["error"]
        return reply["found"]

    def cdp(self, command: str, **given: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self.driver.execute_cdp_cmd(command, given)

    def kill(self) -> None:
        """Ends it as a machine that fails would: all of its processes, at once."""
        profile = f"--user-data-dir={self.profile}"
        pids = [pid for pid, argv in _processes() if profile in argv and "--type=" not in argv]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        with suppress(WebDriverException):
            self.driver.quit()


def _processes() -> Iterator[tuple[int, str]]:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            argv = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            yield int(place.name), argv


@contextmanager
def chromium(profile: Path, *flags: str) -> Iterator[Chromium]:
    browser = Chromium(profile, *flags)
    try:
        yield browser
    finally:
        browser.close()
