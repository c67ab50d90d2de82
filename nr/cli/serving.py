"""``nr serve``: its options. What it does is in nr/serve/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PORT = click.IntRange(0, 65535)
_FILE = click.Path(path_type=Path)


@click.command("serve")
@click.option("--url", metavar="URL", help="The store. Default: $NR_URL, or memory://.")
@click.option("--resp", type=_PORT, metavar="PORT", help="Answer clients of Redis at this port.")
@click.option("--http", type=_PORT, metavar="PORT", help="Answer HTTP; needs nr[serve].")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--password-file", type=_FILE, metavar="FILE", help="Its one line is the password for all."
)
@click.option("--acl", type=_FILE, metavar="FILE", help="Users, a line each: docs/serve.md.")
@click.option(
    "--tls-cert", "certificate", type=_FILE, metavar="FILE", help="Speak TLS: the certificate."
)
@click.option("--tls-key", "key", type=_FILE, metavar="FILE", help="Its key.")
@click.option(
    "--grace",
    type=click.FloatRange(0, 1e6),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds that trainings have left after SIGTERM; then they are given back.",
)
@click.option(
    "--max-clients",
    "most_clients",
    type=click.IntRange(1, 1_000_000),
    default=10000,
    show_default=True,
    help="Clients of Redis at once.",
)
@click.option(
    "--allow-writes",
    "assistants_write",
    is_flag=True,
    help="Let assistants, at /mcp over HTTP, change networks, too.",
)
@click.option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    help="Pages of this origin may ask over HTTP, too; may be repeated.",
)
def serve(**options: Any) -> None:
    """Serve a store to clients of Redis and over HTTP, until SIGTERM or Ctrl-C.

    Without a password only this machine can reach it: another --host is refused.
    """
    from nr.serve.process import serve
    from nr.serve.settings import settings_of

    serve(settings_of(**options), lambda line: click.echo(line, err=True))
