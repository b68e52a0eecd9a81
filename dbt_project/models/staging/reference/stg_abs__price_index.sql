-- Residential property price indexes and their changes, of the current releases.
select
    t.series_id,
    t.measure,
    t.region,
    t.unit,
    t.frequency,

    t.value as price_index_value,

    lower(t.unit) like 'index%' as is_index,
    t._is_simulated as is_simulated,

    t.period_end as period_end_date,
    r.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from {{ source("raw", "abs__price_index") }} t
join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
where r.dataset = 'price_index' and r.status = 'current'
