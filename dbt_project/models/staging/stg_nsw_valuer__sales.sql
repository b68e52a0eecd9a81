-- PSI rows in the shape all sources share; nothing is judged or dropped here.
with source as (
    select * from {{ source("raw", "nsw_valuer__sales") }}
),

renamed as (
    select
        -- Dealings of 1990-2000 have no number: there the parcel, date and price say
        -- which sale it is. A blank property id must not merge two parcels.
        case
            when dealing_number is not null
                then concat_ws(
                    '/',
                    dealing_number,
                    coalesce(nullif(valuer_property_id, ''), _address_hash::text),
                    coalesce(strata_lot_number, '')
                )
            else concat_ws(
                '/',
                'undealt',
                district_code,
                coalesce(nullif(valuer_property_id, ''), _address_hash::text),
                coalesce(unit_number, ''),
                contract_date,
                purchase_price_aud
            )
        end as source_sale_id,
        _address_hash as address_hash,
        dealing_number as deal_key,
        nullif(valuer_property_id, '') as source_property_id,
        concat_ws(
            ', ',
            nullif(concat_ws(' ', unit_number || '/', house_number, street_name), ''),
            locality,
            postcode
        ) as address_received,

        case
            when nature_code is null then 'other'
            when nature_code = 'V' or primary_purpose ~ '^VACANT' then 'land'
            when
                nature_code = '3'
                and coalesce(primary_purpose, '')
                !~ '^((HOME |STRATA )?(UNIT|FLAT|APARTMENT)$|RESIDEN|DWELLING|HOUSE|COTTAGE|TOWNHOUSE)'
                then 'other'
            when primary_purpose ~ '^TOWNHOUSE' then 'townhouse'
            when strata_lot_number is not null then 'unit'
            when primary_purpose ~ '(UNIT|FLAT|APARTMENT)' then 'unit'
            else 'house'
        end as dwelling_type,
        nullif(upper(trim(locality)), '') as locality,
        'NSW' as state,
        postcode,
        case
            when zone_code ~ '^E[1-4]$' and downloaded_at < '2021-12-01'
                then 'C' || right(zone_code, 1)
            else zone_code
        end as zone_code,
        'NSW district ' || district_code as region,
        null::text as sale_method,

        purchase_price_aud as price_aud,
        case when interest_percent between 1 and 99 then interest_percent end
            as share_pct,
        null::smallint as bedrooms,
        null::smallint as bathrooms,
        null::smallint as car_spaces,
        -- A strata area is the lot's, or by mistake the whole parcel's: then unknown.
        case
            when strata_lot_number is not null or area <= 0 then null
            when area_type = 'H' then area * 10000
            else area
        end::double precision as land_area_m2,
        case
            when
                strata_lot_number is not null
                and area_type = 'M'
                and area between 10 and 1000
                then area
        end::double precision as building_area_m2,
        null::smallint as year_built,
        null::double precision as latitude,
        null::double precision as longitude,

        true as is_sale,
        strata_lot_number is not null as is_strata,
        nature_code is not null as is_dwelling_type_known,
        _is_simulated as is_simulated,

        contract_date,
        settlement_date,
        downloaded_at::date as known_on,
        {{ market_instant("downloaded_at") }} as known_at,

        _row_hash as version_id,
        0 as version_score,
        {{ market_instant("downloaded_at") }} as version_at,
        _source_file as source_file,
        _row_number as source_row_number,
        _batch_id as batch_id,
        _loaded_at as loaded_at
    from source
)

select
    md5('nsw_valuer|' || source_sale_id)::uuid as sale_id,
    'nsw_valuer' as source,
    renamed.*
from renamed
