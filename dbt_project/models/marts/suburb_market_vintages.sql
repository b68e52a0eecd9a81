{{
    config(
        materialized="incremental",
        incremental_strategy="touched",
        unique_key="suburb_month_key",
        on_schema_change="fail",
        tags=["market"],
        indexes=[
            {
                "columns": ["suburb_key", "dwelling_type", "month", "published_on"],
                "unique": true,
                "serves": ["suburb_market_as_known"],
            },
            {"columns": ["suburb_month_key"], "serves": ["model suburb_market_vintages"]},
        ],
        pre_hook=[
            {"sql": "{{ reads_changes_of(market_changes()) }}", "transaction": false},
            "{{ takes_changes() }}",
            "{{ touches('text', touched_suburb_months()) }}",
        ],
        post_hook=["{{ tells_of_rebuild() }}", "{{ analyze_this() }}"],
    )
}}

-- First publications stand in suburb_market. What late and corrected sales changed later
-- is worked out here, at each first of a month at which a figure changed. A vintage is the
-- last month whose facts it knows: it is published on the first of the next.
with {{ market_facts() }},

-- Those of which suburb_market knows it, and those of which nothing may be left there.
late_months as materialized (
    select suburb_key, dwelling_type, {{ month_index("month") }} as month
    from {{ ref("suburb_market") }}
    where
        is_revised
        {% if is_incremental() -%}
            and suburb_month_key = any(array(select key from {{ touched() }}))
        {%- endif %}
    union
    select suburb_key, dwelling_type, month from spoken where until_month is not null
    union
    select suburb_key, dwelling_type, month from nameless_cells
),

late_facts as materialized (
    select facts.*
    from facts
    inner join late_months using (suburb_key, dwelling_type, month)
),

vintages as (
    select suburb_key, dwelling_type, month, month + {{ publication_delay_months() }} as vintage
    from late_months
    union
    select suburb_key, dwelling_type, month, known_month
    from late_facts
    where known_month > month + {{ publication_delay_months() }}
    union
    select suburb_key, dwelling_type, month, until_month
    from late_facts
    where until_month > month + {{ publication_delay_months() }}
),

known as (
    select
        vintages.suburb_key,
        vintages.dwelling_type,
        vintages.month,
        vintages.vintage,
        coalesce(
            array_agg(facts.price_aud order by facts.price_aud) filter (
                where
                    facts.known_month <= vintages.vintage
                    and coalesce(facts.until_month > vintages.vintage, true)
            ),
            '{}'
        ) as prices,
        bool_or(facts.until_month is null) as is_in_market,
        bool_or(facts.is_simulated) as is_simulated
    from vintages
    inner join late_facts as facts using (suburb_key, dwelling_type, month)
    group by 1, 2, 3, 4
),

measured as (
    select
        *,
        cardinality(prices) as sale_count,
        {{ shown_quantile("prices", 0.25) }} as lower_quartile_aud,
        {{ shown_quantile("prices", 0.5) }} as median_price_aud,
        {{ shown_quantile("prices", 0.75) }} as upper_quartile_aud
    from known
),

compared as (
    select
        *,
        lag(
            row(sale_count, lower_quartile_aud, median_price_aud, upper_quartile_aud)
        ) over (partition by suburb_key, dwelling_type, month order by vintage) as before
    from measured
)

select
    suburb_month_key,
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
where
    published_sale_count > 0
    {% if is_incremental() -%}
        and suburb_month_key = any(array(select key from {{ touched() }}))
    {%- endif %}
union all
select
    {{ suburb_month_key("suburb_key", month_date("month")) }},
    suburb_key,
    split_part(suburb_key, '|', 1),
    dwelling_type,
    {{ month_date("month") }},
    {{ month_date("(vintage + 1)") }},
    sale_count,
    lower_quartile_aud,
    median_price_aud,
    upper_quartile_aud,
    before is null,
    is_simulated
from compared
where
    case
        -- The first one is from suburb_market, as long as that knows the month.
        when before is null then sale_count > 0 and not is_in_market
        else before is distinct from
            row(sale_count, lower_quartile_aud, median_price_aud, upper_quartile_aud)
    end
