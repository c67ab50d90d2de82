"""Cores compiled with other values for constants of their source, the macros named NR_STUDY_...

Every one lies in build/study. A process loads one core, so each wants a process of its own.
"""

import importlib.resources
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STUDY = ROOT / "build" / "study"
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
CMAKE = shutil.which("cmake", path=PATH) or "cmake"


def built(name: str) -> Path:
    """Where a core lies, once it is built."""
    return STUDY / name / "libnr.so"


def build(name: str, flags: Mapping[str, str]) -> Path:
    """A core with these macros. Raises LookupError for one that the source does not have."""
    source = ROOT / "nr" / "engine"
    text = "".join(path.read_text("utf-8") for path in sorted((source / "core").rglob("*.[ch]")))
    if unknown := [macro for macro in flags if macro not in text]:
        raise LookupError(f"{name}: the core knows no {', '.join(unknown)}")
    given = " ".join(f"-D{macro}={value}" for macro, value in flags.items())
    where = built(name).parent
    options = ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_C_FLAGS={given}"]
    for command in (["-S", str(source), "-B", str(where), *options], ["--build", str(where)]):
        subprocess.run([CMAKE, *command], check=True, stdout=subprocess.DEVNULL)
    return built(name)


def use(library: Path) -> None:
    """Has the core loaded from this file, where the package looks for its own."""
    found = importlib.resources.files

    def files(package: Any) -> Any:
        return library.parent if package == "nr.engine" else found(package)

    importlib.resources.files = files
    from nr.engine import binding

    assert Path(binding.held._name) == library, "another core was loaded"
