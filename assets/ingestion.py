"""Landing as plain functions: find, fetch, parse, load; then give addresses identities.

Belongs here: putting connectors and the database together, and the summary of it. No
Dagster here: assets and the command line both call these. Rules of formats live in
`connectors`, transactions in `database`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path

import psycopg
import requests

from assets.identification import identify_addresses
from assets.read_ahead import ReadAhead
from connectors.csv_mapping import CSV_COLUMNS, CsvContainer, find_csv_containers
from connectors.csv_mapping.mapping import load_mapping
from connectors.http import resilient_session
from connectors.nsw_valuer.containers import (
    PsiContainer,
    count_containers,
    find_containers,
)
from connectors.nsw_valuer.fetch import fetch_files, is_url
from connectors.nsw_valuer.layout import ROW_COLUMNS, SOURCE
from database.raw_loading import known_containers, load_container
from domain.records import FileCounts, FileReport, TargetTable

__all__ = [
    "FetchFailure",
    "IngestSummary",
    "identify_addresses",
    "ingest_csv",
    "ingest_psi",
]

Progress = Callable[[int, int], None]

PSI_TABLE = TargetTable(SOURCE, "raw.nsw_valuer__sales", ROW_COLUMNS)
CSV_TABLE = TargetTable("csv", "raw.csv__sales", CSV_COLUMNS)


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """A file of a listing that could not be fetched; a rerun tries it again."""

    url: str
    problem: str


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What a landing did. Counts are B records for PSI, rows for CSV.

    read = loaded + repeated + rejected, over every file visited: files known from an
    earlier run are counted as recorded then, with what they loaded as repeated.
    `partitions` maps a week's Monday (YYYY-MM-DD) to its read, loaded, repeated and
    rejected counts.
    """

    source: str
    read: int = 0
    loaded: int = 0
    repeated: int = 0
    rejected: int = 0
    files: tuple[FileReport, ...] = ()
    partitions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    not_fetched: tuple[FetchFailure, ...] = ()
    seconds: float = 0.0

    @property
    def file_count(self) -> int:
        """Files visited, those known from an earlier run included."""
        return len(self.files)

    @property
    def known_files(self) -> int:
        """Files recognised by their container's bytes and not read again."""
        return sum(report.status == "known" for report in self.files)

    @property
    def refused_files(self) -> list[FileReport]:
        """Files refused as a whole, now or when they were first seen."""
        return [report for report in self.files if report.status == "refused"]


def ingest_psi(
    conn: psycopg.Connection,
    location: str | Path,
    *,
    landing: Path,
    is_simulated: bool,
    weeks: tuple[date, date] | None = None,
    on_progress: Progress | None = None,
    session: requests.Session | None = None,
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
        session: HTTP session; one that retries is made if none is given.

    Raises:
        UserError: nothing to read, with what to do (`PermanentError` where trying again
            cannot help).
        psycopg.Error: the database failed; finished containers stay loaded.
    """
    started = time.perf_counter()
    failures: list[FetchFailure] = []
    if is_url(str(location)):
        fetched = fetch_files(
            session or resilient_session(), str(location), landing, weeks
        )
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
    reports = _load_all(conn, found, PSI_TABLE, is_simulated, total, on_progress)
    return _summary(SOURCE, reports, failures, started)


def ingest_csv(
    conn: psycopg.Connection,
    location: str | Path,
    mapping: str | Path,
    *,
    landing: Path,
    is_simulated: bool,
    on_progress: Progress | None = None,
    session: requests.Session | None = None,
    today: date | None = None,
) -> IngestSummary:
    """Land CSV files (plain, gzip, ZIP, a folder or an address) through a mapping.

    `mapping` names a shipped mapping or is the path of a YAML file. Sale dates after
    `today` (default: the clock's) are refused. Other arguments and errors as
    `ingest_psi`.
    """
    started = time.perf_counter()
    rules = load_mapping(mapping)
    path = Path(location).expanduser()
    if is_url(str(location)):
        from connectors.csv_mapping.fetch import fetch_csv

        path = fetch_csv(session or resilient_session(), str(location), landing)
    last_day = today or date.today()  # noqa: DTZ011 - a sale's date has no zone either
    containers = find_csv_containers(path, rules, last_day)
    reports = _load_all(
        conn,
        enumerate(containers, start=1),
        CSV_TABLE,
        is_simulated,
        len(containers),
        on_progress,
    )
    return _summary("csv", reports, [], started)


def _load_all(
    conn: psycopg.Connection,
    containers: Iterable[tuple[int, PsiContainer | CsvContainer]],
    target: TargetTable,
    is_simulated: bool,
    total: int,
    on_progress: Progress | None,
) -> Iterator[FileReport]:
    """Load container after container; yield what became of their files."""
    seen: set[str] = set()
    known = known_containers(conn, target.source)
    with ReadAhead(containers, known) as ahead:
        for number, container in ahead:
            # The same bytes twice in a run (a copy, a weekly ZIP inside the yearly one)
            # are one container, not repeats.
            if container.sha256 not in seen:
                seen.add(container.sha256)
                yield from load_container(
                    conn, container, target, is_simulated=is_simulated
                )
            if on_progress is not None:
                on_progress(number, total)


def _summary(
    source: str,
    reports: Iterable[FileReport],
    failures: list[FetchFailure],
    started: float,
) -> IngestSummary:
    files = tuple(reports)
    total = FileCounts()
    weeks: dict[str, FileCounts] = {}
    for report in files:
        total += report.counts
        if report.partition_key is not None:
            known = weeks.get(report.partition_key, FileCounts())
            weeks[report.partition_key] = known + report.counts
    return IngestSummary(
        source=source,
        read=total.read,
        loaded=total.loaded,
        repeated=total.repeated,
        rejected=total.rejected,
        files=files,
        partitions={week: _as_dict(counts) for week, counts in sorted(weeks.items())},
        not_fetched=tuple(failures),
        seconds=time.perf_counter() - started,
    )


def _as_dict(counts: FileCounts) -> dict[str, int]:
    return {
        "read": counts.read,
        "loaded": counts.loaded,
        "repeated": counts.repeated,
        "rejected": counts.rejected,
    }
