"""Settings of the embedded server, sized to the machine it starts on.

Belongs here: every setting and its reason. Starting and stopping is `embedded`. What a
single statement needs beyond this, the statement's own transaction asks for
(`whole_market_statement` of the dbt project).

The national benchmark at 1 million sales took the same CPU with twice these buffers and
memory (50 s against 48 s of the sales branch, and 1.6 GB against 0.8 GB in all): more
would only be taken from dbt, Python and the file cache.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_GIB_MIB = 1024
#: Buffers and work memory are shares of this part of the machine, at most so much.
_SHARE = 8
_MOST_MIB = 2 * _GIB_MIB
_LEAST_MIB = 512

_FIXED = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    # Nothing replicates from the embedded server: COPY into a new table skips the log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    # Checkpoints every few minutes would write pages of half-built tables twice.
    "checkpoint_timeout": "15min",
    # Increments look up thousands of rows that nobody touched for weeks: the more pages
    # are asked for at once, the less they wait for the disk.
    "io_workers": "8",
    "effective_io_concurrency": "64",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class Machine:
    """What the server may count on: memory in MiB and processor cores."""

    memory_mib: int
    cores: int

    @classmethod
    def here(cls) -> Machine:
        """This machine, or the container it shows us."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        limit = _container_limit()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        return cls(min(memory, limit or memory) // _MIB, cores or os.cpu_count() or 1)


def server_settings(machine: Machine) -> dict[str, str]:
    """Command line settings of a server on `machine`."""
    budget = max(_LEAST_MIB, min(_MOST_MIB, machine.memory_mib // _SHARE))
    workers = str(max(1, min(4, machine.cores)))
    return _FIXED | {
        "shared_buffers": f"{budget // 4}MB",
        "effective_cache_size": f"{machine.memory_mib // 2}MB",
        "work_mem": f"{budget // 64}MB",
        "maintenance_work_mem": f"{budget // 8}MB",
        "max_parallel_workers": workers,
        # Beside the leader, who works too: on two cores two processes, not three.
        "max_parallel_workers_per_gather": str(max(1, machine.cores // 2)),
        "max_parallel_maintenance_workers": str(max(1, machine.cores // 2)),
    }


def _container_limit() -> int | None:
    """Memory limit of this process's cgroup (bytes); None where there is none."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = (Path("/sys/fs/cgroup") / name).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None
