"""The core's Python face: bytes and arrays, and no ctypes outside binding.py.

A ``Net`` that several threads may see is for reading only; whoever changes one
holds a lock, or the only reference. Clones share memory and cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ctypes import byref, c_char_p, c_uint32, c_uint64
from functools import cached_property
from struct import Struct
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nr.engine import binding
from nr.engine.binding import FINDINGS, ErrorText, collect, free, held, make
from nr.engine.command import Command, Option, Spec, specs, split, unpack
from nr.engine.process import isa, module_path, parse_bytes, set_isa
from nr.engine.shapes import LONG, Outcome, Progress, Shape
from nr.engine.trainer import Trainer
from nr.errors import CommandError, EngineError

__all__ = [
    "FINDINGS",
    "LONG",
    "Command",
    "Net",
    "Option",
    "Outcome",
    "Progress",
    "Reply",
    "Shape",
    "Spec",
    "Trainer",
    "isa",
    "module_path",
    "parse",
    "parse_bytes",
    "set_isa",
    "specs",
    "split",
]

# Integers, text (simple strings), bytes (blobs and keys), doubles, arrays, nil.
Reply: TypeAlias = "int | str | bytes | float | list[Reply] | None"

# A call of more multiplications than this lets other threads run meanwhile.
_LONG_WORK = 1 << 16
_LONG_BYTES = 1 << 14
_LONG_SAMPLE = 1 << 10  # bytes: of a sequence, each step of them is run

_DOUBLE = np.dtype(np.float64)


def parse(argv: Sequence[bytes]) -> Command:
    """The command of these arguments, its name first. Raises CommandError."""
    return Command(argv)


class Net:
    """A network of the core's. Made by create, load, assemble and clone."""

    _handle = 0  # until it is made: an interrupt may come before
    checkpoint = b""
    """Of a snapshot: where a training of it stood, as a store has kept that beside its order."""

    def __init__(self, handle: int) -> None:
        self._free = held.nr_net_free  # at exit, globals go before objects
        self._handle = handle
        shape = self.shape
        self.inputs, self._outputs, self.params = shape.inputs, shape.outputs, shape.params
        self.row, self.step, self.window = shape.row, shape.step, shape.window
        self._pack = Struct(f"{shape.inputs}f").pack
        library = free if shape.params > _LONG_WORK else held
        self._run_one, self._classify_one = library.nr_net_run, library.nr_net_classify
        self._workspace: list[tuple[NDArray[np.float32], int, ErrorText]] = []
        self._asked: list[binding.Room] = []
        self._classed: list[binding.Room] = []
        self._ask = library.nr_net_ask

    def __del__(self) -> None:
        if self._handle:
            self._free(self._handle)

    # ---- making ----

    @classmethod
    def create(cls, command: Command, id: int, entropy: int) -> Net:
        """The network of an NR.CREATE. ``entropy`` seeds it where SEED does not."""
        return cls(make(held.nr_net_create, command.c, id, entropy))

    @classmethod
    def load(cls, blob: bytes, id: int) -> Net:
        """The network of a dump; CommandError for any other bytes. Id 0 keeps its own."""
        return cls(make(free.nr_net_load, blob, len(blob), id))

    @classmethod
    def assemble(
        cls,
        header: bytes,
        weights: bytes | None = None,
        history: bytes | None = None,
        train: bytes | None = None,
        test: bytes | None = None,
        kept: Iterable[bytes] | None = None,
        findings: Mapping[str, bytes] | None = None,
    ) -> Net:
        """A network from its parts; datasets that are left out have a length but no samples.

        ``kept`` are all other parts, as ``kept`` has them, and ``findings`` as ``findings``.
        """
        parts = binding.Parts(header=binding.bytes_of(header))
        parts.weights, parts.history = binding.bytes_of(weights), binding.bytes_of(history)
        parts.rows[0], parts.rows[1] = binding.bytes_of(train), binding.bytes_of(test)
        parts.kept = binding.bytes_of(None if kept is None else b"".join(kept))
        for number, name in enumerate(FINDINGS):
            parts.findings[number] = binding.bytes_of((findings or {}).get(name))
        return cls(make(free.nr_net_assemble, parts))

    def clone(self) -> Net:
        """The same network, sharing memory with this one until either changes."""
        return self._copied(held.nr_net_clone(self._handle))

    def unlearned(self, outcome: Outcome, why: str) -> Net:
        """What a training that comes to nothing leaves, in place of the trained network."""
        reason = why.encode("ascii", "backslashreplace").replace(b"\0", b"\\x00")
        return self._copied(held.nr_net_unlearned(self._handle, outcome, reason))

    def _copied(self, handle: int | None) -> Net:
        if handle is None:
            raise EngineError("ERR out of memory")
        copy = Net.__new__(Net)
        copy.__dict__ = {
            **self.__dict__,
            "_handle": handle,
            "_workspace": [],
            "_asked": [],
            "_classed": [],
        }
        copy.__dict__.pop("_names", None)  # a training may change them
        return copy

    @property
    def outcome(self) -> tuple[Outcome, str]:
        """What became of its last training, and why (empty: that is all there is to say)."""
        text = c_char_p()
        outcome = Outcome(held.nr_net_outcome(self._handle, text))
        return outcome, (text.value or b"").decode().partition(": ")[2]

    # ---- reading ----

    @property
    def shape(self) -> Shape:
        c = binding.CShape()
        held.nr_net_shape(self._handle, c)
        return Shape(
            c.id,
            c.revision,
            c.inputs,
            c.outputs,
            c.row,
            c.params,
            (c.len[0], c.len[1]),
            c.kind == 0,
            c.trainings,
            c.schema_revision,
            *(c.step, c.steps, c.window),
        )

    def coalesce(self, n: int) -> None:
        """So many of those got no order of their own: one stood, or several were due."""
        held.nr_net_coalesce(self._handle, n)

    def counts(self) -> binding.CCounts:
        """All of the header that observing changes, of a network without fields."""
        return binding.counts(self._handle)

    @property
    def memory(self) -> int:
        """Bytes, those shared with clones too."""
        size: int = held.nr_net_memory(self._handle)
        return size

    def header(self) -> bytes:
        """The header as a msgpack map."""
        return collect(held.nr_net_header, self._handle)

    def weights(self) -> bytes:
        """The weights as float32; empty where the network was never trained."""
        return collect(free.nr_net_weights, self._handle)

    def history(self) -> bytes:
        """The course of the last training."""
        return collect(held.nr_net_history, self._handle)

    def findings(self) -> dict[str, bytes]:
        """What the last training found out beside the weights, all of it; empty: not that."""
        return {
            name: collect(held.nr_net_finding, self._handle, number)
            for number, name in enumerate(FINDINGS)
        }

    def rows(self, dataset: int) -> bytes:
        """The samples of a dataset, TRAIN 0 or TEST 1: float32 rows, or records (records.py)."""
        return collect(free.nr_net_rows, self._handle, dataset)

    def kept(self) -> dict[str, bytes]:
        """The parts that are none of the others, for ``assemble``."""
        parts: dict[str, bytes] = unpack(collect(held.nr_net_kept, self._handle))
        return parts

    def samples(self, command: Command) -> bytes:
        """The samples of an NR.OBSERVE, checked against this network, as ``rows`` has them."""
        return collect(free.nr_net_samples, self._handle, command.c)

    def matching(self, command: Command) -> list[int]:
        """Where the samples of an NR.FORGET are: 2 * slot + dataset each, high slots first."""
        places = collect(free.nr_net_matching, self._handle, command.c)
        found: list[int] = np.frombuffer(places, np.uint64).tolist()
        return found

    def sample_reply(self, sample: bytes) -> Reply:
        """NR.GETDATA's reply, from the row or the record itself."""
        return self._reply(held.nr_net_sample_reply, binding.bytes_of(sample))

    def range_reply(self, samples: bytes) -> Reply:
        """That of a range, from its samples as ``rows`` has them."""
        return self._reply(free.nr_net_range_reply, binding.bytes_of(samples))

    def dump(self) -> bytes:
        """The whole network as one blob."""
        return collect(free.nr_net_dump, self._handle)

    def choose_training(self, command: Command) -> None:
        """Fills in what an NR.TRAIN without options leaves to the network."""
        held.nr_training_choose(self._handle, command.c)

    def check_training(
        self, command: Command, memory: int, ranks: int = 1, work: float = LONG
    ) -> None:
        """Raises CommandError where an NR.TRAIN cannot start; takes no samples to tell.

        That includes one that would take more than half of the ``memory``, bytes, of each rank.
        """
        key, err = command.key, ErrorText()
        held.nr_ranks_check(self._handle, command.c, key, len(key), memory, ranks, work, err)

    def training_bytes(self, ranks: int = 1, work: float = LONG) -> int:
        """How much memory a training takes beside the network itself, of each rank."""
        size: int = held.nr_ranks_bytes(self._handle, ranks, work)
        return size

    def dump_bare(self) -> bytes:
        """As ``dump``, of the network without its samples."""
        return self._copied(held.nr_net_bare(self._handle)).dump()

    # ---- running ----

    def run_row(self, row: Sequence[float]) -> NDArray[np.float64]:
        """The outputs for one row of Python numbers: the short way, for single rows.

        Raises struct.error for a wrong count or what is no number, OverflowError for
        what no float32 holds and CommandError for NaN; ``run`` has the better texts.
        """
        return self.run_packed(self._pack(*row))

    def run_packed(self, values: bytes) -> NDArray[np.float64]:
        """The outputs for one row, its float32 one after the other: as many as ``inputs``."""
        try:
            outputs, address, error = self._workspace.pop()
        except IndexError:
            outputs, error = np.empty(self._outputs, np.float32), ErrorText()
            address = outputs.ctypes.data
        status = self._run_one(self._handle, values, 1, address, error)
        if status:
            binding.raise_error(status, error)
        result = outputs.astype(_DOUBLE)
        self._workspace.append((outputs, address, error))
        return result

    def classify_packed(self, values: bytes) -> int:
        """The class id for one row, given as to ``run_packed``."""
        found, error = c_uint32(), ErrorText()
        status = self._classify_one(self._handle, values, 1, byref(found), error)
        if status:
            binding.raise_error(status, error)
        return found.value

    def pack(self, row: Sequence[float]) -> bytes:
        """One row of Python numbers as its float32. Raises as ``run_row``."""
        return self._pack(*row)

    def class_of(self, sample: bytes) -> str:
        """The class of one sample by name, a msgpack map: the short way, for single ones.

        Raises CommandError, whose text names no key: the command has the better ones.
        """
        try:
            room = self._classed.pop()
        except IndexError:
            room = binding.room(self._handle, self._names, outputs=0)
        question, reference, names, _ = room
        size = len(sample)
        ask = self._ask if size < _LONG_SAMPLE else free.nr_net_ask
        if status := ask(reference, sample, size):
            binding.raise_error(status, question.error)
        found: str = names[question.class_]
        self._classed.append(room)
        return found

    def outputs_of(self, sample: bytes) -> dict[str, float]:
        """Its outputs, or the probabilities of its classes, by name. Raises CommandError."""
        try:
            room = self._asked.pop()
        except IndexError:
            room = binding.room(self._handle, self._names, len(self._names))
        question, reference, names, outputs = room
        size = len(sample)
        ask = self._ask if size < _LONG_SAMPLE else free.nr_net_ask
        if status := ask(reference, sample, size):
            binding.raise_error(status, question.error)
        found = dict(zip(names, outputs))  # noqa: B905, equally many: strict takes time
        self._asked.append(room)
        return found

    @cached_property
    def _names(self) -> list[str]:
        """What a class or an output is called, of a trained network with fields."""
        names = unpack(collect(held.nr_net_names, self._handle))
        return [name.decode("utf-8", "surrogateescape") for name in names]

    def run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shape (n, inputs) in, (n, outputs) out."""
        outputs = np.empty((len(rows), self._outputs), np.float32)
        self._over(rows, outputs, "nr_net_run")
        return outputs

    def classify(self, rows: NDArray[np.float32]) -> NDArray[np.uint32]:
        """Shape (n, inputs) in, n class ids out."""
        classes = np.empty(len(rows), np.uint32)
        self._over(rows, classes, "nr_net_classify")
        return classes

    def _over(self, rows: NDArray[np.float32], results: NDArray[np.generic], function: str) -> None:
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise CommandError(
                f"ERR this network takes {self.inputs} inputs a row, not an array of "
                f"shape {rows.shape}"
            )
        rows = np.ascontiguousarray(rows, np.float32)
        library = free if len(rows) * self.params > _LONG_WORK else held
        error = ErrorText()
        status = getattr(library, function)(
            self._handle, rows.ctypes.data, len(rows), results.ctypes.data, error
        )
        if status:
            binding.raise_error(status, error)

    # ---- changing ----

    def execute(self, command: Command, training: bool = False) -> Reply:
        """Runs a command. ``training`` is what NR.INFO is to say. Raises CommandError."""
        long = command.blob_size > _LONG_BYTES or self.params > _LONG_WORK
        library = free if long or command.spec.scope == "snapshot" else held
        return self._reply(library.nr_net_execute, command.c, training)

    def _reply(self, function: Callable[..., object], *args: object) -> Reply:
        reply: Reply = unpack(collect(function, self._handle, *args))
        return reply

    def place(self, n: int, dataset: int) -> NDArray[np.int64]:
        """Where n samples go: 2 * slot + dataset each. The header changes accordingly."""
        places = (c_uint64 * n)()
        held.nr_net_place(self._handle, n, dataset, places, ErrorText())
        return np.frombuffer(bytes(places), np.int64)

    def count_rounded(self, command: Command) -> None:
        """Counts what float32s did not keep of a command's samples; ``place`` does not know."""
        held.nr_net_count_rounded(self._handle, command.c)

    def weigh(self, dataset: int, added: int, removed: int) -> None:
        """Counts the bytes of records that go into a dataset, and of those they replace.

        Raises CommandError where there is no room.
        """
        held.nr_net_weigh(self._handle, dataset, added, removed, ErrorText())

    def put(self, samples: bytes, dataset: int) -> Reply:
        """Keeps samples, as ``rows`` has them; how many there are then, as NR.OBSERVE says it."""
        free.nr_net_put(self._handle, binding.bytes_of(samples), dataset, ErrorText())
        return list(self.shape.lengths)

    def merge(self, trained: Net) -> bool:
        """Takes over what was trained; False, and nothing done, if not from this network."""
        status = held.nr_net_merge(self._handle, trained._handle, ErrorText())
        return bool(status == binding.OK)
