-- The cash rate target by day, from daily and monthly tables and the list of changes.
with targets as (
    select
        t.*,
        r.release_date,
        row_number() over (
            partition by t.observed_on
            order by
                case t.table_code when 'f1' then 1 when 'target_changes' then 2 else 3 end,
                r.release_date desc, t._row_number
        ) as place
    from {{ source("raw", "rba__cash_rate") }} t
    join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
    where r.dataset = 'cash_rate' and r.status = 'current'
        and t.series_id = 'FIRMMCRTD'
)

select
    t.table_code,
    t.value as cash_rate_target_pct,
    t._is_simulated as is_simulated,
    t.observed_on as observed_date,
    t.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from targets t
where t.place = 1
