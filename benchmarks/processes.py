"""CPU and memory of processes, and scratch homes. CPU of trees needs Linux `/proc`."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME, _CUTIME, _CSTIME, _PARENT = 11, 12, 13, 14, 1


def peak_mib() -> str:
    """Peak resident memory of this process so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB"


def tree_cpu_seconds(*roots: int) -> float:
    """CPU of processes and all their descendants, those that ended included.

    An ended process counts with its parent, once that has waited for it.
    """
    fields = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:  # it ended while we looked
                continue
            fields[int(entry.name)] = text.rsplit(")", 1)[1].split()
    total, todo, seen = 0, [*roots], set[int]()
    children: dict[int, list[int]] = {}
    for pid, values in fields.items():
        children.setdefault(int(values[_PARENT]), []).append(pid)
    while todo:
        pid = todo.pop()
        if pid in seen or pid not in fields:
            continue
        seen.add(pid)
        own = fields[pid]
        total += sum(int(own[i]) for i in (_UTIME, _STIME, _CUTIME, _CSTIME))
        todo += children.get(pid, [])
    return total / _TICKS


def postmaster(home: Path) -> int:
    """Process id of the embedded server of a home; 0 when it is down."""
    try:
        text = (home / "postgres" / "data" / "postmaster.pid").read_text()
    except OSError:
        return 0
    return int(text.split("\n", 1)[0])


@contextmanager
def scratch_home() -> Iterator[Path]:
    """An empty AUSPROPERTY_HOME for this process and its children; its server stops."""
    from database.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server may run as another user
        kept = os.environ.get("AUSPROPERTY_HOME")
        os.environ["AUSPROPERTY_HOME"] = folder
        try:
            yield home
        finally:
            EmbeddedServer(home / "postgres").stop()
            os.environ.pop("AUSPROPERTY_HOME")
            if kept is not None:
                os.environ["AUSPROPERTY_HOME"] = kept
