"""Landing files of sales through a column mapping."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import psycopg

from assets.landing.common import IngestSummary, Progress, load_all, summarise
from connectors.csv_mapping import (
    CSV_COLUMNS,
    PATTERNS,
    containers_of,
    find_csv_containers,
)
from connectors.csv_mapping.mapping import load_mapping
from connectors.locations import is_remote, is_web, land
from connectors.resilience import POLICIES, SourceClient
from domain.records import TargetTable

CSV_TABLE = TargetTable("csv", "raw.csv__sales", CSV_COLUMNS)


def ingest_csv(
    conn: psycopg.Connection,
    location: str | Path,
    mapping: str | Path,
    *,
    landing: Path,
    is_simulated: bool,
    on_progress: Progress | None = None,
    client: SourceClient | None = None,
    today: date | None = None,
) -> IngestSummary:
    """Land files of sales through a mapping: CSV, Parquet, spreadsheets, ZIPs of them.

    `location` is a file, a folder, an address, or anything fsspec opens (`s3://`...).
    `mapping` names a shipped mapping or is the path of a YAML file. Sale dates after
    `today` (default: the clock's) are refused. Other arguments and errors as
    `ingest_psi`.
    """
    started = time.perf_counter()
    rules = load_mapping(mapping)
    last_day = today or date.today()  # noqa: DTZ011 - a sale's date has no zone either
    if is_web(location):
        from connectors.csv_mapping.fetch import fetch_csv

        asked = client or SourceClient(POLICIES["csv"])
        path = fetch_csv(asked, str(location), landing)
        containers = find_csv_containers(path, rules, last_day)
    elif is_remote(location):
        landed = land(location, landing, PATTERNS)
        containers = containers_of(landed, rules, last_day)
    else:
        path = Path(location).expanduser().absolute()
        containers = find_csv_containers(path, rules, last_day)
    reports = load_all(
        conn,
        enumerate(containers, start=1),
        CSV_TABLE,
        is_simulated,
        len(containers),
        on_progress,
    )
    return summarise("csv", reports, [], started)
