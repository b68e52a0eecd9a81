-- NSW quantiles: where tables overlap, the newest table's figures for a period.
with figures as (
    select
        t.*,
        r.release_date,
        row_number() over (
            partition by
                t.measure, t.area_type, upper(t.area), t.dwelling_type,
                t.period_kind, t.period_start
            order by r.release_date desc, t._row_number
        ) as place
    from {{ source("raw", "nsw_valuer__suburb_medians") }} t
    join {{ source("ops", "reference_releases") }} r on r.release_id = t.release_id
    where r.dataset = 'nsw_suburb_medians' and r.status = 'current'
        and t.area is not null
)

select
    t.measure,
    t.area_type,
    upper(t.area) as area,
    t.dwelling_type,
    t.period_kind,

    t.lower_quartile_aud,
    t.median_aud,
    t.upper_quartile_aud,
    t.mean_aud,
    t.transaction_count,

    t.is_suppressed,
    t.is_small_sample,
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
