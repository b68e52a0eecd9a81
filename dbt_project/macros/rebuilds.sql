{% macro code_fingerprint() -%}
    {#- Fingerprint of this model's code, of the models it reads, and of the vars; kept in
        ops.model_builds, to tell rows of older code. Macros are in it by the var
        `macros_digest`, which a test holds to their text. -#}
    {%- if execute -%}
        {%- set code = [model.raw_code] -%}
        {%- for node_id in model.depends_on.nodes | sort if node_id in graph.nodes -%}
            {%- do code.append(graph.nodes[node_id].raw_code) -%}
        {%- endfor -%}
        {%- for name in [
            "macros_digest", "sale_rule_version", "nominal_price_below_aud", "earliest_contract_date",
            "longest_settlement_years", "least_map_certainty", "market_timezone",
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

{% macro views_on(relation) -%}
    {#- SQL of the views that read a relation, once each: oid and relnamespace. -#}
    select distinct views.oid, views.relnamespace
    from pg_depend
    inner join pg_rewrite on pg_rewrite.oid = pg_depend.objid
    inner join pg_class as views on views.oid = pg_rewrite.ev_class
    where
        pg_depend.classid = 'pg_rewrite'::regclass
        and pg_depend.refclassid = 'pg_class'::regclass
        and pg_depend.refobjid = to_regclass('{{ relation }}')
        and views.relkind = 'v'
{%- endmacro %}

{% macro keeps_views() -%}
    {#- Post-hook of every model: views on a table that is rebuilt read the new one as soon
        as it stands there. Else they would go with the old one, and be missing until their
        own models run. One whose columns are no more goes all the same: its model's code
        changed too. -#}
    {%- if execute and config.get("materialized") in ["table", "incremental"]
        and not is_incremental() -%}
        {%- set old = this.identifier ~ "__dbt_backup" -%}
        do $$
        declare
            reader record;
        begin
            for reader in
                select
                    views.oid::regclass as name,
                    replace(
                        pg_get_viewdef(views.oid), '{{ old }}', '{{ this.identifier }}'
                    ) as query
                from ({{ views_on(this.schema ~ "." ~ old) }}) as views
            loop
                begin
                    execute format('create or replace view %s as %s', reader.name, reader.query);
                exception
                    when undefined_column or invalid_table_definition then
                        raise notice 'view % does not fit {{ this }}: %', reader.name, sqlerrm;
                end;
            end loop;
        end
        $$
    {%- endif -%}
{%- endmacro %}

{% macro makes_room() -%}
    {#- Pre-hook of every model: dbt believes that a view went with the table that was
        rebuilt under it. The view goes in the transaction that makes it anew. -#}
    {%- if execute and config.get("materialized") == "view"
        and load_cached_relation(this) is none -%}
        drop view if exists {{ this }} cascade
    {%- endif -%}
{%- endmacro %}

{% macro postgres__rename_relation(from_relation, to_relation) -%}
    {#- As dbt has it, but marts that are views on a table that is replaced are locked
        before it, in the order in which their readers lock both: else one would wait for
        the other. (Other views have no readers but models that come after them.) -#}
    {%- call statement("rename_relation") -%}
        {%- if from_relation.is_table %}
        do $$
        declare
            reader regclass;
        begin
            for reader in
                select views.oid
                from ({{ views_on(from_relation) }}) as views
                where views.relnamespace = 'marts'::regnamespace
                order by 1
            loop
                execute format('lock table %s in access exclusive mode', reader);
            end loop;
        end
        $$;
        {%- endif %}
        alter table {{ from_relation }}
        rename to {{ adapter.quote_as_configured(to_relation.identifier, "identifier") }}
    {%- endcall -%}
{%- endmacro %}
