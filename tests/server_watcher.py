"""Outlives a test run that is killed, and clears up after it: its servers and their directory.

python server_watcher.py DIRECTORY

Each line of its input is a process and the signal that ends it in order. The end of its input
is that of the test run; whoever clears up by itself kills this process instead.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE = 20  # seconds for a server to end in order


def main() -> None:
    directory = Path(sys.argv[1])
    servers = [[int(word) for word in line.split()] for line in sys.stdin]
    for pid, stop in servers:
        with suppress(ProcessLookupError):
            os.kill(pid, stop)
            end = time.monotonic() + _PATIENCE
            while time.monotonic() < end:
                os.kill(pid, 0)
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + _PATIENCE
    while directory.exists() and time.monotonic() < end:  # a program that sets up may still write
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
