"""What trainings may take of the memory: how much there is, and who says so."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import nr
from nr.limits import group_limits, group_processors, memory_of


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def big(db: nr.Database) -> nr.Network:
    """One that takes 5.5 million bytes to train."""
    net = db.create("big", "regressor", [500, 400, 1], seed=1, members=1)
    net.observe([1.0] * 500, 1)
    return net


def test_the_limits_of_groups_are_found(tmp_path: Path) -> None:
    groups = put(tmp_path / "cgroup", "0::/a/b\n")
    put(tmp_path / "fs/a/b/memory.max", "max\n")
    put(tmp_path / "fs/a/memory.max", "5000\n")
    put(tmp_path / "memory.max", "1\n")  # not one of them
    assert list(group_limits(groups, tmp_path / "fs")) == [5000]


def test_the_limits_of_groups_of_version_1_are_found(tmp_path: Path) -> None:
    lines = "5:cpu,cpuacct:/a\n4:hugetlb,memory:/docker/x\n1:name=systemd:/y\n0::/z\n"
    groups = put(tmp_path / "cgroup", lines)
    put(tmp_path / "fs/memory/memory.limit_in_bytes", "7000\n")  # the container's own
    put(tmp_path / "fs/cpu/a/memory.limit_in_bytes", "1\n")
    assert list(group_limits(groups, tmp_path / "fs")) == [7000]


def test_the_processors_of_groups_are_found(tmp_path: Path) -> None:
    groups = put(tmp_path / "cgroup", "0::/a/b\n")
    put(tmp_path / "fs/a/b/cpu.max", "150000 100000\n")
    put(tmp_path / "fs/a/cpu.max", "max 100000\n")
    put(tmp_path / "fs/cpu.max", "20000 100000\n")
    assert list(group_processors(groups, tmp_path / "fs")) == [2, 1]


def test_the_processors_of_groups_of_version_1_are_found(tmp_path: Path) -> None:
    groups = put(tmp_path / "cgroup", "5:cpu,cpuacct:/a\n4:cpuset:/a\n")
    for place, quota in ("a", 300_000), ("", -1):
        put(tmp_path / "fs/cpu" / place / "cpu.cfs_quota_us", f"{quota}\n")
        put(tmp_path / "fs/cpu" / place / "cpu.cfs_period_us", "100000\n")
    assert list(group_processors(groups, tmp_path / "fs")) == [3]


def test_a_machine_without_groups_has_none(tmp_path: Path) -> None:
    assert list(group_limits(tmp_path / "cgroup", tmp_path)) == []
    assert list(group_processors(tmp_path / "cgroup", tmp_path)) == []


def test_the_limit_of_the_process_counts() -> None:
    code = (
        "import resource; from nr.limits import memory_of; "
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 40, resource.RLIM_INFINITY)); "
        "before = memory_of(); half = before // 2; import os; "
        "resource.setrlimit(resource.RLIMIT_AS, (half, resource.RLIM_INFINITY)); "
        "assert memory_of() == half, (before, half)"
    )
    env = {name: value for name, value in os.environ.items() if name != "NR_MEMORY"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=env)


def test_there_is_no_more_than_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NR_MEMORY", raising=False)
    assert 0 < memory_of() <= os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()


@pytest.mark.parametrize("wrong", [0, -1, 1 << 64])
def test_no_such_number_of_bytes(wrong: int) -> None:
    with pytest.raises(ValueError, match="memory is a number of bytes above 0"):
        nr.connect("memory://", memory=wrong)


@pytest.mark.parametrize("wrong", ["1", 1.5, True])
def test_memory_is_a_whole_number(wrong: object) -> None:
    with pytest.raises(TypeError, match="memory is a whole number of bytes"):
        nr.connect("memory://", memory=wrong)


@pytest.mark.parametrize(
    "wrong", ["0", "8Gi", "-1", "1" * 30, "17179869184gb", "mb", "1 mb", "\xb2"]
)
def test_the_environment_must_be_one_too(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_MEMORY", wrong)
    with pytest.raises(nr.BackendError, match="NR_MEMORY is a number of bytes above 0"):
        nr.connect("memory://")


def test_the_environment_says_how_much_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_MEMORY", "10000000")
    with nr.connect("sqlite://") as db, pytest.raises(nr.CommandError, match="memory of 10000000:"):
        big(db).train(maxcycles=1, autostop=False).wait()
    with nr.connect("sqlite://", memory=20_000_000) as db:
        big(db).train(maxcycles=1, autostop=False).wait()


def test_the_module_takes_none() -> None:
    with pytest.raises(nr.BackendError, match="trains in the server: it takes no memory"):
        nr.connect("redis+module://localhost:1/0", memory=1)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MB", 512 << 20), ("1gb", 1 << 30), ("2g", 2 * 10**9), ("3kB", 3 << 10), ("4M", 4 * 10**6),
     ("5k", 5000), ("6b", 6), ("7", 7)],
)  # fmt: skip
def test_the_environment_has_units(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_MEMORY", text)
    assert memory_of() == size


def test_groups_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NR_MEMORY", raising=False)
    memory_of()
    monkeypatch.setattr("nr.limits.group_limits", lambda *_: pytest.fail("they are read again"))
    memory_of()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="for Linux")
def test_workers_are_as_many_as_the_process_may_use() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from nr.limits import processors; assert processors() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
