"""From raw to marts as the nightly does it, stage by stage, with a stop-watch.

Stages are the platform's own: identities, linkage, then each dbt branch as a real
`dbt build` with its data tests. Here: running and timing them on any database. Which
rows are in `raw` is the caller's affair.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from assets.dbt import BRANCHES, Branch
from assets.landing.identification import identify_addresses
from assets.manifest import DBT_PROJECT
from assets.warehouse import dbt_connection
from benchmarks.memory import watching
from benchmarks.processes import tree_cpu_seconds
from database.connections import connect, connection_parts
from database.embedded import EmbeddedServer
from database.migrate import migrate

ADDRESS_SOURCES = ("nsw_valuer", "csv")
#: Branches behind the marts: timed, but no part of "from raw to marts".
BEYOND_MARTS = ("dbt_features",)
_DBT = Path(sys.executable).with_name("dbt")


@dataclass(frozen=True)
class Stage:
    """What a stage took. `models` are seconds of dbt's nodes by name."""

    name: str
    wall: float
    cpu: float
    peak_mib: float
    models: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Build:
    """Stages of one build, and the load of the machine when it began."""

    stages: list[Stage]
    load: float

    @property
    def wall(self) -> float:
        """Seconds from raw to marts."""
        return sum(stage.wall for stage in self._counted)

    @property
    def cpu(self) -> float:
        """CPU seconds from raw to marts, PostgreSQL's included."""
        return sum(stage.cpu for stage in self._counted)

    @property
    def peak_mib(self) -> float:
        """Highest memory of all processes together."""
        return max(stage.peak_mib for stage in self._counted)

    @property
    def slowest(self) -> list[tuple[str, float]]:
        """Nodes of dbt of all stages by seconds, longest first."""
        found = [pair for stage in self.stages for pair in stage.models.items()]
        return sorted(found, key=lambda pair: -pair[1])

    @property
    def _counted(self) -> list[Stage]:
        return [stage for stage in self.stages if stage.name not in BEYOND_MARTS]


@dataclass(frozen=True)
class Database:
    """A database of a server of one's own, and a folder for what dbt writes."""

    url: str
    folder: Path
    server_pid: int = 0


@contextmanager
def own_server(folder: Path) -> Iterator[Database]:
    """A migrated database of a server in `folder`; the server stops at the end."""
    folder.chmod(0o755)  # the server may run as another user
    server = EmbeddedServer(folder / "postgres")
    try:
        url = server.ensure_database(server.ensure(), "bench")
        migrate(url)
        yield Database(url, folder, int(server.status()["pid"] or 0))
    finally:
        server.stop()
        shutil.rmtree(folder / "postgres", ignore_errors=True)


def parse_project(database: Database) -> None:
    """Parse the dbt project, as `make setup` does, so that a build finds it parsed."""
    _dbt(database, "parse")


def build(database: Database) -> Build:
    """Run every stage once. What was built before is built on, as every night."""
    load = os.getloadavg()[0]
    stages = [_measured(database, name, run) for name, run in _stages(database)]
    return Build(stages, load)


def _stages(database: Database) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
    yield "identity", lambda: _identify(database)
    for branch in BRANCHES:
        if not branch.waits or _has_landed(database, branch):
            yield branch.name, lambda branch=branch: _build_branch(database, branch)


def _measured(
    database: Database, name: str, run: Callable[[], dict[str, float]]
) -> Stage:
    roots = [os.getpid(), database.server_pid]
    with watching(lambda: roots) as watch:
        cpu, began = tree_cpu_seconds(*roots), time.perf_counter()
        models = run()
        wall = time.perf_counter() - began
        cpu = tree_cpu_seconds(*roots) - cpu
    return Stage(name, wall, cpu, watch.highest_mib(), models)


def _identify(database: Database) -> dict[str, float]:
    with connect(database.url) as conn:
        for source in ADDRESS_SOURCES:
            identify_addresses(conn, source)
    return {}


def _has_landed(database: Database, branch: Branch) -> bool:
    with psycopg.connect(database.url) as conn:
        row = conn.execute(
            "select exists(select from ops.source_files where source = any(%s))",
            [list(branch.sources)],
        ).fetchone()
    return bool(row and row[0])


def _build_branch(database: Database, branch: Branch) -> dict[str, float]:
    # As `assets.dbt` has it: unit tests judge the SQL, not the data.
    words = ["build", "--exclude-resource-type", "unit_test"]
    words += ["--select", *branch.select.split()]
    if branch.exclude:
        words += ["--exclude", *branch.exclude.split()]
    _dbt(database, *words)
    answer = json.loads((database.folder / "target" / "run_results.json").read_text())
    return {
        node["unique_id"].split(".")[2]: float(node["execution_time"])
        for node in answer["results"]
    }


def _dbt(database: Database, *words: str) -> None:
    done = subprocess.run(
        [
            *(str(_DBT), "--quiet", *words),
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(database.folder / "target")),
            *("--log-path", str(database.folder / "logs")),
        ],
        env={
            **os.environ,
            **dbt_connection(connection_parts(database.url)),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"dbt {words[0]} failed:\n{done.stdout[-4000:]}")
