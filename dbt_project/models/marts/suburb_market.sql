{{
    config(
        indexes=[
            {"columns": ["suburb_key", "dwelling_type", "month"], "unique": true},
            {"columns": ["month"]},
        ],
    )
}}

-- Market sales by contract month. The last months grow as settlements are published.
-- Fewer than three sales tell more about one home than about a market: no price shown.
with months as (
    select
        suburb_key,
        state,
        upper(suburb) as suburb,
        dwelling_type,
        date_trunc('month', contract_date)::date as month,
        count(*)::int as sale_count,
        percentile_cont(array[0.25, 0.5, 0.75]) within group (order by price_aud)
            as quartiles,
        bool_or(is_simulated) as is_simulated
    from {{ ref("int_sale__validated") }}
    where is_market_sale and suburb_key is not null
    group by 1, 2, 3, 4, 5
)

select
    suburb_key,
    state,
    suburb,
    dwelling_type,
    month,
    sale_count,
    case when sale_count >= 3 then round(quartiles[1])::bigint end as lower_quartile_aud,
    case when sale_count >= 3 then round(quartiles[2])::bigint end as median_price_aud,
    case when sale_count >= 3 then round(quartiles[3])::bigint end as upper_quartile_aud,
    is_simulated
from months
