"""All the marts know of one property, and why each row is there.

Belongs here: finding a property by id, merged ones included, and reading its rows with
the file and line each came from. Reading an address is `domain`; showing the page is
for the caller. Works on tables as dbt built them; one that is not built has no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from database.catalogue import ask

Record = Mapping[str, Any]

#: Attributes that marts.properties holds with the source and day of each.
ATTRIBUTES = (
    "dwelling_type",
    "zone_code",
    "region",
    "is_strata",
    "bedrooms",
    "bathrooms",
    "car_spaces",
    "land_area_m2",
    "building_area_m2",
    "year_built",
    "latitude",
    "longitude",
)


@dataclass(frozen=True, slots=True)
class PropertyPage:
    """A property and its rows, oldest first; empty where there are none."""

    property: Record
    #: Homes that were merged into this one, with score and evidence.
    merged: list[Record] = field(default_factory=list)
    #: Open questions whether another home is the same.
    reviews: list[Record] = field(default_factory=list)
    sources: list[Record] = field(default_factory=list)
    attributes: list[Record] = field(default_factory=list)
    prices: list[Record] = field(default_factory=list)
    #: Sales that name no price or no believable day, and are in no price history.
    other_sales: list[Record] = field(default_factory=list)
    #: Versions of its sales that were corrected.
    superseded: list[Record] = field(default_factory=list)
    listings: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)
    prediction: Record | None = None
    #: Why it is not valued.
    refusal: Record | None = None


def find_property(conn: psycopg.Connection, property_id: UUID) -> UUID | None:
    """The property this id stands for today: itself or what it was merged into."""
    row = conn.execute(
        """
        select coalesce(
            (select to_property_id from intermediate.int_property__redirects
             where from_property_id = %(id)s),
            %(id)s
        )
        """,
        {"id": property_id},
    ).fetchone()
    final = row[0] if row else property_id
    found = _rows(conn, "properties", "select 1 as one", {"id": final})
    return final if found else None


def property_page(conn: psycopg.Connection, property_id: UUID) -> PropertyPage | None:
    """Everything about one property; None when the marts hold no such id.

    `property_id` may be that of a home merged into another: the page is of the other.
    Queries only; the connection's transaction is left open.
    """
    final = find_property(conn, property_id)
    if final is None:
        return None
    of = {"id": final}
    return PropertyPage(
        property=_rows(conn, "properties", "select *", of)[0],
        merged=_read(conn, "intermediate.int_property__redirects", _MERGED, of),
        reviews=_read(conn, "marts.merge_reviews", _REVIEWS, of),
        sources=_rows(
            conn, "property_sources", "select *", of, "first_seen_on, source"
        ),
        attributes=_rows(
            conn, "property_attributes_history", "select *", of, "valid_from"
        ),
        prices=_read(conn, "marts.price_history", _PRICES, of),
        other_sales=_read(conn, "marts.price_history", _OTHER_SALES, of),
        superseded=_read(conn, "marts.sale_versions", _SUPERSEDED, of),
        listings=_rows(conn, "listings", "select *", of, "listed_at nulls first"),
        events=_rows(conn, "listing_events", "select *", of, "event_at, known_at"),
        prediction=next(iter(_read(conn, "marts.properties", _PREDICTION, of)), None),
        refusal=next(iter(_read(conn, "ml.refusals", _REFUSAL, of)), None),
    )


def similar_addresses(
    conn: psycopg.Connection,
    *,
    suburb: str | None,
    street_name: str | None,
    street_number: str | None,
    limit: int = 5,
) -> list[Record]:
    """Homes whose suburb and street are spelt much like these, best first.

    Empty where a part is missing or the server has no trigrams (extension pg_trgm).
    """
    known = conn.execute(
        "select to_regtype('public.gtrgm') is not null "
        "and to_regclass('marts.suburbs') is not null"
    ).fetchone()
    if not (known and known[0] and suburb and street_name and street_number):
        return []
    found = ask(
        conn,
        "address_search",
        suburb=suburb,
        street_name=street_name,
        street_number=street_number,
    )
    return list(found[:limit])


def _rows(
    conn: psycopg.Connection,
    mart: str,
    select: str,
    of: Mapping[str, Any],
    order: str = "1",
) -> list[Record]:
    table = f"marts.{mart}"
    sql = f"{select} from {table} where property_id = %(id)s order by {order}"
    return _read(conn, table, sql, of)


def _read(
    conn: psycopg.Connection, table: str, sql: str, of: Mapping[str, Any]
) -> list[Record]:
    known = conn.execute("select to_regclass(%s) is not null", [table]).fetchone()
    if not known or not known[0]:
        return []
    with conn.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(sql.encode(), of).fetchall())


_MERGED = """
select redirects.from_property_id, redirects.reason, redirects.score,
    redirects.evidence, redirects.changed_at, identities.address, identities.sources
from intermediate.int_property__redirects as redirects
left join lateral (
    select min(address) as address, array_agg(distinct source) as sources
    from intermediate.int_address__identity
    where property_id = redirects.from_property_id
) as identities on true
where redirects.to_property_id = %(id)s and redirects.from_property_id <> %(id)s
order by redirects.changed_at, redirects.from_property_id
"""

_REVIEWS = """
select * from marts.merge_reviews
where status = 'open' and %(id)s in (low_property_id, high_property_id)
order by score desc
"""

_PRICES = """
select history.*, sales.exclusion_reasons, sales.deal_key, sales.parcel_count,
    sales.share_pct, sales.settlement_date, sales.version_count,
    sales.override_verdict, sales.override_reason, sales.override_actor
from marts.price_history as history
left join marts.sales
    on sales.property_id = history.property_id
    and sales.sale_id::text = history.source_record_id
where history.property_id = %(id)s
order by history.event_date, history.known_at, history.price_event_id
"""

_OTHER_SALES = """
select sales.* from marts.sales
where sales.property_id = %(id)s and not exists (
    select from marts.price_history as history
    where history.property_id = sales.property_id
        and history.source_record_id = sales.sale_id::text
)
order by sales.contract_date, sales.sale_id
"""

_SUPERSEDED = """
select versions.sale_id, versions.version_number, versions.version_count,
    versions.contract_date, versions.price_aud, versions.known_from, versions.known_to,
    versions.recorded_from, versions.recorded_to, versions.source,
    versions.source_file, versions.source_row_number
from marts.sales
inner join marts.sale_versions as versions on versions.sale_id = sales.sale_id
where sales.property_id = %(id)s and sales.version_count > 1
    and not versions.is_current
order by versions.sale_id, versions.version_number
"""

_PREDICTION = """
select predictions.*
from ml.current_predictions as newest
inner join ml.price_predictions as predictions using (prediction_id)
where newest.property_id = %(id)s
"""

_REFUSAL = """
select * from ml.refusals where property_id = %(id)s and ended_at is null
"""
