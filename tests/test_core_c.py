"""The core's tests in C, built with the compile options that it ships with and run one by one.

NR_SANITIZE=address,undefined, or thread, builds them with those (`make sanitize`). `make soak`
builds them, the library and the module with clang, too, and for ARM, whose instructions qemu runs:
Debian's clang, gcc-aarch64-linux-gnu and qemu-user. Bits are to be the same (tests/c/test_bits.c).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent / "c"
TESTS = sorted(path.stem for path in HERE.glob("*.c"))
SANITIZE = os.environ.get("NR_SANITIZE", "")


def succeed(*command: str | Path, timeout: int = 900) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def cmake() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("cmake", path=f"{beside}:{os.environ['PATH']}")
    if found is None:
        missing("cmake is not installed: pip install cmake")
    return found


@pytest.fixture(scope="session")
def build(cmake: str) -> Path:
    """Where the tests are built. It is kept: the next run builds only what changed."""
    path = HERE.parents[1] / "build" / f"c-{SANITIZE.replace(',', '-') or 'plain'}"
    succeed(cmake, "-S", HERE, "-B", path, f"-DNR_SANITIZE={SANITIZE}")
    return path


def passes(output: str) -> None:
    """... and where it could not test an instruction set, pytest's summary is to say so."""
    closing = re.search(r"^(\d+) passed, 0 failed$", output, re.MULTILINE)
    assert closing is not None, output
    assert int(closing[1]) > 0, output
    if missed := dict.fromkeys(re.findall(r"^not tested: (.*)$", output, re.MULTILINE)):
        pytest.skip(f"all passed that was tested, but not tested: {'; '.join(missed)}")


@pytest.mark.parametrize("name", TESTS)
def test_core_in_c(cmake: str, build: Path, name: str) -> None:
    succeed(cmake, "--build", build, "--target", name, "--parallel", "2")
    passes(succeed(build / name, timeout=3600 if SANITIZE else 900))


AARCH64 = [
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    "-DCMAKE_EXE_LINKER_FLAGS=-static",
]
ELSEWHERE: dict[str, tuple[str, list[str], list[str]]] = {  # compiler, options, what runs programs
    "clang": ("clang", [], []),
    "aarch64": ("aarch64-linux-gnu-gcc", AARCH64, ["qemu-aarch64"]),
}


@pytest.fixture(scope="session", params=list(ELSEWHERE))
def elsewhere(cmake: str, request: pytest.FixtureRequest) -> tuple[Path, list[str]]:
    """Where the tests are built for this compiler or processor, and what runs them."""
    compiler, options, runner = ELSEWHERE[request.param]
    for program in [compiler, *runner]:
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    path = HERE.parents[1] / "build" / f"c-{request.param}"
    succeed(cmake, "-S", HERE, "-B", path, f"-DCMAKE_C_COMPILER={compiler}", *options)
    succeed(cmake, "--build", path, "--target", "nr", "neuralredis", "--parallel", "2")
    return path, runner


@pytest.mark.soak
@pytest.mark.parametrize("name", TESTS)
def test_core_in_c_elsewhere(cmake: str, elsewhere: tuple[Path, list[str]], name: str) -> None:
    path, runner = elsewhere
    succeed(cmake, "--build", path, "--target", name, "--parallel", "2")
    passes(succeed(*runner, path / name, timeout=3600))


FUZZED = ["syntax", "dump", "fields", "ask", "resp", "readers", "checkpoint"]


@pytest.mark.parametrize("name", FUZZED)
def test_what_fuzzing_found_worth_keeping_does_no_harm(cmake: str, build: Path, name: str) -> None:
    corpus = sorted((HERE.parent / "fuzz" / f"corpus_{name}").iterdir())
    assert corpus
    succeed(cmake, "--build", build, "--target", f"fuzz_{name}", "--parallel", "2")
    succeed(build / f"fuzz_{name}", *corpus)


def test_there_are_tests_in_c() -> None:
    assert TESTS


def test_what_a_processor_lacks_is_told() -> None:
    lacks = "not tested: avx512, which this processor lacks\n"
    with pytest.raises(pytest.skip.Exception, match="not tested: avx512, which this processor la"):
        passes(f"{lacks}{lacks}7 passed, 0 failed\n")
    with pytest.raises(AssertionError):
        passes(f"{lacks}7 passed, 1 failed\n")
    passes("7 passed, 0 failed\n")
