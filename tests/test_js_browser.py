"""The npm package in Chromium: the golden courses, by either build, in workers and in the page."""

from pathlib import Path
from typing import Any

import golden_js
import pytest
from chromium import Chromium, chromium, needs_chromium, site
from test_golden_js import COURSES
from test_js import executable  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.soak, needs_chromium, pytest.mark.usefixtures("executable")]

GONE = """
    const [build, workers, courses] = given;
    const { gone } = await import("/test/golden.js");
    const db = await nr.open({ wasm: new URL(`/${build}`, location.href), workers });
    const found = [];
    for (const course of courses) found.push([course.name, await gone(db, course)]);
    await db.close();
    return found;
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with site({}) as url, chromium(tmp_path_factory.mktemp("chromium")) as browser:
        browser.open(f"{url}/empty")
        yield browser


@pytest.mark.parametrize("workers", [True, False], ids=["workers", "slices"])
@pytest.mark.parametrize("build", ["nr.wasm", "nr-relaxed.wasm"])
def test_courses_have_the_native_cores_bits(page: Chromium, build: str, workers: bool) -> None:
    if build == "nr-relaxed.wasm" and not fused(page):
        pytest.skip("this processor has no fused multiply-add")
    courses = [*COURSES, *map(golden_js.course, sorted(golden_js.UNSETTLED))]
    assert page.run(GONE, build, workers, courses) == [[one["name"], None] for one in courses]


def fused(page: Chromium) -> bool:
    found: bool = page.run('return (await import("/src/builds.js")).isFused();')
    return found


def test_the_relaxed_build_is_taken_where_sums_are_fused(page: Chromium) -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or " fma " not in flags.read_text("utf-8"):
        pytest.skip("this processor has no fused multiply-add, or does not tell")
    assert fused(page)
    assert (
        page.run('return (await import("/src/builds.js")).buildHere().pathname;')
        == "/nr-relaxed.wasm"
    )
