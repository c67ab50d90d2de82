"""No room of the project needs one that needs it, and the check of that finds what it is for."""

import ast

import rooms


def test_no_circle_runs_between_rooms() -> None:
    assert list(rooms.faults("includes", rooms.of_the_core())) == []
    assert list(rooms.faults("imports", rooms.of_the_package())) == []


def test_a_circle_is_found() -> None:
    (fault,) = rooms.faults("imports", {"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert fault.startswith("a circle of imports between rooms: ")
    (fault,) = rooms.faults("imports", {"engine": {"cli"}})
    assert fault == "engine imports cli, which is for nobody to import"


def test_imports_are_found_wherever_they_stand() -> None:
    code = """
from typing import TYPE_CHECKING
import nr
from nr import fields, Network
if TYPE_CHECKING:
    from nr.backends.sql.store import Store
def later():
    import nr.plots
"""
    assert sorted(rooms.imported(ast.parse(code))) == ["backends", "fields", "nr", "nr", "plots"]
