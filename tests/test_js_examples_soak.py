"""The pages of examples/browser in Chromium: one draws digits, one follows a server."""

import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import ROOT, Chromium, chromium, needs_chromium, site
from test_js import executable  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.soak, needs_chromium, pytest.mark.usefixtures("executable")]

PICTURES = os.environ.get("NR_PICTURES")  # where to put them


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Chromium]:
    with chromium(tmp_path / "profile") as browser:
        yield browser


def photographed(page: Chromium, name: str) -> None:
    if PICTURES:
        page.driver.save_screenshot(str(Path(PICTURES) / f"{name}.png"))


def shows(page: Chromium, element: str, text: str) -> None:
    """Waits for a text, of this pattern."""
    from selenium.webdriver.support.ui import WebDriverWait

    def is_there(_: object) -> bool:
        return re.search(text, page.driver.find_element("id", element).text) is not None

    WebDriverWait(page.driver, 120).until(is_there)


def stroke(page: Chromium, points: list[tuple[float, float]]) -> None:
    """Draws with the mouse; points are parts of the paper's width and height."""
    paper = page.driver.find_element("id", "paper").rect
    at = [(paper["x"] + x * paper["width"], paper["y"] + y * paper["height"]) for x, y in points]
    for kind, (x, y) in zip(
        ["mousePressed", *["mouseMoved"] * (len(at) - 2), "mouseReleased"], at, strict=True
    ):
        down = {"button": "left", "buttons": 0 if kind == "mouseReleased" else 1, "clickCount": 1}
        page.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, **down)


DIGITS = {
    "0": [
        (0.5 + 0.2 * math.sin(t / 4), 0.5 - 0.35 * math.cos(t / 4)) for t in range(27)
    ],
    "1": [(0.5, 0.15 + 0.07 * t) for t in range(11)],
    "7": [(0.25 + 0.05 * t, 0.2) for t in range(11)]
    + [(0.75 - 0.03 * t, 0.2 + 0.065 * t) for t in range(11)],
}  # fmt: skip


def test_digits_are_learned_in_the_page_and_recognised(page: Chromium) -> None:
    with site({}, directory=ROOT) as url:
        page.open(f"{url}/examples/browser/digits.html")
        shows(page, "told", "It has learned from 119. digits; of 59. others [0-9.]+ % are wrong")
        for digit, points in DIGITS.items():
            page.driver.find_element("id", "clear").click()
            stroke(page, points)
            shows(page, "digit", f"^{digit} in")
        photographed(page, "digits")
        [seven] = [
            b for b in page.driver.find_elements("css selector", "#was button") if b.text == "7"
        ]
        seven.click()
        shows(page, "told", "Kept: a 7")
        page.driver.refresh()
        shows(page, "told", "It was learned before")
        stroke(page, DIGITS["0"])
        shows(page, "digit", "^0 in")
        assert page.driver.get_log("browser") == []


def test_a_page_follows_a_server_and_answers_without_it(page: Chromium) -> None:
    argv = [sys.executable, ROOT / "examples" / "browser" / "serve.py"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            _, address = (server.stdout.readline().strip() for _ in range(2))
            page.open(address)
            shows(page, "told", "^connected · 1 trainings so far · 0 clicks to be posted")
            script = """const [name, value] = arguments, input = document.forms[0].elements[name];
                if (input.type === "checkbox") input.checked = value; else input.value = value;
                input.dispatchEvent(new Event("input", { bubbles: true }));"""
            page.driver.execute_script(script, "member", True)
            shows(page, "shown", "^club$")
            page.driver.execute_script(script, "member", False)
            shows(page, "shown", "^coffee$")
            page.driver.execute_script(script, "hour", 20)
            shows(page, "shown", "^books$")
            photographed(page, "promotions")
            yes = page.driver.find_element("id", "yes")
            for _ in range(55):
                yes.click()
            shows(page, "told", "^connected · [2-9] trainings so far · 0 clicks to be posted")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    yes.click()
    shows(page, "told", "^no connection · .* · 1 clicks to be posted")
    page.driver.execute_script(script, "hour", 9)
    shows(page, "shown", "^coffee$")
