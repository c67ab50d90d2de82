"""A wheel needs no compiler: it is installed and used where there is none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.soak
COMMANDS = ["NR.CREATE sum REGRESSOR 2 -> 1", "NR.RUN sum 1 2"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy of what is under version control."""
    copy = tmp_path_factory.mktemp("wheels")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in files.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    subprocess.run(["make", "-s", "wheels"], cwd=copy, check=True)
    [found] = copy.glob("dist/*.whl")
    return found


def test_a_wheel_is_used_where_no_compiler_is(wheel: Path, tmp_path: Path) -> None:
    assert "manylinux_2_17_" in wheel.name
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
