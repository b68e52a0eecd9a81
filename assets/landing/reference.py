"""Landing reference sets: files, folders, addresses or fsspec locations, by release.

Belongs here: where the files come from, and the order load, settle, prune. Recognising
files is `connectors.reference`, the flip between releases `database.releases`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import psycopg

from assets.landing.common import IngestSummary, Progress, summarise
from assets.landing.degradation import degrade
from assets.landing.read_ahead import ReadAhead
from connectors.locations import is_remote, land
from connectors.reference.catalogue import DATASETS
from connectors.reference.meter import Meter
from connectors.reference.model import Dataset
from connectors.reference.releases import Release, find_releases
from connectors.resilience import POLICIES, SourceClient
from database.raw_loading import known_containers, load_container
from database.release_storage import add_partition, prune
from database.releases import Candidate, Rules, Settled, settle
from database.source_health import RunStatus, record_source_run
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

    While the server is away the current releases stay; the summary has `staleness`.

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
        on_progress: called with (bytes read, bytes to read), also from another thread.
        client: HTTP client; one with the policy `reference` is made if none is given.

    Raises:
        PermanentError: no such set, or nothing to read there.
        SourceDown, Parked: the server is away and there is no current release.
        psycopg.Error: the database failed; finished releases stay.
    """
    started, began = time.perf_counter(), datetime.now(UTC)
    what = dataset_named(dataset)
    meter = Meter(on_progress)
    policy = client.policy if client is not None else POLICIES["reference"]
    releases = degrade(
        conn,
        what.name,
        partial(_find, what, str(location), landing, release_date, client, meter),
        limit_hours=policy.stale_hours,
    )
    if isinstance(releases, IngestSummary):
        return ReferenceSummary(
            source=what.name, seconds=releases.seconds, staleness=releases.staleness
        )
    rules = Rules(max_reject_share, what.max_shrink, accept)
    reports, settled = _load(conn, what, releases, rules, is_simulated, meter)
    pruned = prune(
        conn, what.name, what.table, keep=what.keep, is_partitioned=what.is_partitioned
    )
    totals = summarise(what.name, reports, [], started)
    record_source_run(
        conn,
        what.name,
        _status(settled),
        started_at=began,
        rows=totals.loaded,
        rejects=totals.rejected,
        detail={
            **(client.metrics.as_metadata() if client else {}),
            "refused": [one.reason for one in settled if one.status == "refused"],
        },
    )
    conn.commit()
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


def dataset_named(name: str) -> Dataset:
    """The reference set of this name. Raises PermanentError if there is none."""
    if name not in DATASETS:
        known = ", ".join(DATASETS)
        raise PermanentError(
            f"There is no reference set {name!r}. The sets are: {known}."
        )
    return DATASETS[name]


def _load(
    conn: psycopg.Connection,
    what: Dataset,
    releases: list[Release],
    rules: Rules,
    is_simulated: bool,
    meter: Meter,
) -> tuple[list[FileReport], list[Settled]]:
    """Load, or recognise, and settle release by release, oldest first."""
    known = known_containers(conn, what.name)
    new = [release for release in releases if release.sha256 not in known]
    meter.start(sum(release.size_bytes for release in new))
    for release in new:
        if what.is_partitioned and any(read.bound for read in release.reads):
            add_partition(conn, what.table, release.release_id)
    reports: list[FileReport] = []
    settled: list[Settled] = []
    target = reference_table(what)
    with ReadAhead(enumerate(releases), known) as ahead:
        for number, container in ahead:
            reports += load_container(
                conn, container, target, is_simulated=is_simulated
            )
            settled.append(settle(conn, _candidate(releases[number]), rules))
    return reports, settled


def _status(settled: list[Settled]) -> RunStatus:
    """`failed` when what is on offer, and not older than what stands, was refused."""
    refused = (one for one in settled if one.status == "refused")
    newer = any(one.previous is None or one.day >= one.previous for one in refused)
    return "failed" if newer else "ok"


def settle_again(conn: psycopg.Connection, max_reject_share: float) -> list[Settled]:
    """Judge releases anew whose counts a retry of rejects has changed."""
    rows = conn.execute(_RECOUNTED, [list(DATASETS)]).fetchall()
    conn.commit()
    return [
        settle(
            conn,
            Candidate(*row),
            Rules(max_reject_share, DATASETS[row[1]].max_shrink),
        )
        for row in rows
    ]


_RECOUNTED = """
select r.release_id, r.dataset, r.part, r.release_date, r.dated_by, r.sha256, r.file
from ops.reference_releases r
join ops.source_files f on f.batch_id = r.batch_id
where r.dataset = any(%s) and r.pruned_at is null
group by r.release_id
having (r.rows, r.rejects) is distinct from (sum(f.rows_loaded), sum(f.rows_rejected))
order by r.release_date
"""


def read_again(dataset: str, path: Path) -> list[Release]:
    """The releases at a path once more, for a retry of their rejects."""
    return find_releases(dataset_named(dataset), [path])


def reference_tables() -> dict[str, TargetTable]:
    """Target of every set by its table, for a retry of rejects."""
    return {one.table: reference_table(one) for one in DATASETS.values()}


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
    meter: Meter,
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
            paths.append(Path(place).expanduser().absolute())
    return find_releases(
        dataset, paths, release_date=release_date, modified=modified, meter=meter
    )


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
