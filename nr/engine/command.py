"""The grammar of the NR.* commands, as the core has it: lines, arguments, commands."""

from collections.abc import Callable, Sequence
from ctypes import Array, byref, c_char_p, string_at
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any

import msgpack  # type: ignore[import-untyped]

from nr.engine import binding

_OF_SERIES = 6  # NR_FORM_SERIES


@dataclass(frozen=True)
class Option:
    """What there is to tell of an option of a command."""

    word: str
    value: str
    """As the syntax has it, ``n|AUTO``; empty where its word alone turns it on."""
    type: str
    """``switch``, ``count``, ``real`` or ``choice``."""
    fixed: bool
    """Whether it is for NR.CREATE alone."""
    automatic: bool
    """Whether AUTO, which is None in Python, is one of its values."""
    preset: str
    summary: str
    words: tuple[str, ...]
    """What it may be, of a choice; of a count what it may be besides a number."""


@dataclass(frozen=True)
class Spec:
    """What there is to tell of a command, for help, completion and dispatchers."""

    name: str
    syntax: str
    summary: str
    words: tuple[str, ...]
    """For completion."""
    options: tuple[Option, ...]
    scope: str
    """What of a network it wants: ``header``, ``weights``, ``snapshot``, something of the
    ``store``, or ``nothing``."""
    reply: str
    """What its reply is made of, as in the core's commands.h: ``integers``, ``texts`` ..."""
    changes: bool
    """Whether it may change the network that it names."""
    arguments: tuple[int, int]
    """How many at least and at most, its name counted; -1 is any number."""
    flags: tuple[str, ...]
    """``write`` or ``readonly``, ``fast``, ``blocking``, ``denyoom``, as Redis has them."""
    keys: tuple[int, int]
    """The first and the last argument that is a key, -1 is the last of all; 0: there is none."""


_COPIED = 1 << 16  # bytes that are copied in less time than ctypes makes pointers


@lru_cache
def _arrays(size: int) -> tuple[type[Array[c_char_p]], Callable[..., bytes]]:
    """What makes pointers, and what makes lengths (bytes are faster than an array of ctypes)."""
    return c_char_p * size, Struct(f"{size}N").pack


class Command:
    """A parsed command. It keeps the arguments it points into alive.

    Raises CommandError for whatever can be refused without the network.
    """

    def __init__(self, argv: Sequence[bytes]) -> None:
        self.argv = argv
        self.c = binding.CCommand()
        self._release = binding.held.nr_command_release  # at exit, globals go first
        size, sizes = len(argv), [*map(len, argv)]
        pointers, lengths = _arrays(size)
        self._sizes = lengths(*sizes)
        if sum(sizes) < _COPIED:
            self._joined, self._pointers = b"\0".join(argv), pointers()
            binding.held.nr_command_parse_joined(
                self.c, size, self._joined, self._pointers, self._sizes, binding.ErrorText()
            )
        else:
            self._pointers = pointers(*argv)
            binding.held.nr_command_parse(
                self.c, size, self._pointers, self._sizes, binding.ErrorText()
            )

    def __del__(self) -> None:
        if hasattr(self, "_pointers"):
            self._release(self.c)

    @property
    def spec(self) -> Spec:
        return specs()[int(self.c.verb)]

    @property
    def key(self) -> bytes:
        """The (first) key; empty where the command has none."""
        return self.argv[self.c.key] if self.c.key else b""

    @property
    def keys(self) -> list[bytes]:
        """NR.DEL's keys."""
        return list(self.argv[self.c.key : self.c.key + self.c.nkeys])

    @property
    def changes(self) -> bool:
        """Whether it changes the network it names."""
        return bool(binding.held.nr_changes(self.c))

    @property
    def blob(self) -> bytes:
        """NR.RESTORE's blob."""
        return string_at(self.c.blob, self.c.bloblen) if self.c.blob else b""

    @property
    def blob_size(self) -> int:
        """Bytes of the blob, FP32's or NR.RESTORE's."""
        return int(self.c.bloblen)

    @property
    def dataset(self) -> int:
        """TRAIN 0, TEST 1, neither 2."""
        return int(self.c.dataset)

    @property
    def of_series(self) -> bool:
        """Whether it is an NR.RUN that goes on from a series that was observed."""
        return int(self.c.form) == _OF_SERIES

    @property
    def rounded(self) -> int:
        """Numbers of an NR.OBSERVE from 2^24 on that 32-bit floats do not hold exactly."""
        return int(self.c.rounded)

    @property
    def number(self) -> int:
        """NR.GETDATA's row, NR.WAIT's milliseconds."""
        return int(self.c.number)

    @property
    def until(self) -> int:
        """Where NR.GETDATA's range ends, the row behind its last one; 0: it names one row."""
        return int(self.c.until)

    def rows(self, length: int) -> range:
        """The rows of its range that a dataset of so many has."""
        return range(self.number, max(self.number, min(self.until, length)))

    def check_range(self, size: int) -> None:
        """Raises CommandError where the range's samples are more bytes than one reply takes."""
        binding.held.nr_range_check(self.c, size, binding.ErrorText())

    @property
    def maxcycles(self) -> int:
        """NR.TRAIN: cycles; 0 is no limit."""
        return int(self.c.maxcycles)

    @property
    def maxtime(self) -> int:
        """NR.TRAIN: milliseconds; 0 is no limit."""
        return int(self.c.maxtime)

    @property
    def autostop(self) -> bool:
        """NR.TRAIN: whether AUTOSTOP was given."""
        return bool(self.c.autostop)

    @property
    def backtrack(self) -> bool:
        """NR.TRAIN: whether BACKTRACK was given."""
        return bool(self.c.backtrack)

    @property
    def queue(self) -> bool:
        """NR.TRAIN: whether it is left to workers."""
        return bool(self.c.queue)

    @property
    def replace(self) -> bool:
        """NR.RESTORE: whether REPLACE was given."""
        return bool(self.c.replace)

    @property
    def pattern(self) -> bytes | None:
        """NR.LIST's pattern."""
        return self.argv[self.c.pattern] if self.c.pattern else None


def unpack(data: bytes) -> Any:
    """What the core has packed; text that is no UTF-8 has surrogate escapes."""
    return msgpack.unpackb(data, unicode_errors="surrogateescape")


def split(line: bytes) -> list[bytes]:
    """The words of a line, quoted as for redis-cli. Raises CommandError."""
    args = binding.Args()
    try:
        binding.held.nr_split(line, len(line), byref(args), binding.ErrorText())
        return [string_at(args.argv[i], args.len[i]) for i in range(args.argc)]
    finally:
        binding.held.nr_buf_free(args.memory)


@lru_cache
def specs() -> tuple[Spec, ...]:
    """All commands, numbered as in the core."""
    return tuple(map(_spec, unpack(binding.collect(binding.held.nr_specs_pack))))


def _spec(row: list[Any]) -> Spec:
    name, syntax, summary, words, options, scope, reply, changes, counts, flags, keys = row
    known = tuple(map(_option, options))
    told = tuple(counts), tuple(flags), tuple(keys)
    return Spec(name, syntax, summary, tuple(words), known, scope, reply, changes, *told)


def _option(row: list[Any]) -> Option:
    word, value, type, fixed, automatic, preset, summary, words = row
    return Option(word, value, type, fixed, automatic, preset, summary, tuple(words))
