"""A program that must not outlive us: dbt notices nothing when its caller is killed.

An orphaned `dbt build` would go on for as long as it takes, without the lock that its
caller held, and a rerun's build would meet it in the same tables.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Waits for the end of its standard input, which the kernel brings about however we end.
_WATCHER = """
import os, signal, sys
os.read(0, 1)
os.kill(int(sys.argv[1]), signal.SIGKILL)
"""


@contextmanager
def dies_with_us(pid: int) -> Iterator[None]:
    """While this lasts, our death kills the process `pid` at once."""
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WATCHER, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A Ctrl-C in the terminal is for us to pass on.
        start_new_session=True,
    )
    try:
        yield
    finally:
        # Before its input closes: the number may be somebody else's by then.
        watcher.kill()
        watcher.wait()
        if watcher.stdin is not None:
            watcher.stdin.close()
