{% macro micro_log(price_expression) -%}
    {#- Natural logarithm in whole millionths: integer sums are the same in any order,
        so a rebuild gives the same statistics to the last digit. -#}
    round(ln(({{ price_expression }})::double precision) * 1000000)::int
{%- endmacro %}

{% macro mean_log(micro_log_sum, row_count) -%}
    ({{ micro_log_sum }} / 1000000.0::double precision / nullif({{ row_count }}, 0))
{%- endmacro %}

{% macro price_event_id(sale_id_expression) -%}
    {#- Id of the price event that a sale or bid is. -#}
    md5('price_event|' || {{ sale_id_expression }})::uuid
{%- endmacro %}
