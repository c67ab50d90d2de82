"""A wheel needs no compiler: it is installed and used where there is none."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from nr import engine

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.soak
COMMANDS = ["NR.CREATE sum REGRESSOR 2 -> 1", "NR.RUN sum 1 2"]


LOADER = """\
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
    void *lib = dlopen(argv[argc - 1], RTLD_NOW);
    const char *(*isa)(void) = lib ? (const char *(*)(void))dlsym(lib, "nr_isa") : NULL;
    puts(isa ? isa() : dlerror());
    return !isa;
}
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Built in a copy of what is under version control; by their libraries of C."""
    copy = tmp_path_factory.mktemp("wheels")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in files.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    subprocess.run(["make", "-s", "wheels"], cwd=copy, check=True)
    [glibc], [musl] = (
        copy.glob("dist/*manylinux_2_17_*.whl"),
        copy.glob("dist/*musllinux_1_2_*.whl"),
    )
    return {"glibc": glibc, "musl": musl}


def libraries(wheel: Path, to: Path) -> list[Path]:
    with ZipFile(wheel) as file:
        file.extractall(to)
    return sorted(to.rglob("*.so"))


@pytest.mark.parametrize("libc", ["glibc", "musl"])
def test_a_wheel_uses_all_that_the_processor_has(
    wheels: dict[str, Path], libc: str, tmp_path: Path
) -> None:
    """The library of musl is loaded by a program of musl's, in which no library of glibc's is."""
    core, module = libraries(wheels[libc], tmp_path)
    assert (core.name, module.name) == ("libnr.so", "neuralredis.so")
    compiler = {"glibc": "gcc", "musl": "musl-gcc"}[libc]
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    (tmp_path / "load.c").write_text(LOADER)
    program = tmp_path / "load"
    command = [compiler, tmp_path / "load.c", "-o", program]
    subprocess.run([*command, *(["-ldl"] if libc == "glibc" else [])], check=True)
    done = subprocess.run([program, core], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (engine.isa(), "")


def test_a_wheel_is_used_where_no_compiler_is(wheels: dict[str, Path], tmp_path: Path) -> None:
    wheel = wheels["glibc"]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "bare"], check=True)
    bin = tmp_path / "bare" / "bin"
    alone = {"PATH": str(bin), "HOME": str(tmp_path)}
    assert not any(shutil.which(cc, path=alone["PATH"]) for cc in ("cc", "gcc", "clang"))
    install = [bin / "python", "-m", "pip", "install", "-q", "--only-binary=:all:"]
    subprocess.run([*install, wheel], check=True, cwd=tmp_path)
    words = [word for command in COMMANDS for word in ("-e", command)]
    done = subprocess.run(
        [bin / "nr", *words], env=alone, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(integer) 3\n1)")
    path = subprocess.run([bin / "nr", "module-path"], env=alone, capture_output=True, text=True)
    assert Path(path.stdout.strip()).is_file()
