{#- The market's arithmetic; used by suburb_market and its vintages. -#}

{% macro publication_delay_months() -%}
    {#- Whole months after a contract month before its figures are first published: by
        then about four fifths of the contracts are known (they settle after 42 days in the
        middle, and are told of after that). -#}
    3
{%- endmacro %}

{% macro month_date(month_expression) -%}
    {#- First day of a month_index; whole numbers, also before 2000. -#}
    make_date(
        1000 + ({{ month_expression }} + 12000) / 12,
        1 + ({{ month_expression }} + 12000) % 12,
        1
    )
{%- endmacro %}

{% macro quantile_of_sorted(array, share) -%}
    {#- As percentile_cont, of an array in ascending order: sorting whole groups once is
        twice as quick as a sort for each of millions of groups. -#}
    {%- set at = "(" ~ share ~ "::double precision * (cardinality(" ~ array ~ ") - 1))" -%}
    ({{ array }}[1 + floor{{ at }}::int]
        + ({{ at }} - floor{{ at }})
        * ({{ array }}[1 + ceil{{ at }}::int] - {{ array }}[1 + floor{{ at }}::int]))
{%- endmacro %}

{% macro market_order(suburb_key, dwelling_type) -%}
    {#- What groups of a market are sorted by first: keys of one state begin alike, and
        comparing millions of them to the end takes half of a sort. -#}
    hashtextextended({{ suburb_key }} || {{ dwelling_type }}, 0)
{%- endmacro %}

{% macro shown_quantile(array, share) -%}
    {#- Fewer than three sales tell more about one home than about a market. -#}
    case
        when cardinality({{ array }}) >= 3
            then round({{ quantile_of_sorted(array, share) }})::bigint
    end
{%- endmacro %}

{% macro suburb_month_key(suburb_key, date_expression) -%}
    {#- What sales tell of a change, and what suburb_market is made anew by. -#}
    {{ suburb_key }} || to_char({{ date_expression }}, '|YYYY-MM')
{%- endmacro %}

{% macro touched_suburb_months() -%}
    {#- Suburbs' months whose sales, or earlier versions of sales, changed. -#}
    select key from taken_changes
    where input in (
        'int_sale__validated.suburb_month', 'int_market__superseded_sales.suburb_month',
        'int_market__listing_months'
    )
{%- endmacro %}

{% macro touched_listing_months() -%}
    select key from taken_changes
    where input in ('listings.sold_month', 'listings.listed_month')
{%- endmacro %}

{% macro touched_superseded_sales() -%}
    select key::uuid from taken_changes
    where input in ('sale_versions', 'int_sale__validated')
{%- endmacro %}

{% macro touched_pair_properties() -%}
    select key::uuid from {{ changes_of("int_sale__validated.property") }} as changed
{%- endmacro %}

{% macro market_facts() -%}
    {#- CTEs up to `facts`: what was held of a market sale, from known_month on and, where
        it no longer is, until before until_month (months as month_index).

        Sales good in all but that they name no dwelling (sets by suburb, without
        addresses) speak for a suburb's month only until a sale with an address does: the
        same sale may stand in both kinds of set, and nothing could tell. -#}
    {%- set joined -%}
        {% if is_incremental() -%}
            inner join touched_months
                on held.suburb_key = touched_months.suburb_key
                and held.contract_date >= touched_months.month
                and held.contract_date < touched_months.month + interval '1 month'
        {%- endif %}
    {%- endset -%}
    {%- if is_incremental() -%}
        touched_months as materialized (
            select left(key, -8) as suburb_key, to_date(right(key, 7), 'YYYY-MM') as month
            from {{ touched() }}
        ),
    {% endif -%}
    spoken as not materialized (
        {#- A whole market is read once; what was touched is looked up, each kind in an
            index of its own. #}
        {%- set nameless = "held.exclusion_reasons = array['address_not_identified']" -%}
        {%- set kinds = [
            ("held.is_market_sale", "true"),
            ("not held.is_market_sale and " ~ nameless, "false"),
        ] if is_incremental() else [
            ("(held.is_market_sale or " ~ nameless ~ ")", "held.is_market_sale"),
        ] -%}
        {%- for condition, is_identified in kinds %}
        select
            held.suburb_key,
            held.dwelling_type,
            {{ month_index("held.contract_date") }} as month,
            {{ month_index("held.known_on") }} as known_month,
            null::int as until_month,
            held.price_aud,
            {{ is_identified }} as is_identified,
            held.is_simulated
        from {{ ref("sales") }} as held
        {{ joined }}
        where held.suburb_key is not null and {{ condition }}
        union all
        {%- endfor %}
        select
            held.suburb_key,
            held.dwelling_type,
            {{ month_index("held.contract_date") }},
            {{ month_index("held.known_on") }},
            {{ month_index("held.known_until") }},
            held.price_aud,
            held.is_identified,
            held.is_simulated
        from {{ ref("int_market__superseded_sales") }} as held
        {{ joined }}
    ),

    nameless_cells as materialized (
        select distinct suburb_key, dwelling_type, month from spoken where not is_identified
    ),

    -- From when on such a month is told of by sales with an address.
    overtaken_months as materialized (
        select spoken.suburb_key, spoken.month, min(spoken.known_month) as known_month
        from (select distinct suburb_key, month from nameless_cells) as nameless_months
        inner join spoken using (suburb_key, month)
        where spoken.is_identified
        group by 1, 2
    ),

    facts as not materialized (
        select
            spoken.suburb_key,
            spoken.dwelling_type,
            spoken.month,
            spoken.known_month,
            least(spoken.until_month, overtaken_months.known_month) as until_month,
            spoken.price_aud,
            spoken.is_identified,
            spoken.is_simulated
        from spoken
        left join overtaken_months
            on not spoken.is_identified
            and spoken.suburb_key = overtaken_months.suburb_key
            and spoken.month = overtaken_months.month
        where
            least(spoken.until_month, overtaken_months.known_month) is null
            or spoken.known_month
            < least(spoken.until_month, overtaken_months.known_month)
    )
{%- endmacro %}

{% macro market_changes() -%}
    {#- What the models that read market_facts are told of. -#}
    {{- return([
        "int_sale__validated.suburb_month", "int_market__superseded_sales.suburb_month",
    ]) -}}
{%- endmacro %}
