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
--
-- Sales good in all but that they name no dwelling (sets by suburb, without addresses)
-- speak for a suburb's month only where no sale with an address does: the same sale may
-- stand in both kinds of set, and nothing could tell.
with sales as (
    select
        suburb_key,
        state,
        upper(suburb) as suburb,
        dwelling_type,
        date_trunc('month', contract_date)::date as month,
        price_aud,
        is_simulated,
        is_market_sale as is_identified
    from {{ ref("int_sale__validated") }}
    where
        suburb_key is not null
        and (is_market_sale or exclusion_reasons = array['address_not_identified'])
),

identified_months as (
    select distinct suburb_key, month from sales where is_identified
),

months as (
    select
        suburb_key,
        state,
        suburb,
        dwelling_type,
        month,
        count(*)::int as sale_count,
        percentile_cont(array[0.25, 0.5, 0.75]) within group (order by price_aud)
            as quartiles,
        bool_and(is_identified) as is_identified,
        bool_or(is_simulated) as is_simulated
    from sales
    where
        is_identified
        or (suburb_key, month) not in (
            select identified.suburb_key, identified.month
            from identified_months as identified
        )
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
    is_identified,
    is_simulated
from months
