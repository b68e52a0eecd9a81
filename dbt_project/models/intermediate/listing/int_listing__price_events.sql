{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="record_key",
        on_schema_change="fail",
        meta={"tells": {
            "int_listing__price_events": "price_event_id",
            "int_listing__price_events.property": "property_id",
        }},
        pre_hook=[
            {
                "sql": "{{ reads_changes_of([
                    'int_listing__versions', 'int_listing__properties',
                    'raw.domain__properties', 'raw.domain__sales_results',
                    'intermediate.int_address__identity',
                    'intermediate.int_property__redirects',
                ]) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_price_records()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
        indexes=[
            {"columns": ["record_key"]},
            {"columns": ["price_event_id"], "unique": true},
            {"columns": ["property_id"]},
            {"columns": ["address_hash"]},
        ],
    )
}}

-- Every price that a listing, an auction result or a portal's history of a home names. A
-- bid is no sale, a bracket for searches no price. What was said of a sale and corrected
-- later stays, with the time until which it was believed (known_to).
with named as (
    select {{ price_columns() }} from {{ ref("int_listing__listing_prices") }}
    {% if is_incremental() %}
        where record_key = any(array(select key from {{ touched() }}))
    {% endif %}
    union all
    select {{ price_columns() }} from {{ ref("int_listing__auction_prices") }}
    {% if is_incremental() %}
        where record_key = any(array(select key from {{ touched() }}))
            and auctioned_on = any(array(
                select split_part(key, '|', 3)::date from {{ touched() }}
                where key like 'domain\_result|%'
            ))
    {% endif %}
    union all
    select {{ price_columns() }} from {{ ref("int_listing__history_prices") }}
    {% if is_incremental() %}
        where domain_property_id = any(array(
            select substr(key, 17) from {{ touched() }} where key like 'domain\_property|%'
        ))
    {% endif %}
)

select
    named.record_key,
    md5(concat_ws(
        '|', 'listing_price', named.record_key, named.event_kind, named.said_by,
        named.version_id, named.event_date, named.price_low_aud, named.price_high_aud
    ))::uuid as price_event_id,
    coalesce(listings.listing_id, named.listing_id) as listing_id,
    coalesce(
        listings.property_id, redirects.to_property_id, identities.property_id
    ) as property_id,
    coalesce(named.address_hash, listings.address_hash) as address_hash,
    named.event_date,
    named.event_kind,
    named.price_kind,
    case when named.price_low_aud = named.price_high_aud and named.price_kind = 'exact'
        then named.price_low_aud end as price_aud,
    named.price_low_aud,
    named.price_high_aud,
    named.confidence::real as confidence,
    named.said_by,
    named.source,
    named.source_record_id,
    named.known_at,
    named.known_to,
    named.source_file,
    named.source_row_number,
    named.created_at,
    named.is_simulated
from named
left join {{ ref("int_listing__properties") }} as listings
    on named.listing_key = listings.listing_key
left join {{ source("intermediate", "int_address__identity") }} as identities
    on named.identity_source = identities.source
    and named.address_hash = identities.address_hash
    and identities.key_kind <> 'non_identifying'
left join {{ source("intermediate", "int_property__redirects") }} as redirects
    on identities.property_id = redirects.from_property_id
where named.event_date is not null
