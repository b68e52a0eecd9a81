{{
    config(
        materialized="incremental",
        contract={"enforced": true},
        tags=["market"],
        incremental_strategy="touched",
        unique_key="suburb_month_key",
        on_schema_change="fail",
        indexes=[
            {"columns": ["suburb_key", "dwelling_type", "month"], "unique": true,
             "serves": ["suburb_market_series"]},
            {"columns": ["suburb_month_key"], "serves": ["model int_market__suburb_months"]},
            {"columns": ["month", "dwelling_type", "suburb_key"],
             "include": ["median_price_aud", "sale_count"],
             "serves": ["market_movers"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of(
                    market_changes() + ['int_market__listing_months']
                ) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_suburb_months()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Market sales by contract month: as known now, and as known when the month was first
-- published. The last months grow as settlements are published. Made anew are the months
-- whose sales or listings changed.
with {{ market_facts() }},

months as (
    select
        {{ market_order("suburb_key", "dwelling_type") }} as place_in_order,
        month,
        suburb_key,
        dwelling_type,
        coalesce(
            array_agg(price_aud order by price_aud) filter (where until_month is null),
            '{}'
        ) as prices,
        coalesce(
            array_agg(price_aud order by price_aud) filter (
                where
                    known_month <= month + {{ publication_delay_months() }}
                    and coalesce(
                        until_month > month + {{ publication_delay_months() }}, true
                    )
            ),
            '{}'
        ) as published,
        bool_or(
            known_month > month + {{ publication_delay_months() }}
            or until_month is not null
        ) as is_revised,
        bool_and(is_identified) filter (where until_month is null) as is_identified,
        bool_or(is_simulated) as is_simulated
    from facts
    group by place_in_order, month, suburb_key, dwelling_type
),

measured as (
    select
        *,
        {{ month_date("month") }} as first_day,
        {{ shown_quantile("prices", 0.5) }} as median_price_aud,
        {{ shown_quantile("published", 0.5) }} as published_median_price_aud
    from months
    where prices <> '{}'
)

select
    {{ suburb_month_key("measured.suburb_key", "measured.first_day") }}
        as suburb_month_key,
    measured.suburb_key,
    split_part(measured.suburb_key, '|', 1) as state,
    split_part(measured.suburb_key, '|', 2) as suburb,
    measured.dwelling_type,
    measured.first_day as month,
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

    coalesce(listings.days_on_market_count, 0) as days_on_market_count,
    case
        when listings.days_on_market_count >= 3 then listings.days_on_market_median
    end as days_on_market_median,
    coalesce(listings.rent_listing_count, 0) as rent_listing_count,
    case
        when listings.rent_listing_count >= 3 then listings.rent_weekly_median_aud
    end as rent_weekly_median_aud,
    case
        when listings.rent_listing_count >= 3
            then (
                100 * 52 * listings.rent_weekly_median_aud / measured.median_price_aud
            )::numeric(6, 2)
    end as gross_yield_pct,

    measured.is_revised,
    measured.is_identified,
    measured.is_simulated
from measured
left join {{ source("listing_branch", "int_market__listing_months") }} as listings
    on measured.suburb_key = listings.suburb_key
    and measured.dwelling_type = listings.dwelling_type
    and measured.first_day = listings.month
