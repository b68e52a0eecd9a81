-- Scores and deciles of the current SEIFA tables.
select
    t.edition,
    t.geography,
    t.area_code,
    t.area_name,
    t.state as state_name,
    t.index_code,

    t.score,
    t.decile,
    t.usual_resident_population,

    t.is_derived,
    t._is_simulated as is_simulated,

    r.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from {{ source("raw", "abs__seifa") }} t
join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
where r.dataset = 'seifa' and r.status = 'current'
