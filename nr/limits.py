"""What this process may have: memory and processors, as machine, container and limits allow."""

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
    """How many this process may use (taskset, a container's set), at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


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
    """The limits of a process' control groups, version 1 or 2, and of those around them.

    Within a container the paths may be the machine's, and the group itself what is mounted.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = mount / "memory" if controllers else mount
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = root / path.lstrip("/")
        for place in (group, *group.parents):
            try:
                text = (place / name).read_text().strip()
            except OSError:
                text = ""
            if text.isdigit():  # and not "max"
                yield int(text)
            if place == root:
                break
