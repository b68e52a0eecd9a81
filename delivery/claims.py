"""The delivery queue in PostgreSQL: claim, settle, release; all SQL of a drain.

A claim leases rows to one worker and counts the attempt; `settle` writes the outcomes
of many attempts in one transaction and is fenced by attempt number and owner, so that a
worker whose lease was taken over changes nothing. All times of the queue are the
database's own clock. Connections must be in autocommit. What a drain does between claim
and settle is `sender.py`; figures for sensors and summaries are `backlog.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from delivery.schedule import Delay, Schedule

AsyncConnection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key that signs now, and the monotonic time at which it no longer does."""

    kind: str
    secret_sealed: str = field(repr=False)
    # Told anew, a few milliseconds off, at each reading: no change of the key.
    expires: float | None = field(compare=False)
    not_after: str | None


@dataclass(frozen=True, slots=True)
class Receiver:
    """An active endpoint as the sender needs it, and whether it has due deliveries."""

    endpoint_id: UUID
    url: str
    retry_policy: str
    has_due: bool = field(compare=False)
    compat_signature: bool
    keys: tuple[SealedKey, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """One leased delivery: `attempt` is the number of the attempt to make now."""

    delivery_id: int
    endpoint_id: UUID
    attempt: int
    event_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one attempt ended.

    Attributes:
        status: `delivered`, `failed` (tried again after `delay` seconds) or `dead`.
        started_at: Unix seconds.
        gone: the receiver answered 410 and wants nothing any more.
    """

    delivery_id: int
    endpoint_id: UUID
    attempt: int
    status: str
    started_at: float
    duration_ms: int
    delay: float | None = None
    status_code: int | None = None
    error_class: str | None = None
    error: str | None = None
    excerpt: str | None = None
    gone: bool = False


_RECEIVERS = """
select e.endpoint_id, e.url, e.retry_policy, exists (
    select from delivery.deliveries as d
    where d.endpoint_id = e.endpoint_id
        and d.status in ('pending', 'failed')
        and d.next_attempt_at <= now()
        and (d.leased_until is null or d.leased_until < now())
), e.compat_signature, array(
    select json_build_array(
        k.kind, k.secret_sealed, extract(epoch from k.not_after - now()), k.not_after
    )
    from delivery.endpoint_keys as k
    where k.endpoint_id = e.endpoint_id
        and k.kind = any(e.signing)
        and (k.not_after is null or k.not_after > now())
    order by k.kind, k.not_after desc nulls first, k.key_id desc
)
from delivery.endpoints as e
where e.status = 'active'
"""

# Rows are fetched by `= any(array(...))`, here and in `_SETTLE`: the planner takes an
# array for short and uses the index; to join a batch it would scan the whole table.
_CLAIM = """
update delivery.deliveries as d
set
    attempts = d.attempts + 1,
    leased_until = now() + make_interval(secs => %(lease)s),
    lease_owner = %(worker)s
from delivery.events as e
where e.event_id = d.event_id and d.delivery_id = any(array(
    select due.delivery_id
    from unnest(%(endpoints)s::uuid[], %(rooms)s::int[]) as r (endpoint_id, room)
    cross join lateral (
        select d.delivery_id
        from delivery.deliveries as d
        where d.endpoint_id = r.endpoint_id
            and d.status in ('pending', 'failed')
            and d.next_attempt_at <= now()
            and (d.leased_until is null or d.leased_until < now())
        order by d.next_attempt_at, d.delivery_id
        limit r.room
        for update skip locked
    ) as due
))
returning d.delivery_id, d.endpoint_id, d.attempts, d.event_id, e.body
"""

# The log row is written even if the fence holds the outcome back: the POST happened.
_SETTLE = """
with r as materialized (
    select * from json_to_recordset(%(results)s::json) as r (
        id bigint, n smallint, status text, at float8, ms integer, delay float8,
        code smallint, class text, error text, excerpt text
    )
),
logged as (
    insert into delivery.attempts (
        delivery_id, attempt, started_at, duration_ms, status_code, error_class, error,
        response_excerpt, worker
    )
    select id, n, to_timestamp(at), ms, code, class, error, excerpt, %(worker)s from r
    on conflict (delivery_id, attempt) do nothing
)
update delivery.deliveries as d
set
    status = r.status,
    next_attempt_at = case
        when r.delay is null then d.next_attempt_at
        else clock_timestamp() + make_interval(secs => r.delay)
    end,
    leased_until = null,
    lease_owner = null,
    last_status_code = r.code,
    last_error = r.error,
    delivered_at = case when r.status = 'delivered' then clock_timestamp() end
from r
where d.delivery_id = any(array(select id from r))
    and d.delivery_id = r.id and d.attempts = r.n and d.lease_owner = %(worker)s
"""

_DISABLE_GONE = """
update delivery.endpoints
set status = 'disabled', disabled_reason = 'The receiver answered 410 Gone.',
    updated_at = now()
where endpoint_id = any(%s) and status = 'active'
"""

_RELEASE = """
update delivery.deliveries
set attempts = attempts - 1, leased_until = null, lease_owner = null
where lease_owner = %(worker)s and status in ('pending', 'failed')
"""


async def load_receivers(conn: AsyncConnection) -> list[Receiver]:
    """All active endpoints, with the keys that sign for them, current ones first."""
    # Read before the query: a key then ends early by the query's time, never late.
    now = time.monotonic()
    cursor = await conn.execute(_RECEIVERS)
    receivers = []
    for *row, keys in await cursor.fetchall():
        sealed = [
            SealedKey(kind, secret, None if left is None else now + left, not_after)
            for kind, secret, left, not_after in keys
        ]
        row.append(tuple(sealed))
        receivers.append(Receiver(*row))
    return receivers


async def park(conn: AsyncConnection, endpoint_id: UUID, reason: str) -> None:
    """Stop sending to an endpoint and say why; its open deliveries stay."""
    await conn.execute(
        "update delivery.endpoints set status = 'disabled', disabled_reason = %s,"
        " updated_at = now() where endpoint_id = %s and status = 'active'",
        [reason, endpoint_id],
    )


async def load_schedules(conn: AsyncConnection) -> dict[str, Schedule]:
    """The retry policies by name."""
    cursor = await conn.execute(
        "select policy, retry, delay_seconds, jitter_pct from delivery.retry_schedule"
    )
    schedules: dict[str, dict[int, Delay]] = {}
    for policy, retry, seconds, jitter in await cursor.fetchall():
        schedules.setdefault(policy, {})[retry] = Delay(seconds, jitter)
    return dict(schedules)


async def claim(
    conn: AsyncConnection,
    rooms: Mapping[UUID, int],
    *,
    worker: str,
    lease_seconds: float,
) -> list[Claimed]:
    """Lease due deliveries, the longest due of each endpoint first.

    Args:
        conn: in autocommit; the lease is durable when this returns.
        rooms: how many deliveries to take at most, by endpoint.
        worker: who leases; unique among all workers ever.
        lease_seconds: after this anyone may claim the rows again.
    """
    cursor = await conn.execute(
        _CLAIM,
        {
            "endpoints": list(rooms),
            "rooms": list(rooms.values()),
            "lease": lease_seconds,
            "worker": worker,
        },
        prepare=True,
    )
    return [Claimed(*row) for row in await cursor.fetchall()]


async def settle(
    conn: AsyncConnection, settlements: Sequence[Settlement], *, worker: str
) -> int:
    """Write outcomes and attempt rows in one transaction; returns the rows changed.

    Repeating a call changes nothing. Outcomes of leases that were taken over meanwhile
    are logged as attempts and otherwise ignored.
    """
    parameters = {"results": _as_json(settlements), "worker": worker}
    gone = {result.endpoint_id for result in settlements if result.gone}
    if not gone:
        return (await conn.execute(_SETTLE, parameters, prepare=True)).rowcount
    async with conn.transaction():
        await conn.execute(_DISABLE_GONE, [list(gone)])
        return (await conn.execute(_SETTLE, parameters)).rowcount


def _as_json(settlements: Sequence[Settlement]) -> str:
    """The records of `_SETTLE`; one text parameter costs a fifth of ten arrays."""
    records = []
    for result in settlements:
        record: dict[str, Any] = {
            "id": result.delivery_id,
            "n": result.attempt,
            "status": result.status,
            "at": result.started_at,
            "ms": result.duration_ms,
            "code": result.status_code,
        }
        if result.error_class is not None:
            record["class"] = result.error_class
            record["error"] = result.error
        if result.excerpt:
            record["excerpt"] = result.excerpt
        if result.delay is not None:
            record["delay"] = result.delay
        records.append(record)
    return json.dumps(records)


async def release(
    conn: AsyncConnection, delivery_ids: Sequence[int], *, worker: str
) -> int:
    """Give back leased deliveries that were not sent; their attempt does not count."""
    cursor = await conn.execute(
        _RELEASE + " and delivery_id = any(%(ids)s)",
        {"worker": worker, "ids": list(delivery_ids)},
    )
    return cursor.rowcount


async def release_unknown(
    conn: AsyncConnection, known_ids: Sequence[int], *, worker: str
) -> int:
    """Give back the leases of this worker that it does not know of.

    A claim whose answer was lost with the connection leaves such leases.
    """
    cursor = await conn.execute(
        _RELEASE + " and delivery_id <> all(%(ids)s)",
        {"worker": worker, "ids": list(known_ids)},
    )
    return cursor.rowcount


async def seconds_to_lease_end(conn: AsyncConnection) -> float | None:
    """Seconds until the next lease of a due delivery ends; None if none is leased."""
    cursor = await conn.execute(
        "select extract(epoch from min(d.leased_until) - now())::float8"
        " from delivery.deliveries as d"
        " join delivery.endpoints as e using (endpoint_id)"
        " where e.status = 'active' and d.status in ('pending', 'failed')"
        " and d.next_attempt_at <= now() and d.leased_until is not null"
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else max(0.0, row[0])


async def count_due(conn: AsyncConnection) -> int:
    """Due deliveries of active endpoints, leased or not."""
    cursor = await conn.execute(
        "select count(*) from delivery.deliveries as d"
        " join delivery.endpoints as e using (endpoint_id)"
        " where e.status = 'active' and d.status in ('pending', 'failed')"
        " and d.next_attempt_at <= now()"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
