"""People's decisions on homes that may be one, and the pairs that wait for one.

Belongs here: the ledger `ops.merge_decisions` and reading `marts.merge_reviews`. That a
decision takes effect is `assets/resolution.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from domain.errors import UserError

Verdict = Literal["merge", "keep_apart", "undo"]
STATUSES = ("open", "merged", "kept_apart", "superseded")


@dataclass(frozen=True, slots=True)
class Review:
    """A pair of homes as people see it; `evidence` is field to [level, bits]."""

    review_id: UUID
    low_property_id: UUID
    high_property_id: UUID
    low_address_key: str
    high_address_key: str
    low_address: str
    high_address: str
    score: float | None
    why: str
    evidence: dict[str, Any]
    status: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The word that stands on a pair; ids are those its addresses have now."""

    low: UUID
    high: UUID
    is_merge: bool
    actor: str
    reason: str
    decided_at: datetime


def list_reviews(
    conn: psycopg.Connection,
    statuses: Sequence[str] = ("open",),
    text: str | None = None,
    limit: int = 50,
) -> list[Review]:
    """Reviews by status, the likeliest pairs first; `text` is part of an address."""
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        return cursor.execute(
            "select * from marts.merge_reviews where status = any(%(statuses)s) "
            "and (%(text)s::text is null or low_address ilike '%%' || %(text)s || '%%' "
            "or high_address ilike '%%' || %(text)s || '%%') "
            "order by score desc nulls last, review_id limit %(limit)s",
            {"statuses": list(statuses), "text": text, "limit": limit},
        ).fetchall()


def count_reviews(conn: psycopg.Connection) -> dict[str, int]:
    """Reviews by status."""
    return dict(
        conn.execute(
            "select status, count(*) from marts.merge_reviews group by 1 order by 1"
        ).fetchall()
    )


def find_review(conn: psycopg.Connection, id_or_prefix: str) -> Review:
    """The one review whose id begins so.

    Raises:
        UserError: no review, or more than one, begins so; or that is no id.
    """
    prefix = id_or_prefix.strip().lower()
    if not re.fullmatch(r"[0-9a-f-]{4,36}", prefix):
        raise UserError(
            f"{id_or_prefix!r} is no id of a review: give at least its first four "
            "characters, as `reviews list` shows them."
        )
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        found = cursor.execute(
            "select * from marts.merge_reviews where review_id::text like %s "
            "order by review_id limit 2",
            [f"{prefix}%"],
        ).fetchall()
    if not found:
        raise UserError(f"No review has an id that begins with {prefix}.")
    if len(found) > 1:
        raise UserError(
            f"Several reviews have ids that begin with {prefix}: give more characters."
        )
    return found[0]


def decisions_on(conn: psycopg.Connection, low: UUID, high: UUID) -> list[str]:
    """Every decision on a pair, oldest first, as lines for people."""
    rows = conn.execute(
        "select decided_at, verdict, actor, reason from ops.merge_decisions "
        "where low_property_id = %s and high_property_id = %s order by decision_id",
        [low, high],
    )
    return [f"{at:%Y-%m-%d %H:%M}  {v}  by {who}: {why}" for at, v, who, why in rows]


def decide(
    conn: psycopg.Connection,
    one: UUID,
    two: UUID,
    verdict: Verdict,
    *,
    actor: str,
    reason: str,
) -> int:
    """Write a person's word on two property ids to the ledger; the caller commits.

    Raises:
        UserError: an id is not known, the two are the same, nobody or no reason is
            given, or there is nothing to undo.
    """
    if not actor.strip() or not reason.strip():
        raise UserError("Say who decides and why: both are kept with the decision.")
    low, high = sorted((one, two))
    if low == high:
        raise UserError("Both are the same property id: there is nothing to decide.")
    if verdict == "undo" and not _stands(conn, low, high):
        raise UserError("Nothing is decided on these two: there is nothing to undo.")
    known = {**_known(conn, low), **_known(conn, high)}
    for property_id in (low, high):
        if property_id not in known:
            raise UserError(f"No address has the property id {property_id}.")
    row = conn.execute(
        "insert into ops.merge_decisions (low_address_key, high_address_key, "
        "low_property_id, high_property_id, low_addresses, high_addresses, verdict, "
        "actor, reason) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "returning decision_id",
        [
            *(known[low][0], known[high][0], low, high),
            *(known[low][1], known[high][1], verdict, actor.strip(), reason.strip()),
        ],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _stands(conn: psycopg.Connection, low: UUID, high: UUID) -> bool:
    row = conn.execute(
        "select verdict <> 'undo' from ops.merge_decisions where low_property_id = %s "
        "and high_property_id = %s order by decision_id desc limit 1",
        [low, high],
    ).fetchone()
    return bool(row and row[0])


def _known(conn: psycopg.Connection, property_id: UUID) -> dict[UUID, tuple[str, Any]]:
    """Canonical key of a property id, and up to twenty addresses as received."""
    row = conn.execute(
        "select min(address_key), jsonb_path_query_array(jsonb_agg(jsonb_build_array("
        "source, address_hash) order by source, address_hash), '$[0 to 19]')::text "
        "from intermediate.int_address__identity where property_id = %s",
        [property_id],
    ).fetchone()
    return {property_id: (row[0], row[1])} if row and row[0] is not None else {}


def standing_decisions(conn: psycopg.Connection) -> list[Decision]:
    """The last word on every pair, with the property ids its addresses have now.

    An address whose canonical form changed is found again by the text as received.
    Decisions that were undone, or whose two sides are one id by now, do not stand.
    """
    rows = conn.execute(
        """
        with said as (
            select d.*, coalesce(low_now.property_id, low_property_id) as low,
                coalesce(high_now.property_id, high_property_id) as high
            from ops.merge_decisions d
            cross join lateral ops.property_of(
                low_property_id, low_addresses) as low_now (property_id)
            cross join lateral ops.property_of(
                high_property_id, high_addresses) as high_now (property_id)
        )
        select distinct on (least(low, high), greatest(low, high))
            least(low, high), greatest(low, high), verdict, actor, reason, decided_at
        from said where low <> high
        order by least(low, high), greatest(low, high), decision_id desc
        """
    ).fetchall()
    return [
        Decision(low, high, verdict == "merge", actor, reason, at)
        for low, high, verdict, actor, reason, at in rows
        if verdict != "undo"
    ]


def decided_since(conn: psycopg.Connection, decision_id: int) -> list[UUID]:
    """Property ids of the pairs decided after a decision, as of then and as of now."""
    rows = conn.execute(
        """
        select property_id from (
            select unnest(array[low_property_id, high_property_id,
                ops.property_of(low_property_id, low_addresses),
                ops.property_of(high_property_id, high_addresses)]) as property_id
            from ops.merge_decisions where decision_id > %s
        ) ids where property_id is not null
        """,
        [decision_id],
    )
    return [row[0] for row in rows]
