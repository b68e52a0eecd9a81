"""Quarantine for people: what was refused, why, and what is still to be worked off.

Belongs here: reading `raw.rejects` beside the ledger. Working rejects off is
`raw_reloading`; finding the files again is the assets' part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from domain.errors import UserError


@dataclass(frozen=True, slots=True)
class RejectRow:
    """One refused record, or a refused file (`row_number` None).

    `original` may be cut: `original_bytes` is its whole length. `resolution` says how
    it was worked off, None while it waits.
    """

    reject_id: UUID
    source: str
    source_file: str
    row_number: int | None
    field: str | None
    rule_id: str
    reason: str
    fix: str
    original: str | None
    original_bytes: int | None
    rejected_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    batch_id: UUID


@dataclass(frozen=True, slots=True)
class RejectDetail:
    """A reject with its place in the ledger: how the file was read, and from where."""

    reject: RejectRow
    table_name: str | None
    container_file: str | None
    location: str | None
    read_with: str | None


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """Open rejects of one source, file and rule, with an example."""

    source: str
    source_file: str
    rule_id: str
    rejects: int
    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class StoredContainer:
    """A container of the ledger, as a retry has to find it again."""

    source: str
    name: str
    sha256: str
    table_name: str
    location: str | None
    read_with: str | None
    batch_id: UUID
    is_simulated: bool
    open_rejects: int


_COLUMNS = (
    "r.reject_id, r.source, r.source_file, r.row_number, r.field, r.rule_id, r.reason, "
    "r.fix, r.original, r.original_bytes, r._rejected_at, r.resolved_at, r.resolution, "
    "r._batch_id"
)
_WANTED = (
    "(%(source)s::text is null or r.source = %(source)s) "
    "and (%(rule)s::text is null or r.rule_id = %(rule)s) "
    "and (%(file)s::text is null or strpos(r.source_file, %(file)s) > 0) "
    "and (r.resolved_at is null or not %(open_only)s)"
)


def list_rejects(
    conn: psycopg.Connection,
    source: str | None = None,
    rule: str | None = None,
    file: str | None = None,
    *,
    open_only: bool = True,
    limit: int = 50,
) -> list[RejectRow]:
    """Rejects, newest load first, then by file and line. `file` is part of a name."""
    rows = conn.execute(
        f"select {_COLUMNS} from raw.rejects r where {_WANTED} "  # noqa: S608
        "order by r._rejected_at desc, r.source_file, r.row_number nulls first, "
        "r.reject_id limit %(limit)s",
        {
            "source": source,
            "rule": rule,
            "file": file,
            "open_only": open_only,
            "limit": limit,
        },
    )
    return [RejectRow(*row) for row in rows]


def group_rejects(
    conn: psycopg.Connection,
    source: str | None = None,
    rule: str | None = None,
    file: str | None = None,
    *,
    open_only: bool = True,
    limit: int = 50,
) -> list[RejectGroup]:
    """Rejects by source, file and rule, the largest groups first."""
    rows = conn.execute(
        "select r.source, r.source_file, r.rule_id, count(*), min(r.reason), "  # noqa: S608
        f"min(r.fix) from raw.rejects r where {_WANTED} "
        "group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit %(limit)s",
        {
            "source": source,
            "rule": rule,
            "file": file,
            "open_only": open_only,
            "limit": limit,
        },
    )
    return [RejectGroup(*row) for row in rows]


def show_reject(conn: psycopg.Connection, id_or_prefix: str) -> RejectDetail:
    """The one reject whose id begins so, with its place in the ledger.

    Raises:
        UserError: no reject, or more than one, begins so; or that is no id.
    """
    prefix = id_or_prefix.strip().lower()
    if not re.fullmatch(r"[0-9a-f-]{4,36}", prefix):
        raise UserError(
            f"{id_or_prefix!r} is no id of a reject: give at least its first four "
            "characters, as `rejects list` shows them."
        )
    rows = conn.execute(
        f"select {_COLUMNS}, f.table_name, f.container_file, f.location, f.read_with "  # noqa: S608
        "from raw.rejects r left join ops.source_files f "
        "on f.batch_id = r._batch_id and f.source_file = r.source_file "
        "where r.reject_id::text like %s order by r.reject_id limit 2",
        [f"{prefix}%"],
    ).fetchall()
    if not rows:
        raise UserError(f"No reject has an id that begins with {prefix}.")
    if len(rows) > 1:
        raise UserError(
            f"Several rejects have ids that begin with {prefix}: give more characters."
        )
    row = rows[0]
    return RejectDetail(RejectRow(*row[:-4]), *row[-4:])


def open_containers(
    conn: psycopg.Connection,
    source: str | None = None,
    rule: str | None = None,
    file: str | None = None,
    *,
    batch_id: UUID | None = None,
) -> list[StoredContainer]:
    """Containers that a retry should read again, in the order they were loaded.

    Those with open rejects (of the rule, in the file), and those whose rows a discarded
    batch may have taken with it. A discarded batch itself comes only by its id.
    """
    rows = conn.execute(
        """
        with refused as (
            select r._batch_id as batch_id, count(*) as rejects
            from raw.rejects r
            where r.resolved_at is null
                and (%(source)s::text is null or r.source = %(source)s)
                and (%(rule)s::text is null or r.rule_id = %(rule)s)
                and (%(file)s::text is null or strpos(r.source_file, %(file)s) > 0)
            group by 1
        )
        select f.source, f.container_file, f.container_sha256, f.table_name,
            min(f.location), min(f.read_with), f.batch_id, bool_or(f.is_simulated),
            coalesce(max(refused.rejects), 0)
        from ops.source_files f left join refused using (batch_id)
        where (%(source)s::text is null or f.source = %(source)s)
            and (
                f.batch_id = %(batch)s
                or (
                    %(batch)s::uuid is null
                    and f.discarded_at is null
                    and (
                        refused.rejects > 0
                        or (f.reread_wanted and %(rule)s::text is null
                            and %(file)s::text is null)
                    )
                )
            )
        group by f.source, f.container_file, f.container_sha256, f.table_name,
            f.batch_id
        order by min(f.loaded_at), f.container_file
        """,
        {"source": source, "rule": rule, "file": file, "batch": batch_id},
    )
    return [StoredContainer(*row) for row in rows]


def count_open_rejects(conn: psycopg.Connection) -> dict[str, int]:
    """Rejects that wait, by source."""
    return dict(
        conn.execute(
            "select source, count(*) from raw.rejects where resolved_at is null "
            "group by 1 order by 1"
        ).fetchall()
    )


def dismiss_rejects(
    conn: psycopg.Connection,
    reason: str,
    source: str | None = None,
    rule: str | None = None,
    file: str | None = None,
    *,
    id_or_prefix: str | None = None,
) -> int:
    """Resolve open rejects that nobody will mend; return how many.

    The record stays refused and in quarantine, with this reason beside it; retries
    leave it alone. Either one reject by its id, or all of a source, rule and file.

    Raises:
        UserError: nothing is chosen, or the id is that of no reject or several.
    """
    if not (source or rule or file or id_or_prefix):
        raise UserError("Say which rejects: an id, or a source, a rule or a file.")
    one = show_reject(conn, id_or_prefix).reject.reject_id if id_or_prefix else None
    with conn.transaction():
        found = conn.execute(
            "update raw.rejects r set resolved_at = now(), resolution = %(why)s "  # noqa: S608
            f"where {_WANTED} and (%(id)s::uuid is null or r.reject_id = %(id)s)",
            {
                "source": source,
                "rule": rule,
                "file": file,
                "open_only": True,
                "id": one,
                "why": f"dismissed: {reason}",
            },
        )
        return found.rowcount
