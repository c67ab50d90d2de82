"""The npm package's types: a program that uses each call compiles, its misuse does not."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_js import missing

ROOT = Path(__file__).parents[1]
TYPES = ROOT / "tests" / "types"
TSC = ROOT / ".venv" / "typescript" / "node_modules" / "typescript" / "bin" / "tsc"
FLAGS = ("--noEmit", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022")
MODULES = ("--module", "nodenext", "--lib", "es2022,dom", "--pretty", "false")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A project that has the package installed."""
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "nr").symlink_to(ROOT / "js")
    for file in TYPES.glob("*.ts"):
        shutil.copy(file, tmp_path)
    return tmp_path


def compiled(folder: Path, *files: str) -> str:
    """What the compiler tells of files."""
    if not (node := shutil.which("node")):
        missing("Not installed: node")
    if not TSC.exists():
        missing("Not installed: typescript (make .venv/typescript)")
    argv = [node, str(TSC), *FLAGS, *MODULES, *files]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True).stdout


def test_each_call_is_typed_and_its_misuse_an_error(program: Path) -> None:
    assert compiled(program, "used.ts", "misused.ts", "node_modules/nr/index.d.ts") == ""


def test_the_compiler_is_one_that_finds_the_misuse(program: Path) -> None:
    text = (program / "misused.ts").read_text("utf-8")
    told, count = re.subn(r"// @ts-expect-error: .*", "", text)
    (program / "misused.ts").write_text(told, "utf-8")
    found = {
        line.partition("(")[2].partition(",")[0]
        for line in compiled(program, "misused.ts").splitlines()
    }
    assert len(found) >= count > 45


def test_all_that_the_package_exports_is_typed() -> None:
    source = (ROOT / "js" / "src" / "index.js").read_text("utf-8")
    exported = set(re.findall(r"^export (?:async )?(?:function (\w+)|\{ (\w+) \})", source, re.M))
    types = (ROOT / "js" / "index.d.ts").read_text("utf-8")
    typed = set(re.findall(r"^export (?:class|function) (\w+)", types, re.M))
    assert {one or other for one, other in exported} == typed
