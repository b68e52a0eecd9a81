{% macro month_index(date_expression) -%}
    {#- Whole months since January 2000 (= 0); negative before. -#}
    ((extract(year from {{ date_expression }})::int - 2000) * 12
        + extract(month from {{ date_expression }})::int - 1)
{%- endmacro %}

{% macro market_instant(timestamp_expression) -%}
    {#- A source's local wall-clock time as an instant. -#}
    (({{ timestamp_expression }})::timestamp at time zone '{{ var("market_timezone") }}')
{%- endmacro %}
