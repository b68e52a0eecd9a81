{% test holds_for_every_row(model, condition) %}
    {#- Rows for which the condition is false or unknown. Name the test as a sentence. -#}
    select *
    from {{ model }}
    where ({{ condition }}) is not true
{% endtest %}
