{{ config(materialized="view") }}

-- Domain listings that are gone from their search, asked for themselves: what they said in
-- a word, on the version seen last, in the columns of int_listing__domain_versions.
select
    known.listing_id as domain_listing_id,
    searches.version_id,
    'confirmation' as said_by,
    3 as said_rank,
    known.confirmed_at as said_at,
    known.confirmed_at as known_at,
    case {{ domain_word("known.confirmed_status") }}
        when 'withdrawn' then 'withdrawn'
        when 'under_offer' then 'under_offer'
        when 'deposit_taken' then 'under_offer'
        when 'sold' then 'sold'
        when 'leased' then 'leased'
        when 'archived' then 'over'
        when 'absent' then 'over'
        else 'on_market'
    end as claim,
    null::text as listing_type,
    null::text as agency_id,
    null::text as source_property_id,
    null::uuid as address_hash,
    null::boolean as is_address_whole,
    null::boolean as is_address_shown,
    null::text as suburb_key,
    null::text as property_type,
    null::text as dwelling_type,
    null::text as price_text,
    null::boolean as is_price_withheld,
    null::bigint as price_low_aud,
    null::bigint as price_high_aud,
    null::bigint as withheld_low_aud,
    null::bigint as withheld_high_aud,
    null::bigint as sold_price_aud,
    null::boolean as is_sold_price_withheld,
    null::text as sold_price_by,
    null::bigint as government_sold_price_aud,
    null::date as sold_date,
    null::text as sale_method,
    null::timestamptz as auction_at,
    null::numeric as bedrooms,
    null::numeric as bathrooms,
    null::numeric as car_spaces,
    null::numeric as land_area_m2,
    null::numeric as building_area_m2,
    null::double precision as latitude,
    null::double precision as longitude,
    null::timestamptz as listed_at,
    searches.is_simulated,
    searches.source_file,
    searches.source_row_number,
    searches.batch_id,
    searches.loaded_at
from {{ source("ops", "domain_listings") }} as known
inner join {{ ref("stg_domain__listing_versions") }} as searches
    on known.row_hash = searches.version_id
    and known.listing_id = searches.listing_id
where known.confirmed_at is not null
