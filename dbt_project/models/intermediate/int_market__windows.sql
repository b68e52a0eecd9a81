{{ config(post_hook="{{ analyze_this() }}") }}

-- For each suburb, postcode and dwelling type: the market sales of the 12 whole months
-- before as_of_month, as far as they were known on the first day of as_of_month.
-- A sale counts from the month after it was both contracted and published, and falls out
-- 12 months after its contract month, or the month after it was put right.
with facts as (
    select
        state,
        suburb_key,
        postcode,
        dwelling_type,
        {{ month_index("contract_date") }} as contract_month,
        {{ month_index("greatest(contract_date, known_on)") }} as known_month,
        case
            when known_until is not null
                then {{ month_index("greatest(contract_date, known_until)") }}
        end as until_month,
        {{ micro_log("price_aud") }} as log_price
    from (
        {{ held_sales([
            "state", "suburb_key", "postcode", "dwelling_type", "contract_date",
            "price_aud", "is_market_sale",
        ]) }}
    ) as held
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
        until_month,
        count(*) as sale_count,
        sum(log_price) as log_price_sum
    from facts
    group by 1, 2, 3, 4, 5, 6, 7
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
    cells.known_month + 1, least(cells.contract_month + 12, cells.until_month)
) as as_of (month)
group by 1, 2, 3, 4, 5
