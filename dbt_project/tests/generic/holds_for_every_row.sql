{% test holds_for_every_row(model, condition) %}
    {#- Rows for which the condition is false or unknown, of a big table the first thousand.
        Name the test as a sentence. Asked for in the order of the key, they are found in
        the index of rows that break the rule (`index_rules`); nobody can tell the planner
        that there are none. -#}
    {%- set found = namespace(key=none) -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == "model" and node.name == model.identifier
            and node.config.materialized == "incremental" -%}
            {%- set found.key = node.config.get("unique_key") -%}
        {%- endfor -%}
    {%- endif %}
    select *
    from {{ model }}
    where ({{ condition }}) is not true
    {%- if found.key %}
    order by {{ found.key }}
    limit 1000
    {%- endif %}
{% endtest %}
