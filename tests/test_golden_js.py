"""The courses that JavaScript goes through are what this core does, too, by any instruction set."""

import base64
from collections.abc import Iterator
from typing import Any

import golden_js
import pytest

import nr
from nr.engine import isa, set_isa
from nr.errors import EngineError

COURSES = golden_js.written()


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def instructions(request: pytest.FixtureRequest) -> Iterator[None]:
    before = isa()
    try:
        set_isa(request.param)
    except EngineError:
        pytest.skip(f"this processor has no {request.param}")
    yield
    set_isa(before)


def same(db: nr.Database, replies: list[Any]) -> None:
    assert golden_js.asked(db, [tuple(words) for words, _ in replies]) == replies


@pytest.mark.usefixtures("instructions")
@pytest.mark.parametrize("course", COURSES, ids=lambda course: course["name"])
def test_courses_are_what_they_were(db: nr.Database, course: dict[str, Any]) -> None:
    if course["done"]:
        same(db, course["done"])
        same(db, course["asked"])
    db.restore("net", base64.b64decode(course["dump"]), replace=True)
    for part in "asked", "more", "then":
        same(db, course[part])
