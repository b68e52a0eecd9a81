{{ config(materialized="view") }}

-- Prices of auction results: what a home sold for, and bids that did not buy it. A result
-- that was put right later stands beside what it was, which was believed until then.
with results as (
    select
        *,
        'domain_result|' || concat_ws('|', city, auctioned_on, result_key) as record_key,
        coalesce(sold_price_aud, bid_aud)::bigint as price_aud,
        case when is_sold then 'sold' when is_bid then 'bid' end as event_kind
    from {{ ref("stg_domain__sales_result_versions") }}
),

told as (
    select
        *,
        lag(concat_ws('|', event_kind, price_aud)) over in_order
        is distinct from concat_ws('|', event_kind, price_aud) as is_news
    from results
    window in_order as (
        partition by city, auctioned_on, result_key order by observed_at, version_id
    )
),

news as (
    select
        *,
        lead(observed_at) over (
            partition by city, auctioned_on, result_key order by observed_at, version_id
        ) as known_to
    from told
    where is_news
)

select
    auctioned_on,
    record_key,
    'domain|' || listing_id as listing_key,
    null::uuid as listing_id,
    version_id,
    'domain_result' as identity_source,
    address_hash,
    event_kind,
    'exact' as price_kind,
    price_aud as price_low_aud,
    price_aud as price_high_aud,
    1::numeric as confidence,
    auctioned_on as event_date,
    'auction_result' as said_by,
    source,
    result_key as source_record_id,
    observed_at as known_at,
    known_to,
    source_file,
    source_row_number,
    loaded_at as created_at,
    is_simulated
from news
where price_aud > 0
