"""Memory of process trees while a block runs, by proportional set size. Linux only.

A page that several processes share (PostgreSQL's buffers) counts once: each of them is
charged its part. CPU and single processes are `processes`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

INTERVAL_SECONDS = 1.0


class Watch:
    """Samples the trees below some processes until told to stop."""

    def __init__(self, roots: Callable[[], list[int]]) -> None:
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_mib = 0.0
        self._highest = 0.0

    def highest_mib(self) -> float:
        """Highest sum since this was last asked."""
        self._sample()
        found, self._highest = self._highest, 0.0
        return found

    def _sample(self) -> None:
        total = sum(pss_kib(pid) for pid in tree(self._roots())) / 1024
        self.peak_mib = max(self.peak_mib, total)
        self._highest = max(self._highest, total)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            self._sample()

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> None:
        """End it; the peak stays known."""
        self._stop.set()
        self._thread.join()


@contextmanager
def watching(roots: Callable[[], list[int]]) -> Iterator[Watch]:
    """A `Watch` of the trees below `roots` while the block runs."""
    watch = Watch(roots)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def pss_kib(pid: int) -> int:
    """Proportional set size of a process; 0 when it is gone or not ours to see."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def tree(roots: list[int]) -> set[int]:
    """Process ids of `roots` and of all that descend from them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    todo = [pid for pid in roots if pid]
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo += children.get(pid, [])
    return found
