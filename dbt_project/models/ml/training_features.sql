{{
    config(
        indexes=[
            {"columns": ["sale_id"], "unique": true},
            {"columns": ["as_of_date"]},
        ],
    )
}}

-- Each market sale as it looked the day it was contracted, and each bid that was not
-- accepted, which tells of prices too. What the record leaves out is taken from what was
-- known of the home before.
with as_of_rows as (
    select
        sales.sale_id as row_id,
        sales.sale_id,
        sales.property_id,
        sales.contract_date as as_of_date,
        sales.price_aud,
        sales.is_simulated,
        sales.source,
        sales.source_file,
        sales.source_row_number,
        sales.state,
        sales.suburb_key,
        sales.unit_number,
        sales.street_number,
        sales.street_name,
        sales.postcode,
        sales.dwelling_type,
        {%- for column in [
            "zone_code", "region", "bedrooms", "bathrooms", "car_spaces", "land_area_m2",
            "building_area_m2", "year_built", "is_strata",
        ] %}
        coalesce(sales.{{ column }}, before.{{ column }}) as {{ column }},
        {%- endfor %}
        sales.latitude,
        sales.longitude,
        not sales.is_market_sale as is_bid
    from {{ ref("int_sale__validated") }} as sales
    left join {{ ref("property_attributes_history") }} as before
        on sales.property_id = before.property_id
        and sales.dwelling_type = before.dwelling_type
        and sales.contract_date > before.valid_from
        and (before.valid_to is null or sales.contract_date <= before.valid_to)
    where sales.is_market_sale or {{ is_bid("sales.") }}
),

{{ features_as_of(is_training=true) }}
