"""Which listings the searches show, and which need to be asked for themselves.

Belongs here: `ops.domain_listings`. A listing that is gone from a search has not been
withdrawn until it says so itself (`GET /v1/listings/{id}`); both are kept here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import psycopg

Seen = tuple[int, str | None]


def note_seen(
    conn: psycopg.Connection, search: str, seen: Iterable[Seen], moment: datetime
) -> None:
    """Listings (id, hash of their row) as a search showed them; caller's transaction.

    An older answer that is loaded late changes nothing but the first sight. A listing
    that is back in a search is no longer confirmed gone.
    """
    rows = sorted(dict(seen).items())
    conn.execute(
        """
        insert into ops.domain_listings as known
            (listing_id, search, row_hash, first_seen_at, last_seen_at)
        select id, %(search)s, hash::uuid, %(at)s, %(at)s
        from unnest(%(ids)s::bigint[], %(hashes)s::text[]) as seen (id, hash)
        on conflict (listing_id) do update set
            search = excluded.search,
            row_hash = coalesce(excluded.row_hash, known.row_hash),
            last_seen_at = excluded.last_seen_at,
            confirmed_status = null,
            confirmed_at = null
        where excluded.last_seen_at >= known.last_seen_at
        """,
        {
            "search": search,
            "at": moment,
            "ids": [key for key, _ in rows],
            "hashes": [digest for _, digest in rows],
        },
    )


def wanting_details(conn: psycopg.Connection, limit: int) -> list[tuple[int, str]]:
    """Listings (id, hash of their row) that are new or changed since their details."""
    rows = conn.execute(
        "select listing_id, row_hash::text from ops.domain_listings "
        "where row_hash is not null and row_hash is distinct from details_of "
        "and confirmed_at is null "
        "order by last_seen_at desc, listing_id limit %s",
        [limit],
    ).fetchall()
    conn.commit()
    return [(row[0], row[1]) for row in rows]


def gone_from_search(
    conn: psycopg.Connection, source: str, limit: int
) -> list[tuple[int, str | None]]:
    """Listings that the last full sweep of their search no longer showed.

    Only a sweep that found everything counts. Those confirmed before are left out.
    """
    rows = conn.execute(
        """
        select known.listing_id, known.row_hash::text
        from ops.domain_listings as known
        join lateral (
            select sweep.started_at from ops.fetch_sweeps as sweep
            where sweep.source = %s and sweep.search = known.search
                and sweep.kind = 'full' and sweep.status = 'done' and sweep.missing = 0
            order by sweep.started_at desc limit 1
        ) as last on known.last_seen_at < last.started_at
        where known.confirmed_at is null
        order by known.last_seen_at, known.listing_id limit %s
        """,
        [source, limit],
    ).fetchall()
    conn.commit()
    return [(row[0], row[1]) for row in rows]


def note_details(
    conn: psycopg.Connection,
    found: Iterable[tuple[int, str | None, str | None]],
    moment: datetime,
) -> None:
    """Details fetched: (id, hash they were fetched for, status); caller's transaction.

    A status other than None says that the listing is over and why.
    """
    with conn.cursor() as cursor:
        cursor.executemany(
            "update ops.domain_listings set details_of = %s::uuid, details_at = %s, "
            "confirmed_status = coalesce(%s, confirmed_status), "
            "confirmed_at = case when %s::text is null then confirmed_at else %s end "
            "where listing_id = %s",
            [
                (row_hash, moment, status, status, moment, listing_id)
                for listing_id, row_hash, status in found
            ],
        )
