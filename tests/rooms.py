"""Checks that no circle of includes runs between the folders of the core.

Two rooms that need each other are one room with a wall in it. ``make lint`` runs this.
"""

import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

NR = Path(__file__).resolve().parents[1] / "nr"
CORE = NR / "engine" / "core"

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


def main() -> int:
    for what, arrows in (("includes", of_the_core()),):
        try:
            TopologicalSorter(arrows).prepare()
        except CycleError as error:
            print(f"a circle of {what} between rooms: {' -> '.join(error.args[1])}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
