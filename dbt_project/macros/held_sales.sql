{#- Sales as they were held at a time, and sums of them that later versions cannot move. -#}

{% macro held_sales(columns) -%}
    {#- Every version of every sale from known_on to the day before known_until (null: it
        stands). A correction is a fact of its own: what was seen before it stays seen. -#}
    select {{ columns | join(", ") }}, known_on, null::date as known_until
    from {{ ref("int_sale__validated") }}
    union all
    select {{ columns | join(", ") }}, known_on, known_until
    from {{ ref("int_sale__outdated") }}
{%- endmacro %}

{% macro market_moves(columns, condition="true") -%}
    {#- Market sales as they came (1) and went again (-1): summed over the moves known
        before a month they give what was held on its first day. `columns` maps names to
        SQL of what is carried along. -#}
    select
        {%- for name, expression in columns.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        {{ month_index("held.contract_date") }} as contract_month,
        {{ month_index("greatest(held.contract_date, moves.known_on)") }} as known_month,
        moves.step
    from (
        {{ held_sales([
            "state", "suburb_key", "street_name", "street_number", "postcode", "region", "dwelling_type",
            "contract_date", "price_aud", "land_area_m2", "building_area_m2", "latitude",
            "longitude", "is_strata", "is_market_sale",
        ]) }}
    ) as held
    cross join lateral (
        values (held.known_on, 1), (held.known_until, -1)
    ) as moves (known_on, step)
    where held.is_market_sale and moves.known_on is not null and {{ condition }}
{%- endmacro %}

{% macro rates() -%}
    {#- Log prices per m2 of sales with believable areas. A strata lot's land is not its
        own, a townhouse's often not. -#}
    {{- return({
        "log_price": micro_log("held.price_aud"),
        "log_building_rate":
            "case when held.building_area_m2 between 15 and 3000 then "
            ~ micro_log("held.price_aud / held.building_area_m2") ~ " end",
        "log_land_rate":
            "case when held.dwelling_type in ('house', 'land')"
            ~ " and held.is_strata is not true"
            ~ " and held.land_area_m2 between 30 and 1000000 then "
            ~ micro_log("held.price_aud / held.land_area_m2") ~ " end",
    }) -}}
{%- endmacro %}

{% macro measures() -%}
    {{- return(["price", "building_rate", "land_rate"]) -}}
{%- endmacro %}

{% macro decayed_sums(moves, keys, measured=none) -%}
    {#- Of each group's moves, by known month: sums over all moves known by then, weighted
        by 2 ^ (contract month / half-life). Divided by 2 ^ (month / half-life) the weights
        are those at a month; means need no division. Whole numbers are summed first and
        months in their order: the same sales give the same bits. -#}
    {%- set measured = measured or measures() %}
    {%- set by = keys | join(", ") -%}
    select distinct on ({{ by }}, known_month)
        {{ by }},
        known_month,
        {%- for name in measured %}
        {{ name }}_weight,
        {{ name }}_sum{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select
            {{ by }},
            known_month,
            contract_month,
            {%- for name in measured %}
            sum(weight * {{ name }}_count) over running as {{ name }}_weight,
            sum(weight * {{ name }}_sum) over running as {{ name }}_sum{{ "," if not loop.last }}
            {%- endfor %}
        from (
            select
                {{ by }},
                known_month,
                contract_month,
                power(
                    2::double precision,
                    contract_month / {{ var("market_half_life_months") }}::double precision
                ) as weight,
                {%- for name in measured %}
                coalesce(sum(step) filter (where log_{{ name }} is not null), 0)
                    as {{ name }}_count,
                coalesce(sum(step * log_{{ name }}::bigint), 0)::double precision
                    as {{ name }}_sum{{ "," if not loop.last }}
                {%- endfor %}
            from {{ moves }} as moves
            group by {{ by }}, known_month, contract_month
        ) as parts
        window running as (
            partition by {{ by }} order by known_month, contract_month
            rows unbounded preceding
        )
    ) as ordered
    order by {{ by }}, known_month, contract_month desc
{%- endmacro %}

{% macro decayed_arrays(sums, keys, measured=none) -%}
    {#- One row per group: its known months in order, and the sums by each. -#}
    select
        {{ keys | join(", ") }},
        array_agg(known_month order by known_month) as known_months,
        {%- for name in measured or measures() %}
        array_agg({{ name }}_weight order by known_month) as {{ name }}_weights,
        array_agg({{ name }}_sum order by known_month) as {{ name }}_sums{{ "," if not loop.last }}
        {%- endfor %}
    from {{ sums }} as sums
    group by {{ keys | join(", ") }}
{%- endmacro %}

{% macro place_before(as_of_month, known_months) -%}
    {#- Place of the last month before as_of_month in an array of months; 0: none. -#}
    width_bucket({{ as_of_month }} - 1, {{ known_months }})
{%- endmacro %}

{% macro weight_then(as_of_month) -%}
    {#- What turns a decayed sum into one as of a month: a sale of that month weighs 1. -#}
    power(
        2::double precision,
        -({{ as_of_month }}) / {{ var("market_half_life_months") }}::double precision
    )
{%- endmacro %}

{% macro half_cell(degrees, step) -%}
    {#- Number of the half cell that a coordinate lies in; >> 1 gives its cell. -#}
    floor({{ degrees }} / {{ step }} * 2)::int
{%- endmacro %}

{% macro cell_steps() -%}
    {#- Height and width of a cell in degrees: 1 km, from 0.97 (Melbourne) to 1.2 (Darwin). -#}
    {{- return({"latitude": "0.009", "longitude": "0.011"}) -}}
{%- endmacro %}

{% macro dwelling_family(dwelling_type) -%}
    {#- Types whose prices say something of each other's. -#}
    case
        when {{ dwelling_type }} in ('house', 'townhouse') then 'house'
        when {{ dwelling_type }} in ('unit', 'land') then {{ dwelling_type }}
    end
{%- endmacro %}
