"""How each source stands: when it was last pulled well, what it gave, what is open.

Belongs here: `ops.source_runs`, and one view over runs, ledger, quarantine, breakers
and quotas. What a source promises (how old it may get) comes with the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

RunStatus = Literal["ok", "stale", "parked", "failed"]
BreakerState = Literal["closed", "half_open", "open"]


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source as of now.

    `last_success` is the end of the last pull that got everything on offer, else the
    time of the last file loaded; None: never. Ages and limits are hours; a limit of
    None means that the source does not go stale. `breaker` is the worst over the
    source's hosts, `breaker_reason` why. `rows` are those in raw, `open_rejects` those
    that wait, `parked_until` when its quota comes back.
    """

    source: str
    last_status: RunStatus | None
    last_run: datetime | None
    last_success: datetime | None
    age_hours: float | None
    stale_hours: float | None
    breaker: BreakerState
    breaker_reason: str
    breaker_until: datetime | None
    parked_until: datetime | None
    rows: int
    open_rejects: int
    detail: dict[str, Any]

    @property
    def is_stale(self) -> bool:
        """Whether it is older than its limit allows; what was never pulled is not."""
        if self.age_hours is None or self.stale_hours is None:
            return False
        return self.age_hours > self.stale_hours


def record_source_run(
    conn: psycopg.Connection,
    source: str,
    status: RunStatus,
    *,
    started_at: datetime,
    finished_at: datetime | None = None,
    dataset: str = "",
    rows: int = 0,
    rejects: int = 0,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Remember how a pull ended. Commits, unless the caller's transaction is open.

    `rows` and `rejects` are those of this pull; `finished_at` is now if not given.
    `detail` is JSON for people: calls made, files not fetched, why it is stale.
    """
    with conn.transaction():
        conn.execute(
            "insert into ops.source_runs (source, dataset, started_at, finished_at, "
            "status, rows, rejects, detail) "
            "values (%s, %s, %s, coalesce(%s, clock_timestamp()), %s, %s, %s, %s)",
            [
                source,
                dataset,
                started_at,
                finished_at,
                status,
                rows,
                rejects,
                Jsonb(dict(detail or {})),
            ],
        )


def source_health(
    conn: psycopg.Connection, stale_hours: Mapping[str, float | None]
) -> list[SourceHealth]:
    """Health of these sources, in their order, and of others that left traces.

    `stale_hours` maps each source to how old its last good snapshot may be.
    """
    rows = conn.execute(_HEALTH, {"sources": list(stale_hours)}).fetchall()
    found = {row[0]: row for row in rows}
    order = [*stale_hours, *sorted(set(found) - set(stale_hours))]
    return [_health(found[name], stale_hours.get(name)) for name in order]


def _health(row: tuple[Any, ...], limit: float | None) -> SourceHealth:
    (source, status, last_run, success, age, breaker, reason, until, parked) = row[:9]
    rows, rejects, detail = row[9:]
    return SourceHealth(
        source=source,
        last_status=status,
        last_run=last_run,
        last_success=success,
        age_hours=None if age is None else float(age),
        stale_hours=limit,
        breaker=breaker or "closed",
        breaker_reason=reason or "",
        breaker_until=until,
        parked_until=parked,
        rows=int(rows or 0),
        open_rejects=int(rejects or 0),
        detail=detail or {},
    )


#: A breaker whose time is up lets the next call find out: half open in all but name.
_HEALTH = """
with newest as (
    select distinct on (source) source, status, finished_at, detail
    from ops.source_runs
    order by source, finished_at desc, source_run_id desc
),
succeeded as (
    select source, max(finished_at) as at
    from ops.source_runs where status = 'ok' group by source
),
landed as (
    select
        source,
        max(loaded_at) filter (where status = 'loaded') as at,
        sum(rows_loaded) filter (where pruned_at is null) as rows
    from ops.source_files group by source
),
waiting as (
    select source, count(*) as rejects
    from raw.rejects where resolved_at is null group by source
),
hosts as (
    select source, state, reason, until,
        array_position(array['open', 'half_open', 'closed'], state) as rank
    from (
        select
            unnest(sources) as source,
            case when state = 'open' and until <= now() then 'half_open'
                else state end as state,
            reason,
            until
        from ops.breakers
    ) breakers
),
worst as (
    select distinct on (source) source, state, reason, until
    from hosts order by source, rank, until desc nulls last
),
parked as (
    select source, parked_until as until
    from ops.source_quota where parked_until > now()
),
named as (
    select unnest(%(sources)s::text[]) as source
    union
    select source from newest
    union
    select source from landed
)
select
    named.source,
    newest.status,
    newest.finished_at,
    coalesce(succeeded.at, landed.at) as last_success,
    extract(epoch from now() - coalesce(succeeded.at, landed.at)) / 3600 as age_hours,
    worst.state,
    worst.reason,
    worst.until,
    parked.until,
    landed.rows,
    waiting.rejects,
    newest.detail
from named
left join newest using (source)
left join succeeded using (source)
left join landed using (source)
left join waiting using (source)
left join worst using (source)
left join parked using (source)
order by named.source
"""
