{{ config(post_hook="{{ analyze_this() }}") }}

-- For each suburb, postcode and dwelling type: the market sales of the 12 whole months
-- before as_of_month, as far as they were known on the first day of as_of_month.
-- A sale counts from the month after it was both contracted and published, and falls out
-- 12 months after its contract month.
with facts as (
    select
        state,
        suburb_key,
        postcode,
        dwelling_type,
        {{ month_index("contract_date") }} as contract_month,
        {{ month_index("greatest(contract_date, known_on)") }} as known_month,
        {{ micro_log("price_aud") }} as log_price
    from {{ ref("int_sale__validated") }}
    where is_market_sale
),

cells as (
    select
        state,
        suburb_key,
        postcode,
        dwelling_type,
        contract_month,
        known_month,
        count(*) as sale_count,
        sum(log_price) as log_price_sum
    from facts
    group by 1, 2, 3, 4, 5, 6
)

select
    cells.state,
    cells.suburb_key,
    cells.postcode,
    cells.dwelling_type,
    as_of.month as as_of_month,
    sum(cells.sale_count)::int as sale_count,
    sum(cells.log_price_sum)::bigint as log_price_sum
from cells
cross join lateral generate_series(
    cells.known_month + 1, cells.contract_month + 12
) as as_of (month)
group by 1, 2, 3, 4, 5
