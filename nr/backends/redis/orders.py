"""Orders as words: what was asked for, and how far its worker is."""

from nr.contracts.store import Limits, worker
from nr.engine import Progress


def words(limits: Limits) -> str:
    """``0 10000 ab``: cycles, milliseconds, AUTOSTOP, BACKTRACK, a plain NR.TRAIN, queued."""
    flags = "a" * limits.autostop + "b" * limits.backtrack + "p" * limits.plain
    flags += "q" * limits.queued
    return f"{limits.maxcycles} {limits.maxtime} {flags or 'n'}"


def limits_of(words: bytes) -> Limits:
    maxcycles, maxtime, flags = words.split()
    given = (flag in flags for flag in (b"a", b"b", b"p", b"q"))
    return Limits(int(maxcycles), int(maxtime), *given)


DUE = {queued: words(Limits.due(queued)) for queued in (False, True)}


def told(p: Progress) -> str:
    return (
        f"owner={worker()} cycle={p.cycles} "
        f"trainerr={p.train_error!r} testerr={p.test_error!r} classerr={p.class_errors!r}"
    )


def heard(told: bytes | None) -> tuple[str, Progress]:
    """Who carries an order out, and how far it is."""
    text = (told or b"").decode("utf-8", "replace")
    words = dict(word.partition("=")[::2] for word in text.split())
    errors = (words.get(name) for name in ("cycle", "trainerr", "testerr", "classerr"))
    return words.get("owner", ""), Progress.heard(*errors)
