"""How far a fetching has come: sweeps, their slices and pages, and high-water marks.

Belongs here: the work list in PostgreSQL, so that a killed or parked run goes on where
it stopped. What a slice is and when it is complete is the connectors' part.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import psycopg

from database.raw_loading import end_transaction

Json = dict[str, Any]
Kind = Literal["full", "poll"]
Status = Literal["waiting", "reading", "split", "done", "short"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One reading of a search. `since` is the bound of a poll."""

    sweep_id: UUID
    search: str
    query: Json
    kind: Kind
    since: datetime | None
    started_at: datetime
    server_started_at: datetime | None


@dataclass(slots=True)
class SliceState:
    """One slice as stored; see the table's comment."""

    number: int
    parent: int | None
    query: Json
    dimensions: tuple[str, ...]
    status: Status = "waiting"
    split_by: str | None = None
    page: int = 0
    total: int | None = None
    found: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class LandedPage:
    """One answer of a page as stored."""

    slice: int
    page: int
    answer: int
    file: str
    total: int | None
    keys: list[str]


@contextmanager
def only_one(conn: psycopg.Connection, name: str) -> Iterator[bool]:
    """Whether this is the only holder of a name, among all sessions of the database."""
    key = f"ausproperty.fetch.{name}"
    end_transaction(conn)
    taken = conn.execute(
        "select pg_try_advisory_lock(hashtextextended(%s, 0))", [key]
    ).fetchone()
    conn.commit()
    try:
        yield bool(taken and taken[0])
    finally:
        if taken and taken[0] and not conn.closed:
            conn.rollback()
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])
            conn.commit()


def open_sweep(conn: psycopg.Connection, source: str, search: str) -> Sweep | None:
    """The search's sweep that was begun and not finished, if there is one."""
    rows = conn.execute(
        "select sweep_id, search, query, kind, since, started_at, server_started_at "
        "from ops.fetch_sweeps where source = %s and search = %s and status = 'open' "
        "order by started_at desc limit 1",
        [source, search],
    ).fetchone()
    conn.commit()
    return Sweep(*rows) if rows else None


def last_full_sweep(
    conn: psycopg.Connection, source: str, search: str
) -> datetime | None:
    """When the search's last finished full sweep began."""
    row = conn.execute(
        "select max(started_at) from ops.fetch_sweeps where source = %s "
        "and search = %s and kind = 'full' and status = 'done'",
        [source, search],
    ).fetchone()
    conn.commit()
    return row[0] if row else None


def begin_sweep(
    conn: psycopg.Connection,
    source: str,
    *,
    search: str,
    query: Json,
    kind: Kind,
    since: datetime | None,
    dimensions: Sequence[str],
    now: datetime,
) -> Sweep:
    """Begin a sweep: its one slice is the whole query."""
    sweep = Sweep(uuid4(), search, query, kind, since, now, None)
    with conn.transaction():
        conn.execute(
            "insert into ops.fetch_sweeps (sweep_id, source, search, query, kind, "
            "since, started_at) values (%s, %s, %s, %s, %s, %s, %s)",
            [sweep.sweep_id, source, search, json.dumps(query), kind, since, now],
        )
        add_slices(conn, sweep, [SliceState(0, None, query, tuple(dimensions))])
    return sweep


def add_slices(
    conn: psycopg.Connection, sweep: Sweep, slices: Iterable[SliceState]
) -> None:
    """Store new slices; the caller's transaction."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into ops.fetch_slices (sweep_id, slice, parent, query, dimensions, "
            "status) values (%s, %s, %s, %s, %s, %s)",
            [
                (
                    sweep.sweep_id,
                    item.number,
                    item.parent,
                    json.dumps(item.query),
                    list(item.dimensions),
                    item.status,
                )
                for item in slices
            ],
        )


def save_slice(conn: psycopg.Connection, sweep: Sweep, item: SliceState) -> None:
    """Store what has become of a slice; the caller's transaction."""
    conn.execute(
        "update ops.fetch_slices set status = %s, split_by = %s, dimensions = %s, "
        "page = %s, total = %s, found = %s, missing = %s, updated_at = now() "
        "where sweep_id = %s and slice = %s",
        [
            item.status,
            item.split_by,
            list(item.dimensions),
            item.page,
            item.total,
            item.found,
            item.missing,
            sweep.sweep_id,
            item.number,
        ],
    )


def load_slices(conn: psycopg.Connection, sweep: Sweep) -> list[SliceState]:
    """All slices of a sweep, by number."""
    rows = conn.execute(
        "select slice, parent, query, dimensions, status, split_by, page, total, "
        "found, missing from ops.fetch_slices where sweep_id = %s order by slice",
        [sweep.sweep_id],
    ).fetchall()
    conn.commit()
    return [SliceState(row[0], row[1], row[2], tuple(row[3]), *row[4:]) for row in rows]


