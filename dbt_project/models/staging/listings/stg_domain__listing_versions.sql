-- Listings as searches showed them, every version, in the spelling all endpoints share.
with source as (
    select
        *,
        {{ domain_word("property_type") }} as property_word,
        -- A figure beside such words is a search bracket that nobody may see.
        coalesce(
            price_text ~* '(withheld|undisclosed|not disclosed|suppress)', false
        ) as is_withheld
    from {{ source("raw", "domain__listings") }}
),

priced as (
    select
        *,
        coalesce(price_from_aud, price_aud) as low,
        coalesce(price_to_aud, price_aud) as high
    from source
)

select
    _row_hash as version_id,
    listing_id,
    coalesce(project_id, parent_project_id) as domain_project_id,
    advertiser_id,
    'domain' as source,
    {{ address_hash("null", "null", "unit_number", "null", "street_number", "street",
        "upper(locality)", "upper(state)", "postcode") }} as address_hash,

    {{ domain_word("listing_type") }} as listing_type,
    property_word as property_type,
    {{ domain_dwelling_type("property_word") }} as dwelling_type,
    headline,
    price_text,
    unit_number,
    street_number,
    street,
    upper(locality) as locality,
    upper(state) as state,
    postcode,
    display_address,
    {{ domain_word("address_display_type") }} as address_display_type,
    {{ domain_word("advertiser_type") }} as advertiser_type,
    advertiser_name,
    project_name,
    {{ domain_word("sold_source") }} as sold_source,
    {{ domain_sold_method(domain_word("sold_method")) }} as sold_method,

    case when not is_withheld then low end as price_low_aud,
    case when not is_withheld then high end as price_high_aud,
    case when is_withheld then low end as withheld_price_low_aud,
    case when is_withheld then high end as withheld_price_high_aud,
    case when not is_withheld and sold_price_aud > 0 then sold_price_aud
    end as sold_price_aud,
    case when is_withheld and sold_price_aud > 0 then sold_price_aud
    end as withheld_sold_price_aud,
    case when bedrooms between 0 and 30 then bedrooms end as bedrooms,
    case when bathrooms between 0 and 30 then bathrooms end as bathrooms,
    case when car_spaces between 0 and 50 then car_spaces end as car_spaces,
    case when land_area_m2 > 0 then land_area_m2 end as land_area_m2,
    case when building_area_m2 > 0 then building_area_m2 end as building_area_m2,
    case when latitude <> 0 and longitude <> 0 then latitude end as latitude,
    case when latitude <> 0 and longitude <> 0 then longitude end as longitude,
    map_certainty,

    is_withheld as is_price_withheld,
    coalesce(is_new, false) as is_new,
    coalesce(is_rural, false) as is_rural,
    coalesce({{ domain_word("address_display_type") }}, 'full_address')
        in ('full_address', 'street_and_suburb') as is_address_shown,
    _is_simulated as is_simulated,

    listed_at,
    available_at,
    auction_at,
    (sold_at at time zone '{{ var("market_timezone") }}')::date as sold_date,
    observed_at,

    property_features,
    labels,
    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from priced
