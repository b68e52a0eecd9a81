"""The outbox: events and their deliveries, written with the facts they tell of.

Everything here runs in the caller's transaction and never commits: a prediction, its
event and one delivery per subscribed endpoint stand or fall together. What an event
looks like is laid down in `events.py`, who is subscribed in `endpoints.py`; sending is
`sender.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from delivery.events import (
    PREDICTION_CREATED,
    PREDICTION_UPDATED,
    EventRejected,
    check_body,
    event_ids,
)

PUBLISH_LOCK = 0x6F757462  # "outb": any constant of our own
FETCH_ROWS = 20_000
SCHEMA_CHECK_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class PublishCounts:
    """What one publication added.

    Attributes:
        events: new events, by type in `by_type`.
        deliveries: new deliveries, one per event and subscribed endpoint.
        repeated: predictions whose event was there already.
    """

    events: int
    deliveries: int
    repeated: int
    by_type: dict[str, int]


_PREPARE = """
create temporary table if not exists outbox_batch (
    prediction_id uuid not null,
    event_id text not null
) on commit drop;
truncate outbox_batch
"""

_UNPUBLISHED = """
select 'prediction:' || n.prediction_id, n.prediction_id::text
from new_predictions as n
where not exists (
    select from delivery.events as e
    where e.event_key = 'prediction:' || n.prediction_id
)
"""

# The body is written by PostgreSQL: row_to_json gives compact JSON with the keys in
# column order, and costs a tenth of bringing the rows to Python and back. Text from a
# table cannot hold NUL, numbers cannot be NaN (confidence is checked to lie in 0..1),
# and the table refuses bodies over 64 kB. Sorted by key, the unique indexes grow at
# their end, which halves the time of the inserts.
_INSERT_EVENTS = """
insert into delivery.events
    (event_id, event_key, event_type, subject_id, body, is_simulated, occurred_at)
select
    b.event_id, 'prediction:' || p.prediction_id, kind.type, p.property_id,
    row_to_json(body)::text, p.is_simulated, p.created_at
from outbox_batch as b
join new_predictions as n using (prediction_id)
join ml.price_predictions as p using (prediction_id)
join marts.properties as m on m.property_id = p.property_id
cross join lateral (
    select case
        when n.previous_estimate_aud is null then %(created)s else %(updated)s
    end as type
) as kind
cross join lateral (
    select p.model_name as name, p.model_version as version
) as used_model
cross join lateral (
    select p.source_file as file, p.source_row_number as row
) as origin
cross join lateral (
    -- Null where the method states no such interval.
    select
        case when p.low_68_aud is not null
            then array[p.low_68_aud, p.high_68_aud] end as "68",
        case when p.interval_pct = 80 then array[p.low_aud, p.high_aud] end as "80",
        case when p.low_95_aud is not null
            then array[p.low_95_aud, p.high_95_aud] end as "95"
) as by_percent
cross join lateral (
    select
        p.prediction_id, p.property_id, m.address, m.suburb, m.state, m.postcode,
        p.valuation_date, p.estimate_aud, p.low_aud, p.high_aud, p.interval_pct,
        row_to_json(by_percent) as intervals,
        -- A 4-byte float: more digits would only show its rounding.
        round(p.confidence::numeric, 4)::double precision as confidence,
        round(p.fsd::numeric, 4)::double precision as fsd,
        p.confidence_class, p.extrapolation, p.thin_data,
        p.method, row_to_json(used_model) as model, n.previous_estimate_aud,
        row_to_json(origin) as source, p.is_simulated as simulated
) as facts
cross join lateral (
    select
        kind.type,
        to_char(
            p.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        ) as timestamp,
        row_to_json(facts) as data
) as body
order by b.event_id
"""

_INSERT_DELIVERIES = """
insert into delivery.deliveries (event_id, endpoint_id)
select e.event_id, p.endpoint_id
from outbox_batch as b
join delivery.events as e using (event_id)
join delivery.endpoints as p
    on p.status = 'active' and p.event_types && array['*', e.event_type]
order by e.event_id, p.endpoint_id
on conflict (event_id, endpoint_id) do nothing
"""

_SAMPLE = """
select e.event_type, e.body
from (
    select b.event_id, row_number() over (
        partition by n.previous_estimate_aud is null order by b.event_id
    ) as number
    from outbox_batch as b
    join new_predictions as n using (prediction_id)
) as numbered
join delivery.events as e using (event_id)
where numbered.number %% %(every)s = 1
"""


def publish_predictions(conn: psycopg.Connection[Any]) -> PublishCounts:
    """Write the events of new predictions and fan them out to active endpoints.

    Reads the temporary table `new_predictions(prediction_id uuid, property_id uuid,
    previous_estimate_aud bigint)`, one row per prediction; the predictions must be in
    `ml.price_predictions` and their properties in `marts.properties`. Does not commit.
    Predictions that have their event already are left alone, so that publishing again
    adds nothing. Withdrawn ones are `withdrawals.py`.

    All bodies come from one statement, so that the first and then every thousandth of
    each type are held against the schema: checking all costs ten times the rest.

    Raises:
        EventRejected: a body breaks its schema, or a prediction or property is missing.
        psycopg.errors.CheckViolation: a body is over 64 kB.
    """
    # Two publications of one prediction wait for each other here; the second then sees
    # the first one's events.
    conn.execute("select pg_advisory_xact_lock(%s)", [PUBLISH_LOCK])
    conn.execute(_PREPARE)
    expected = _derive_ids(conn)
    conn.execute("analyze outbox_batch; analyze new_predictions")
    inserted = conn.execute(
        _INSERT_EVENTS, {"created": PREDICTION_CREATED, "updated": PREDICTION_UPDATED}
    ).rowcount
    if inserted != expected:
        raise EventRejected(
            f"{expected - inserted} of {expected} new predictions have no row in "
            "ml.price_predictions or in marts.properties, so nothing was published."
        )
    deliveries = conn.execute(_INSERT_DELIVERIES).rowcount
    _check_sample(conn)
    total, created = _count_predictions(conn)
    counts = {PREDICTION_CREATED: created, PREDICTION_UPDATED: expected - created}
    return PublishCounts(expected, deliveries, total - expected, counts)


def _derive_ids(conn: psycopg.Connection[Any]) -> int:
    """Fill `outbox_batch` with what has no event yet; returns its rows.

    Ids are UUIDv5 (SHA-1), which PostgreSQL cannot compute without an extension.
    """
    count = 0
    with conn.cursor("outbox_unpublished") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(_UNPUBLISHED)
        while rows := cursor.fetchmany(FETCH_ROWS):
            keys, uuids = zip(*rows, strict=True)
            lines = map("\t".join, zip(uuids, event_ids(keys), strict=True))
            with conn.cursor().copy("copy outbox_batch from stdin") as copy:
                copy.write("\n".join([*lines, ""]))
            count += len(rows)
    return count


def _check_sample(conn: psycopg.Connection[Any]) -> None:
    for event_type, body in conn.execute(_SAMPLE, {"every": SCHEMA_CHECK_EVERY}):
        check_body(event_type, body)


def _count_predictions(conn: psycopg.Connection[Any]) -> tuple[int, int]:
    """All predictions, and those with a new event that are their property's first."""
    row = conn.execute(
        "select count(*), count(*) filter ("
        "    where b.event_id is not null and n.previous_estimate_aud is null)"
        " from new_predictions as n left join outbox_batch as b using (prediction_id)"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
