{{ config(post_hook="{{ analyze_this() }}") }}

-- The state-wide monthly index in parts: what sold in a contract month, by the month in
-- which it became known. Summing the parts known by a month gives the index as it was
-- seen then: what a correction took back is taken off in the month of the correction.
select
    state,
    dwelling_type,
    contract_month,
    known_month,
    sum(step)::int as sale_count,
    sum(step * log_price)::bigint as log_price_sum
from (
    {{ market_moves({
        "state": "held.state", "dwelling_type": "held.dwelling_type",
        "log_price": micro_log("held.price_aud"),
    }) }}
) as moves
group by 1, 2, 3, 4
