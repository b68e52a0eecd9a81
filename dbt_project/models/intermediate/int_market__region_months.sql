{{ config(post_hook="{{ analyze_this() }}") }}

-- As int_market__state_months, of regions that sources name.
select
    state,
    region,
    dwelling_type,
    contract_month,
    known_month,
    sum(step)::int as sale_count,
    sum(step * log_price)::bigint as log_price_sum
from (
    {{ market_moves({
        "state": "held.state", "region": "held.region",
        "dwelling_type": "held.dwelling_type", "log_price": micro_log("held.price_aud"),
    }, condition="held.region is not null") }}
) as moves
group by 1, 2, 3, 4, 5
