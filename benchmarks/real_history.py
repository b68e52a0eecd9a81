"""Real NSW sales from the publisher's files to marts, within two minutes.

All sets of a folder (`BENCH_NSW_DATA`; unset, the shared data beside the checkout):
weekly ZIPs and the 13 districts' history, 648,041 records. Landing with all its checks,
then the nightly's stages (`national_build`), then where every row went. Without such a
folder it says so and measures nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import psycopg

from assets.landing.nsw_valuer import ingest_psi
from benchmarks.national_build import (
    Build,
    Database,
    Stage,
    build,
    measured_here,
    own_server,
    parse_project,
)
from benchmarks.report import Figure

LIMIT_SECONDS = 120.0
SHARED = Path(__file__).parents[2] / "shared" / "data"
_SETS = "nsw_psi_*"
_TOTALS = {
    "records": "select sum(rows_read) from ops.source_files",
    "raw rows": "select count(*) from raw.nsw_valuer__sales",
    "rejected": "select coalesce(sum(rows_rejected), 0) from ops.source_files",
    "repeated": "select coalesce(sum(rows_repeated), 0) from ops.source_files",
    "sales": "select count(*) from marts.sales",
    "market sales": "select count(*) from marts.sales where is_market_sale",
    "properties": "select count(*) from marts.properties",
    "versions": "select count(*) from marts.sale_versions",
}


def measure() -> list[Figure]:
    """Landing and building against two minutes, and the stages of it."""
    data = Path(os.environ.get("BENCH_NSW_DATA") or SHARED)
    sets = sorted(data.glob(_SETS)) if data.is_dir() else []
    if not sets:
        print(f"no folders {_SETS} in {data}: nothing to measure", file=sys.stderr)
        return []
    with (
        tempfile.TemporaryDirectory() as folder,
        own_server(Path(folder)) as database,
    ):
        parse_project(database)
        landing = measured_here(database, "landing", lambda: _land(database, sets))
        done = build(database)
        totals = _totals(database)
    return _figures(landing, done, totals)


def _land(database: Database, sets: list[Path]) -> dict[str, float]:
    with psycopg.connect(database.url, autocommit=True) as conn:
        for folder in sets:
            landing = database.folder / "landing"
            ingest_psi(conn, folder, landing=landing, is_simulated=False)
    return {}


def _totals(database: Database) -> dict[str, str]:
    """Where every row went. Versions of sales and raw rows must be as many.

    Raises:
        RuntimeError: they are not.
    """
    with psycopg.connect(database.url) as conn:
        found = {
            name: conn.execute(query).fetchone() for name, query in _TOTALS.items()
        }
    totals = {name: int(row[0]) for name, row in found.items() if row}
    if totals["versions"] != totals["raw rows"]:
        raise RuntimeError(f"raw rows and versions of sales differ: {totals}")
    return {name: f"{count:,}" for name, count in totals.items()}


def _figures(landing: Stage, done: Build, totals: dict[str, str]) -> list[Figure]:
    whole = landing.wall + done.wall
    beside = {
        "CPU": f"{landing.cpu + done.cpu:.0f} s",
        "memory": f"{max(landing.peak_mib, done.peak_mib):,.0f} MiB",
        "load before": f"{done.load:.1f}",
    }
    return [
        Figure("raw to marts", whole, "s", LIMIT_SECONDS, "limit", beside | totals),
        *(
            Figure(
                stage.name,
                stage.wall,
                "s",
                whole,
                "raw to marts",
                {"CPU": f"{stage.cpu:.1f} s", "memory": f"{stage.peak_mib:,.0f} MiB"},
            )
            for stage in (landing, *done.stages)
        ),
    ]
