{{ config(materialized="view", tags=["market"]) }}

-- The lists of months that Python wrote, one row a month.
with paths as (
    select * from {{ source("intermediate", "int_market__index_paths") }}
)

select
    paths.area_kind,
    paths.area_key,
    paths.state,
    paths.dwelling_type,
    {{ month_date("(paths.first_month + months.place::int - 1)") }} as month,
    (months.hundredths / 100.0)::numeric(10, 2) as price_index,
    (months.error / 100.0)::numeric(8, 2) as price_index_error_pct,
    months.pair_ends as price_index_pair_ends,
    paths.pair_count as price_index_pair_count,
    paths.known_before,
    paths.is_simulated
from paths
cross join lateral unnest(
    paths.index_hundredths, paths.error_hundredths, paths.pair_ends
) with ordinality as months (hundredths, error, pair_ends, place)
where months.hundredths is not null
