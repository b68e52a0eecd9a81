-- Details of Domain listings, every version, in the spelling of searches.
with source as (
    select
        *,
        {{ domain_word("property_types ->> 0") }} as property_word,
        can_display_price is false as is_withheld,
        can_display_sold_price is false as is_sold_withheld
    from {{ source("raw", "domain__listing_details") }}
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
    domain_property_id,
    advertiser_id,
    'domain' as source,
    {{ address_hash("null", "null", "unit_number", "null", "street_number", "street",
        "upper(locality)", "upper(state)", "postcode") }} as address_hash,

    {{ domain_word("status") }} as status,
    -- What a search calls the listing's type.
    case {{ domain_word("sale_mode") }} when 'buy' then 'sale'
        else {{ domain_word("sale_mode") }} end as listing_type,
    property_word as property_type,
    {{ domain_dwelling_type("property_word") }} as dwelling_type,
    headline,
    price_text,
    {{ domain_word("price_unit") }} as price_unit,
    unit_number,
    street_number,
    street,
    upper(locality) as locality,
    upper(state) as state,
    postcode,
    display_address,
    {{ domain_word("address_display_type") }} as address_display_type,
    {{ domain_word("advertiser_type") }} as advertiser_type,
    {{ domain_word("sale_method") }} as sale_method,
    {{ domain_sold_method(domain_word("sold_action")) }} as sold_method,
    case {{ domain_word("sold_source") }} when 'internal' then 'agency'
        when 'external' then 'apm' end as sold_source,
    provider_system,
    provider_ad_id,

    case when not is_withheld then low end as price_low_aud,
    case when not is_withheld then high end as price_high_aud,
    case when is_withheld then low end as withheld_price_low_aud,
    case when is_withheld then high end as withheld_price_high_aud,
    case when not is_sold_withheld and sold_price_aud > 0 then sold_price_aud
    end as sold_price_aud,
    case when is_sold_withheld and sold_price_aud > 0 then sold_price_aud
    end as withheld_sold_price_aud,
    -- The government's figure is withheld with the agency's: it is the same sale.
    case when not is_sold_withheld and government_sold_price_aud > 0
        then government_sold_price_aud end as government_sold_price_aud,
    case when is_sold_withheld and government_sold_price_aud > 0
        then government_sold_price_aud end as withheld_government_sold_price_aud,
    case when bedrooms between 0 and 30 then bedrooms end as bedrooms,
    case when bathrooms between 0 and 30 then bathrooms end as bathrooms,
    case when car_spaces between 0 and 50 then car_spaces end as car_spaces,
    case when land_area_m2 > 0 then land_area_m2 end as land_area_m2,
    case when building_area_m2 > 0 then building_area_m2 end as building_area_m2,
    case when latitude <> 0 and longitude <> 0 then latitude end as latitude,
    case when latitude <> 0 and longitude <> 0 then longitude end as longitude,

    is_withheld as is_price_withheld,
    is_sold_withheld as is_sold_price_withheld,
    coalesce(is_withdrawn, false) as is_withdrawn,
    coalesce({{ domain_word("address_display_type") }}, 'full_address')
        in ('full_address', 'street_and_suburb') as is_address_shown,
    _is_simulated as is_simulated,

    (sold_at at time zone '{{ var("market_timezone") }}')::date as sold_date,
    auction_at,
    listed_at,
    created_at,
    updated_at,
    purged_at,
    observed_at,

    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from priced
