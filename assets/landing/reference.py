"""Landing reference sets: files, folders, addresses or fsspec locations, by release.

Belongs here: where the files come from, and the order load, settle, prune. Recognising
files is `connectors.reference`, the flip between releases `database.releases`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path

import psycopg

from assets.landing.common import IngestSummary, Progress, summarise
from assets.landing.read_ahead import ReadAhead
from connectors.locations import is_remote, land
from connectors.reference.catalogue import DATASETS
from connectors.reference.model import Dataset
from connectors.reference.releases import Release, find_releases
from connectors.resilience import POLICIES, SourceClient
from database.raw_loading import known_containers, load_container
from database.releases import (
    Candidate,
    Rules,
    Settled,
    add_partition,
    prune,
    settle,
)
from domain.errors import PermanentError
from domain.records import FileReport, TargetTable


@dataclass(frozen=True, slots=True)
class ReferenceSummary(IngestSummary):
    """What a landing did, and what became of each release it saw, oldest first.

    `pruned` counts older releases whose rows were removed.
    """

    releases: tuple[Settled, ...] = ()
    pruned: int = 0

    @property
    def refused_releases(self) -> list[Settled]:
        """Releases that did not replace the current one for their faults."""
        return [one for one in self.releases if one.status == "refused"]


def reference_table(dataset: Dataset) -> TargetTable:
    """Where a dataset's rows go."""
    return TargetTable(dataset.name, dataset.table, dataset.row_columns)


def ingest_reference(
    conn: psycopg.Connection,
    dataset: str,
    location: str | Path,
    *,
    landing: Path,
    is_simulated: bool,
    release_date: date | None = None,
    max_reject_share: float = 0.02,
    accept: bool = False,
    on_progress: Progress | None = None,
    client: SourceClient | None = None,
) -> ReferenceSummary:
    """Land the releases of one set; readers see a new one whole or not at all.

    Args:
        conn: an open transaction on it is committed first; each release then commits by
            itself, its rows and its becoming current.
        dataset: name of the set (`localities`, `gnaf`, ...).
        location: file, folder, address or fsspec location; several with `;` between.
        landing: folder for fetched files; created if missing.
        is_simulated: label of every row.
        release_date: overrides the date the files state.
        max_reject_share: a release with a larger share of refused records is refused.
        accept: make a release current that has too many rejects or too few rows.
        on_progress: called with (releases done, releases in all).
        client: HTTP client; one with the policy `reference` is made if none is given.

    Raises:
        PermanentError: no such set, or nothing to read there.
        SourceDown, Parked: the server is away; what is current stays current.
        psycopg.Error: the database failed; finished releases stay.
    """
    started = time.perf_counter()
    what = DATASETS.get(dataset)
    if what is None:
        raise PermanentError(
            f"There is no reference set {dataset!r}. The sets are: "
            f"{', '.join(DATASETS)}."
        )
    releases = _find(what, str(location), landing, release_date, client)
    for release in releases:
        if what.is_partitioned and any(read.bound for read in release.reads):
            add_partition(conn, what.table, release.release_id)
    rules = Rules(max_reject_share, what.max_shrink, accept)
    reports: list[FileReport] = []
    settled: list[Settled] = []
    numbered = enumerate(releases)
    with ReadAhead(numbered, known_containers(conn, what.name)) as ahead:
        for number, container in ahead:
            target = reference_table(what)
            reports += load_container(
                conn, container, target, is_simulated=is_simulated
            )
            settled.append(settle(conn, _candidate(releases[number]), rules))
            if on_progress is not None:
                on_progress(number + 1, len(releases))
    pruned = prune(
        conn, what.name, what.table, keep=what.keep, is_partitioned=what.is_partitioned
    )
    totals = summarise(what.name, reports, [], started)
    return ReferenceSummary(
        source=totals.source,
        read=totals.read,
        loaded=totals.loaded,
        repeated=totals.repeated,
        rejected=totals.rejected,
        files=totals.files,
        seconds=totals.seconds,
        releases=tuple(settled),
        pruned=len(pruned),
    )


def _candidate(release: Release) -> Candidate:
    return Candidate(
        release.release_id,
        release.source,
        release.part,
        release.day,
        release.day_from,
        release.sha256,
        release.name,
    )


def _find(
    dataset: Dataset,
    location: str,
    landing: Path,
    release_date: date | None,
    client: SourceClient | None,
) -> list[Release]:
    """Releases at every place a location names, oldest first."""
    paths: list[Path] = []
    modified: date | None = None
    for place in filter(None, (part.strip() for part in location.split(";"))):
        if place.lower().startswith(("http://", "https://")):
            client = client or SourceClient(POLICIES["reference"])
            fetched = client.download(place, landing)
            paths.append(fetched.path)
            modified = _http_day(fetched.last_modified) or modified
        elif is_remote(place):
            paths += land(place, landing, _patterns(dataset.endings))
        else:
            paths.append(Path(place).expanduser())
    return find_releases(dataset, paths, release_date=release_date, modified=modified)


def _patterns(endings: Sequence[str]) -> list[str]:
    plain = [f"*{ending}" for ending in endings]
    return [*plain, *(f"{name}.gz" for name in plain), "*.zip"]


def _http_day(stamp: str | None) -> date | None:
    """The day of a Last-Modified header."""
    if stamp is None:
        return None
    try:
        return parsedate_to_datetime(stamp).date()
    except ValueError:
        return None
