"""Two processes on one store: what one changes of the fields, the other goes by at once."""

from collections.abc import Iterator

import pytest
from drivers import DRIVERS, memory, sqlite_memory

import nr

SHARED = [driver for driver in DRIVERS if driver not in (memory, sqlite_memory)]
KINDS = {"age": "number", "country": "category"}


@pytest.fixture(params=SHARED, ids=lambda driver: driver.__name__)
def two(request: pytest.FixtureRequest) -> Iterator[tuple[nr.Network, nr.Network]]:
    options = request.param(request)
    with nr.connect(**options) as one, nr.connect(**options) as other:
        net = one.create("club", "classifier", KINDS, target="joined", seed=1, hidden="linear")
        for i in range(12):
            row = {"age": i, "country": "IT", "joined": ("no", "yes")[i % 2]}
            net.observe(row, to="train")
            other["club"].observe(row, to="test")
        net.train(maxcycles=2, autostop=False).wait()
        other["club"].run({"age": 3})
        yield net, other["club"]


def test_a_field_that_another_process_added_is_taken(two: tuple[nr.Network, nr.Network]) -> None:
    here, there = two
    here.add_fields({"size": "number"})
    there.observe({"size": 3, "joined": "no"}, to="train")
    assert here.sample("train", 12)["size"] == 3
    assert there.run({"age": 3, "size": 4}) == here.run({"age": 3})


def test_a_field_that_another_process_dropped_is_refused(
    two: tuple[nr.Network, nr.Network],
) -> None:
    here, there = two
    here.drop_fields("age")
    with pytest.raises(nr.CommandError, match="ERR no field 'age' in club"):
        there.observe({"age": 3, "joined": "no"})
    with pytest.raises(nr.CommandError, match="ERR no field 'age' in club"):
        there.run({"age": 3})
    assert there.info().fields == ("country:category", "->", "joined:category")


def test_changes_of_two_processes_are_both_kept(two: tuple[nr.Network, nr.Network]) -> None:
    here, there = two
    here.add_fields({"size": "number"})
    there.add_fields({"phone": "category"})
    with pytest.raises(nr.CommandError, match="ERR club has a field phone:category already"):
        here.add_fields({"phone": "text"})
    assert here.info().fields == there.info().fields
    assert here.info().fields[2:4] == ("size:number", "phone:category")
