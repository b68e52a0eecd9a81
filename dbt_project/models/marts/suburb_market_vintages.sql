{{ config(materialized="view", tags=["market"]) }}

-- What was published of a suburb's month on a day is the row with the newest published_on
-- up to that day. First publications stand in suburb_market, later changes beside it.
select
    suburb_key,
    state,
    dwelling_type,
    month,
    published_on,
    published_sale_count as sale_count,
    published_lower_quartile_aud as lower_quartile_aud,
    published_median_price_aud as median_price_aud,
    published_upper_quartile_aud as upper_quartile_aud,
    true as is_first,
    is_simulated
from {{ ref("suburb_market") }}
where published_sale_count > 0
union all
select
    suburb_key,
    state,
    dwelling_type,
    month,
    published_on,
    sale_count,
    lower_quartile_aud,
    median_price_aud,
    upper_quartile_aud,
    false as is_first,
    is_simulated
from {{ ref("int_market__revisions") }}
