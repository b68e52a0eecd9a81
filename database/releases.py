"""Releases of reference sets: which one readers see, and how that changes.

Belongs here: `ops.reference_releases`, the flip from one release to the next in one
transaction. Loading the rows is `raw_loading`;
what a file's release date is, the connectors say;
room for releases and what is kept of old ones is `release_storage`.

Loading and flipping are two transactions. Between them a release is in `raw` and in
the ledger and nobody reads it: killed there, a rerun finds it known and only flips.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

import psycopg
from psycopg import sql

from database.raw_loading import end_transaction
from domain.records import batch_id_of

Status = Literal["current", "loaded", "refused"]
#: A release of fewer records may have this many refused whatever their share.
_FEW_REJECTS = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that has been loaded: what it is called and of which day it is."""

    release_id: UUID
    dataset: str
    part: str
    day: date
    dated_by: str
    sha256: str
    file: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a release must keep to become current.

    `max_reject_share` of its records may be refused; it may have at most `max_shrink`
    fewer rows than the current one. `accept` lifts both, for a release that a person
    has looked at.
    """

    max_reject_share: float = 0.02
    max_shrink: float = 0.1
    accept: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a release. `previous` is the date of the one current before."""

    dataset: str
    part: str
    day: date
    dated_by: str
    file: str
    status: Status
    reason: str | None
    rows: int
    rejects: int
    previous: date | None
    is_changed: bool


@dataclass(frozen=True, slots=True)
class _Counts:
    files: int
    read: int
    loaded: int
    rejected: int
    refusal: str | None


def settle(conn: psycopg.Connection, release: Candidate, rules: Rules) -> Settled:
    """Decide what a loaded release is, and make it current if it is to be; commits.

    Doing it again changes nothing, unless the rules or the ledger have changed: a
    release that was refused is judged anew.

    Raises:
        ValueError: the release is not in the ledger.
        psycopg.Error: the database failed; the current release is still current.
    """
    end_transaction(conn)
    with conn.transaction():
        conn.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"ausproperty.release.{release.dataset}"],
        )
        counts = _counts(conn, release)
        known = conn.execute(
            "select status, release_date, loaded_at from ops.reference_releases "
            "where release_id = %s",
            [release.release_id],
        ).fetchone()
        current = conn.execute(
            "select release_id, release_date, rows, loaded_at "
            "from ops.reference_releases "
            "where dataset = %s and part = %s and status = 'current'",
            [release.dataset, release.part],
        ).fetchone()
        _record(conn, release, counts)
        is_current = current is not None and current[0] == release.release_id
        reason = _fault(counts, rules, None if is_current else current, release.day)
        if is_current:
            status: Status = "current"
            reason = None
        elif reason is not None:
            status = "refused"
        elif current is not None and not _is_newer(release.day, known, current):
            status = "loaded"
            reason = f"The current release, of {current[1]}, is newer."
        else:
            status = "current"
        if not is_current:
            _set_status(conn, release, status, reason)
    return Settled(
        release.dataset,
        release.part,
        release.day,
        release.dated_by,
        release.file,
        status,
        reason,
        counts.loaded,
        counts.rejected,
        current[1] if current and not is_current else None,
        is_changed=known is None or (known[0] != status),
    )


def _is_newer(
    day: date, known: tuple[object, ...] | None, current: tuple[object, ...]
) -> bool:
    """Of a later day, or of the same and loaded after it (a corrected re-issue)."""
    if day != current[1]:
        return bool(day > current[1])  # type: ignore[operator]
    return known is None or known[2] > current[3]  # type: ignore[operator]


def _counts(conn: psycopg.Connection, release: Candidate) -> _Counts:
    row = conn.execute(
        """
        select count(*), sum(rows_read), sum(rows_loaded), sum(rows_rejected),
            min(source_file || ': ' || reason) filter (where status = 'refused')
        from ops.source_files where source = %s and container_sha256 = %s
        """,
        [release.dataset, release.sha256],
    ).fetchone()
    if row is None or row[0] == 0:
        raise ValueError(f"{release.file} is not in the ledger")
    return _Counts(row[0], int(row[1]), int(row[2]), int(row[3]), row[4])


