-- Mapped CSV rows in the shape all sources share; nothing is judged or dropped here.
-- Sentinels and impossible attribute values (0 m2, year 2106) become null: unknown.
with source as (
    select
        *,
        upper(regexp_replace(trim(address), '\s+', ' ', 'g')) as plain_address,
        upper(regexp_replace(trim(locality), '\s+', ' ', 'g')) as plain_locality
    from {{ source("raw", "csv__sales") }}
),

renamed as (
    select
        -- The same sale arrives in several files with other columns and another line,
        -- sometimes without its price: address and date are what they share.
        case
            when plain_address <> '' and sale_date is not null
                then concat_ws('/', upper(state), plain_locality, plain_address, sale_date)
            when source_record_id is not null
                then concat_ws('/', mapping, source_record_id, sale_date, price_aud)
            else concat_ws('/', mapping, _row_hash)
        end as source_sale_id,
        _address_hash as address_hash,
        null::text as deal_key,
        null::text as source_property_id,
        concat_ws(', ', address, locality, state, postcode) as address_received,

        case
            when dwelling_type in ('house', 'townhouse', 'unit', 'land') then dwelling_type
            else 'other'
        end as dwelling_type,
        nullif(plain_locality, '') as locality,
        upper(state) as state,
        postcode,
        null::text as zone_code,
        region,
        sale_method,

        price_aud,
        null::smallint as share_pct,
        case when bedrooms between 0 and 30 then bedrooms end as bedrooms,
        case when bathrooms between 1 and 30 then bathrooms end as bathrooms,
        case when car_spaces between 0 and 50 then car_spaces end as car_spaces,
        case when land_area_m2 > 0 then land_area_m2 end::double precision
            as land_area_m2,
        case when building_area_m2 between 10 and 20000 then building_area_m2
        end::double precision as building_area_m2,
        case
            when year_built between 1788 and extract(year from sale_date) + 5
                then year_built
        end as year_built,
        case when latitude between -44 and -9 then latitude end as latitude,
        case when longitude between 96 and 168 then longitude end as longitude,

        is_sale,
        null::boolean as is_strata,
        dwelling_type is not null as is_dwelling_type_known,
        _is_simulated as is_simulated,

        sale_date as contract_date,
        null::date as settlement_date,
        sale_date as known_on,
        {{ market_instant("sale_date") }} as known_at,

        _row_hash as version_id,
        -- Of two files the row that tells more is the better version of the sale.
        case when is_sale and price_aud is not null then 100 else 0 end
        + num_nonnulls(
            price_aud, bedrooms, bathrooms, car_spaces, land_area_m2, building_area_m2,
            year_built, latitude, council_area, region, agent
        ) as version_score,
        _loaded_at as version_at,
        _source_file as source_file,
        _row_number as source_row_number,
        _batch_id as batch_id,
        _loaded_at as loaded_at
    from source
)

select
    md5('csv|' || source_sale_id)::uuid as sale_id,
    'csv' as source,
    renamed.*
from renamed
