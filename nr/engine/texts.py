"""What all hosts say alike, as the core has it: keys as words, patterns, NR.THREADS' lines."""

import re
from ctypes import byref
from dataclasses import dataclass

from nr.engine.binding import CProgress, CTraining, collect, held


def key_word(key: bytes) -> str:
    r"""A key as one word: other bytes than plain ones as ``\xHH``."""
    return collect(held.nr_key_word, key, len(key)).decode("ascii")


def like(pattern: bytes, key: bytes) -> bool:
    r"""Whether a key is like a pattern, as KEYS has them: * ? [a] [^a] [a-z] and \ before any."""
    found: bool = held.nr_glob(pattern, len(pattern), key, len(key))
    return found


def beginning(pattern: bytes) -> tuple[bytes, bool]:
    """What every key that is like a pattern begins with, and whether that is the whole key."""
    found = _PLAIN.match(pattern)
    plain = found[0] if found else b""
    return re.sub(rb"(?s)\\(.)", rb"\1", plain), len(plain) == len(pattern)


_PLAIN = re.compile(rb"(?s)(?:[^*?\[\\]|\\.|\\$)*")


@dataclass(frozen=True)
class Line:
    """A training as NR.THREADS tells of it; ``worker`` is who carries it out, or empty."""

    nn_id: int
    key: bytes
    db: int
    maxtime: int
    maxcycles: int
    attempt: int
    worker: str
    running: bool

    def text(self, cycles: int, *errors: float) -> str:
        """With how far it is, which others may have told: a count is one of 64 bits here."""
        progress = CProgress(min(max(cycles, 0), (1 << 64) - 1), *errors)
        numbers = self.db, self.maxtime, self.maxcycles, self.attempt
        worker = self.worker.encode("utf-8", "surrogateescape")
        key = len(self.key)
        line = CTraining(self.nn_id, self.key, key, *numbers, progress, worker, self.running)
        return collect(held.nr_training_line, byref(line)).decode("utf-8", "surrogateescape")
