"""Landing NSW PSI files: from a folder, a file, a remote store or the publisher."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg

from assets.landing.common import (
    FetchFailure,
    IngestSummary,
    Progress,
    load_all,
    summarise,
)
from connectors.locations import is_remote, land
from connectors.nsw_valuer.containers import (
    PsiContainer,
    count_containers,
    find_containers,
)
from connectors.nsw_valuer.fetch import fetch_files
from connectors.nsw_valuer.layout import ROW_COLUMNS, SOURCE
from connectors.nsw_valuer.listing import is_url
from connectors.nsw_valuer.names import PATTERNS
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
    """Land NSW PSI files from wherever they are.

    A file whose bytes are known is not read again; one that changed under its name is:
    its new rows are added, and the ledger shows which files it supersedes.

    Args:
        conn: an open transaction on it is committed first; each container then commits
            by itself.
        location: a folder, a file, any place fsspec can open (`s3://...`), or the
            address of the listing page or of one file.
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
            FetchFailure(item.url, item.problem or "", item.is_outage)
            for item in fetched
            if item.path is None
        ]
        paths = [item.path for item in fetched if item.path is not None]
        total, found = len(paths), _containers_of(paths, weeks)
    else:
        folder = Path(location).expanduser().absolute()
        if is_remote(location):
            folder = land_remote(str(location), landing)
        total, found = count_containers(folder, weeks), find_containers(folder, weeks)
    reports = load_all(conn, found, PSI_TABLE, is_simulated, total, on_progress)
    return summarise(SOURCE, reports, failures, started)


def land_remote(location: str, landing: Path) -> Path:
    """Copy what is new or changed at a place fsspec can open; return where it is now.

    Raises:
        PermanentError: unknown protocol, missing package, nothing there.
        UserError: the store cannot be read now.
    """
    # A folder for each place: equal names in two of them are two files.
    digest = hashlib.sha256(location.encode()).hexdigest()
    folder = landing / f"remote-{digest[:12]}"
    land(location, folder, PATTERNS)
    return folder


def _containers_of(
    paths: list[Path], weeks: tuple[date, date] | None
) -> Iterator[tuple[int, PsiContainer]]:
    for number, path in enumerate(paths, start=1):
        for _, container in find_containers(path, weeks):
            yield number, container
