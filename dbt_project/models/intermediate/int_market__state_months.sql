{{ config(post_hook="{{ analyze_this() }}") }}

-- The state-wide monthly index in parts: what sold in a contract month, by the month in
-- which it became known. Summing the parts known by a month gives the index as it was
-- seen then.
select
    state,
    dwelling_type,
    {{ month_index("contract_date") }} as contract_month,
    {{ month_index("greatest(contract_date, known_on)") }} as known_month,
    count(*)::int as sale_count,
    sum({{ micro_log("price_aud") }})::bigint as log_price_sum
from {{ ref("int_sale__validated") }}
where is_market_sale
group by 1, 2, 3, 4
