"""Checks that no circle of includes or imports runs between the rooms of the project, and that no
file has grown too long.

Two rooms that need each other are one room with a wall in it. A room is a folder of the core, or a
folder of nr/, or a file beside those; imports within a function and for types alone count as any.
``make lint`` runs this.
"""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

NR = Path(__file__).resolve().parents[1] / "nr"
CORE = NR / "engine" / "core"
LONGEST = 400  # lines of a file; a longer one does more than one thing
MANUAL = CORE / "nr.h"  # the core's, of which one reads what one needs
OUTERMOST = {"cli"}  # imported by nobody but the file that starts it

Arrows = dict[str, set[str]]


def of_the_core() -> Arrows:
    """Folder of the core, to the folders whose headers its files include."""
    arrows: Arrows = {}
    for path in sorted(CORE.rglob("*.[ch]")):
        room = path.relative_to(CORE).parent.as_posix()
        for name in re.findall(r'^#include "([^"]+)"', path.read_text("utf-8"), re.MULTILINE):
            other = Path(name).parent.as_posix()
            if other != room:
                arrows.setdefault(room, set()).add(other)
    return arrows


def of_the_package() -> Arrows:
    """Room of nr/, to the rooms that it imports; the package itself is ``nr``."""
    arrows: Arrows = {}
    for path in sorted(NR.rglob("*.py")):
        parts = path.relative_to(NR).with_suffix("").parts
        room = "nr" if parts == ("__init__",) else parts[0]
        for other in imported(ast.parse(path.read_text("utf-8"))):
            if other != room:
                arrows.setdefault(room, set()).add(other)
    return arrows


def imported(tree: ast.Module) -> Iterator[str]:
    """The rooms of nr/ that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            if top == "nr":
                yield rest[0] if rest and is_room(rest[0]) else "nr"


def is_room(name: str) -> bool:
    return (NR / name).is_dir() or (NR / f"{name}.py").is_file()


def faults(what: str, arrows: Arrows) -> Iterator[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        yield f"a circle of {what} between rooms: {' -> '.join(error.args[1])}"
    for room, others in arrows.items():
        for outermost in sorted(OUTERMOST & others):
            if room != "__main__":
                yield f"{room} imports {outermost}, which is for nobody to import"


def too_long() -> Iterator[str]:
    """Files of nr/ with more lines than one takes in."""
    for path in sorted(NR.rglob("*")):
        if path.suffix in (".c", ".h", ".py", ".lua") and path != MANUAL:
            lines = path.read_text("utf-8").count("\n")
            if lines > LONGEST:
                yield f"{path.relative_to(NR.parent)} has {lines} lines, more than {LONGEST}"


def main() -> int:
    circles = [*faults("includes", of_the_core()), *faults("imports", of_the_package())]
    found = [*circles, *too_long()]
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
