"""Loading the code location against the floor: importing Dagster and dagster-dbt.

Each in a fresh process, in turns, median of the rounds. Every run, sensor tick of a
new code server and step process pays this; the promise is under 5 s of CPU.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from assets.manifest import build_manifest
from benchmarks.processes import scratch_home
from benchmarks.report import Figure
from settings import Settings

ROUNDS = 3
LIMIT_CPU_SECONDS = 5.0

_FLOOR = "import dagster, dagster_dbt"
_OURS = (
    "from orchestration.location import build_definitions;"
    "build_definitions().get_repository_def()"
)
_MEASURED = """
import json, resource, time
began = time.perf_counter()
{work}
wall = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024]))
"""


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """CPU and wall seconds, ours and the floor's, and CPU against the limit."""
    found: dict[str, list[list[float]]] = {_FLOOR: [], _OURS: []}
    with scratch_home():
        build_manifest(Settings())
        for _ in range(rounds):
            for work, samples in found.items():
                samples.append(_fresh(work))
    floor, ours = (
        [median(column) for column in zip(*found[work], strict=True)]
        for work in (_FLOOR, _OURS)
    )
    memory = {"peak memory": f"{ours[2]:.0f} MiB", "floor's": f"{floor[2]:.0f} MiB"}
    name = "import dagster, dagster_dbt"
    return [
        Figure("CPU", ours[0], "s", floor[0], name, memory),
        Figure("wall", ours[1], "s", floor[1], name),
        Figure("CPU", ours[0], "s", LIMIT_CPU_SECONDS, "limit"),
    ]


def _fresh(work: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _MEASURED.format(work=work)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found
