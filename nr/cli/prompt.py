"""The prompt: history, completion, and the syntax of the command at hand below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from nr import engine
from nr.cli import printing
from nr.cli.session import WORDS, Session, explain
from nr.errors import Error

if TYPE_CHECKING:
    from nr.database import Database


def prompt(session: Session, url: str) -> None:
    """Reads and runs lines until Ctrl-D, exit or quit. No error ends it."""
    click.echo(f"nr on {url}. 'help' lists the commands, Ctrl-D leaves.")
    lines: PromptSession[str] = PromptSession(
        history=_history(),
        completer=CommandCompleter(session.db),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        bottom_toolbar=_toolbar,
    )
    while True:
        try:
            line = lines.prompt("nr> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            line = "exit"
        try:
            for one in line.splitlines():  # several, where they were pasted
                if one.strip().lower() not in {"exit", "quit"}:
                    _run(session, one)
                elif _may_leave(session):
                    return
        except KeyboardInterrupt:
            click.echo("\nInterrupted.")


def _may_leave(session: Session) -> bool:
    """Whether to quit, which would stop the trainings of this process: the user says it."""
    running = session.running()
    if not running:
        return True
    names = ", ".join(printing.word(training.key) for training in running)
    click.echo(f"Still in training here: {names}. Leaving now stops it.")
    try:
        question: PromptSession[str] = PromptSession()
        answer = question.prompt("Wait for the end, leave now or stay? [w/l/s] ").strip().lower()
    except EOFError:
        answer = "l"
    if answer in {"w", "wait"}:
        session.wait()
    elif answer in {"l", "leave"}:
        session.leave()
    else:
        return False
    return True


def _run(session: Session, line: str) -> None:
    try:
        session.run(line.encode("utf-8", "surrogateescape"))
    except Error as exc:
        click.echo(explain(exc))


def history_path() -> Path:
    """Where the history is kept: under the XDG state directory."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "nr" / "history"


def _history() -> History:
    """The history's file; for this prompt alone where there can be none."""
    try:
        path = history_path()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except (OSError, RuntimeError):  # Path.home() knows no home
        return InMemoryHistory()
    return FileHistory(path)


def _spec_at(text: str) -> engine.Spec | None:
    name = text.split(maxsplit=1)[0].upper() if text.strip() else ""
    return next((spec for spec in engine.specs() if spec.name == name), None)


def _toolbar() -> str:
    app = get_app()
    spec = _spec_at(app.current_buffer.document.current_line)
    columns = app.output.get_size().columns
    return fill(f"{spec.name} {spec.syntax}", columns, break_on_hyphens=False) if spec else ""


class CommandCompleter(Completer):
    """First a command, then a network where one is due, then the command's options.

    Networks are looked up only where the user asks (Tab), for it may be a trip to a server.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        words = document.text_before_cursor.split(" ")
        begun = words[-1]
        candidates = self._candidates(words, event.completion_requested)
        # "tr" is enough for NR.TRAIN.
        for word in _matching(candidates, begun) or _matching(candidates, "NR." + begun):
            yield Completion(word, start_position=-len(begun))

    def _candidates(self, words: list[str], asked: bool) -> list[str]:
        commands = [spec.name for spec in engine.specs()]
        own = [name.decode() for name in WORDS]
        first = words[0].lower()
        if len(words) == 1:
            return [*commands, *own, "exit"]
        if first == "help":
            return commands
        spec = _spec_at(first)
        if len(words) == 2 and (first in own or (spec and spec.syntax.startswith("key"))):
            return self._networks() if asked else []
        return list(spec.words) if spec else []

    def _networks(self) -> list[str]:
        try:
            names = self._db.execute("NR.LIST")
        except Error:
            return []
        assert isinstance(names, list)
        return [printing.word(name) for name in names if isinstance(name, bytes)]


def _matching(words: list[str], begun: str) -> list[str]:
    return [word for word in words if word.upper().startswith(begun.upper())]
