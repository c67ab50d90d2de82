"""Ranks that speak by MPI: the processes that one ``mpirun`` has started."""

from __future__ import annotations

import logging
import sys
from time import sleep
from typing import Any, NoReturn

from nr.errors import BackendError, ExtraError

_log = logging.getLogger("nr")
_MOST = 1 << 30  # bytes of one message: MPI counts them in 31 bits
_PAUSE = 0.01  # seconds between two looks whether rank 0 has told something


def world() -> Mpi:
    """All processes of this ``mpirun``. Raises ExtraError and BackendError."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # no package; or no MPI behind it
        raise ExtraError(
            f"Ranks need MPI ({error}): pip install 'nr[mpi]', and an MPI such as Open MPI"
        ) from error
    if MPI.Query_thread() < MPI.THREAD_SERIALIZED:
        raise BackendError("this MPI is for one thread only: ranks train in one of their own")
    return Mpi(MPI.COMM_WORLD)


class Mpi:
    """The ranks of a communicator."""

    def __init__(self, comm: Any) -> None:
        self._comm = comm
        self._parts: dict[int, Mpi] = {}
        self.rank, self.size = int(comm.Get_rank()), int(comm.Get_size())

    def tell(self, message: bytes) -> None:
        length = len(message).to_bytes(8, "little")
        for rank in range(1, self.size):
            self._comm.Send(length, rank)
            for part in _parts(message):
                self._comm.Send(part, rank)

    def hear(self) -> bytes:
        while not self._comm.Iprobe(0):  # to wait within MPI would take a processor
            sleep(_PAUSE)
        length = bytearray(8)
        self._comm.Recv(length, 0)
        message = bytearray(int.from_bytes(length, "little"))
        for part in _parts(message):
            self._comm.Recv(part, 0)
        return bytes(message)

    def gather(self, piece: bytes) -> list[bytes]:
        lengths = self._comm.allgather(len(piece))
        if sum(lengths) >= _MOST:
            return self._in_turn(piece, lengths)
        whole = bytearray(sum(lengths))
        self._comm.Allgatherv(piece, [whole, lengths])
        return _split(whole, lengths)

    def _in_turn(self, piece: bytes, lengths: list[int]) -> list[bytes]:
        """The same of what one message cannot hold."""
        found = []
        for rank, length in enumerate(lengths):
            data = bytearray(piece) if rank == self.rank else bytearray(length)
            for part in _parts(data):
                self._comm.Bcast(part, rank)
            found.append(bytes(data))
        return found

    def exchange(self, pieces: list[bytes]) -> list[bytes]:
        lengths = self._comm.alltoall([len(piece) for piece in pieces])
        came = [bytearray(length) for length in lengths]
        came[self.rank][:] = pieces[self.rank]
        for step in range(1, self.size):
            to, source = (self.rank + step) % self.size, (self.rank - step) % self.size
            sent = [self._comm.Isend(part, to) for part in _parts(pieces[to])]
            for part in _parts(came[source]):
                self._comm.Recv(part, source)
            for request in sent:
                request.Wait()
        return [bytes(piece) for piece in came]

    def part(self, parts: int) -> Mpi:
        if parts not in self._parts:  # a communicator lasts as long as the process
            self._parts[parts] = Mpi(self._comm.Split(self.rank % parts, self.rank))
        return self._parts[parts]

    def abort(self, why: str) -> NoReturn:
        _log.error("all ranks end: %s", why)
        sys.stderr.flush()
        self._comm.Abort(1)
        raise SystemExit(1)


def _parts(data: bytes | bytearray) -> list[memoryview]:
    """In messages."""
    return [memoryview(data)[at : at + _MOST] for at in range(0, len(data), _MOST)]


def _split(whole: bytearray, lengths: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for length in lengths:
        pieces.append(bytes(whole[at : at + length]))
        at += length
    return pieces
