{{ config(indexes=[{"columns": ["property_id"], "unique": true}]) }}

-- Each active property as it looks on the data's valuation date: the day after the
-- newest fact became known. The data decides the date, not the clock, so the same data
-- gives the same features on any day.
with valuation_date as (
    select max(known_on) + 1 as as_of_date
    from {{ ref("int_sale__validated") }}
    where is_dated
),

as_of_rows as (
    select
        properties.property_id as row_id,
        properties.property_id,
        valuation_date.as_of_date,
        properties.is_simulated,
        properties.source,
        properties.source_file,
        properties.source_row_number,
        properties.state,
        properties.suburb_key,
        properties.unit_number,
        properties.street_number,
        properties.street_name,
        properties.postcode,
        properties.dwelling_type,
        properties.zone_code,
        properties.region,
        properties.bedrooms,
        properties.bathrooms,
        properties.car_spaces,
        properties.land_area_m2,
        properties.building_area_m2,
        properties.year_built,
        properties.latitude,
        properties.longitude,
        properties.is_strata,
        false as is_bid
    from {{ ref("properties") }} as properties
    cross join valuation_date
    where
        properties.deleted_at is null
        and valuation_date.as_of_date is not null
),

{{ features_as_of(is_training=false) }}
