-- Victorian medians: where tables overlap, the newest table's figure for a period.
with figures as (
    select
        t.*,
        r.release_date,
        row_number() over (
            partition by
                t.dwelling_type, upper(t.locality), upper(t.council),
                t.period_kind, t.period_start
            order by r.release_date desc, t.is_preliminary, t._row_number
        ) as place
    from {{ source("raw", "vic_valuer__suburb_medians") }} t
    join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
    where r.dataset = 'vic_suburb_medians' and r.status = 'current'
        and not t.is_total
)

select
    t.dwelling_type,
    upper(t.locality) as locality,
    upper(t.council) as council,
    'VIC' as state,
    t.period_kind,

    t.median_aud,
    t.sales_count,

    t.is_preliminary,
    t.is_suppressed,
    t._is_simulated as is_simulated,

    t.period_start as period_start_date,
    t.period_end as period_end_date,
    t.release_date,
    t._source_file as source_file,
    t._row_number as source_row_number,
    t._batch_id as batch_id,
    t._loaded_at as loaded_at
from figures t
where t.place = 1
