{{ config(materialized="view") }}

-- The months of suburbs with the price index of each, joined as they are read: one sale
-- corrected moves the index of a whole state a little, and would make every row anew.
select
    months.suburb_month_key,
    months.suburb_key,
    months.state,
    months.suburb,
    months.dwelling_type,
    months.month,
    months.sale_count,
    months.lower_quartile_aud,
    months.median_price_aud,
    months.upper_quartile_aud,

    months.published_on,
    months.published_sale_count,
    months.published_lower_quartile_aud,
    months.published_median_price_aud,
    months.published_upper_quartile_aud,
    months.sale_count_revision,
    months.median_revision_pct,

    (
        paths.index_hundredths[{{ month_index("months.month") }} - paths.first_month + 1]
        / 100.0
    )::numeric(10, 2) as price_index,
    (
        paths.error_hundredths[{{ month_index("months.month") }} - paths.first_month + 1]
        / 100.0
    )::numeric(8, 2) as price_index_error_pct,
    paths.pair_count as price_index_pair_count,

    months.days_on_market_count,
    months.days_on_market_median,
    months.rent_listing_count,
    months.rent_weekly_median_aud,
    months.gross_yield_pct,

    months.is_revised,
    months.is_identified,
    months.is_simulated
from {{ ref("int_market__suburb_months") }} as months
left join {{ source("intermediate", "int_market__index_paths") }} as paths
    on paths.area_kind = 'suburb'
    and months.suburb_key = paths.area_key
    and months.dwelling_type = paths.dwelling_type
