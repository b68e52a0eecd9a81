{{
    config(
        indexes=[
            {"columns": ["suburb_key", "dwelling_type", "month"], "unique": true},
            {"columns": ["month"]},
        ],
    )
}}

-- Market sales by contract month: as known now, and as known when the month was first
-- published. The last months grow as settlements are published.
--
-- Sales good in all but that they name no dwelling (sets by suburb, without addresses)
-- speak for a suburb's month only until a sale with an address does: the same sale may
-- stand in both kinds of set, and nothing could tell.
with sales as (
    select
        suburb_key,
        state,
        dwelling_type,
        {{ month_index("contract_date") }} as month,
        {{ month_index("known_on") }} as known_month,
        price_aud,
        is_simulated,
        is_market_sale as is_identified
    from {{ ref("sales") }}
    where
        suburb_key is not null
        and (is_market_sale or exclusion_reasons = array['address_not_identified'])
),

nameless_months as (
    select distinct suburb_key, month from sales where not is_identified
),

-- From when on such a month is told of by sales with an address.
overtaken_months as (
    select sales.suburb_key, sales.month, min(sales.known_month) as known_month
    from nameless_months
    inner join sales using (suburb_key, month)
    where sales.is_identified
    group by 1, 2
),

spoken as (
    select
        sales.*,
        sales.is_identified or overtaken_months.month is null as is_now,
        sales.known_month <= sales.month + {{ publication_delay_months() }}
        and (
            sales.is_identified
            or overtaken_months.month is null
            or overtaken_months.known_month
            > sales.month + {{ publication_delay_months() }}
        ) as is_published
    from sales
    left join overtaken_months
        on not sales.is_identified
        and sales.suburb_key = overtaken_months.suburb_key
        and sales.month = overtaken_months.month
),

months as (
    select
        suburb_key,
        state,
        dwelling_type,
        month,
        coalesce(array_agg(price_aud order by price_aud) filter (where is_now), '{}')
            as prices,
        coalesce(
            array_agg(price_aud order by price_aud) filter (where is_published), '{}'
        ) as published,
        bool_and(is_identified) filter (where is_now) as is_identified,
        bool_or(is_simulated) as is_simulated
    from spoken
    group by 1, 2, 3, 4
),

measured as (
    select
        *,
        {{ shown_quantile("prices", 0.5) }} as median_price_aud,
        {{ shown_quantile("published", 0.5) }} as published_median_price_aud
    from months
    where prices <> '{}'
)

select
    measured.suburb_key,
    measured.state,
    split_part(measured.suburb_key, '|', 2) as suburb,
    measured.dwelling_type,
    {{ month_date("measured.month") }} as month,
    cardinality(measured.prices) as sale_count,
    {{ shown_quantile("measured.prices", 0.25) }} as lower_quartile_aud,
    measured.median_price_aud,
    {{ shown_quantile("measured.prices", 0.75) }} as upper_quartile_aud,

    {{ month_date("(measured.month + 1 + " ~ publication_delay_months() ~ ")") }}
        as published_on,
    cardinality(measured.published) as published_sale_count,
    {{ shown_quantile("measured.published", 0.25) }} as published_lower_quartile_aud,
    measured.published_median_price_aud,
    {{ shown_quantile("measured.published", 0.75) }} as published_upper_quartile_aud,
    cardinality(measured.prices) - cardinality(measured.published)
        as sale_count_revision,
    (
        100.0 * measured.median_price_aud / measured.published_median_price_aud - 100
    )::numeric(8, 2) as median_revision_pct,

    (paths.index_hundredths[measured.month - paths.first_month + 1] / 100.0)::numeric(
        10, 2
    ) as price_index,
    (paths.error_hundredths[measured.month - paths.first_month + 1] / 100.0)::numeric(
        8, 2
    ) as price_index_error_pct,
    paths.pair_count as price_index_pair_count,

    measured.is_identified,
    measured.is_simulated
from measured
left join {{ source("intermediate", "int_market__index_paths") }} as paths
    on paths.area_kind = 'suburb'
    and measured.suburb_key = paths.area_key
    and measured.dwelling_type = paths.dwelling_type
