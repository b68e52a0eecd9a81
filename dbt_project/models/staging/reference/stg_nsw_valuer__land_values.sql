-- Values of the current land value release, one line per base date instead of arrays.
with current_rows as (
    select t.*, r.release_date
    from {{ source("raw", "nsw_valuer__land_values") }} t
    join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
    where r.dataset = 'nsw_land_values' and r.status = 'current'
        -- Known before the scan begins, so that other releases' partitions are not read.
        and t.release_id = any(array(
            select release_id from {{ source("ops", "reference_releases") }}
            where dataset = 'nsw_land_values' and status = 'current'
        ))
)

select
    t.valuer_property_id,
    t.district_code,
    t.zone_code,
    t.locality,
    t.postcode,
    t.property_description as legal_description,
    v.authority as authority_code,
    v.basis as basis_code,

    v.land_value_aud,
    round(t.area * case t.area_type when 'H' then 10000 when 'M' then 1 end, 2)
    ::double precision as area_m2,

    coalesce(t.property_type = 'UNDERSP', false) as is_strata_scheme,
    v.place = 1 as is_newest,
    t._is_simulated as is_simulated,

    v.base_date,
    t.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from current_rows t
cross join lateral unnest(t.base_dates, t.land_values_aud, t.authorities, t.bases)
with ordinality as v (base_date, land_value_aud, authority, basis, place)
-- A property that did not exist yet on a base date has a date without a value.
where v.land_value_aud is not null
