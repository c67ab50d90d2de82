"""What the ranks of an mpirun do: train one network of each kind, and write the dumps to a folder.

``python ranks_by_mpi.py FOLDER``. Without FOLDER's name of a test, so that pytest leaves it alone.
"""

import sys
from pathlib import Path

from shared_networks import GENERATORS, NETWORKS, TRAINING

import nr
from nr.contracts.capabilities import CarriesOut, needed
from nr.trainings import jobs
from nr.trainings.mpi import world
from nr.trainings.ranks import Leader, follow


def main(folder: Path) -> None:
    group = world()
    if group.rank:
        follow(group)
        return
    jobs.monotonic = lambda: 0.0  # type: ignore[attr-defined]
    for large in 0, 1 << 40:
        leader = Leader(group, long=0, large=large)
        for makes in NETWORKS:
            with nr.connect("memory://") as db:
                needed(db.backend, CarriesOut, "").trainings.makes = leader
                net = makes(db)
                net.train(**({"maxcycles": 8} if makes in GENERATORS else TRAINING)).wait()
                (folder / f"{makes.__name__}-{large}").write_bytes(net.dump())
    leader.end()


main(Path(sys.argv[1]))
