"""docs/operations.md: the unit of systemd and the image's commands do what the page says."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_waiting import network, until

import nr
from nr.cli import main

PAGE = (Path(__file__).parents[1] / "docs/operations.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def instruction(name: str) -> str:
    """What stands behind it in the Dockerfile, whose lines may go on."""
    [found] = re.findall(rf"^{name} (.*)$", block("dockerfile").replace("\\\n", ""), re.MULTILINE)
    return str(found)


def test_the_table_has_the_options_of_the_worker() -> None:
    section = PAGE.partition("## nr worker")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(--[a-z]+)", section, re.MULTILINE)
    assert set(listed) == {option for one in main.commands["worker"].params for option in one.opts}


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if not verify:
        assert not os.environ.get("CI"), "systemd-analyze is needed"
        pytest.skip("needs systemd-analyze")
    unit = tmp_path / "nr-worker.service"
    unit.write_text(block("ini").replace("/opt/nr/bin/nr", sys.executable))
    done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def in_shell(code: str) -> int:
    return subprocess.run(["sh", "-c", code], timeout=60).returncode


@pytest.mark.skipif(sys.platform == "darwin", reason="its find knows no such time")
def test_the_commands_of_unit_and_image_run(tmp_path: Path) -> None:
    """Both train what waits, touch the file that tells their health, and end by SIGTERM."""
    url, health = f"sqlite:///{tmp_path}/nets.db", tmp_path / "health"
    [unit] = re.findall(r"^ExecStart=/opt/nr/bin/nr (.*)$", block("ini"), re.MULTILINE)
    image = " ".join(re.findall(r'"([^"]*)"', instruction("CMD"))).removeprefix("nr ")
    check = instruction("HEALTHCHECK .*? CMD").replace("/tmp/health", str(health))
    with nr.connect(url, trainings="queue") as db:
        net = network(db)
        for place, line in ("/run/nr-worker/health", unit), ("/tmp/health", image):
            assert place in line
            words = line.replace(place, str(health)).split()
            net.train(maxcycles=3, timeout=0, autostop=False)
            with subprocess.Popen(
                [sys.executable, "-m", "nr", *words],
                env={**os.environ, "NR_URL": url},
                stderr=subprocess.DEVNULL,
            ) as process:
                try:
                    until(lambda: not net.info().training and health.exists())
                    assert in_shell(check) == 0
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(60) == 0
                finally:
                    process.kill()
            assert in_shell(check) != 0
            health.touch()
            os.utime(health, (0, 0))
            assert in_shell(check) != 0
            health.unlink()
        assert net.info().trainings == 2
