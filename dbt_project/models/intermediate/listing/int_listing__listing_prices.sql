{{ config(materialized="view") }}

-- Prices listings name: asked (each time another one is asked) and sold for (by agency and
-- by government apart, each time it is said otherwise).
with asked as (
    select * from {{ ref("int_listing__price_statements") }}
    where
        listing_type = 'sale'
        and price_kind in ('exact', 'range', 'from', 'up_to', 'around')
),

versions as (
    select * from {{ ref("int_listing__versions") }} where listing_type = 'sale'
),

sold as (
    select
        versions.*,
        sale.said_of,
        sale.price_aud,
        lag(sale.price_aud) over in_order as previous_price_aud
    from versions
    cross join lateral (
        values
        (versions.sold_price_by, versions.sold_price_aud),
        ('government', versions.government_sold_price_aud)
    ) as sale (said_of, price_aud)
    where sale.price_aud > 0
    window in_order as (
        partition by versions.listing_key, sale.said_of order by versions.version_order
    )
)

select
    listing_key as record_key,
    listing_key,
    listing_id,
    version_id,
    null::text as identity_source,
    null::uuid as address_hash,
    case when price_text ~* 'guide' then 'guide' else 'asking' end as event_kind,
    price_kind,
    low_aud as price_low_aud,
    high_aud as price_high_aud,
    asking_confidence as confidence,
    {{ market_date("case when version_order = 1 then coalesce(listed_at, said_at) else said_at end") }}
        as event_date,
    'agency' as said_by,
    source,
    source_listing_id as source_record_id,
    known_at,
    null::timestamptz as known_to,
    source_file,
    source_row_number,
    loaded_at as created_at,
    is_simulated
from asked
union all
select
    listing_key,
    listing_key,
    listing_id,
    version_id,
    null,
    null,
    'sold',
    'exact',
    price_aud,
    price_aud,
    1,
    coalesce(sold_date, {{ market_date("said_at") }}),
    said_of,
    source,
    source_listing_id,
    known_at,
    lead(known_at) over (partition by listing_key, said_of order by version_order),
    source_file,
    source_row_number,
    loaded_at,
    is_simulated
from sold
where price_aud is distinct from previous_price_aud
