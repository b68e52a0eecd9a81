-- Recomputes statistics of a sample of training rows straight from the sales mart, with
-- nothing but "contracted in the 12 whole months before, and published before the month",
-- and "own sale contracted and published before the day". Any other fact shows up here.
with sample as (
    select *
    from {{ ref("training_features") }}
    order by md5(sale_id::text)
    limit 100
),

market as (
    select
        sample.sale_id,
        avg(ln(sales.price_aud::double precision)) as log_price,
        count(*) as sale_count
    from sample
    inner join {{ ref("sales") }} as sales
        on sample.locality = sales.suburb_key
        and sample.dwelling_type = sales.dwelling_type
    where
        sales.is_market_sale
        and sales.contract_date < date_trunc('month', sample.as_of_date)
        and sales.contract_date
        >= date_trunc('month', sample.as_of_date) - interval '12 months'
        and sales.known_on < date_trunc('month', sample.as_of_date)
    group by sample.sale_id
),

own as (
    select distinct on (sample.sale_id)
        sample.sale_id,
        ln(sales.price_aud::double precision) as log_price
    from sample
    inner join {{ ref("sales") }} as sales on sample.property_id = sales.property_id
    where
        sales.is_market_sale
        and sales.contract_date < sample.as_of_date
        and sales.known_on < sample.as_of_date
    order by
        sample.sale_id, sales.contract_date desc, sales.known_on desc, sales.sale_id
)

select
    sample.sale_id,
    sample.suburb_type_log_price_12m,
    market.log_price as expected_log_price,
    sample.suburb_type_sales_12m,
    market.sale_count as expected_sale_count,
    sample.last_price_log,
    own.log_price as expected_last_price_log
from sample
left join market on sample.sale_id = market.sale_id
left join own on sample.sale_id = own.sale_id
where
    sample.suburb_type_sales_12m <> coalesce(market.sale_count, 0)
    or abs(sample.suburb_type_log_price_12m - market.log_price) > 0.00001
    or (sample.suburb_type_log_price_12m is null) <> (market.log_price is null)
    or abs(sample.last_price_log - own.log_price) > 0.00001
    or (sample.last_price_log is null) <> (own.log_price is null)
