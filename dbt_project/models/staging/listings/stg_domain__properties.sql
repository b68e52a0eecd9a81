-- Domain's properties, the newest version of each, without their sales.
with source as (
    select distinct on (domain_property_id)
        *,
        {{ domain_word("property_type") }} as property_word,
        concat_ws(' ', street_name, street_type) as street
    from {{ source("raw", "domain__properties") }}
    order by domain_property_id, observed_at desc, _row_hash
)

select
    _row_hash as version_id,
    domain_property_id,
    'domain_property' as source,
    {{ address_hash("null", "null", "unit_number", "lot_number", "street_number",
        "street", "upper(locality)", "upper(state)", "postcode") }} as address_hash,

    property_word as property_type,
    {{ domain_dwelling_type("property_word") }} as dwelling_type,
    address as display_address,
    unit_number,
    lot_number,
    street_number,
    street,
    upper(locality) as locality,
    upper(state) as state,
    postcode,
    plan_number,
    title,
    zone_code,

    case when bedrooms between 0 and 30 then bedrooms end as bedrooms,
    case when bathrooms between 0 and 30 then bathrooms end as bathrooms,
    case when car_spaces between 0 and 50 then car_spaces end as car_spaces,
    case when land_area_m2 > 0 then land_area_m2 end as land_area_m2,
    case when year_built between 1788 and 2200 then year_built end as year_built,
    case when latitude <> 0 and longitude <> 0 then latitude end as latitude,
    case when latitude <> 0 and longitude <> 0 then longitude end as longitude,

    has_strata,
    _is_simulated as is_simulated,

    gnaf_ids,
    observed_at,
    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from source
