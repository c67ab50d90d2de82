"""The ranks of an ``mpirun`` in commands: rank 0 carries them out, all others follow it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

import nr
from nr.contracts.capabilities import CarriesOut, needed

if TYPE_CHECKING:
    from nr.trainings.ranks import Leader

_STARTED_BY = "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_NAMESPACE"  # Open MPI, MPICH, others


def under_mpirun() -> bool:
    """Whether an ``mpirun`` or the like has started this process."""
    return any(name in os.environ for name in _STARTED_BY)


@contextmanager
def leading(ranks: bool) -> Iterator[Leader | None]:
    """Rank 0's part; the others follow it within, and then their command is over.

    None where there are to be no ranks. Raises ExtraError and BackendError.
    """
    if not ranks:
        yield None
        return
    from nr.trainings.mpi import world
    from nr.trainings.ranks import Leader, follow

    group = world()
    if group.rank:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # rank 0 tells them when to end
        follow(group)
        raise click.exceptions.Exit(0)
    leader = Leader(group)
    try:
        yield leader
    finally:
        leader.end()


def lead(db: nr.Database, leader: Leader | None) -> None:
    """Has the trainings that this process carries out shared, where there are ranks."""
    if leader:
        needed(
            db.backend, CarriesOut, "this store carries trainings out itself"
        ).trainings.makes = leader
