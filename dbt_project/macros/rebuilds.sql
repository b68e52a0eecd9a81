{% macro code_fingerprint() -%}
    {#- Fingerprint of this model's code, of the models it reads, and of the vars. An
        incremental model keeps it in a column of this name, so that it can tell rows of
        older code. (Macros are not in it: raise sale_rule_version with a rule in one.) -#}
    {%- if execute -%}
        {%- set code = [model.raw_code] -%}
        {%- for node_id in model.depends_on.nodes | sort if node_id in graph.nodes -%}
            {%- do code.append(graph.nodes[node_id].raw_code) -%}
        {%- endfor -%}
        {%- for name in [
            "sale_rule_version", "nominal_price_below_aud", "earliest_contract_date",
            "longest_settlement_years", "market_timezone",
        ] -%}
            {%- do code.append(var(name) | string) -%}
        {%- endfor -%}
        {{- local_md5(code | join("\n")) -}}
    {%- endif -%}
{%- endmacro %}

{% macro should_full_refresh() -%}
    {#- dbt's own rule, and: an incremental table made by other code is rebuilt, or rows of
        old and new rules would lie side by side until somebody remembers the flag. So is
        one of whose inputs everything changed. Decided once a run, as is_incremental. -#}
    {%- set asked = config.get("full_refresh") -%}
    {%- if asked is none -%}
        {%- set asked = flags.FULL_REFRESH -%}
    {%- endif -%}
    {%- if asked or not execute or config.get("materialized") != "incremental" -%}
        {{- return(asked) -}}
    {%- endif -%}
    {%- set node = graph.nodes.get(model.unique_id, {}) -%}
    {%- set memo = "should_full_refresh_" ~ invocation_id -%}
    {%- if memo not in node -%}
        {%- do node.update({memo: _is_out_of_date()}) -%}
    {%- endif -%}
    {{- return(node[memo]) -}}
{%- endmacro %}

{% macro _is_out_of_date() -%}
    {%- set existing = load_relation(this) -%}
    {%- if existing is none or not existing.is_table -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set any_row = run_query("select 1 from " ~ existing ~ " limit 1") -%}
    {%- if any_row | length == 0 -%}
        {{- return(true) -}}
    {%- endif -%}
    {%- set names = adapter.get_columns_in_relation(existing) | map(attribute="name") | list -%}
    {%- if "code_fingerprint" not in names -%}
        {{- return(true) -}}
    {%- endif -%}
    {#- All rows bear the same one, because a difference rebuilds them all. -#}
    {%- set other = run_query(
        "select 1 from (select code_fingerprint from " ~ existing ~ " limit 1)"
        ~ " as any_row where code_fingerprint <> '" ~ code_fingerprint() ~ "'::uuid"
    ) -%}
    {{- return(
        other | length > 0
        or config.get("incremental_strategy") == "touched" and everything_changed()
    ) -}}
{%- endmacro %}
