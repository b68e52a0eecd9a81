"""The main job on the made-up market: wall and CPU by stage, and the second run.

`ausproperty run` twice in a home of its own. Wall seconds are those of its `--json`
summary. CPU is read from the run's processes and PostgreSQL's as each stage ends, so
it holds what a stage makes others do. A stage is held against the whole, the whole
against the promise (3 minutes), the second run against a third of the first.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import postmaster, scratch_home, tree_cpu_seconds
from benchmarks.report import Figure

LIMIT_SECONDS = 180.0
SECOND_RUN_SHARE = 1 / 3
# Shorter stages than this share of the run stand together.
SMALLEST_SHARE = 0.02
_STAGE = re.compile(r"^(?:ok  |FAIL|skip) (.+?) +([0-9.]+) s$")
# How the summary names all the short ones together.
_CHECKS = "checks"


@dataclass
class Run:
    """A finished run: wall and CPU seconds by stage, and of the whole."""

    wall: dict[str, float]
    total: float
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_total(self) -> float:
        """Seconds of all stages."""
        return sum(self.cpu.values())


def measure() -> list[Figure]:
    """Both runs' totals against their limits, and the first one's larger stages."""
    with scratch_home() as home:
        first, second = _run(home), _run(home)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory = f"{children.ru_maxrss / 1024:,.0f} MiB"
    third = SECOND_RUN_SHARE * first.total
    beside = {"CPU": f"{first.cpu_total:.1f} s", "largest process": memory}
    figures = [
        Figure("whole run", first.total, "s", LIMIT_SECONDS, "limit", beside),
        Figure(
            "second run, nothing new",
            second.total,
            "s",
            third,
            "limit: a third of the first",
            {"CPU": f"{second.cpu_total:.1f} s"},
        ),
    ]
    return [*figures, *stage_figures(first)]


def stage_figures(run: Run) -> list[Figure]:
    """Each stage against the whole, longest first; the short ones as one."""
    small = {n for n, s in run.wall.items() if s < SMALLEST_SHARE * run.total}
    stages = sorted(run.wall.keys() - small, key=lambda name: -run.wall[name])
    figures = [
        Figure(
            name,
            run.wall[name],
            "s",
            run.total,
            "whole run",
            {"CPU": f"{run.cpu.get(name, 0.0):.1f} s"},
        )
        for name in stages
    ]
    if small:
        cpu = sum(run.cpu.get(name, 0.0) for name in small)
        wall = sum(run.wall[name] for name in small)
        beside = {"CPU": f"{cpu:.1f} s", "stages": str(len(small))}
        figures.append(
            Figure("short stages", wall, "s", run.total, "whole run", beside)
        )
    return figures


def _run(home: Path) -> Run:
    summary = home / "summary.json"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "import cli; cli.main()"),
            *("run", f"--json={summary}"),
        ],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    cpu: dict[str, float] = {}
    before = tree_cpu_seconds(postmaster(home))
    printed = []
    for line in process.stdout:
        printed.append(line)
        if stage := _STAGE.match(line.rstrip()):
            now = tree_cpu_seconds(process.pid, postmaster(home))
            name = _CHECKS if stage[1].startswith("check ") else stage[1]
            cpu[name] = cpu.get(name, 0.0) + now - before
            before = now
    if process.wait() != 0:
        raise RuntimeError("the main job failed:\n" + "".join(printed[-40:]))
    seconds = json.loads(summary.read_text())["seconds"]
    total = seconds.pop("total")
    return Run(seconds, total, cpu)
