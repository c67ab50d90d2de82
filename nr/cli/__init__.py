"""The `nr` command: a prompt, scripts, single commands, watching and plotting."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import click

import nr
from nr.cli.moving import copy, export
from nr.cli.serving import serve
from nr.cli.session import ScriptError, Session
from nr.cli.working import train, worker
from nr.commands.options import Dataset

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_Command = Callable[..., Any]


@dataclass(frozen=True)
class _Options:
    """The options that every form of the command takes."""

    url: str | None
    echo: bool
    commands: tuple[str, ...]
    no_wait: bool
    quiet: bool

    def then(self, later: _Options) -> _Options:
        """These, and those that followed on the command line."""
        url = later.url or self.url
        return _Options(
            url,
            self.echo or later.echo,
            self.commands + later.commands,
            self.no_wait or later.no_wait,
            self.quiet or later.quiet,
        )

    @property
    def store(self) -> str:
        return self.url or os.environ.get("NR_URL") or "memory://"


_OPTIONS: list[Callable[[_Command], _Command]] = [
    click.option("--url", metavar="URL", help="The store. Default: $NR_URL, or memory://."),
    click.option("--echo", is_flag=True, help="Print each command before its reply."),
    click.option(
        "-e",
        "commands",
        metavar="COMMAND",
        multiple=True,
        help="Run a command, after the scripts; may be given several times.",
    ),
    click.option(
        "--no-wait", is_flag=True, help="Do not wait at the end for trainings: stop those here."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print no replies and no bars, only errors."),
]


def _shared(function: _Command) -> _Command:
    """Makes a function of the context take the shared options, which become ctx.obj."""

    @wraps(function)
    def take(
        *args: Any,
        url: str | None,
        echo: bool,
        commands: tuple[str, ...],
        no_wait: bool,
        quiet: bool,
        **others: Any,
    ) -> Any:
        ctx = click.get_current_context()
        options = _Options(url, echo, commands, no_wait, quiet)
        ctx.obj = ctx.parent.obj.then(options) if ctx.parent else options
        return function(ctx, *args, **others)

    shared: _Command = take
    for option in reversed(_OPTIONS):
        shared = option(shared)
    return shared


class _Group(click.Group):
    """A group whose first word may also be a script, and whose errors are sentences."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word in self.commands:
            return super().resolve_command(ctx, args)
        if word != "-" and not os.path.exists(word):
            ctx.fail(f"There is no script and no command {word!r}{self._meant(word)}")
        return "", _scripts, args

    def _meant(self, word: str) -> str:
        if word.upper().startswith("NR."):
            return f". Commands of the store go behind -e: nr -e '{word} ...'"
        guess = get_close_matches(word, self.commands, n=1)
        return f", did you mean {guess[0]}?" if guess else "; nr --help lists the commands."

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except ScriptError as exc:
            click.echo(str(exc), err=True)
            ctx.exit(1)
        except nr.Error as exc:
            raise click.ClickException(str(exc)) from exc


@click.group(
    cls=_Group,
    invoke_without_command=True,
    subcommand_metavar="[SCRIPT... | COMMAND [ARGS]...]",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@_shared
@click.version_option(nr.__version__, message="%(prog)s %(version)s")
def main(ctx: click.Context) -> None:
    """Neural networks as a data type for the store you already run.

    \b
      nr                         a prompt (or a script from standard input)
      nr script.nr               a script: one command a line, # for comments
      nr -e 'NR.INFO net'        one command
      nr watch net               follows a training
      nr metrics net             prints how good it is, and what it rests on
      nr plot net --out net.png  draws the last training, and a map of two inputs
      nr train net               trains it here, or on all ranks of an mpirun
      nr worker                  carries out trainings that were queued
      nr serve --resp 6390       answers clients of Redis, over any store
      nr mcp                     serves networks as tools for assistants
      nr copy URL1 net URL2      copies a network to another store
      nr export net --onnx FILE  writes a network as a file of ONNX
      nr observe net data.csv --target COLUMN
                                 observes a file (.csv, .jsonl, .parquet), or with --query
                                 SQL rows of the same database
      nr list                    lists the networks
      nr db upgrade URL          brings the tables of a database up to date
      nr module-path             where the Redis module is

    Scripts run first, then -e, all on one store. The first error ends it, with exit status 1.
    At the end it waits for the trainings that it started in this process; Ctrl-C stops them.

    memory:// lives as long as the process. So put what belongs together into one script; it
    can watch and plot, too: "watch net", "metrics net" and "plot net net.png" are commands there
    and at the prompt, where "help" lists all of them.
    """
    if ctx.invoked_subcommand is not None:
        return
    if ctx.obj.commands or not sys.stdin.isatty():
        _run(ctx.obj, () if ctx.obj.commands else [sys.stdin.buffer])
        return
    from nr.cli.prompt import prompt

    with _session(ctx.obj) as session:
        prompt(session, _shown_url(ctx.obj.store))


@click.command()
@_shared
@click.argument("scripts", nargs=-1, required=True, type=click.File("rb"))
def _scripts(ctx: click.Context, scripts: Sequence[BinaryIO]) -> None:
    """Run scripts; - is standard input."""
    _run(ctx.obj, scripts)


@main.command("watch")
@_shared
@click.argument("key")
def _watch(ctx: click.Context, key: str) -> None:
    """Follow the training of KEY until it ends. Ctrl-C stops watching, not the training."""
    from nr.cli.watch import watch

    with _session(ctx.obj) as session:
        watch(session.db, os.fsencode(key))


@main.command("metrics")
@_shared
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="As one line of JSON, for programs.")
def _metrics(ctx: click.Context, key: str, as_json: bool) -> None:
    """Print how good KEY was when its training ended, and what it rests on."""
    from nr.cli import metrics

    with _session(ctx.obj) as session:
        (metrics.as_json if as_json else metrics.metrics)(session.db, os.fsencode(key))


