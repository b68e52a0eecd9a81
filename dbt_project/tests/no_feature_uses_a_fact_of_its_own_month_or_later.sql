-- Recomputes statistics of a sample of training rows straight from the sales mart, with
-- nothing but "contracted in the 12 whole months before, and published before the month",
-- and "own sale contracted and published before the day". Any other fact shows up here.
with sample as (
    select *
    from {{ ref("training_features") }}
    order by md5(sale_id::text)
    limit 100
),

recomputed as (
    select
        sample.sale_id,
        sample.suburb_type_log_price_12m,
        sample.suburb_type_sales_12m,
        sample.last_price_log,
        market.log_price as expected_log_price,
        market.sale_count as expected_sale_count,
        own.log_price as expected_last_price_log
    from sample
    cross join lateral (
        select
            avg(ln(sales.price_aud::double precision)) as log_price,
            count(*) as sale_count
        from {{ ref("sales") }} as sales
        where
            sales.is_market_sale
            and sales.suburb_key = sample.locality
            and sales.dwelling_type = sample.dwelling_type
            and sales.contract_date < date_trunc('month', sample.as_of_date)
            and sales.contract_date
            >= date_trunc('month', sample.as_of_date) - interval '12 months'
            and sales.known_on < date_trunc('month', sample.as_of_date)
    ) as market
    left join lateral (
        select ln(sales.price_aud::double precision) as log_price
        from {{ ref("sales") }} as sales
        where
            sales.is_market_sale
            and sales.property_id = sample.property_id
            and sales.contract_date < sample.as_of_date
            and sales.known_on < sample.as_of_date
        order by sales.contract_date desc, sales.known_on desc, sales.sale_id
        limit 1
    ) as own on true
)

select *
from recomputed
where
    suburb_type_sales_12m <> expected_sale_count
    or abs(suburb_type_log_price_12m - expected_log_price) > 0.00001
    or (suburb_type_log_price_12m is null) <> (expected_log_price is null)
    or abs(last_price_log - expected_last_price_log) > 0.00001
    or (last_price_log is null) <> (expected_last_price_log is null)
