"""Every driver answers every case of conformance/, and as the memory driver does."""

import pytest
from conformance import CASES, content, run
from drivers import DRIVERS, Options, served

from nr.backends import Backend


@pytest.fixture(params=[*DRIVERS, served], ids=lambda driver: driver.__name__)
def options(request: pytest.FixtureRequest) -> Options:
    """Every driver, and the module's at a port of `nr serve`."""
    found: Options = request.param(request)
    return found


@pytest.mark.parametrize("case", CASES)
def test_replies_and_dumps_are_those_of_the_contract(
    backend: Backend, memory: Backend, case: str
) -> None:
    assert run(backend, CASES[case]) == run(memory, CASES[case])


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
