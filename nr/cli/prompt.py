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

from nr import engine, fields
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


_OF_OTHERS = {
    "plain": {"FOR", "JSON", "MSGPACK", "COLUMNS", "WEIGHT", "WEIGHTS"},
    "fields": {"FOR", "FP32"},
    "forecaster": {"FP32", "TEST", "TRAIN", "WEIGHT", "WEIGHTS"},
}
"""Words of NR.OBSERVE, NR.RUN and NR.CLASS that networks without fields, with fields and
forecasters do not take."""


class CommandCompleter(Completer):
    """First a command, then a network where one is due, then its fields and the command's words.

    Behind ``field=`` come the values that the network knows. Networks and fields are looked up only
    where the user asks (Tab), for it may be a trip to a server.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        words = _words(document.text_before_cursor)
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
        if not spec:
            return []
        return [*self._fields(spec, words), *self._words(spec, words)] if asked else [*spec.words]

    def _networks(self) -> list[str]:
        names = self._asked(b"NR.LIST")
        return [printing.word(name) for name in names if isinstance(name, bytes)]

    def _fields(self, spec: engine.Spec, words: list[str]) -> list[str]:
        """What may stand here of the network's fields: a name, or a name and a known value."""
        if spec.name == "NR.FIELDS":
            return self._droppable(words)
        if "field=value" not in spec.syntax:
            return []
        name, has_value, _ = words[-1].partition("=")
        due = self._due(spec, words)
        if has_value:
            return [
                _assigned(name, value) for one in due if one.name == name for value in _values(one)
            ]
        given = {word.partition("=")[0] for word in words[2:-1]}
        return [f"{one.name}=" for one in due if one.name not in given]

    def _due(self, spec: engine.Spec, words: list[str]) -> list[fields.Field]:
        """The fields that may come here: outputs behind an arrow alone, but NR.FORGET has all."""
        known = self._known(words[1])
        if spec.name == "NR.FORGET":
            return known
        return [one for one in known if one.output == ("->" in words)]

    def _words(self, spec: engine.Spec, words: list[str]) -> list[str]:
        """The command's words, without those that are for networks of another kind."""
        if "field=value" not in spec.syntax:
            return [*spec.words]
        pairs = self._asked(b"NR.INFO", *_unquoted(words[1]))
        told = dict(zip(pairs[::2], pairs[1::2], strict=True))
        kind = "forecaster" if told.get("type") == "forecaster" else "fields"
        if told and not told.get("fields"):
            kind = "plain"
        return [word for word in spec.words if not told or word not in _OF_OTHERS[kind]]

    def _droppable(self, words: list[str]) -> list[str]:
        """Names behind DROP."""
        actions = [word.upper() for word in words[2:-1] if word.upper() in ("ADD", "DROP")]
        if actions[-1:] != ["DROP"]:
            return []
        return [one.name for one in self._known(words[1]) if not one.output]

    def _known(self, key: str) -> list[fields.Field]:
        """The fields of a network; none where it has none, or does not exist."""
        return list(fields.known(self._asked(b"NR.FIELDS", *_unquoted(key))))

    def _asked(self, *argv: bytes) -> list[engine.Reply]:
        """A reply; nothing where there is an error."""
        try:
            reply = self._db.execute(*argv)
        except Error:
            return []
        assert isinstance(reply, list)
        return reply


def _unquoted(word: str) -> list[bytes]:
    """A word as it was typed, without its quotes; none where they are not closed."""
    try:
        return engine.split(word.encode("utf-8", "surrogateescape"))[:1]
    except Error:
        return []


def _words(text: str) -> list[str]:
    """The words of a line as they were typed; a space within quotes ends none."""
    words, quoted, escaped = [""], "", False
    for letter in text:
        if letter == " " and not quoted:
            words.append("")
            continue
        words[-1] += letter
        if escaped:
            escaped = False
        elif letter == "\\" and quoted == '"':
            escaped = True
        elif letter in "\"'" and quoted in ("", letter):
            quoted = "" if quoted else letter
    return words


def _values(field: fields.Field) -> tuple[str, ...]:
    return ("no", "yes") if field.kind == "flag" else field.values


def _assigned(name: str, value: str) -> str:
    """A field and its value as they would be typed."""
    return f"{name}={printing.word(value.encode('utf-8', 'surrogateescape'))}"


def _matching(words: list[str], begun: str) -> list[str]:
    return [word for word in words if word.upper().startswith(begun.upper())]
