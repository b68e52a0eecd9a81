"""From raw to marts as the nightly does it, stage by stage, with a stop-watch.

Stages are the platform's own: identities, linkage, then each dbt branch as a real
`dbt build` with its data tests, and the price index between two of them. Here: running
and timing them on any database. Which rows are in `raw` is the caller's affair.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg

from assets.builds import MARKET_BUILD, last_build, record_build
from assets.dbt_branches import (
    BRANCHES,
    Branch,
    build_fingerprint,
    drop_idle_notes,
    has_landed,
)
from assets.dbt_runner import load_early, run_dbt
from assets.landing.address_sources import SOURCES
from assets.landing.gnaf_keys import refresh_gnaf_keys
from assets.landing.identification import identify_addresses
from assets.manifest import build_manifest, read_manifest
from assets.price_index import refresh_price_index
from assets.resolution import resolve_homes
from benchmarks.memory import watching
from benchmarks.processes import tree_cpu_seconds
from database.connections import connect
from database.embedded import EmbeddedServer
from database.migrate import migrate
from settings import Settings

#: Branches behind the marts: timed, but no part of "from raw to marts".
BEYOND_MARTS = ("dbt_features",)


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

    @property
    def settings(self) -> Settings:
        """A home of its own, where the project is parsed once and found by builds."""
        return Settings(home=self.folder / "home", market="simulated")


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
    build_manifest(database.settings)


def build(database: Database, beyond_marts: bool = True) -> Build:
    """Run every stage once. What was built before is built on, as every night."""
    load = os.getloadavg()[0]
    stages = [
        measured_here(database, name, run)
        for name, run in _stages(database)
        if beyond_marts or name not in BEYOND_MARTS
    ]
    return Build(stages, load)


def measured_here(
    database: Database, name: str, run: Callable[[], dict[str, float]]
) -> Stage:
    """One stage run by this process, with the server's share of it."""
    roots = [os.getpid(), database.server_pid]
    with watching(lambda: roots) as watch:
        cpu, began = tree_cpu_seconds(*roots), time.perf_counter()
        models = run()
        wall = time.perf_counter() - began
        cpu = tree_cpu_seconds(*roots) - cpu
    return Stage(name, wall, cpu, watch.highest_mib(), models)


def _stages(database: Database) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
    yield "identity", partial(_identify, database)
    yield "linkage", partial(_link, database)
    for branch in BRANCHES:
        if branch.name == MARKET_BUILD:
            yield "price index", partial(_estimate_index, database)
        yield branch.name, partial(_build_branch, database, branch)


def _identify(database: Database) -> dict[str, float]:
    with connect(database.url) as conn:
        refresh_gnaf_keys(conn)
        added = [identify_addresses(conn, source) for source in SOURCES]
    # As the asset does.
    if any(added):
        load_early(database.settings, database.url)
    return {}


def _link(database: Database) -> dict[str, float]:
    with connect(database.url) as conn:
        resolve_homes(conn)
    return {}


def _estimate_index(database: Database) -> dict[str, float]:
    with connect(database.url) as conn:
        refresh_price_index(conn, run_id="benchmark")
    return {}


def _build_branch(database: Database, branch: Branch) -> dict[str, float]:
    """Build a branch unless it is built of these very inputs, as `assets.dbt` does."""
    with psycopg.connect(database.url, autocommit=True) as conn:
        if branch.waits and not has_landed(conn, branch):
            return {}
        fingerprint = build_fingerprint(conn, branch)
        if last_build(conn, branch.name, fingerprint) is not None:
            drop_idle_notes(conn, branch, read_manifest(database.settings))
            return {}
        seconds = _run_branch(database, branch)
        record_build(conn, branch.name, fingerprint, run_id="benchmark", summary={})
    return seconds


def _run_branch(database: Database, branch: Branch) -> dict[str, float]:
    # Unit tests judge the SQL, not the data.
    words = ["build", "--exclude-resource-type", "unit_test"]
    words += ["--select", *branch.select.split()]
    if branch.exclude:
        words += ["--exclude", *branch.exclude.split()]
    told = run_dbt(
        words,
        settings=database.settings,
        url=database.url,
        target=database.folder / "target",
    )
    return {
        result["data"]["node_info"]["node_name"]: float(
            result["data"].get("execution_time") or 0
        )
        for result in told
    }
