-- Addresses of the current G-NAF Core. An alias is another way to write its principal.
with current_rows as (
    select t.*, r.release_date
    from {{ source("raw", "gnaf__addresses") }} t
    join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
    where r.dataset = 'gnaf' and r.status = 'current'
        -- Known before the scan begins, so that other releases' partitions are not read.
        and t.release_id = any(array(
            select release_id from {{ source("ops", "reference_releases") }}
            where dataset = 'gnaf' and status = 'current'
        ))
)

select
    t.address_detail_pid as address_id,
    coalesce(t.principal_pid, t.address_detail_pid) as principal_address_id,
    t.primary_pid as building_address_id,
    t.legal_parcel_id,
    t.mb_code,

    t.address_label as address,
    t.building_name,
    t.flat_type,
    t.flat_number as unit_number,
    case
        when t.number_last is not null then t.number_first || '-' || t.number_last
        else t.number_first
    end as street_number,
    t.lot_number,
    t.street_name,
    t.street_type,
    t.street_suffix,
    t.locality_name as locality,
    case t.state when 'OT' then null else t.state end as state,
    t.postcode,
    t.geocode_type,

    t.latitude,
    t.longitude,

    coalesce(t.alias_principal = 'A', false) as is_alias,
    coalesce(t.primary_secondary = 'S', false) as is_unit,
    t._is_simulated as is_simulated,

    t.date_created as created_date,
    t.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from current_rows t
