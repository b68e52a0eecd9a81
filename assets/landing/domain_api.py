"""Landing the Domain API: searches to their last listing, details, results, measures.

Belongs here: what is asked for in which run, and what becomes of it. How a search is
read is `domain_sweep`, single records `domain_records`. A source that is away or out of
quota ends a landing early and well: what is done is loaded, the rest waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psycopg

from assets.landing.common import Progress
from assets.landing.domain_sweep import DATASET, SweepRunner
from connectors.domain_api.api import DomainApi
from connectors.domain_api.layout import SOURCE
from connectors.domain_api.slicing import CEILING, DIMENSIONS, search_name
from connectors.resilience import Parked, SourceDown
from database.fetch_state import (
    Sweep,
    begin_sweep,
    finish_sweep,
    get_mark,
    last_full_sweep,
    only_one,
    open_sweep,
)
from database.raw_loading import end_transaction
from database.source_health import record_source_run
from domain.errors import UserError
from domain.records import FileCounts, FileReport

Json = dict[str, Any]
Clock = Callable[[], datetime]
Mode = Literal["auto", "full", "poll"]


def utc_now() -> datetime:
    """The clock landings go by."""
    return datetime.now(UTC)


@dataclass(slots=True)
class DomainSummary:
    """What a landing of the Domain API did. Counts are records, of every page read.

    read = loaded + repeated + rejected. `status` is ok, parked or stale (the source is
    down); `problem` then says why and until when. `missing` are results that the server
    counts and did not give. `http` are the client's call metrics.
    """

    dataset: str
    read: int = 0
    loaded: int = 0
    repeated: int = 0
    rejected: int = 0
    files: list[FileReport] = field(default_factory=list)
    slices: int = 0
    pages: int = 0
    sweeps: int = 0
    missing: int = 0
    absent: int = 0
    unchanged: int = 0
    status: Literal["ok", "parked", "stale", "busy"] = "ok"
    parked_until: datetime | None = None
    problem: str | None = None
    day_quota_left: int | None = None
    http: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    source: str = SOURCE

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do before the next poll."""
        return self.status == "ok"

    def add(self, reports: Iterable[FileReport]) -> None:
        """Count files that were loaded."""
        total = FileCounts()
        for report in reports:
            total += report.counts
            self.files.append(report)
        self.read += total.read
        self.loaded += total.loaded
        self.repeated += total.repeated
        self.rejected += total.rejected


class Landing:
    """One run of one dataset: times it, and turns an absent source into a status.

    Use as a context manager; `SourceDown` and `Parked` end the block and are told by
    the summary. How it ended is remembered in `ops.source_runs`.
    """

    def __init__(self, conn: psycopg.Connection, dataset: str, api: DomainApi) -> None:
        end_transaction(conn)
        self.summary = DomainSummary(dataset)
        self._conn = conn
        self._api = api
        self._started = time.perf_counter()
        self._started_at = utc_now()

    def __enter__(self) -> DomainSummary:
        return self.summary

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> bool:
        summary = self.summary
        summary.seconds = time.perf_counter() - self._started
        summary.day_quota_left = self._api.day_quota_left
        summary.http = self._api.client.metrics.as_metadata()
        if isinstance(error, Parked):
            summary.status, summary.parked_until = "parked", error.until
        elif isinstance(error, SourceDown):
            summary.status = "stale"
        elif error is not None:
            if isinstance(error, UserError):
                self._remember("failed", str(error))
            return False
        if error is not None:
            summary.problem = str(error)
        if summary.status != "busy":
            self._remember(summary.status, summary.problem)
        return error is not None

    def _remember(
        self, status: Literal["ok", "stale", "parked", "failed"], problem: str | None
    ) -> None:
        summary = self.summary
        self._conn.rollback()
        record_source_run(
            self._conn,
            SOURCE,
            status,
            started_at=self._started_at,
            dataset=summary.dataset,
            rows=summary.loaded,
            rejects=summary.rejected,
            detail={"reason": problem, "pages": summary.pages, **summary.http},
        )


