"""``nr train`` and ``nr worker``: what carries trainings out in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

_URL = click.option("--url", metavar="URL", help="The store. Default: $NR_URL.")


@click.command("train", context_settings={"ignore_unknown_options": True})
@_URL
@click.argument("key")
@click.argument("options", nargs=-1)
def train(url: str | None, key: str, options: Sequence[str]) -> None:
    """Train KEY here, and wait for it; OPTIONS are those of NR.TRAIN.

    All ranks of an mpirun share it: mpirun -n 4 nr train KEY --url URL. Ctrl-C stops it.
    """
    from nr.cli.training import train_here

    train_here(url, key, options)


def _grace(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    if not value >= 0:
        raise click.BadParameter("0 or more seconds are needed.")
    return min(value, 1e6)


@click.command("worker")
@_URL
@click.option("--match", metavar="PATTERN", help="Only networks whose keys are like this: 'app:*'.")
@click.option(
    "--threads", type=click.IntRange(1), help="Trainings at once. Default: processors less one."
)
@click.option("--once", is_flag=True, help="Carry out what waits, and end.")
@click.option(
    "--grace",
    type=float,
    default=30.0,
    show_default=True,
    callback=_grace,
    metavar="S",
    help="Seconds that trainings have left after SIGTERM; then they are given back.",
)
@click.option(
    "--log",
    "log_form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form of the lines.",
)
@click.option("--health", metavar="FILE", help="Is touched after each look at the store.")
@click.option("--metrics", metavar="[HOST:]PORT", help="Answers GET /metrics, for Prometheus.")
@click.option("--ranks", is_flag=True, help="All ranks of an mpirun share each training.")
def worker(**options: Any) -> None:
    """Carry out the trainings that wait in a store, until SIGTERM or Ctrl-C.

    They wait there because they were queued (NR.TRAIN key QUEUE, or trainings="queue"), or since
    the process that carried them out was lost. As many workers as you like may share a store.
    """
    from nr.cli.worker import work

    work(**options)
