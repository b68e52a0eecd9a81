"""How the queue stands: figures for sensors, summaries and metadata. Reads only."""

from __future__ import annotations

from typing import Any

import psycopg

STATUSES = ("delivered", "pending", "failed", "dead")

_OPEN_AND_DUE = """
from delivery.deliveries as d
join delivery.endpoints as e using (endpoint_id)
where e.status = 'active'
    and d.status in ('pending', 'failed')
    and d.next_attempt_at <= now()
"""


def count_due(conn: psycopg.Connection[Any]) -> int:
    """Deliveries of active endpoints whose time has come, leased or not."""
    row = conn.execute(f"select count(*) {_OPEN_AND_DUE}").fetchone()
    assert row is not None
    return int(row[0])


def has_claimable(conn: psycopg.Connection[Any]) -> bool:
    """Whether a drain started now would find something: due and not leased. Cheap."""
    row = conn.execute(
        f"select exists (select {_OPEN_AND_DUE}"
        " and (d.leased_until is null or d.leased_until < now()))"
    ).fetchone()
    assert row is not None
    return bool(row[0])


def count_by_status(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """Deliveries by status, all statuses named.

    `pending` is not tried yet, `failed` was tried and waits for its next attempt.
    """
    found = dict(
        conn.execute(
            "select status, count(*) from delivery.deliveries group by status"
        ).fetchall()
    )
    return {status: found.get(status, 0) for status in STATUSES}