def ingest_domain_listings(
    conn: psycopg.Connection,
    api: DomainApi,
    searches: Sequence[Json],
    *,
    landing: Path,
    is_simulated: bool,
    mode: Mode = "auto",
    overlap: timedelta = timedelta(minutes=60),
    full_every: timedelta | None = timedelta(days=7),
    page_size: int = 100,
    ceiling: int = CEILING,
    dimensions: Sequence[str] = DIMENSIONS,
    on_progress: Progress | None = None,
    clock: Clock = utc_now,
) -> DomainSummary:
    """Land what searches show: everything the first time, then what was updated since.

    A sweep that an earlier run left open is finished first, whatever the mode. A search
    that another process is reading is left to it.

    Args:
        conn: a connection outside any transaction; every page commits by itself.
        api: the API to ask.
        searches: request bodies in the words of the API, without paging and sort.
        landing: folder of the source's landed bodies (`.../landing/domain`).
        is_simulated: label of every row.
        mode: `auto` polls, and reads everything where there is no high-water mark or
            the last full sweep is older than `full_every`; `full` and `poll` insist.
        overlap: how far a poll reaches back behind the mark.
        full_every: how often everything is read, which is what notices listings that
            are gone; None: only once.
        page_size: results a page; 100 is the documented maximum.
        ceiling: results of one search that can be read.
        dimensions: how slices are split; see `connectors.domain_api.slicing`.
        on_progress: called with (results read, results in all) of the running search.
        clock: now, as an aware datetime.

    Raises:
        PermanentError: a search or the credentials are refused.
        psycopg.Error: the database failed; what was noted stays, a rerun goes on.
    """
    runner_of = partial(
        SweepRunner,
        conn,
        api,
        landing=landing,
        is_simulated=is_simulated,
        clock=clock,
        page_size=page_size,
        ceiling=ceiling,
        on_progress=on_progress,
    )
    due = partial(_sweeps, conn, mode, overlap, full_every, dimensions, clock)
    with Landing(conn, DATASET, api) as summary:
        for query in searches:
            name = search_name(query)
            with only_one(conn, f"{SOURCE}.{name}") as is_mine:
                for sweep in due(name, query) if is_mine else ():
                    _read(conn, runner_of(sweep), sweep, summary, clock)
            if not is_mine:
                summary.status = "busy"
                summary.problem = "Another run is reading this search."
    return summary


def _read(
    conn: psycopg.Connection,
    runner: SweepRunner,
    sweep: Sweep,
    summary: DomainSummary,
    clock: Clock,
) -> None:
    """Read a sweep to its end; what was done counts also if it does not get there."""
    try:
        runner.run()
        finish_sweep(conn, SOURCE, sweep, DATASET, clock())
        summary.sweeps += 1
    finally:
        summary.add(runner.reports)
        summary.pages += runner.pages
        summary.slices += len(runner.slices)
        summary.missing += runner.missing


def _sweeps(
    conn: psycopg.Connection,
    mode: Mode,
    overlap: timedelta,
    full_every: timedelta | None,
    dimensions: Sequence[str],
    clock: Clock,
    name: str,
    query: Json,
) -> Iterable[Sweep]:
    """The sweep that was left open, then the one that is due."""
    begun = open_sweep(conn, SOURCE, name)
    if begun is not None:
        yield begun
        if begun.kind == "full" or mode == "poll":
            return
    mark = get_mark(conn, SOURCE, DATASET, name)
    if (
        mode == "full"
        or mark is None
        or _full_is_due(conn, name, mode, full_every, clock)
    ):
        kind: Literal["full", "poll"] = "full"
        since = None
        body = query
    else:
        kind = "poll"
        since = datetime.fromisoformat(mark) - overlap
        body = {**query, "updatedSince": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    yield begin_sweep(
        conn,
        SOURCE,
        search=name,
        query=body,
        kind=kind,
        since=since,
        dimensions=dimensions,
        now=clock(),
    )


def _full_is_due(
    conn: psycopg.Connection,
    name: str,
    mode: Mode,
    full_every: timedelta | None,
    clock: Clock,
) -> bool:
    if mode == "poll" or full_every is None:
        return False
    last = last_full_sweep(conn, SOURCE, name)
    return last is None or clock() - last >= full_every
