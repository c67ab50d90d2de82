"""What a line means, wherever it comes from: the prompt, a script, standard input or -e.

A line is a command of the store (NR.RUN net 1 2), a word of this program's own (help, watch,
metrics, plot), a comment (#) or nothing. The own words work in scripts too, because memory:// lives
only as long as its process: a network trained by a script can be plotted by the same script.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import click

from nr import engine
from nr.calls import drive, evictions
from nr.calls.trainings import start
from nr.cli import printing
from nr.commands.drift import parse_drift
from nr.commands.explanation import parse_explanation
from nr.contracts.capabilities import TrainsHere, capability
from nr.errors import CommandError, Error
from nr.training import Training

if TYPE_CHECKING:
    from nr.database import Database
    from nr.engine import Reply


class ScriptError(Error):
    """A script's line that failed: says where, which one and why."""

    def __init__(self, where: str, command: bytes, cause: Error) -> None:
        super().__init__(f"{where}: {shown(command)}\n{explain(cause)}")


def explain(exc: Error) -> str:
    """The error as it is printed: a refused command as redis-cli words it."""
    return printing.error(str(exc)) if isinstance(exc, CommandError) else str(exc)


def shown(command: bytes, most: int = 200) -> str:
    """A command on one line of the screen, whatever bytes it is made of."""
    text = printing.quoted(command[:most])[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text + ("..." if len(command) > most else "")


_DROPPING = (b"NR.RESET", b"NR.DEL", b"NR.RESTORE")


@dataclass(frozen=True)
class Session:
    """Runs lines on a database and prints what they reply; with echo, the lines as well.

    With quiet no replies: only what help, metrics and the like are asked for.

    It remembers the trainings that it started in this process, since they end with it.
    """

    db: Database
    echo: bool = False
    quiet: bool = False
    _started: list[Training] = field(default_factory=list)

    def run(self, line: bytes) -> None:
        """Runs one line. Raises nr.Error where it fails."""
        line = line.strip()
        if not line or line.startswith(b"#"):
            return
        if self.echo:
            click.echo(f"> {shown(line)}")
        argv = engine.split(line)
        own = WORDS.get(argv[0].lower())
        if own:
            own.run(self.db, argv[1:])
        else:
            reply = self._execute(argv)
            if not self.quiet:
                click.echo(printing.formatted(reply))

    def _execute(self, argv: list[bytes]) -> Reply:
        trains_here, name = capability(self.db.backend, TrainsHere), argv[0].upper()
        if not trains_here or name != b"NR.TRAIN":
            reply = self.db.backend.execute(*argv)
            if evictions.observed(self.db.backend, argv, reply):
                drive(self.db.backend, evictions.confirm(self.db.backend, argv[1]))
            if name in _DROPPING:  # on purpose: nobody waits for those
                gone = {argv[1]} if name != b"NR.DEL" else set(argv[1:])
                self._started[:] = [one for one in self._started if one.key not in gone]
            return reply
        command = engine.parse(argv)
        call = start(self.db.backend, argv, command.maxcycles)
        self._started.append(Training(self.db.backend, drive(self.db.backend, call)))
        return "Training has started"

    def running(self) -> list[Training]:
        """The trainings started here that have not ended."""
        self._started[:] = [training for training in self._started if training.running]
        return list(self._started)

    def wait(self) -> None:
        """Waits for them, in a terminal with a bar. Raises CommandError for one that failed."""
        while self._started:
            self._started[0].wait(progress=sys.stderr.isatty() and not self.quiet)
            del self._started[0]

    def leave(self) -> None:
        """Waits for none of them."""
        self._started.clear()

    def run_script(self, name: str, lines: Iterable[bytes]) -> None:
        """Runs all lines, up to the first that fails. Raises ScriptError there."""
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                self.run(line)
            except Error as exc:
                raise ScriptError(f"{name}, line {number}", line.strip(), exc) from exc


@dataclass(frozen=True)
class Word:
    """A word of this program's own."""

    syntax: str
    summary: str
    run: Callable[[Database, list[bytes]], None]


def _usage(name: bytes) -> Error:
    return Error(f"Usage: {name.decode()} {WORDS[name].syntax}".rstrip())


def _help(db: Database, args: list[bytes]) -> None:
    if args:
        for name, thing in _meant(args[0]):
            click.echo(f"{name} {thing.syntax}\n    {thing.summary}")
            if isinstance(thing, engine.Spec) and thing.options:
                click.echo("\n" + _definitions(map(_told, thing.options)))
        return
    rows = [(spec.name, spec.summary) for spec in engine.specs()]
    rows += [
        (f"{name.decode()} {word.syntax}".rstrip(), word.summary) for name, word in WORDS.items()
    ]
    click.echo(_definitions(rows))


def _definitions(rows: Iterable[tuple[str, str]]) -> str:
    formatter = click.HelpFormatter()
    formatter.write_dl(list(rows))
    return formatter.getvalue().rstrip("\n")


def _told(option: engine.Option) -> tuple[str, str]:
    value = option.value.replace("|", " | ")  # where a narrow terminal may break it
    return f"{option.word} {value}".rstrip(), f"{option.summary} Default: {option.preset}."


def _meant(name: bytes) -> list[tuple[str, engine.Spec | Word]]:
    """The command meant by "NR.TRAIN", "nr.train" or "train", or the word of our own."""
    wanted = name.decode("ascii", "replace").upper()
    found: list[tuple[str, engine.Spec | Word]] = [
        (spec.name, spec) for spec in engine.specs() if wanted in (spec.name, spec.name[3:])
    ]
    if word := WORDS.get(name.lower()):
        found.append((name.decode().lower(), word))
    if not found:
        raise Error(f"There is no command {shown(name)!r}; 'help' lists them all.")
    return found


def _watch(db: Database, args: list[bytes]) -> None:
    from nr.cli.watch import watch

    if len(args) != 1:
        raise _usage(b"watch")
    watch(db, args[0])


def _metrics(db: Database, args: list[bytes]) -> None:
    from nr.cli.metrics import metrics

    if len(args) != 1:
        raise _usage(b"metrics")
    metrics(db, args[0])


def _explain(db: Database, args: list[bytes]) -> None:
    if len(args) < 2:
        raise _usage(b"explain")
    click.echo(repr(parse_explanation(cast(Any, db.execute("NR.EXPLAIN", *args)))))


def _drift(db: Database, args: list[bytes]) -> None:
    if len(args) != 1:
        raise _usage(b"drift")
    click.echo(repr(parse_drift(cast(Any, db.execute("NR.DRIFT", *args)))))


def _plot(db: Database, args: list[bytes]) -> None:
    from nr.plots import save

    if len(args) != 2:
        raise _usage(b"plot")
    save(db.backend, args[0], args[1].decode("utf-8", "surrogateescape"))


def _list(db: Database, args: list[bytes]) -> None:
    from nr.cli.listing import networks

    if args:
        raise _usage(b"list")
    networks(db)


def _orders(db: Database, args: list[bytes]) -> None:
    from nr.cli.watch import orders

    if args:
        raise _usage(b"orders")
    orders(db)


WORDS = {
    b"help": Word("[command]", "Lists the commands, or explains one.", _help),
    b"watch": Word("KEY", "Follows a training until it ends.", _watch),
    b"list": Word("", "Lists the networks, with what they have learned from.", _list),
    b"orders": Word("", "Lists the trainings that run or wait, and who carries them out.", _orders),
    b"metrics": Word("KEY", "Prints how good a network is, and what it rests on.", _metrics),
    b"explain": Word("KEY input ...", "Draws what each field adds to an answer.", _explain),
    b"drift": Word("KEY", "Draws how far new samples have moved, and tells of alarms.", _drift),
    b"plot": Word("KEY FILE", "Draws the last training, and a map of two inputs.", _plot),
}
