{{
    config(
        indexes=[
            {"columns": ["sale_id"], "unique": true},
            {"columns": ["as_of_date"]},
        ],
    )
}}

-- Each market sale as it looked the day it was contracted.
with as_of_rows as (
    select
        sale_id as row_id,
        sale_id,
        property_id,
        contract_date as as_of_date,
        price_aud,
        is_simulated,
        source,
        source_file,
        source_row_number,
        state,
        suburb_key,
        postcode,
        dwelling_type,
        zone_code,
        region,
        bedrooms,
        bathrooms,
        car_spaces,
        land_area_m2,
        building_area_m2,
        year_built,
        latitude,
        longitude,
        is_strata
    from {{ ref("int_sale__validated") }}
    where is_market_sale
),

{{ features_as_of(is_training=true) }}
