"""What of a canonical address takes part in linkage, as a DuckDB table.

Belongs here: the columns a caller hands over, and the derived ones that blocking and
comparison use. All of it depends on the record alone, but for the street's support.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

from typing import Any

#: Columns a caller hands over, with their DuckDB types: one row per address received,
#: several may be one record. `titles` is a list written as text, `state|parcel|strata
#: lot` each, separated by semicolons; coordinates are degrees.
COLUMNS: dict[str, str] = {
    "property_id": "UUID",
    "address_key": "VARCHAR",
    "key_kind": "VARCHAR",
    "unit_number": "VARCHAR",
    "lot_number": "VARCHAR",
    "level_number": "VARCHAR",
    "street_number": "VARCHAR",
    "street_name": "VARCHAR",
    "street_type": "VARCHAR",
    "street_suffix": "VARCHAR",
    "locality": "VARCHAR",
    "state": "VARCHAR",
    "postcode": "VARCHAR",
    "gnaf_pid": "VARCHAR",
    "titles": "VARCHAR",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
    "dwelling_type": "VARCHAR",
    "confidence": "REAL",
}

_GATHERED = ("titles", "latitude", "longitude", "dwelling_type", "confidence")

_PREPARE = r"""
create or replace table {target} as
with merged as (
    select
        property_id,
        {firsts},
        string_agg(distinct titles, ';') as titles,
        round(median(latitude), 6) as latitude,
        round(median(longitude), 6) as longitude,
        -- Sources that disagree tell nothing.
        case when min(dwelling_type) = max(dwelling_type) then min(dwelling_type) end
            as dwelling_type,
        min(confidence) as confidence
    from {source}
    group by property_id
),
parts as (
    select
        property_id, address_key, key_kind, confidence, gnaf_pid, dwelling_type,
        latitude, longitude,
        coalesce(state, '') as state,
        coalesce(locality, '') as locality,
        coalesce(postcode, '') as postcode,
        regexp_replace(coalesce(street_name, ''), '[^A-Z0-9]', '', 'g') as street,
        coalesce(street_type, '') as way,
        coalesce(street_suffix, '') as suffix,
        coalesce(street_number, '') as number,
        coalesce(level_number, '') as floor,
        -- What the key holds before the unit: TOWER 1 of `TOWER 1 23`. A building's own
        -- name, which some write and others leave out, is no part of the key.
        case
            when key_kind <> 'address' then ''
            when split_part(address_key, '|', 5) = coalesce(unit_number, '') then ''
            when starts_with(split_part(address_key, '|', 5), 'LOT ') then ''
            when unit_number is null then split_part(address_key, '|', 5)
            else trim(replace(split_part(address_key, '|', 5), unit_number, ''))
        end as building,
        coalesce(unit_number, lot_number, '') as flat,
        unit_number is null and lot_number is not null as flat_is_lot,
        list_sort(list_distinct(list_filter(
            string_split(coalesce(titles, ''), ';'), lambda t: t <> ''
        ))) as titles
    from merged
)
select
    *,
    try_cast(regexp_extract(number, '^(\d+)', 1) as integer) as first_number,
    coalesce(
        try_cast(regexp_extract(number, '-(\d+)', 1) as integer),
        try_cast(regexp_extract(number, '^(\d+)', 1) as integer)
    ) as last_number,
    regexp_extract(number, '^\d+([A-Z]?)', 1) as number_letter,
    -- What a range, a single number and a lot number can be found by.
    case
        when number = '' then []
        when starts_with(number, 'LOT ') then [number]
        else list_distinct([
            regexp_extract(number, '^(\d+)', 1),
            coalesce(
                nullif(regexp_extract(number, '-(\d+)', 1), ''),
                regexp_extract(number, '^(\d+)', 1)
            )
        ])
    end as numbers,
    list_sort(list_distinct(list_transform(titles, lambda t:
        split_part(t, '|', 1) || '|' || split_part(t, '|', 2)))) as parcels,
    list_filter(titles, lambda t: split_part(t, '|', 3) <> '') as lots,
    (hash(concat_ws(chr(31), state, locality, street, way, suffix)) >> 1)::bigint
        as street_key
from parts
"""


def create_input(duck: Any, name: str = "addresses") -> None:
    """An empty table of `COLUMNS`, to be filled by the caller."""
    columns = ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items())
    duck.execute(f"create or replace table {name} ({columns})")


def prepare_records(
    duck: Any, source: str = "addresses", target: str = "records"
) -> None:
    """Derive `target` from a table of `COLUMNS`. One row per property id."""
    gathered = (*_GATHERED, "property_id")
    firsts = ", ".join(f"min({c}) as {c}" for c in COLUMNS if c not in gathered)
    duck.execute(_PREPARE.format(source=source, target=target, firsts=firsts))


def count_supports(duck: Any, records: str = "records") -> None:
    """Table `supports`: house numbers seen in each street (state, locality, name).

    A street with one or two numbers may be a slip for another; one with many is there.
    Counted to `SUPPORT_SEEN`, beyond which it makes no difference.
    """
    duck.execute(
        "create or replace table supports as select street_key, "
        f"least(count(distinct first_number), {SUPPORT_SEEN})::utinyint as support "
        f"from {records} where street <> '' group by street_key"
    )


def find_plans(duck: Any, records: str = "records") -> None:
    """Table `plans`: parcels whose units carry the numbers of their lots.

    MEASURED in the NSW files: 69 % of units do, scheme by scheme; where two or more
    units of a plan do and none does not, `LOT 7` is unit 7.
    """
    duck.execute(
        "create or replace table plans as select parcel from ("
        "select split_part(t, '|', 1) || '|' || split_part(t, '|', 2) as parcel, "
        "split_part(t, '|', 3) = flat as agrees "
        f"from (select flat, unnest(lots) as t from {records} where not flat_is_lot)"
        ") group by parcel having count(*) > 1 and bool_and(agrees)"
    )


#: House numbers at which a street is beyond doubt.
SUPPORT_SEEN = 6
