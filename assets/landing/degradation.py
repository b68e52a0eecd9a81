"""A source that is away: its last good snapshot stands, marked stale with its age.

Belongs here: turning "not now" into a summary that the graph can go on with. When a
snapshot is too old is for the blocking check to say (`assets.freshness`), so that what
depends on the source waits and recovers by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import psycopg

from assets.landing.common import IngestSummary, Staleness
from connectors.resilience import Parked, SourceDown
from database.raw_loading import end_transaction
from database.snapshots import last_good
from database.source_health import record_source_run

S = TypeVar("S")


def degrade(
    conn: psycopg.Connection,
    source: str,
    work: Callable[[], S],
    *,
    limit_hours: float | None,
    dataset: str = "",
) -> S | IngestSummary:
    """Run a landing; while its source is away, give the last good snapshot instead.

    The pull is then recorded as stale or parked (`ops.source_runs`); a landing that
    goes through is recorded by its caller, which knows its counts.

    Args:
        conn: what the landing works on; an open transaction is given up.
        source: its name in the ledger.
        work: the landing.
        limit_hours: how old the snapshot may get, for the summary's words.
        dataset: the part of the source that the landing pulls.

    Raises:
        SourceDown, Parked: there is no snapshot to go on with.
    """
    started = time.perf_counter()
    try:
        return work()
    except (SourceDown, Parked) as error:
        away = error
    conn.rollback()
    snapshot = last_good(conn, source, dataset or None)
    if snapshot is None:
        raise away
    seconds = time.perf_counter() - started
    stale = Staleness(
        "parked" if isinstance(away, Parked) else "stale",
        str(away),
        snapshot.taken_at,
        snapshot.age_hours,
        limit_hours,
        away.until,
    )
    end_transaction(conn)
    record_source_run(
        conn,
        source,
        stale.status,
        started_at=datetime.now(UTC) - timedelta(seconds=seconds),
        dataset=dataset,
        detail={
            "reason": stale.reason,
            "age_hours": round(stale.age_hours, 2),
            "until": away.until.isoformat() if away.until else None,
        },
    )
    return IngestSummary(source=source, seconds=seconds, staleness=stale)