def _fault(
    counts: _Counts,
    rules: Rules,
    current: tuple[UUID, date, int, object] | None,
    day: date,
) -> str | None:
    """Why a release cannot become current, as a sentence; None if it can."""
    if counts.refusal is not None:
        return f"A file of the release is refused: {counts.refusal}"
    if counts.loaded == 0:
        return "The release holds no rows."
    if rules.accept:
        return None
    allowed = max(_FEW_REJECTS, rules.max_reject_share * counts.read)
    if counts.rejected > allowed:
        share = counts.rejected / counts.read
        return (
            f"{counts.rejected:,} of {counts.read:,} records ({share:.1%}) are "
            f"refused, more than {rules.max_reject_share:.1%}; see raw.rejects, "
            "correct the file or accept the release as it is."
        )
    if current is not None and day >= current[1]:
        least = current[2] * (1 - rules.max_shrink)
        if counts.loaded < least:
            return (
                f"It has {counts.loaded:,} rows where the current release, of "
                f"{current[1]}, has {current[2]:,}; more than {rules.max_shrink:.0%} "
                "fewer. Land the whole release, or accept it as it is."
            )
    return None


def _record(conn: psycopg.Connection, release: Candidate, counts: _Counts) -> None:
    conn.execute(
        """
        insert into ops.reference_releases (
            release_id, dataset, part, release_date, dated_by, sha256, file, files,
            rows, rejects, status, batch_id, is_simulated
        )
        select %(id)s, %(dataset)s, %(part)s, %(day)s, %(dated_by)s, %(sha256)s,
            %(file)s, %(files)s, %(rows)s, %(rejects)s, 'loaded', %(batch)s,
            bool_or(is_simulated)
        from ops.source_files
        where source = %(dataset)s and container_sha256 = %(sha256)s
        on conflict (release_id) do update set
            release_date = excluded.release_date, dated_by = excluded.dated_by,
            files = excluded.files, rows = excluded.rows, rejects = excluded.rejects
        where (reference_releases.release_date, reference_releases.rows,
            reference_releases.rejects, reference_releases.files)
            is distinct from (excluded.release_date, excluded.rows, excluded.rejects,
            excluded.files)
        """,
        {
            "id": release.release_id,
            "dataset": release.dataset,
            "part": release.part,
            "day": release.day,
            "dated_by": release.dated_by,
            "sha256": release.sha256,
            "file": release.file,
            "files": counts.files,
            "rows": counts.loaded,
            "rejects": counts.rejected,
            "batch": batch_id_of(release.dataset, release.sha256),
        },
    )


def _set_status(
    conn: psycopg.Connection, release: Candidate, status: Status, reason: str | None
) -> None:
    if status == "current":
        conn.execute(
            "update ops.reference_releases set status = 'loaded' "
            "where dataset = %s and part = %s and status = 'current'",
            [release.dataset, release.part],
        )
    conn.execute(
        "update ops.reference_releases set status = %(status)s, reason = %(reason)s, "
        "made_current_at = case when %(status)s = 'current' then now() "
        "else made_current_at end where release_id = %(id)s and pruned_at is null "
        "and (status, reason) is distinct from (%(status)s, %(reason)s)",
        {"status": status, "reason": reason, "id": release.release_id},
    )


@dataclass(frozen=True, slots=True)
class Wholeness:
    """One release as recorded, and the rows that are in its raw table."""

    dataset: str
    part: str
    release_date: date
    status: str
    rows: int
    rows_in_raw: int
    reason: str | None

    @property
    def is_whole(self) -> bool:
        """Every row the ledger counted is there."""
        return self.rows == self.rows_in_raw


def wholeness(conn: psycopg.Connection, dataset: str, table: str) -> list[Wholeness]:
    """Current releases of a dataset against the rows readers see."""
    rows = conn.execute(
        sql.SQL(
            """
            select r.dataset, r.part, r.release_date, r.status, r.rows,
                (select count(*) from {} t where t.release_id = r.release_id), r.reason
            from ops.reference_releases r
            where r.dataset = %s and r.status = 'current'
            order by r.part
            """
        ).format(sql.Identifier(*table.split("."))),
        [dataset],
    )
    return [Wholeness(*row) for row in rows]


def newest_refusal(
    conn: psycopg.Connection, dataset: str
) -> tuple[str, date, str] | None:
    """(part, date, reason) of the newest release, if it is refused."""
    row = conn.execute(
        "select part, release_date, reason, status from ops.reference_releases "
        "where dataset = %s order by loaded_at desc limit 1",
        [dataset],
    ).fetchone()
    return (row[0], row[1], row[2]) if row and row[3] == "refused" else None
