"""The core's tests in C, built with the compile options that it ships with and run one by one.

NR_SANITIZE=address,undefined, or thread, builds them with those (`make sanitize`).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "c"
TESTS = sorted(path.stem for path in HERE.glob("*.c"))
SANITIZE = os.environ.get("NR_SANITIZE", "")


def succeed(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


@pytest.fixture(scope="session")
def cmake() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("cmake", path=f"{beside}:{os.environ['PATH']}")
    if found is None:
        reason = "cmake is not installed: pip install cmake"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def build(cmake: str) -> Path:
    """Where the tests are built. It is kept: the next run builds only what changed."""
    path = HERE.parents[1] / "build" / f"c-{SANITIZE.replace(',', '-') or 'plain'}"
    succeed(cmake, "-S", HERE, "-B", path, f"-DNR_SANITIZE={SANITIZE}")
    return path


@pytest.mark.parametrize("name", TESTS)
def test_core_in_c(cmake: str, build: Path, name: str) -> None:
    succeed(cmake, "--build", build, "--target", name, "--parallel", "2")
    output = succeed(build / name)
    closing = re.search(r"^(\d+) passed, 0 failed$", output, re.MULTILINE)
    assert closing is not None, output
    assert int(closing[1]) > 0, output


@pytest.mark.parametrize("name", ["syntax", "dump"])
def test_what_fuzzing_found_worth_keeping_does_no_harm(cmake: str, build: Path, name: str) -> None:
    corpus = sorted((HERE.parent / "fuzz" / f"corpus_{name}").iterdir())
    assert corpus
    succeed(cmake, "--build", build, "--target", f"fuzz_{name}", "--parallel", "2")
    succeed(build / f"fuzz_{name}", *corpus)


def test_there_are_tests_in_c() -> None:
    assert TESTS
