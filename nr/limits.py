"""What this process may have: memory and processors, as machine, container and limits allow."""

import math
import os
import resource
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nr import engine
from nr.errors import ArgumentError, BackendError

_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def memory_of(given: int | None = None) -> int:
    """Bytes: those given, or else NR_MEMORY's, or else as many as there are; always above 0.

    Raises ArgumentError for other things given, BackendError for an NR_MEMORY
    that is no such number.
    """
    if given is not None:
        if not isinstance(given, int) or isinstance(given, bool):
            raise ArgumentError(f"memory is a whole number of bytes, not {given!r}")
        if not 0 < given < 1 << 64:
            raise ArgumentError(f"memory is a number of bytes above 0, not {given}")
        return given
    if text := os.environ.get("NR_MEMORY"):
        if not (found := engine.parse_bytes(text)):
            raise BackendError(
                f"NR_MEMORY is a number of bytes above 0, or one such as 512mb or 1GB, not {text!r}"
            )
        return found
    return min(_limits())


def processors() -> int:
    """How many this process may use (taskset, a container's set or quota), at least one."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *group_processors(_GROUPS, _MOUNT)]))


def _limits() -> Iterator[int]:
    yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield soft
    yield from _own_groups()


@cache
def _own_groups() -> tuple[int, ...]:
    """Read once: every store asks, and files of the system take longer than most commands."""
    return tuple(group_limits(_GROUPS, _MOUNT))


def group_limits(groups: Path, mount: Path) -> Iterator[int]:
    """The limits in bytes of a process' control groups, and of those around them."""
    for place, first in _places(groups, mount, "memory"):
        text = _text(place / ("memory.limit_in_bytes" if first else "memory.max"))
        if text.isdigit():  # and not "max"
            yield int(text)


def group_processors(groups: Path, mount: Path) -> Iterator[int]:
    """How many processors their quotas are: of time in each period, rounded up."""
    for place, first in _places(groups, mount, "cpu"):
        if first:
            words = [_text(place / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        else:
            words = _text(place / "cpu.max").split()
        if len(words) == 2 and all(word.isdigit() and int(word) for word in words):  # and not "max"
            quota, period = map(int, words)
            yield math.ceil(quota / period)


def _places(groups: Path, mount: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """The directories of a process' groups, and whether each is of version 1, not 2.

    Within a container the paths may be the machine's, and the group itself what is mounted.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = mount / controller if controllers else mount
        group = root / path.lstrip("/")
        for place in (group, *group.parents):
            yield place, bool(controllers)
            if place == root:
                break


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