@main.command("generate")
@_shared
@click.argument("key")
@click.option("--prompt", metavar="TEXT", help="What it goes on from.")
@click.option("--length", type=click.IntRange(1), default=100, show_default=True)
@click.option("--temperature", type=click.FloatRange(0), default=1.0, show_default=True)
@click.option("--top", type=click.IntRange(1), help="Of the likeliest symbols so many alone.")
@click.option("--seed", type=click.IntRange(0), help="The same seed, the same text.")
def _generate(ctx: click.Context, key: str, prompt: str | None, **how: Any) -> None:
    """Print a text as the generator KEY has learned them."""
    with _session(ctx.obj) as session:
        click.echo(session.db[os.fsencode(key)].generate(prompt, **how))


@main.command("plot")
@_shared
@click.argument("key")
@click.option("--out", metavar="FILE", required=True, help="The picture: .png, .svg or .pdf.")
def _plot(ctx: click.Context, key: str, out: str) -> None:
    """Draw the last training of KEY, and a map of two inputs."""
    from nr.plots import save

    with _session(ctx.obj) as session:
        save(session.db.backend, os.fsencode(key), out)


@main.command("observe")
@_shared
@click.argument("key")
@click.argument("file", required=False)
@click.option("--query", metavar="SQL", help="In place of a file: its rows are the samples.")
@click.option(
    "--target", metavar="COLUMN", multiple=True, required=True, help="Outputs, or the class id."
)
@click.option("--to", type=click.Choice(["train", "test"]), help="The dataset; default: by size.")
@click.option("--replace", is_flag=True, help="Of a query: drop the samples that were there.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of a file of text.")
def _observe(
    ctx: click.Context,
    key: str,
    file: str | None,
    query: str | None,
    target: Sequence[str],
    to: Dataset,
    replace: bool,
    encoding: str,
) -> None:
    """Add the rows of FILE (.csv, .tsv, .jsonl, .parquet), or of a query, as samples of KEY.

    A network that is not there is made for the file, with fields of the kinds that its columns
    look like. The rows of a query are added all or none.
    """
    from nr.cli.observing import observe_file

    if (file is None) == (query is None) or (replace and file is not None):
        raise click.UsageError("Give a file, or --query and with it, if you like, --replace.")
    with _session(ctx.obj) as session:
        if file is not None:
            name = os.fsencode(key)
            observe_file(session.db, name, file, target, to, encoding, ctx.obj.quiet)
            return
        assert query is not None
        net = session.db[os.fsencode(key)]
        bar = sys.stderr.isatty() and not ctx.obj.quiet
        train, test = net.observe_query(query, list(target), to, progress=bar, replace=replace)
        if not ctx.obj.quiet:
            click.echo(f"{net.name} has {train:,} training and {test:,} testing samples.")


@main.command("list")
@_shared
def _list(ctx: click.Context) -> None:
    """List the networks of a store."""
    from nr.cli.listing import networks

    with _session(ctx.obj) as session:
        networks(session.db)


main.add_command(train)
main.add_command(worker)
main.add_command(serve)


@main.command("mcp")
@click.option("--url", metavar="URL", help="The store. Default: $NR_URL, or memory://.")
@click.option("--allow-writes", is_flag=True, help="Offer what changes networks, too.")
def _mcp(url: str | None, allow_writes: bool) -> None:
    """Serve a store's networks as tools for assistants (MCP), on standard input and output."""
    from nr.serve.tools import serve_stdio

    serve_stdio(url, allow_writes)


main.add_command(copy)
main.add_command(export)


@main.group("db")
def _db() -> None:
    """Look after the tables of SQL databases."""


@_db.command("upgrade")
@click.argument("url")
@click.option(
    "--prefix", default="nr_", show_default=True, help="What the tables' names begin with."
)
@click.option("--schema", help="Where they are; default: the connection's own.")
def _upgrade(url: str, prefix: str, schema: str | None) -> None:
    """Bring the tables of URL to this version's; create them where there are none."""
    from nr.backends.sql import upgrade_url

    click.echo(f"The tables are at revision {upgrade_url(url, prefix, schema)}.")


@main.command("module-path")
def module_path() -> None:
    """Print where the Redis module is: redis-server --loadmodule "$(nr module-path)"."""
    from nr.engine import module_path

    click.echo(module_path())


def _run(options: _Options, scripts: Sequence[BinaryIO]) -> None:
    with _session(options, scripts):
        pass


@contextmanager
def _session(options: _Options, scripts: Sequence[BinaryIO] = ()) -> Iterator[Session]:
    """The store, once the scripts and then the commands of -e have run on it.

    At the end it waits for the trainings that were started.
    """
    with nr.connect(options.store) as db:
        session = Session(db, options.echo, options.quiet)
        for script in scripts:
            session.run_script(script.name, script)
        for command in options.commands:
            session.run_script("-e", [os.fsencode(command)])
        yield session
        if not options.no_wait:
            session.wait()


def _shown_url(url: str) -> str:
    """The URL without its password."""
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@") if password else url
