-- Recomputes statistics of a sample of training rows straight from sales, with nothing but
-- "contracted in whole months before, published before the month, and not yet put right by
-- then", and "own sale contracted and published before the day, not put right by then". Any
-- other fact shows up here.
with sample as (
    select *, date_trunc('month', as_of_date)::date as month
    from {{ ref("training_features") }}
    order by md5(sale_id::text)
    limit 100
),

held as (
    select
        sale_id, property_id, suburb_key, dwelling_type, contract_date, price_aud,
        known_on, null::date as known_until
    from {{ ref("sales") }}
    where is_market_sale
    union all
    select
        sale_id, property_id, suburb_key, dwelling_type, contract_date, price_aud,
        known_on, known_until
    from {{ ref("int_sale__outdated") }}
    where is_market_sale
),

market as (
    select
        sale_id,
        avg(log_price) filter (where age <= 12) as log_price,
        count(*) filter (where age <= 12) as sale_count,
        sum(log_price * weight) / sum(weight) as decayed_log_price,
        sum(weight) as weight
    from (
        select
            sample.sale_id,
            ln(held.price_aud::double precision) as log_price,
            month_count.age,
            power(
                0.5::double precision,
                month_count.age / {{ var("market_half_life_months") }}::double precision
            ) as weight
        from sample
        inner join held
            on sample.locality = held.suburb_key
            and sample.dwelling_type = held.dwelling_type
        cross join lateral (
            select {{ month_index("sample.month") }} - {{ month_index("held.contract_date") }}
                as age
        ) as month_count
        where
            held.contract_date < sample.month
            and held.known_on < sample.month
            and (held.known_until is null or held.known_until >= sample.month)
    ) as facts
    group by sale_id
),

own as (
    select distinct on (sample.sale_id)
        sample.sale_id,
        ln(held.price_aud::double precision) as log_price
    from sample
    inner join held on sample.property_id = held.property_id
    where
        held.contract_date < sample.as_of_date
        and held.known_on < sample.as_of_date
        and (held.known_until is null or held.known_until >= sample.as_of_date)
    order by
        sample.sale_id, held.contract_date desc, held.known_on desc, held.sale_id
)

select
    sample.sale_id,
    sample.suburb_type_log_price_12m,
    market.log_price as expected_log_price,
    sample.suburb_type_sales_12m,
    market.sale_count as expected_sale_count,
    sample.suburb_type_log_price_decayed,
    market.decayed_log_price as expected_decayed_log_price,
    sample.suburb_type_weight_decayed,
    market.weight as expected_weight,
    sample.last_price_log,
    own.log_price as expected_last_price_log
from sample
left join market on sample.sale_id = market.sale_id
left join own on sample.sale_id = own.sale_id
where
    sample.suburb_type_sales_12m <> coalesce(market.sale_count, 0)
    or abs(sample.suburb_type_log_price_12m - market.log_price) > 0.00001
    or (sample.suburb_type_log_price_12m is null) <> (market.log_price is null)
    or abs(sample.suburb_type_log_price_decayed - market.decayed_log_price) > 0.00001
    or abs(sample.suburb_type_weight_decayed - coalesce(market.weight, 0)) > 0.00001
    or abs(sample.last_price_log - own.log_price) > 0.00001
    or (sample.last_price_log is null) <> (own.log_price is null)
