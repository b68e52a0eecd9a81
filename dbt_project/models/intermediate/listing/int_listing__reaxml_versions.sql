{{ config(materialized="view") }}

-- What agencies' records said of their REAXML listings, each as its listing stands after
-- it, in the columns of int_listing__domain_versions.
select
    listing_id,
    agent_id || '/' || unique_id as source_listing_id,
    version_id,
    'record' as said_by,
    record_order,
    modified_at as said_at,
    published_at as known_at,
    case
        when status = 'current' and is_under_offer then 'under_offer'
        when status = 'current' then 'live'
        when status in ('sold', 'leased', 'withdrawn') then status
        -- Taken off the market, nobody says why.
        when status = 'offmarket' then 'delisted'
    end as claim,
    case when kind in ('rental', 'holidayRental') then 'rent' else 'sale' end
        as listing_type,
    agent_id as agency_id,
    null::text as source_property_id,
    {{ address_hash(
        "null", "building_name", "unit_number", "lot_number", "street_number", "street",
        "locality", "state", "postcode"
    ) }} as address_hash,
    street is not null and coalesce(street_number, lot_number) is not null
        as is_address_whole,
    is_address_shown,
    case when is_suburb_shown then state || '|' || locality end as suburb_key,
    lower(coalesce(category, kind)) as property_type,
    case
        when kind = 'land' then 'land'
        when kind in ('rural', 'commercial', 'commercialLand', 'business') then 'other'
        when category in ('House', 'Terrace', 'AcreageSemi-rural', 'Alpine') then 'house'
        when category in ('Townhouse', 'Villa', 'DuplexSemi-detached') then 'townhouse'
        when category in ('Unit', 'Apartment', 'Flat', 'Studio', 'ServicedApartment')
            then 'unit'
        when category is not null then 'other'
    end as dwelling_type,
    price_text,
    price_display <> 'yes' as is_price_withheld,
    price_low_aud::bigint as price_low_aud,
    price_high_aud::bigint as price_high_aud,
    withheld_price_low_aud::bigint as withheld_low_aud,
    withheld_price_high_aud::bigint as withheld_high_aud,
    sold_price_aud::bigint as sold_price_aud,
    sold_price_display <> 'yes' as is_sold_price_withheld,
    'agency' as sold_price_by,
    null::bigint as government_sold_price_aud,
    sold_date,
    case authority when 'auction' then 'auction' else 'private_treaty' end as sale_method,
    {{ market_instant("auction_at_local") }} as auction_at,
    bedrooms,
    bathrooms,
    car_spaces,
    land_area_m2,
    building_area_m2,
    null::double precision as latitude,
    null::double precision as longitude,
    case when is_described then first_modified_at end as listed_at,
    rent_weekly_aud,
    is_simulated,
    source_file,
    source_row_number,
    batch_id,
    loaded_at
from {{ ref("stg_reaxml__versions") }}
