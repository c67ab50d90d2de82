"""The page in a browser: a network is made, trained to its end, and asked."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from http_server import served

import nr

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="chromium and chromedriver are not installed",
    ),
]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1200,900", "--hide-scrollbars"),
)
PICTURES = os.environ.get("NR_PICTURES")  # where to put them; docs/ has those of a run


class Page:
    """A browser, and what a person does in it."""

    def __init__(self, url: str, directory: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, f"--user-data-dir={directory}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.browser = webdriver.Chrome(options=options, service=service)
        self.url = url

    def open(self, place: str = "") -> None:
        self.browser.get(f"{self.url}/#{place}")

    def sees(self, text: str) -> None:
        """Waits for a text."""
        WebDriverWait(self.browser, 120).until(lambda _: text in self.text)

    @property
    def text(self) -> str:
        found: str = self.browser.find_element(By.TAG_NAME, "body").text
        return found

    def all(self, selector: str) -> list:  # type: ignore[type-arg]
        return self.browser.find_elements(By.CSS_SELECTOR, selector)  # type: ignore[no-any-return]

    def press(self, text: str) -> None:
        [button] = [b for b in self.all("button, a.button") if b.text == text]
        button.click()

    def look(self, width: int, height: int, dark: bool = False) -> None:
        """As wide and high as this, light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, name: str) -> None:
        if PICTURES:
            self.browser.save_screenshot(f"{PICTURES}/{name}.png")

    def complaints(self) -> list:  # type: ignore[type-arg]
        """What the browser has to say: refused scripts, errors, files that are missing."""
        return self.browser.get_log("browser")  # type: ignore[no-any-return]


@pytest.fixture
def page(db: nr.Database, tmp_path: Path) -> Iterator[Page]:
    with served(db, tick=0.05) as url:
        page = Page(url, tmp_path / "browser")
        try:
            yield page
        finally:
            page.browser.quit()


def samples(count: int = 300) -> list[dict[str, object]]:
    rows = [{"age": 18 + i * 7 % 60, "country": ("IT", "FR", "DE")[i % 3]} for i in range(count)]
    return [row | {"joined": "yes" if int(row["age"]) > 45 else "no"} for row in rows]


def test_a_network_is_made_watched_and_asked(page: Page, db: nr.Database) -> None:
    page.open()
    page.sees("There are no networks yet.")
    page.press("Make the first one")
    page.sees("New network")
    [name] = page.all("input[name=name]")
    name.send_keys("shop:joins <b>")
    for box, text in zip(page.all(".field"), ("age", "country", "joined"), strict=True):
        box.send_keys(text)
    page.press("Create")
    page.sees("shop:joins <b>")
    page.press("Train")
    page.sees("the training dataset is empty")
    net = db["shop:joins <b>"]
    net.observe_many(samples())
    page.sees("200")
    page.press("Train")
    page.sees("cycle ")
    page.sees("How good it is")
    page.sees("What it rests on")
    assert net.info().trainings == 1
    assert len(page.all("svg.chart")) == 2
    assert len(page.all(".matrix td")) == 4
    [age] = [box for box in page.all("form input") if box.is_displayed()][:1]
    age.send_keys("55")
    [country] = page.all("form select")
    Select(country).select_by_visible_text("IT")
    page.press("Predict")
    page.sees("%")
    told = page.all(".bars .first .label")[0].text
    assert told == net.classify({"age": 55, "country": "IT"}) == "yes"
    page.press("Why?")
    page.sees("in log-odds of yes")
    found = net.explain({"age": 55, "country": "IT"}).attributions
    shown = [one.text for one in page.all("form + .after .bars .label")][-2:]
    assert shown == sorted(found, key=lambda name: -abs(found[name]))
    page.look(1200, page.browser.execute_script("return document.body.scrollHeight"))
    page.picture("dashboard")
    for width in (1200, 390):
        for dark in (False, True):
            page.look(width, 900, dark)
            script = "return document.documentElement.scrollWidth"
            assert page.browser.execute_script(script) == width
    page.look(390, 900, dark=True)
    page.picture("dashboard-phone")
    page.look(1200, 900)
    page.open("/")
    page.sees("Trainings and workers")
    page.sees("merged")
    page.look(1200, 900)
    [complaint] = page.complaints()  # a training without samples is refused
    assert "422" in complaint["message"]


def test_a_forecast_is_drawn_behind_its_series(page: Page, db: nr.Database) -> None:
    kinds, chance = {"demand": "number"}, Random(1)
    net = db.create("sales", "forecaster", kinds, target="demand", horizon=6, season=12, seed=1)
    for series, level in (("store7", 100), ("<b>9", -100)):
        for i in range(150):
            db.execute(
                "NR.OBSERVE",
                "sales",
                "FOR",
                series,
                "->",
                f"demand={level + 3 * (i % 12) + chance.gauss(0, 3):.2f}",
            )
    net.train(maxcycles=20).wait()
    page.open("/networks/sales")
    page.sees("with a probability of 90%")
    page.sees("MASE")
    assert len(page.all("svg.chart .band")) == 1
    page.look(1200, page.browser.execute_script("return document.body.scrollHeight"))
    page.picture("dashboard-forecast")
    [which] = page.all("select")
    Select(which).select_by_visible_text("<b>9")
    page.sees(f"Forecast {net.forecast('<b>9')[-1]:.4g}")
    assert page.all("main b") == []
    for width in (1200, 390):
        page.look(width, 900)
        script = "return document.documentElement.scrollWidth"
        assert page.browser.execute_script(script) == width
    assert page.complaints() == []


def test_the_keyboard_is_enough(page: Page, db: nr.Database) -> None:
    from selenium.webdriver.common.keys import Keys

    db.create("net", "regressor", [2, 1], seed=1)
    page.open("/networks/net")
    page.sees("Input 1")
    body = page.browser.switch_to.active_element
    for _ in range(20):
        body.send_keys(Keys.TAB)
        body = page.browser.switch_to.active_element
        if body.tag_name == "input":
            break
    body.send_keys("1", Keys.TAB)
    page.browser.switch_to.active_element.send_keys("2", Keys.ENTER)
    page.sees("output")
    assert page.all(".bad-text") == []


def test_a_token_is_asked_for(db: nr.Database, tmp_path: Path) -> None:
    class All:
        writes = True

        def may_use(self, key: bytes) -> bool:
            return True

    db.create("net", "regressor", [2, 1])
    with served(db, user_of={b"secret": All()}.get) as url:
        page = Page(url, tmp_path / "browser")
        try:
            for token, seen in (("wrong", "This one is not known."), ("secret", "regressor, 2-1")):
                page.open()
                page.sees("A token is needed")
                [box] = page.all("input[type=password]")
                box.send_keys(token)
                page.press("Open")
                page.sees(seen)
        finally:
            page.browser.quit()


def test_nothing_from_the_store_becomes_a_part_of_the_page(page: Page, db: nr.Database) -> None:
    evil = "<img src=x onerror=\"document.title='gone'\">"
    db.create(evil, "classifier", {"a": "category"}, target="y", seed=1)
    db[evil].observe_many([{"a": f"<b>{i % 3}", "y": f"<u>{i % 2}</u>"} for i in range(60)])
    db[evil].train(maxcycles=5).wait()
    page.open()
    page.sees(evil)
    [link] = [a for a in page.all("td a") if a.text == evil]
    link.click()
    page.sees("What it rests on")
    page.sees("<u>1</u>")
    assert page.all("main b, main i:not(.legend i), main u, main img") == []
    assert page.complaints() == []
