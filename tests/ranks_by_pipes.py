"""Ranks that speak through pipes: processes, as those of MPI are, and no MPI."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NoReturn

from nr.errors import BackendError
from nr.trainings.ranks import follow

PROCESSES = multiprocessing.get_context("forkserver")


class Pipes:
    """One rank; ``ends`` are the pipes to the others, by their rank in ``ranks``."""

    def __init__(self, number: int, ranks: list[int], ends: dict[int, Connection]) -> None:
        self._number, self._ranks, self._ends = number, ranks, ends
        self.rank, self.size = ranks.index(number), len(ranks)
        self.processes: list[BaseProcess] = []

    def tell(self, message: bytes) -> None:
        for other in self._others():
            other.send_bytes(message)

    def _others(self) -> list[Connection]:
        return [self._ends[rank] for rank in self._ranks if rank != self._number]

    def hear(self) -> bytes:
        return self._ends[self._ranks[0]].recv_bytes()

    def gather(self, piece: bytes) -> list[bytes]:
        return self.exchange([piece] * self.size)

    def exchange(self, pieces: list[bytes]) -> list[bytes]:
        """Pair by pair, in one order for all: so nobody waits for whom it keeps waiting."""
        came = {self._number: pieces[self.rank]}
        for low, high in ((a, b) for a in self._ranks for b in self._ranks if a < b):
            if self._number == low:
                self._ends[high].send_bytes(pieces[self._ranks.index(high)])
                came[high] = self._ends[high].recv_bytes()
            elif self._number == high:
                came[low] = self._ends[low].recv_bytes()
                self._ends[low].send_bytes(pieces[self._ranks.index(low)])
        return [came[rank] for rank in self._ranks]

    def part(self, parts: int) -> "Pipes":
        return Pipes(self._number, self._ranks[self.rank % parts :: parts], self._ends)

    def abort(self, why: str) -> NoReturn:
        if self._number:
            os._exit(1)
        for process in self.processes:
            process.kill()
        self._ranks = [0]  # there is nobody left to be told anything
        raise BackendError(f"all ranks have ended: {why}")


def _serve(number: int, size: int, ends: dict[int, Connection]) -> None:
    follow(Pipes(number, list(range(size)), ends))


@contextmanager
def ranks(size: int) -> Iterator[Pipes]:
    """This process as rank 0 of so many."""
    ends: list[dict[int, Connection]] = [{} for _ in range(size)]
    for low in range(size):
        for high in range(low + 1, size):
            ends[low][high], ends[high][low] = PROCESSES.Pipe()
    group = Pipes(0, list(range(size)), ends[0])
    PROCESSES.set_forkserver_preload(["nr.trainings.ranks"])
    for number in range(1, size):
        process = PROCESSES.Process(target=_serve, args=(number, size, ends[number]), daemon=True)
        process.start()
        group.processes.append(process)
        for end in ends[number].values():
            end.close()
    try:
        yield group
    finally:
        for process in group.processes:
            process.join(60)
        for end in ends[0].values():
            end.close()
