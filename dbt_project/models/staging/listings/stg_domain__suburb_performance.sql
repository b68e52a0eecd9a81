-- Measures of a suburb by period, the newest version; zero means that there is no data.
with source as (
    select distinct on (
        state, locality, postcode, property_category, bedrooms, period_size, year, month
    )
        *
    from {{ source("raw", "domain__suburb_performance") }}
    order by
        state, locality, postcode, property_category, bedrooms, period_size, year, month,
        observed_at desc, _row_hash
)

select
    upper(state) as state,
    upper(locality) as locality,
    postcode,
    lower(property_category) as property_category,
    bedrooms,
    {{ domain_word("period_size") }} as period_size,
    'domain' as source,
    (make_date(year, month, 1) + interval '1 month' - interval '1 day')::date
        as period_end_date,

    sold_count,
    nullif(median_sold_price_aud, 0) as median_sold_price_aud,
    nullif(percentile_5_sold_price_aud, 0) as percentile_5_sold_price_aud,
    nullif(percentile_25_sold_price_aud, 0) as percentile_25_sold_price_aud,
    nullif(percentile_75_sold_price_aud, 0) as percentile_75_sold_price_aud,
    nullif(percentile_95_sold_price_aud, 0) as percentile_95_sold_price_aud,
    sale_listing_count,
    nullif(median_sale_listing_price_aud, 0) as median_sale_listing_price_aud,
    auctioned_count,
    auction_sold_count,
    auction_withdrawn_count,
    rent_listing_count,
    nullif(median_rent_listing_price_aud, 0) as median_rent_listing_price_aud,
    nullif(days_on_market, 0) as days_on_market,
    discount_pct,
    nullif(mean_rent_yield_pct, 0) as mean_rent_yield_pct,

    _is_simulated as is_simulated,
    observed_at,
    _source_file as source_file,
    _row_number as source_row_number,
    _batch_id as batch_id,
    _loaded_at as loaded_at
from source
where month between 1 and 12 and year between 1900 and 2200
