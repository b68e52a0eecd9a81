"""Landing NSW PSI files: from a folder, a file, or the address of a listing."""

from __future__ import annotations

import time
from datetime import date
from itertools import chain
from pathlib import Path

import psycopg

from assets.landing.common import (
    FetchFailure,
    IngestSummary,
    Progress,
    load_all,
    summarise,
)
from connectors.nsw_valuer.containers import count_containers, find_containers
from connectors.nsw_valuer.fetch import fetch_files, is_url
from connectors.nsw_valuer.layout import ROW_COLUMNS, SOURCE
from connectors.resilience import POLICIES, SourceClient
from domain.records import TargetTable

PSI_TABLE = TargetTable(SOURCE, "raw.nsw_valuer__sales", ROW_COLUMNS)


def ingest_psi(
    conn: psycopg.Connection,
    location: str | Path,
    *,
    landing: Path,
    is_simulated: bool,
    weeks: tuple[date, date] | None = None,
    on_progress: Progress | None = None,
    client: SourceClient | None = None,
) -> IngestSummary:
    """Land NSW PSI files from a folder, a file, or the address of a listing or a file.

    Args:
        conn: an open transaction on it is committed first; each container then commits
            by itself.
        location: where the files are; addresses are fetched into `landing`.
        landing: folder for fetched files; created if missing.
        is_simulated: label of every row.
        weeks: first and last Monday wanted, inclusive; None for all files.
        on_progress: called with (outer files done, outer files in all).
        client: how the server is asked; by default with the source's own policy and
            what this process alone knows.

    Raises:
        SourceDown, Parked: the server is away; nothing was fetched.
        UserError: nothing to read, with what to do (`PermanentError` where trying again
            cannot help).
        psycopg.Error: the database failed; finished containers stay loaded.
    """
    started = time.perf_counter()
    failures: list[FetchFailure] = []
    if is_url(str(location)):
        asked = client or SourceClient(POLICIES[SOURCE])
        fetched = fetch_files(asked, str(location), landing, weeks)
        failures = [
            FetchFailure(item.url, item.problem or "")
            for item in fetched
            if item.path is None
        ]
        paths = [item.path for item in fetched if item.path is not None]
        total = len(paths)
        found = chain.from_iterable(
            ((number, container) for _, container in find_containers(path, weeks))
            for number, path in enumerate(paths, start=1)
        )
    else:
        folder = Path(location).expanduser()
        total = count_containers(folder, weeks)
        found = chain(find_containers(folder, weeks))
    reports = load_all(conn, found, PSI_TABLE, is_simulated, total, on_progress)
    return summarise(SOURCE, reports, failures, started)
