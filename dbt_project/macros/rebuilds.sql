{% macro code_fingerprint() -%}
    {#- Fingerprint of this model's code, of the models it reads, and of the vars; kept in
        ops.model_builds, to tell rows of older code. (Macros are not in it: raise
        sale_rule_version with a rule that lives in one.) -#}
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
    {%- set node = graph.get("nodes", {}).get(model.unique_id, {}) -%}
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
    {#- Nothing in it: emptied by hand, or never anything to read; quick either way. -#}
    {%- set rows = run_query("select 1 where exists (select from " ~ existing ~ ")") -%}
    {%- do graph["nodes"][model.unique_id].update(
        {"was_empty_" ~ invocation_id: rows | length == 0}
    ) -%}
    {%- set good = run_query(
        "select 1 from ops.model_builds where model = '" ~ this.identifier
        ~ "' and code_fingerprint = '" ~ code_fingerprint() ~ "'::uuid"
    ) -%}
    {{- return(rows | length == 0 or good | length == 0 or everything_changed()) -}}
{%- endmacro %}
