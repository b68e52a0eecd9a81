"""The last good snapshot of a source and its newest file, by the database's clock.

Belongs here: the questions freshness checks and degraded landings ask. The whole
health of a source is `source_health`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What raw holds of a source: the end of its last good pull, and its age.

    `last_status` and `last_reason` are those of the newest pull of all.
    """

    taken_at: datetime
    age_hours: float
    last_status: str | None = None
    last_reason: str = ""

    def is_past(self, limit_hours: float | None) -> bool:
        """Whether it is older than a limit; None is no limit."""
        return limit_hours is not None and self.age_hours > limit_hours


def last_good(
    conn: psycopg.Connection, source: str, dataset: str | None = None
) -> Snapshot | None:
    """The snapshot of a source, or of one of its datasets; None: nothing was pulled.

    A database loaded before pulls were recorded counts from its newest file.
    """
    row = conn.execute(_LAST_GOOD, {"source": source, "dataset": dataset}).fetchone()
    if row is None or row[0] is None:
        return None
    taken_at, age, status, reason = row
    return Snapshot(taken_at, max(float(age), 0.0), status, reason or "")


@dataclass(frozen=True, slots=True)
class NewestFile:
    """The file, or answer, that last brought rows nobody had sent before."""

    source_file: str
    loaded_at: datetime
    age_hours: float


def newest_file(conn: psycopg.Connection, source: str, table: str) -> NewestFile | None:
    """The newest file of a source with rows of its own in a table; None: none yet."""
    row = conn.execute(
        """
        select source_file, loaded_at,
               extract(epoch from clock_timestamp() - loaded_at) / 3600
        from ops.source_files
        where source = %s and table_name = %s and status = 'loaded'
            and rows_loaded > 0 and discarded_at is null
        order by loaded_at desc, source_file limit 1
        """,
        [source, table],
    ).fetchone()
    return None if row is None else NewestFile(row[0], row[1], max(float(row[2]), 0.0))


_LAST_GOOD = """
with runs as (
    select status, finished_at, detail, source_run_id
    from ops.source_runs
    where source = %(source)s
        and (%(dataset)s::text is null or dataset = %(dataset)s)
),
taken as (
    select coalesce(
        (select max(finished_at) from runs where status = 'ok'),
        (select max(loaded_at) from ops.source_files
         where source = %(source)s and status = 'loaded' and %(dataset)s::text is null)
    ) as at
),
newest as (
    select status, detail ->> 'reason' as reason
    from runs order by finished_at desc, source_run_id desc limit 1
)
select
    taken.at,
    extract(epoch from clock_timestamp() - taken.at) / 3600,
    newest.status,
    newest.reason
from taken left join newest on true
"""
