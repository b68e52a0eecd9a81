{% test has_one_row_per(model, columns) %}
    {#- The grain of a model whose key has several columns. -#}
    select {{ columns | join(", ") }}, count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}
