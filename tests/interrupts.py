"""Interrupts at a chosen point: as if a signal's handler raised there.

The interpreter runs the handler of a signal behind a call, wherever that is. Here each of
these points can have its turn. (A trace function sees the instruction behind the call; where
that is beyond the block that the call was in, a handler would not raise there.)
"""

import sys
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from dis import _parse_exception_table, opmap  # type: ignore[attr-defined]
from functools import cache
from types import CodeType, FrameType
from typing import Any

_CALLS = {code for name, code in opmap.items() if name.startswith(("CALL", "RESUME"))}


class Alarm(Exception):
    """What a handler raises."""


def points(call: Callable[[], object]) -> int:
    """At how many points a call can be interrupted."""
    return _traced(call, 0, Alarm)


def interrupt(call: Callable[[], object], at: int, error: type[BaseException] = Alarm) -> None:
    """Calls it, and raises at one of its points."""
    with suppress(error):
        _traced(call, at, error)


@cache
def _blocks(code: CodeType) -> tuple[list[int], list[tuple[int, int]]]:
    entries = sorted(_parse_exception_table(code), key=lambda entry: entry.start)
    return [entry.start for entry in entries], [(entry.end, entry.target) for entry in entries]


def _block(code: CodeType, at: Any) -> int | None:
    """Where an exception of an instruction is handled."""
    starts, blocks = _blocks(code)
    found = bisect_right(starts, at) - 1
    return blocks[found][1] if found >= 0 and at < blocks[found][0] else None


def _traced(call: Callable[[], object], at: int, error: type[BaseException]) -> int:
    count = 0
    last: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "return":
            last.pop(frame, None)
        elif event == "opcode":
            code, now = frame.f_code, frame.f_lasti
            before, last[frame] = last.get(frame), now
            called = before is not None and code.co_code[before] in _CALLS
            if called and _block(code, before) == _block(code, now):
                count += 1
                if count == at:
                    raise error
        return trace

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(earlier)
        last.clear()
    return count
