-- Auction results, every version, with what the code means for the price.
with source as (
    select
        *,
        coalesce(
            listing_id::text,
            concat_ws('/', upper(locality), street_name, street_number, unit_number)
        ) as result_key
    from {{ source("raw", "domain__sales_results") }}
),

read as (
    select
        *,
        {{ domain_word("property_type") }} as property_word,
        -- A bid is what the property did not sell for. Codes of private treaty are not
        -- documented well enough to count as sales.
        coalesce(result_code in ('AUSD', 'AUSP', 'AUSA'), false) as is_sold,
        coalesce(result_code in ('AUPI', 'AUVB', 'AUHB'), false) as is_bid
    from source
)

select
    _row_hash as version_id,
    city,
    auctioned_on,
    result_key,
    listing_id,
    agency_id,
    'domain' as source,
    {{ address_hash("null", "null", "unit_number", "null", "street_number",
        "concat_ws(' ', street_name, street_type)",
        "upper(locality)", "upper(state)", "postcode") }} as address_hash,

    result_code,
    property_word as property_type,
    {{ domain_dwelling_type("property_word") }} as dwelling_type,
    unit_number,
    street_number,
    concat_ws(' ', street_name, street_type) as street,
    upper(locality) as locality,
    upper(state) as state,
    postcode,
    agent_name,
    agency_name,

    case when is_sold and price_aud > 0 then price_aud end as sold_price_aud,
    case when is_bid and price_aud > 0 then price_aud end as bid_aud,
    case when bedrooms between 0 and 30 then bedrooms end as bedrooms,
    case when bathrooms between 0 and 30 then bathrooms end as bathrooms,
    case when car_spaces between 0 and 50 then car_spaces end as car_spaces,
    case when latitude <> 0 and longitude <> 0 then latitude end as latitude,
    case when latitude <> 0 and longitude <> 0 then longitude end as longitude,

    is_sold,
    is_bid,
    coalesce(result_code = 'AUWD', false) as is_withdrawn,
    _is_simulated as is_simulated,
    observed_at,
    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from read