def save_page(conn: psycopg.Connection, sweep: Sweep, landed: LandedPage) -> None:
    """Store that an answer is landed and loaded; the caller's transaction."""
    conn.execute(
        "insert into ops.fetch_pages "
        "(sweep_id, slice, page, answer, file, total, keys) "
        "values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            sweep.sweep_id,
            landed.slice,
            landed.page,
            landed.answer,
            landed.file,
            landed.total,
            landed.keys,
        ],
    )


def load_pages(conn: psycopg.Connection, sweep: Sweep, number: int) -> list[LandedPage]:
    """The answers of a slice, in the order they came."""
    rows = conn.execute(
        "select slice, page, answer, file, total, keys from ops.fetch_pages "
        "where sweep_id = %s and slice = %s order by page, answer",
        [sweep.sweep_id, number],
    ).fetchall()
    conn.commit()
    return [LandedPage(*row) for row in rows]


def count_found(conn: psycopg.Connection, sweep: Sweep, number: int) -> int:
    """Different results that a slice and all its parts have given."""
    row = conn.execute(
        """
        with recursive parts as (
            select slice from ops.fetch_slices where sweep_id = %(sweep)s
                and slice = %(slice)s
            union
            select child.slice from ops.fetch_slices as child
            join parts on child.parent = parts.slice
            where child.sweep_id = %(sweep)s
        )
        select count(distinct key)
        from ops.fetch_pages as page
        join parts on parts.slice = page.slice
        cross join lateral unnest(page.keys) as key
        where page.sweep_id = %(sweep)s
        """,
        {"sweep": sweep.sweep_id, "slice": number},
    ).fetchone()
    conn.commit()
    return row[0] if row else 0


def note_server_time(conn: psycopg.Connection, sweep: Sweep, moment: datetime) -> None:
    """Remember the server's earliest clock of a sweep; the caller's transaction."""
    conn.execute(
        "update ops.fetch_sweeps set server_started_at = "
        "least(coalesce(server_started_at, %s), %s) where sweep_id = %s",
        [moment, moment, sweep.sweep_id],
    )


def finish_sweep(
    conn: psycopg.Connection, source: str, sweep: Sweep, dataset: str, now: datetime
) -> None:
    """Close a sweep and move its search's high-water mark, in one transaction.

    The mark is the server's clock when the sweep began, or ours if it is behind: what
    changed later is what the next poll asks for.
    """
    with conn.transaction():
        conn.execute(
            "update ops.fetch_sweeps as sweep set status = 'done', finished_at = %s, "
            "missing = (select coalesce(sum(missing), 0) "
            "from ops.fetch_slices as slice "
            "where slice.sweep_id = sweep.sweep_id) where sweep_id = %s",
            [now, sweep.sweep_id],
        )
        conn.execute(
            "insert into ops.fetch_marks (source, dataset, name, mark) "
            "select source, %s, search, "
            "to_char(least(started_at, server_started_at) at time zone 'UTC', "
            '\'YYYY-MM-DD"T"HH24:MI:SS"+00:00"\') '
            "from ops.fetch_sweeps where sweep_id = %s "
            "on conflict (source, dataset, name) do update "
            "set mark = greatest(fetch_marks.mark, excluded.mark), updated_at = now()",
            [dataset, sweep.sweep_id],
        )
        # The pages have served; those of the sweep before stay for looking things up.
        conn.execute(
            "delete from ops.fetch_pages where sweep_id in (select sweep_id from "
            "ops.fetch_sweeps where source = %s and search = %s and status = 'done' "
            "order by started_at desc offset 2)",
            [source, sweep.search],
        )


def get_mark(
    conn: psycopg.Connection, source: str, dataset: str, name: str
) -> str | None:
    """How far something has come, in its own words."""
    row = conn.execute(
        "select mark from ops.fetch_marks where source = %s and dataset = %s "
        "and name = %s",
        [source, dataset, name],
    ).fetchone()
    conn.commit()
    return row[0] if row else None


def set_mark(
    conn: psycopg.Connection, source: str, dataset: str, name: str, mark: str
) -> None:
    """Remember how far something has come."""
    with conn.transaction():
        conn.execute(
            "insert into ops.fetch_marks (source, dataset, name, mark) "
            "values (%s, %s, %s, %s) on conflict (source, dataset, name) "
            "do update set mark = excluded.mark, updated_at = now()",
            [source, dataset, name, mark],
        )
