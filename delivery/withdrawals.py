"""Events of estimates that are withdrawn: the platform no longer values the home.

Like `outbox.py` in the caller's transaction, which never commits here; there are few of
them, so that every body is held against its schema.
"""

from __future__ import annotations

from typing import Any

import psycopg

from delivery.events import PREDICTION_WITHDRAWN, check_body, event_id
from delivery.outbox import PUBLISH_LOCK, PublishCounts

_UNPUBLISHED = """
select 'refusal:' || n.refusal_id
from new_withdrawals as n
where not exists (
    select from delivery.events as e where e.event_key = 'refusal:' || n.refusal_id
)
"""

_INSERT_EVENTS = """
insert into delivery.events
    (event_id, event_key, event_type, subject_id, body, is_simulated, occurred_at)
select
    b.event_id, b.event_key, %(type)s, r.property_id, row_to_json(body)::text,
    r.is_simulated, r.since
from unnest(%(ids)s::text[], %(keys)s::text[]) as b (event_id, event_key)
join new_withdrawals as n on b.event_key = 'refusal:' || n.refusal_id
join ml.refusals as r using (refusal_id)
left join marts.properties as m on m.property_id = r.property_id
cross join lateral (
    select
        r.property_id, m.address, m.suburb, m.state, m.postcode, r.valuation_date,
        r.reason, r.detail, n.previous_estimate_aud, r.is_simulated as simulated
) as facts
cross join lateral (
    select
        %(type)s::text as type,
        to_char(r.since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            as timestamp,
        row_to_json(facts) as data
) as body
returning event_type, body
"""

_INSERT_DELIVERIES = """
insert into delivery.deliveries (event_id, endpoint_id)
select e.event_id, p.endpoint_id
from delivery.events as e
join delivery.endpoints as p
    on p.status = 'active' and p.event_types && array['*', e.event_type]
where e.event_id = any(%(ids)s)
order by e.event_id, p.endpoint_id
on conflict (event_id, endpoint_id) do nothing
"""


def publish_withdrawals(conn: psycopg.Connection[Any]) -> PublishCounts:
    """Write the events of new refusals that took an estimate away, and fan them out.

    Reads the temporary table `new_withdrawals(refusal_id uuid, property_id uuid,
    previous_estimate_aud bigint)`; the refusals must be in `ml.refusals`. Does not
    commit; publishing again adds nothing.

    Raises:
        EventRejected: a body breaks its schema.
    """
    conn.execute("select pg_advisory_xact_lock(%s)", [PUBLISH_LOCK])
    total = conn.execute("select count(*) from new_withdrawals").fetchone()
    assert total is not None
    keys = [key for (key,) in conn.execute(_UNPUBLISHED)]
    values = {"keys": keys, "ids": [*map(event_id, keys)], "type": PREDICTION_WITHDRAWN}
    rows = conn.execute(_INSERT_EVENTS, values).fetchall() if keys else []
    for event_type, body in rows:
        check_body(event_type, body)
    sent = conn.execute(_INSERT_DELIVERIES, values).rowcount if keys else 0
    counted = {PREDICTION_WITHDRAWN: len(rows)}
    return PublishCounts(len(rows), sent, int(total[0]) - len(rows), counted)
