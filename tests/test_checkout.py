"""A checkout in which nothing was built hides the package that was installed from it."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import nr
from nr.engine import module_path

SOURCES = Path(nr.__file__).parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(SOURCES, folder / "nr", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    shutil.copytree(SOURCES, folder / "nr", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("libnr.so", "neuralredis.so"):
        shutil.copy(module_path().with_name(name), folder / "nr" / "engine")
    (folder / f"nr-{nr.__version__}.dist-info").mkdir()
    metadata = folder / f"nr-{nr.__version__}.dist-info" / "METADATA"
    metadata.write_text(f"Metadata-Version: 2.1\nName: nr\nVersion: {nr.__version__}\n")
    return folder


def python(checkout: Path, *site: Path) -> "subprocess.CompletedProcess[str]":
    """What becomes of ``import nr`` there; without the finder of an editable installation."""
    paths = [str(path) for path in (checkout, *site, sysconfig.get_path("platlib"))]
    code = f"import sys; sys.path[:0] = {paths}\nimport nr, nr.engine\n"
    code += "print(nr.__file__, nr.engine.module_path(), nr.connect().execute('NR.LIST'))"
    return subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=checkout
    )


def test_it_takes_the_installed_core_and_says_so(checkout: Path, installed: Path) -> None:
    done = python(checkout, installed)
    engine = installed / "nr" / "engine"
    assert done.stdout == f"{checkout}/nr/__init__.py {engine}/neuralredis.so []\n"
    assert done.stderr == (
        f"nr was imported from {checkout}, where it is not built; its core is the installed one, "
        f"in {engine}\n"
    )


def test_the_core_of_another_version_is_refused(checkout: Path, installed: Path) -> None:
    with (installed / "nr" / "engine" / "binding.py").open("a") as file:
        file.write("# newer\n")
    error = python(checkout, installed).stderr.splitlines()[-1]
    assert "what is installed is of another version" in error
    assert error.endswith(f"Build and install it: pip install {checkout}")


def test_without_any_it_says_how_to_build_it(checkout: Path) -> None:
    error = python(checkout).stderr.splitlines()[-1]
    assert f"EngineError: nr is not built: {checkout}/nr/engine/libnr.so is missing" in error
    assert error.endswith(f"Build and install it: pip install {checkout}")
