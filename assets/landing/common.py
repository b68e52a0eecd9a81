"""What every landing shares: load containers one by one, and say what became of them.

Belongs here: the loop around the loader, progress, and the summary. How a source is
found and fetched is its own module's part beside this one. No Dagster here: assets and
the command line both call these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import psycopg

from assets.landing.read_ahead import ReadAhead
from database.raw_loading import known_containers, load_container
from domain.records import Container, FileCounts, FileReport, TargetTable

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """A file of a listing that could not be fetched; a rerun tries it again.

    `is_outage`: the server was away; else it refuses this one file.
    """

    url: str
    problem: str
    is_outage: bool = False


@dataclass(frozen=True, slots=True)
class Staleness:
    """A source was away, so that what raw holds of it stands.

    `taken_at` and `age_hours` are those of the last good pull, `limit_hours` how old it
    may get (None: any age), `until` when the source is asked again, where known.
    """

    status: Literal["stale", "parked"]
    reason: str
    taken_at: datetime
    age_hours: float
    limit_hours: float | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What a landing did. Counts are B records for PSI, rows for CSV.

    read = loaded + repeated + rejected, over every file visited: files known from an
    earlier run are counted as recorded then, with what they loaded as repeated.
    `partitions` maps a week's Monday (YYYY-MM-DD) to its read, loaded, repeated and
    rejected counts. `staleness` is set where the source was away and nothing was read.
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
    staleness: Staleness | None = None

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


def load_all(
    conn: psycopg.Connection,
    containers: Iterable[tuple[int, Container]],
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


def summarise(
    source: str,
    reports: Iterable[FileReport],
    failures: list[FetchFailure],
    started: float,
) -> IngestSummary:
    """Add up the reports of a landing that began at `started` (perf_counter)."""
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
