-- Places of the current postcode list; PO boxes and large volume receivers stay, marked.
with current_rows as (
    select
        t.*,
        r.release_date,
        -- Repeated pairs: the line with coordinates and an SA1 tells more.
        row_number() over (
            partition by t.state, t.postcode, upper(t.locality)
            order by
                t.is_place desc,
                (t.latitude is not null)::int + (t.sa1_code_2021 is not null)::int desc,
                t._row_number
        ) as place_in_pair
    from {{ source("raw", "au_postcodes__localities") }} t
    join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
    where r.dataset = 'localities' and r.status = 'current'
)

select
    t.state,
    t.postcode,
    upper(t.locality) as locality,
    t.locality_type,
    t.sa1_code_2021,
    t.sa2_code_2021,
    t.sa2_name_2021,
    t.sa3_code_2021,
    t.sa3_name_2021,
    t.sa4_code_2021,
    t.sa4_name_2021,
    t.lga_code,
    t.lga_name,
    t.ra_2021_name as remoteness_2021,
    t.mmm_2019,

    coalesce(t.precise_latitude, t.latitude) as latitude,
    coalesce(t.precise_longitude, t.longitude) as longitude,

    t.is_place,
    t._is_simulated as is_simulated,

    t.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from current_rows t
where t.place_in_pair = 1
