{% macro code_fingerprint() -%}
    {#- Fingerprint of this model's code and of the models it reads. An incremental model
        keeps it in a column of this name, so that it can tell rows of older code. -#}
    {%- if execute -%}
        {%- set code = [model.raw_code] -%}
        {%- for node_id in model.depends_on.nodes | sort if node_id in graph.nodes -%}
            {%- do code.append(graph.nodes[node_id].raw_code) -%}
        {%- endfor -%}
        {{- local_md5(code | join("\n")) -}}
    {%- endif -%}
{%- endmacro %}

{% macro should_full_refresh() -%}
    {#- dbt's own rule, and: an incremental table made by other code is rebuilt, or rows of
        old and new rules would lie side by side until somebody remembers the flag. -#}
    {%- set asked = config.get("full_refresh") -%}
    {%- if asked is none -%}
        {%- set asked = flags.FULL_REFRESH -%}
    {%- endif -%}
    {%- if not asked and execute and config.get("materialized") == "incremental" -%}
        {%- set existing = load_relation(this) -%}
        {%- if existing is not none and existing.is_table -%}
            {%- set names = adapter.get_columns_in_relation(existing) | map(attribute="name") | list -%}
            {%- if "code_fingerprint" not in names -%}
                {%- set asked = true -%}
            {%- else -%}
                {#- All rows bear the same one, because a difference rebuilds them all. -#}
                {%- set other = run_query(
                    "select 1 from (select code_fingerprint from " ~ existing ~ " limit 1)"
                    ~ " as any_row where code_fingerprint <> '" ~ code_fingerprint()
                    ~ "'::uuid"
                ) -%}
                {%- set asked = other | length > 0 -%}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(asked) -}}
{%- endmacro %}
