"""The store in memory of the npm package, as a backend: a process of node, a command a frame."""

import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers import MEMORY

from nr.engine import Reply
from nr.engine.command import unpack
from nr.errors import refusal

BRIDGE = Path(__file__).parents[1] / "js" / "test" / "bridge.mjs"


class Node:
    """A Backend. ``test/bridge.mjs`` says how it is spoken to."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def execute(self, *argv: bytes) -> Reply:
        self._in.write(struct.pack(f"<{1 + len(argv)}I", len(argv), *map(len, argv)))
        self._in.write(b"".join(argv))
        self._in.flush()
        head = self._out.read(8)
        assert len(head) == 8, "node has ended: its error is above"
        ok, size = struct.unpack("<2I", head)
        reply = self._out.read(size)
        if not ok:
            raise refusal(reply.decode())
        found: Reply = unpack(reply)
        return found

    def close(self) -> None:
        self._in.close()


EXACT, RELAXED = "nr.wasm", "nr-relaxed.wasm"
RELAXES = "--experimental-wasm-relaxed-simd"  # what later versions of node do by themselves


@contextmanager
def node(executable: str, trainings: str, build: str = EXACT) -> Iterator[Node]:
    """``trainings`` are carried out in ``workers``, or in ``slices`` of node's own thread."""
    flags = [RELAXES] if build == RELAXED else []
    argv = [executable, *flags, BRIDGE, trainings, str(MEMORY), build]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        backend = Node(process)
        try:
            yield backend
        finally:
            backend.close()
            process.wait(60)
