"""``nr train``: a training that this process carries out, alone or with the other ranks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

import nr
from nr.calls import drive
from nr.calls.trainings import start
from nr.cli.ranks import lead, leading, under_mpirun
from nr.cli.worker import check_shared
from nr.contracts.capabilities import CarriesOut, needed
from nr.engine import parse
from nr.training import Training


def train_here(url: str | None, key: str, options: Sequence[str]) -> None:
    """Orders the training, carries it out and says what became of it."""
    argv = [b"NR.TRAIN", os.fsencode(key), *map(os.fsencode, options), b"QUEUE"]
    most = parse(argv).maxcycles
    with leading(under_mpirun()) as leader, nr.connect(url, trainings="here") as db:
        check_shared(db)
        lead(db, leader)
        training = Training(db.backend, drive(db.backend, start(db.backend, argv, most)))
        needed(db.backend, CarriesOut, "").trainings.take(argv[1])
        try:
            training.wait(progress=sys.stderr.isatty())
        except KeyboardInterrupt:
            training.stop()
            training.wait()
            raise
        info = training.result()
        click.echo(f"{key}: {info.last_training}, {info.cycles:,} cycles in all")
