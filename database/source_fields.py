"""Schema drift: which field names the files of a source showed, and since when.

Belongs here: `ops.source_fields`, written with the container whose files are told of,
and read by the checks. What a field means is the connector's part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg

from domain.records import FieldsSeen, storable_text

FieldStatus = Literal["known", "new", "missing", "unmapped"]

#: Longer names are data in the place of names (a file without a header).
_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class SourceField:
    """One field name of a dataset; `changed_*` say where its status was first so."""

    source: str
    dataset: str
    field: str
    status: FieldStatus
    first_seen_at: datetime
    first_file: str
    last_seen_at: datetime | None
    last_file: str | None
    files: int
    changed_at: datetime
    changed_file: str


@dataclass(slots=True)
class _Seen:
    """What a container tells of one field."""

    status: FieldStatus
    last_file: str | None
    changed_file: str
    files: int = 0


def record_fields(
    conn: psycopg.Connection,
    source: str,
    files: Iterable[tuple[str, FieldsSeen | None]],
) -> None:
    """Take note of the names that files (name, names) showed, in their order.

    Part of the caller's transaction; one statement a dataset, however many files.
    """
    datasets: dict[str, list[tuple[str, FieldsSeen]]] = {}
    for name, fields in files:
        if fields is not None:
            datasets.setdefault(fields.dataset, []).append((name, fields))
    for dataset, shown in datasets.items():
        known = _statuses(conn, source, dataset)
        seen: dict[str, _Seen] = {}
        for name, fields in shown:
            _note(seen, known, storable_text(name), fields)
        _write(conn, source, dataset, seen)


def _statuses(
    conn: psycopg.Connection, source: str, dataset: str
) -> dict[str, FieldStatus]:
    rows = conn.execute(
        "select field, status from ops.source_fields "
        "where source = %s and dataset = %s",
        [source, dataset],
    )
    return dict(rows.fetchall())


def _note(
    seen: dict[str, _Seen],
    known: dict[str, FieldStatus],
    file: str,
    fields: FieldsSeen,
) -> None:
    """Learn one file's names. `known` keeps the statuses, file by file."""
    is_first = not known
    present = {_stored(name): name in fields.known for name in fields.present}
    found: dict[str, FieldStatus] = {}
    for field, is_known in present.items():
        before = known.get(field)
        # An unknown name is news only beside files that did not have it.
        is_new = before == "new" or (before is None and not is_first)
        found[field] = "known" if is_known else "new" if is_new else "unmapped"
    for field, before in known.items():
        if fields.lists_all and field not in present:
            # A stray name that came and went leaves no gap.
            gone: dict[FieldStatus, FieldStatus] = {
                "known": "missing",
                "new": "unmapped",
            }
            found[field] = gone.get(before, before)
    found.update(dict.fromkeys(map(_stored, fields.missing), "missing"))
    for field, status in found.items():
        entry = seen.setdefault(field, _Seen(status, None, file))
        if entry.status != status:
            entry.status, entry.changed_file = status, file
        if field in present:
            entry.last_file = file
            entry.files += 1
    known.update(found)


def _stored(name: str) -> str:
    return storable_text(name)[:_NAME_LIMIT]


def _write(
    conn: psycopg.Connection, source: str, dataset: str, seen: dict[str, _Seen]
) -> None:
    fields = sorted(seen)
    entries = [seen[field] for field in fields]
    conn.execute(
        """
        insert into ops.source_fields as f (
            source, dataset, field, status, first_file, last_seen_at, last_file, files,
            changed_file
        )
        select %s, %s, field, status, changed_file,
            case when last_file is not null then now() end, last_file, files,
            changed_file
        from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])
            as t (field, status, changed_file, last_file, files)
        on conflict (source, dataset, field) do update set
            status = excluded.status,
            last_seen_at = coalesce(excluded.last_seen_at, f.last_seen_at),
            last_file = coalesce(excluded.last_file, f.last_file),
            files = f.files + excluded.files,
            changed_at = case when f.status = excluded.status
                then f.changed_at else now() end,
            changed_file = case when f.status = excluded.status
                then f.changed_file else excluded.changed_file end
        """,
        [
            source,
            dataset,
            fields,
            [entry.status for entry in entries],
            [entry.changed_file for entry in entries],
            [entry.last_file for entry in entries],
            [entry.files for entry in entries],
        ],
    )


def drifted_fields(conn: psycopg.Connection, source: str) -> list[SourceField]:
    """Fields of a source that are new or missing, newest change first."""
    rows = conn.execute(
        "select source, dataset, field, status, first_seen_at, first_file, "
        "last_seen_at, last_file, files, changed_at, changed_file "
        "from ops.source_fields where source = %s and status in ('new', 'missing') "
        "order by changed_at desc, dataset, field",
        [source],
    )
    return [SourceField(*row) for row in rows]


def accept_fields(
    conn: psycopg.Connection, source: str, dataset: str | None = None
) -> int:
    """Take the present fields of a source as normal; return how many had drifted.

    A new field is from now on unmapped, a missing one forgotten until it comes again.
    """
    with conn.transaction():
        row = conn.execute(
            """
            with gone as (
                delete from ops.source_fields
                where source = %(source)s and status = 'missing'
                    and (%(dataset)s::text is null or dataset = %(dataset)s)
                returning 1
            ), accepted as (
                update ops.source_fields set status = 'unmapped', changed_at = now()
                where source = %(source)s and status = 'new'
                    and (%(dataset)s::text is null or dataset = %(dataset)s)
                returning 1
            )
            select (select count(*) from gone) + (select count(*) from accepted)
            """,
            {"source": source, "dataset": dataset},
        ).fetchone()
    return int(row[0]) if row else 0


def know_fields(conn: psycopg.Connection, source: str, fields: FieldsSeen) -> None:
    """Take note that the connector reads fields by now that were new or unmapped."""
    conn.execute(
        "update ops.source_fields set status = 'known', changed_at = now() "
        "where source = %s and dataset = %s and field = any(%s) "
        "and status in ('new', 'unmapped')",
        [source, fields.dataset, [_stored(name) for name in fields.known]],
    )
