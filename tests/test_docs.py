"""The documents tell the truth: their examples are run, and what they print is compared.

```py      is run by the test that starts what it talks to (test_queues.py)
```python  is run; a ```text block right after it is what it prints
```nr      is a session at the prompt, commands after "nr> "
```console is a shell, commands after "$ "; only `nr` is run
"..." stands for anything.
"""

import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

import nr
from nr import engine
from nr.cli import main
from nr.cli.session import Session, explain

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            *("aio", "answers", "async", "commands", "design", "django", "fields", "http"),
            *(
                "module",
                "operations",
                "queues",
                "ranks",
                "redis",
                "sequences",
                "serve",
                "onnx",
                "sklearn",
            ),
            *("sql", *(f"tutorials/{user}" for user in ("browser", "data", "redis", "web"))),
        )
    ),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))


def same(wanted: str, got: str) -> None:
    assert doctest.OutputChecker().check_output(wanted, got, doctest.ELLIPSIS), (
        f"Documented:\n{wanted}\nPrinted:\n{got}"
    )


def exchanges(text: str, prompt: str) -> list[tuple[str, str]]:
    """The commands of a transcript, each with what it prints."""
    parts = re.split(rf"^{re.escape(prompt)}(.*)\n", text, flags=re.MULTILINE)
    assert not parts[0], f"A transcript begins with {prompt!r}: {parts[0]!r}"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def run_at_prompt(session: Session, line: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            session.run(line.encode())
        except nr.Error as exc:
            print(explain(exc))
    return output.getvalue()


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NR_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_examples_print_what_they_say(document: str) -> None:
    found = blocks(document)
    names: dict[str, object] = {"__name__": "page"}
    for (language, code), following in pairwise([*found, ("", "")]):
        if language != "python":
            continue
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(code, document, "exec"), names)
        if following[0] == "text":
            same(following[1], output.getvalue())


def test_the_first_example_can_be_run_again() -> None:
    language, code = blocks("README.md")[0]
    assert language == "python"
    printed = []
    for _ in range(2):  # the second run finds the network of the first
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(code, "README.md", "exec"), {})
        printed.append(output.getvalue())
    assert printed[0] == printed[1]


@pytest.mark.parametrize("server", [None, "postgres", "mariadb"])
def test_the_tutorial_is_twelve_lines_over_any_database(
    server: str | None, request: pytest.FixtureRequest
) -> None:
    section = (ROOT / "docs/fields.md").read_text(encoding="utf-8").split("\n## Twelve lines")[1]
    directory, table, program, printed = (text for _, text in BLOCK.findall(section)[:4])
    lines = [line for line in (directory + program).splitlines() if line.strip()]
    assert len(lines) + 1 <= 12  # and one that runs it
    url = request.getfixturevalue(server).url if server else "sqlite:///shop.db"
    for code in (table, program):
        argv = [sys.executable, "-c", code.replace("sqlite:///shop.db", url)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, "")
    same(printed, done.stdout)
    percent = re.search(r"(\d+)%", done.stdout)
    assert percent
    assert int(percent[1]) >= 90


@pytest.mark.parametrize("document", DOCUMENTS)
def test_prompt_examples_print_what_they_say(document: str) -> None:
    with nr.connect("memory://") as db:
        for language, text in blocks(document):
            if language == "nr":
                for line, wanted in exchanges(text, "nr> "):
                    same(wanted, run_at_prompt(Session(db), line))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_shell_examples_print_what_they_say(document: str) -> None:
    for name in ("examples", "docs"):
        Path(name).symlink_to(ROOT / name)
    for language, text in blocks(document):
        if language == "console":
            for line, wanted in exchanges(text, "$ "):
                words = shlex.split(line)
                assert words[0] == "nr"
                same(wanted, CliRunner().invoke(main, words[1:], prog_name="nr").output)


def test_every_command_is_documented_with_its_syntax() -> None:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (NR\..*)$", text, re.MULTILINE)
    assert sorted(headings) == sorted(spec.name for spec in engine.specs())
    assert len(headings) == len(set(headings))


def test_every_option_word_is_documented_with_its_command() -> None:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (NR\.\w+)$(.*?)(?=^## |\Z)", text, re.M | re.S))
    for spec in engine.specs():
        section = sections[spec.name]
        if spec.name == "NR.CONFIGURE":  # explained with NR.CREATE
            section += sections["NR.CREATE"]
        missing = [word for word in spec.words if word not in section]
        assert not missing, f"{spec.name}: {missing}"


def test_every_option_has_its_row_in_the_table() -> None:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    rows = [line.split("`")[1].replace("\\|", "|") for line in re.findall(r"^\| `.*$", text, re.M)]
    for name in "NR.CREATE", "NR.TRAIN":
        [spec] = [spec for spec in engine.specs() if spec.name == name]
        options = [f"{option.word} {option.value}".strip() for option in spec.options]
        assert [option for option in options if option not in rows] == []


def test_every_syntax_begins_as_in_the_core() -> None:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (NR\.\w+)$(.*?)(?=^## |\Z)", text, re.M | re.S))
    for spec in engine.specs():
        first = spec.syntax.split(" ")[0]
        assert f"    {spec.name} {first}".rstrip() in sections[spec.name], spec.name


@pytest.mark.parametrize("document", [*DOCUMENTS, "examples/README.md", "CHANGELOG.md"])
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_page_is_on_the_site() -> None:
    """`make docs` refuses one that is not."""
    listed = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert pages == {*listed} - {"index.md", "examples/README.md"}
