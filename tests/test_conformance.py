"""Every driver answers every case of conformance/, and as the memory driver does."""

from functools import cache
from typing import Any

import pytest
from conformance import CASES, content, run
from drivers import DRIVERS, MEMORY, SERVED, Options

from nr.backends import Backend, connect


@pytest.fixture(params=[*DRIVERS, *SERVED], ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    """Every driver, and the module's at ports of `nr serve` over some of them."""
    found: Options = request.param(request)
    return found


@cache
def in_memory(case: str) -> list[Any]:
    """What the memory driver replies."""
    backend = connect("memory://", memory=MEMORY)
    try:
        return run(backend, CASES[case])
    finally:
        backend.close()


@pytest.mark.parametrize("case", CASES)
def test_replies_and_dumps_are_those_of_the_contract(backend: Backend, case: str) -> None:
    assert run(backend, CASES[case]) == in_memory(case)


def test_a_dump_of_one_driver_is_read_by_another(backend: Backend, memory: Backend) -> None:
    run(backend, CASES["the tutorial's sums"])
    blob = backend.execute(b"NR.DUMP", b"net")
    assert memory.execute(b"NR.RESTORE", b"net", blob) == "OK"
    again = memory.execute(b"NR.DUMP", b"net")
    assert isinstance(blob, bytes)
    assert isinstance(again, bytes)
    assert content(again) == content(blob)


def test_ids_are_never_used_twice(backend: Backend) -> None:
    seen = set()
    for _ in range(20):
        backend.execute(b"NR.CREATE", b"net", b"REGRESSOR", b"1", b"->", b"1", b"SEED", b"1")
        seen.add(backend.execute(b"NR.INFO", b"net")[1])
        blob = backend.execute(b"NR.DUMP", b"net")
        backend.execute(b"NR.RESTORE", b"net", blob, b"REPLACE")
        seen.add(backend.execute(b"NR.INFO", b"net")[1])
        backend.execute(b"NR.DEL", b"net")
    assert len(seen) == 40
