"""The core's tests in C, built with the compile options that it ships with and run one by one.

NR_SANITIZE=1 builds them with AddressSanitizer and UBSan (`make sanitize`).
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
SANITIZE = os.environ.get("NR_SANITIZE") == "1"


@pytest.fixture(scope="session")
def built() -> Path:
    """Where the built tests are. They are kept: the next run builds only what changed."""
    beside = Path(sys.executable).parent
    cmake = shutil.which("cmake", path=f"{beside}:{os.environ['PATH']}")
    if cmake is None:
        reason = "cmake is not installed: pip install cmake"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    build = HERE.parents[1] / "build" / ("sanitize" if SANITIZE else "c")
    option = f"-DNR_SANITIZE={'ON' if SANITIZE else 'OFF'}"
    for command in ([cmake, "-S", HERE, "-B", build, option], [cmake, "--build", build]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


@pytest.mark.parametrize("name", TESTS)
def test_core_in_c(built: Path, name: str) -> None:
    done = subprocess.run([built / name], capture_output=True, text=True, timeout=600)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    closing = re.search(r"^(\d+) passed, 0 failed$", output, re.MULTILINE)
    assert closing is not None, output
    assert int(closing[1]) > 0, output


def test_there_are_tests_in_c() -> None:
    assert TESTS
