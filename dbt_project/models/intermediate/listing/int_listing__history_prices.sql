{{ config(materialized="view") }}

-- Sales in the histories of Domain's properties: each price a day was said to have brought,
-- from the first version that said so to the last. What is suppressed now is not in here.
with sales as (
    select
        *,
        min(observed_at) over same_price as known_at,
        max(coalesce(next_observed_at, 'infinity')) over same_price as last_until,
        row_number() over (same_price order by observed_at, version_id, sale_number)
            as place,
        last_value(is_price_withheld) over (
            partition by domain_property_id, sold_date
            order by observed_at, version_id, sale_number
            rows between unbounded preceding and unbounded following
        ) as is_withheld_now
    from {{ ref("stg_domain__property_sale_versions") }}
    window same_price as (partition by domain_property_id, sold_date, price_aud)
)

select
    domain_property_id,
    'domain_property|' || domain_property_id as record_key,
    null::text as listing_key,
    null::uuid as listing_id,
    version_id,
    'domain_property' as identity_source,
    address_hash,
    'sold' as event_kind,
    'exact' as price_kind,
    price_aud::bigint as price_low_aud,
    price_aud::bigint as price_high_aud,
    1::numeric as confidence,
    sold_date as event_date,
    case when is_documented then 'government' when is_reported then 'agency'
        else 'portal' end as said_by,
    source,
    domain_property_id as source_record_id,
    known_at,
    nullif(last_until, 'infinity') as known_to,
    source_file,
    source_row_number,
    loaded_at as created_at,
    is_simulated
from sales
where price_aud > 0 and sold_date is not null and place = 1 and not is_withheld_now
