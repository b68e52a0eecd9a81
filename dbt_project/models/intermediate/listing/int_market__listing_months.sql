{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="suburb_month_key",
        on_schema_change="fail",
        meta={"tells": {"int_market__listing_months": "suburb_month_key"}},
        indexes=[
            {
                "columns": ["suburb_key", "dwelling_type", "month"],
                "unique": true,
                "serves": ["model suburb_market"],
            },
            {"columns": ["suburb_month_key"], "serves": ["model int_market__listing_months"]},
        ],
        pre_hook=[
            {
                "sql": "{{ reads_changes_of(['listings.sold_month', 'listings.listed_month']) }}",
                "transaction": false,
            },
            "{{ takes_changes() }}",
            "{{ touches('text', touched_listing_months()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- Days on market by the month of the contract, rents by the month they were first asked.
-- A home that two agencies list counts once: the longer time, the first rent.
with {% if is_incremental() -%}
touched_months as materialized (
    select left(key, -8) as suburb_key, to_date(right(key, 7), 'YYYY-MM') as month
    from {{ touched() }}
),

{% endif -%}
listings as (
    select
        listings.*,
        coalesce(property_id, listing_id) as home_id,
        date_trunc('month', sold_date)::date as sold_month,
        date_trunc('month', {{ market_date("listed_at") }})::date as listed_month
    from {{ ref("listings") }} as listings
    where
        suburb_key is not null
        and dwelling_type is not null
        {% if is_incremental() -%}
            and suburb_key = any(array(select suburb_key from touched_months))
        {%- endif %}
),

homes as (
    select
        suburb_key,
        dwelling_type,
        sold_month as month,
        home_id,
        max(days_on_market) as days_on_market,
        null::int as rent_weekly_aud,
        bool_or(is_simulated) as is_simulated
    from listings
    where listing_type = 'sale' and status = 'sold' and sold_month is not null
    group by 1, 2, 3, 4
    having max(days_on_market) is not null
    union all
    select
        suburb_key,
        dwelling_type,
        listed_month,
        home_id,
        null,
        (array_agg(rent_weekly_aud order by listed_at, listing_key))[1]::int,
        bool_or(is_simulated)
    from listings
    where listing_type = 'rent' and rent_weekly_aud > 0 and listed_month is not null
    group by 1, 2, 3, 4
)

select
    {{ suburb_month_key("suburb_key", "month") }} as suburb_month_key,
    suburb_key,
    dwelling_type,
    month,
    count(days_on_market)::int as days_on_market_count,
    percentile_cont(0.5) within group (order by days_on_market)::numeric(8, 1)
        as days_on_market_median,
    count(rent_weekly_aud)::int as rent_listing_count,
    percentile_cont(0.5) within group (order by rent_weekly_aud)::numeric(10, 1)
        as rent_weekly_median_aud,
    bool_or(is_simulated) as is_simulated
from homes
{% if is_incremental() -%}
    inner join touched_months using (suburb_key, month)
{% endif -%}
group by suburb_key, dwelling_type, month
