{#- The market's arithmetic; used by suburb_market and its vintages. -#}

{% macro publication_delay_months() -%}
    {#- Whole months after a contract month before its figures are first published: by
        then about four fifths of the contracts are known (they settle after 42 days in the
        middle, and are told of after that). -#}
    3
{%- endmacro %}

{% macro month_date(month_expression) -%}
    {#- First day of a month_index. -#}
    make_date(
        2000 + floor({{ month_expression }} / 12.0)::int,
        1 + ({{ month_expression }} % 12 + 12) % 12,
        1
    )
{%- endmacro %}

{% macro quantile_of_sorted(array, share) -%}
    {#- As percentile_cont, of an array in ascending order: sorting whole groups once is
        twice as quick as a sort for each of millions of groups. -#}
    {%- set at = "(" ~ share ~ " * (cardinality(" ~ array ~ ") - 1))" -%}
    ({{ array }}[1 + floor{{ at }}::int]
        + ({{ at }} - floor{{ at }})::double precision
        * ({{ array }}[1 + ceil{{ at }}::int] - {{ array }}[1 + floor{{ at }}::int]))
{%- endmacro %}

{% macro shown_quantile(array, share) -%}
    {#- Fewer than three sales tell more about one home than about a market. -#}
    case
        when cardinality({{ array }}) >= 3
            then round({{ quantile_of_sorted(array, share) }})::bigint
    end
{%- endmacro %}

{% macro suburb_month_key(suburb_key, month_expression) -%}
    {#- What sales tell of a change, and what suburb_market is made anew by. -#}
    {{ suburb_key }} || to_char({{ month_expression }}, '|YYYY-MM')
{%- endmacro %}
